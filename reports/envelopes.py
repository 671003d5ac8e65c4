"""In-toto statements in DSSE envelopes, made with ed25519: sealed, opened and held against a key; one form each.

Envelopes here carry one signature. An envelope, and the statement in it, is the canonical JSON (RFC 8785) of what it
says; any other writing of the same content is refused, so no byte is free.

Sources: DSSE 1.0.2 (pre-authentication encoding); in-toto attestation framework, Statement v1.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from reports.trust.keys import key_id_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
_PARTS: Final = frozenset({"_type", "subject", "predicateType", "predicate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an envelope holds; whether its signature is valid, only a key tells."""

    payload: bytes
    key_id: str
    """As it says."""
    signature: bytes

    def is_by(self, key: Ed25519PublicKey) -> bool:
        """Say whether the signature is this key's over the payload."""
        from cryptography.exceptions import InvalidSignature

        try:
            key.verify(self.signature, _pre_authenticated(self.payload))
        except InvalidSignature:
            return False
        return True


def seal(
    *,
    subjects: Mapping[str, str],
    predicate_type: str,
    predicate: Mapping[str, Any],
    key: Ed25519PrivateKey,
    key_id: str | None = None,
) -> bytes:
    """Return the envelope over a statement about files.

    Args:
        subjects: file to the SHA-256 of its bytes, in hex.
        predicate_type: what kind of thing is sworn.
        predicate: what is sworn, as JSON.
        key: the signer's.
        key_id: what the envelope calls the key; else the SHA-256 of its public half.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": listed(subjects),
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    payload = canonical_json(statement)
    named = key_id_of(key.public_key()) if key_id is None else key_id
    return _written(payload, named, key.sign(_pre_authenticated(payload)))


def open_envelope(content: bytes, *, where: str | None = None) -> Envelope:
    """Return what an envelope in its one form holds.

    Raises:
        VerificationError: `signature-invalid`, it is no envelope with one signature, or written in another form.
    """
    try:
        outer = json.loads(content)
        payload = base64.b64decode(outer["payload"], validate=True)
        (one,) = outer["signatures"]
        signature = base64.b64decode(one["sig"], validate=True)
        kind, key_id = outer["payloadType"], one["keyid"]
        same = content == _written(payload, key_id, signature)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise invalid("this is not an envelope (DSSE) with one signature", where=where) from None
    if kind != PAYLOAD_TYPE:
        raise invalid("the envelope does not hold an in-toto statement", where=where, found=str(kind)[:80])
    if not (same and isinstance(key_id, str)):
        raise invalid("the envelope is not written in its canonical form", where=where)
    return Envelope(payload=payload, key_id=key_id, signature=signature)


def statement_of(envelope: Envelope, *, predicate_type: str, about: str, where: str | None = None) -> dict[str, Any]:
    """Return the statement in an envelope.

    Args:
        envelope: whose signature holds, or is to be held: what is wrong with the statement was written so.
        predicate_type: what kind of thing it has to swear.
        about: what that is about, in words: `an audit bundle`.
        where: the file, where it has one.

    Raises:
        VerificationError: `signature-invalid`.
    """
    try:
        statement = json.loads(envelope.payload)
        canonical = canonical_json(statement) == envelope.payload
        kinds = statement["_type"], statement["predicateType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise invalid("what was signed is not an in-toto statement", where=where) from None
    if kinds != (STATEMENT_TYPE, predicate_type):
        found = ", ".join(map(str, kinds))
        raise invalid(f"what was signed is not about {about}", where=where, found=found)
    if not canonical or set(statement) != _PARTS:
        raise invalid("the statement is not written in its canonical form", where=where)
    return dict(statement)


def listed(subjects: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return files as a statement lists them: by name, with the SHA-256 of their bytes."""
    return [{"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)]


def invalid(what: str, *, where: str | None = None, found: str | None = None) -> VerificationError:
    """Return the error of a signature that does not hold."""
    return VerificationError(
        what,
        slug="signature-invalid",
        where=where,
        found=found,
        remedy="ask whoever signed for the envelope as they wrote it, and for their public key",
    )


def _written(payload: bytes, key_id: str, signature: bytes) -> bytes:
    """Return the one form of an envelope."""
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
        }
    )


def _pre_authenticated(payload: bytes) -> bytes:
    """Return what DSSE signs: type and payload, each behind its length."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
