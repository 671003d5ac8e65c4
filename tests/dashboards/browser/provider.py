"""An OpenID Connect provider on loopback: discovery, keys, an authorisation page, and codes for signed tokens.

Whoever comes chooses who they are: there are no passwords, for what is tested is the desk and no provider.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from affidavit.provenance import now

CLIENT, SECRET = "affidavit-desk", "a secret of this test"


@dataclass
class Provider:
    """What the provider says of whom, and how it signs."""

    issuer: str
    people: Mapping[str, Mapping[str, Any]]
    """Button to the claims of a person."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "own"}))
    signs_with: RSAKey | None = None
    """Another key than the one it publishes, where somebody forges."""
    issued_at: float | None = None
    """In place of the moment, where a session is an old one."""
    codes: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    """Code to person, nonce and PKCE challenge."""

    def token(self, person: str, nonce: str) -> str:
        """Return who somebody is, signed."""
        issued = int(self.issued_at or now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": person,
            "iat": issued,
            "exp": int(now().timestamp()) + 3600,
            "nonce": nonce,
            **self.people[person],
        }
        return jwt.encode({"alg": "RS256", "kid": "own"}, claims, self.signs_with or self.key)


@contextmanager
def providing(people: Mapping[str, Mapping[str, Any]]) -> Iterator[Provider]:
    """Serve a provider on a free port of loopback until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = Provider(issuer=f"http://localhost:{server.server_port}", people=people)
    server.provider = provider  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self) -> None:
        """Answer discovery, keys and whoever wants to log in."""
        place, query = urlsplit(self.path), parse_qs(urlsplit(self.path).query)
        if place.path == "/.well-known/openid-configuration":
            self._json(_discovery(self._provider.issuer))
        elif place.path == "/keys":
            self._json({"keys": [self._provider.key.as_dict(private=False)]})
        elif place.path == "/authorize" and "person" in query:
            self._let_go(query)
        elif place.path == "/authorize":
            self._ask(query)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Answer a code with tokens, once."""
        told = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        code = self._provider.codes.pop(told["code"][0], None)
        if code is None or not self._is_client(told) or not _proves(code[2], told):
            self._json({"error": "invalid_grant"}, status=400)
            return
        person, nonce, _ = code
        token = self._provider.token(person, nonce)
        self._json({"access_token": secrets.token_hex(8), "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    @property
    def _provider(self) -> Provider:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        return provider

    def _is_client(self, told: Mapping[str, list[str]]) -> bool:
        """Say whether the client proved itself, in the body or by basic authentication."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {basic}":
            return True
        return told.get("client_id") == [CLIENT] and told.get("client_secret") == [SECRET]

    def _ask(self, query: Mapping[str, list[str]]) -> None:
        flat = {name: values[0] for name, values in query.items()}
        asked = {person: urlencode({**flat, "person": person}) for person in self._provider.people}
        links = [
            f'<p><a href="/authorize?{html.escape(told)}">{html.escape(name)}</a></p>' for name, told in asked.items()
        ]
        self._answer(f"<h1>Who are you?</h1>{''.join(links)}".encode(), "text/html; charset=utf-8")

    def _let_go(self, query: Mapping[str, list[str]]) -> None:
        code = secrets.token_hex(16)
        challenge = query["code_challenge"][0] if "code_challenge" in query else None
        self._provider.codes[code] = (query["person"][0], query["nonce"][0], challenge)
        back = urlencode({"code": code, "state": query["state"][0]})
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri'][0]}?{back}")
        self.end_headers()

    def _json(self, told: Mapping[str, Any], *, status: int = 200) -> None:
        self._answer(json.dumps(told).encode(), "application/json", status=status)

    def _answer(self, content: bytes, kind: str, *, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _discovery(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
    }


def _proves(challenge: str | None, told: Mapping[str, list[str]]) -> bool:
    """Say whether whoever brings the code is whoever asked for it (PKCE, RFC 7636)."""
    if challenge is None:
        return True
    digest = hashlib.sha256(told.get("code_verifier", [""])[0].encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
