"""Can this machine reach its server? Each thing that can be wrong is tried apart, in the order in which it matters.

Name, proxy, port, authority, TLS and clock. What comes after a fault is not tried, and says so: it would only repeat
it. Nothing of the site is sent but the opening of a connection; the node's key is not used, so that whether the server
knows it shows when the node starts (its code 2004).
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from affidavit.provenance import Now, now

SECONDS: Final = 10.0
"""How long each try may take."""
AHEAD_S: Final = 5.0
"""How far ahead of the server's clock a node's may be: Flower 1.41 refuses its signature beyond."""
BEHIND_S: Final = 300.0
"""How far behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of one check."""

    name: str
    fine: bool | None
    """None where it was not tried, or nothing is there to be checked."""
    found: str
    remedy: str = ""


@dataclass(slots=True, kw_only=True)
class Reach:
    """One server, as it is reached from here."""

    host: str
    port: int
    ca: Path
    clock: Now = now
    seconds: float = SECONDS
    proxy: str | None = None
    """`http://host:port` that the environment says stands in between."""
    _date: str | None = field(default=None)

    def checks(self) -> list[Checked]:
        """Return what came of each check, in order."""
        every: tuple[tuple[str, Callable[[], Checked]], ...] = (
            ("name", self._name),
            ("proxy", self._through),
            ("port", self._port),
            ("authority", self._authority),
            ("tls", self._tls),
            ("clock", self._time),
        )
        told: list[Checked] = []
        for name, check in every:
            fault = next((one for one in told if one.fine is False), None)
            told.append(check() if fault is None else Checked(name=name, fine=None, found=f"not tried: {fault.name}"))
        return told

    def _name(self) -> Checked:
        if self.proxy is not None:
            return Checked(name="name", fine=None, found=f"left to the proxy {_shown(self.proxy)}")
        try:
            places = {str(found[4][0]) for found in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)}
        except OSError as error:
            remedy = "correct `server` in site.yaml, or ask for the name to be known to this machine's name server"
            return Checked(name="name", fine=False, found=f"{self.host}: {_why(error)}", remedy=remedy)
        return Checked(name="name", fine=True, found=f"{self.host} is {', '.join(sorted(places))}")

    def _through(self) -> Checked:
        if self.proxy is None:
            return Checked(name="proxy", fine=None, found="the environment names none for this server")
        try:
            self._connected().close()
        except OSError as error:
            remedy = "let the proxy pass CONNECT to this server and port, or put the server's name into NO_PROXY"
            return Checked(name="proxy", fine=False, found=f"{_shown(self.proxy)}: {_why(error)}", remedy=remedy)
        return Checked(name="proxy", fine=True, found=f"{_shown(self.proxy)} opens a way to {self.host}:{self.port}")

    def _port(self) -> Checked:
        try:
            self._connected().close()
        except OSError as error:
            remedy = (
                f"open outgoing TCP to {self.host} port {self.port} in the firewall, or ask whether the server runs"
            )
            return Checked(name="port", fine=False, found=f"{self.host}:{self.port}: {_why(error)}", remedy=remedy)
        return Checked(name="port", fine=True, found=f"{self.host}:{self.port} answers")

    def _authority(self) -> Checked:
        remedy = "ask the server's operator for the authority's certificate (PEM), and put it where `ca` says"
        try:
            certificates = x509.load_pem_x509_certificates(self.ca.read_bytes())
        except (OSError, ValueError) as error:
            return Checked(name="authority", fine=False, found=f"{self.ca}: {_why(error)}", remedy=remedy)
        if any(not _issues(one) for one in certificates):
            found = f"{self.ca} holds a certificate that may not vouch for others"
            return Checked(name="authority", fine=False, found=found, remedy=remedy)
        ends = min(one.not_valid_after_utc for one in certificates)
        if ends < self.clock():
            return Checked(name="authority", fine=False, found=f"{self.ca} ended on {ends:%Y-%m-%d}", remedy=remedy)
        return Checked(name="authority", fine=True, found=f"{self.ca} holds until {ends:%Y-%m-%d}")

    def _tls(self) -> Checked:
        try:
            with self._connected() as plain, self._secured(plain) as secured:
                version = secured.version() or "TLS"
                self._date = _date_of(secured, self.host)
        except ssl.SSLCertVerificationError as error:
            found = f"the server's certificate was refused: {error.verify_message}"
            return Checked(name="tls", fine=False, found=found, remedy=_distrust(error))
        except ssl.SSLError as error:
            remedy = "ask the operator whether this port speaks TLS, and whether a device in between opens connections"
            return Checked(name="tls", fine=False, found=f"no TLS there: {error.reason or _why(error)}", remedy=remedy)
        except OSError as error:
            remedy = "ask the operator whether this port speaks TLS"
            return Checked(name="tls", fine=False, found=f"no TLS there: {_why(error)}", remedy=remedy)
        return Checked(name="tls", fine=True, found=f"{version}, and the certificate is the authority's, for this name")

    def _time(self) -> Checked:
        theirs = _moment(self._date)
        if theirs is None:
            return Checked(name="clock", fine=None, found="the server says no time")
        ahead = (self.clock() - theirs).total_seconds()
        found = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
        # The server's date is cut to the second: one more is no fault.
        if -BEHIND_S <= ahead <= AHEAD_S + 1:
            return Checked(name="clock", fine=True, found=found)
        return Checked(
            name="clock", fine=False, found=found, remedy="let NTP set this machine's clock, or the server's"
        )

    def _connected(self) -> socket.socket:
        """Return a connection to the server, through the proxy where there is one.

        Raises:
            OSError: there is none.
        """
        if self.proxy is None:
            return socket.create_connection((self.host, self.port), timeout=self.seconds)
        try:
            place = urlsplit(self.proxy)
            tunnel = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=self.seconds)
            tunnel.set_tunnel(self.host, self.port, headers=_credentials(place))
            tunnel.connect()
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"it is none, or its answer is none: {type(error).__name__}") from None
        if tunnel.sock is None:
            raise OSError("it gave no connection")
        return tunnel.sock

    def _secured(self, plain: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.ca))
        return context.wrap_socket(plain, server_hostname=self.host)


def reach(server: str, ca: Path, *, clock: Now = now) -> Reach:
    """Return how a server given as host:port is reached from this environment."""
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    return Reach(host=host, port=int(port), ca=ca, clock=clock, proxy=proxy_for(host))


def proxy_for(host: str) -> str | None:
    """Return the proxy that the environment names for a host over TLS, as Flower's own client reads it."""
    named = urllib.request.getproxies_environment()
    found = named.get("https") or named.get("all")
    if found is None or urllib.request.proxy_bypass(host):
        return None
    return found if "://" in found else f"http://{found}"


def _shown(proxy: str) -> str:
    """Return a proxy as it may be printed: without the name and password that may stand in it."""
    return proxy.rpartition("@")[2] if "@" in proxy else proxy


def _credentials(place: SplitResult) -> dict[str, str]:
    if place.username is None:
        return {}
    said = f"{unquote(place.username)}:{unquote(place.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}


def _issues(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value
    except x509.ExtensionNotFound:
        return False
    return isinstance(constraints, x509.BasicConstraints) and constraints.ca


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    """Return what to do about each reason for which a certificate is refused (X509_V_ERR_* of OpenSSL)."""
    if error.verify_code in (62, 64):  # the host's name, its address
        return "write the name into `server` that the certificate is for, or ask for one that is for this name"
    if error.verify_code == 10:  # it has expired
        return "ask the operator to renew the server's certificate; see that this machine's clock is right"
    if error.verify_code == 9:  # it is not valid yet
        return "see that this machine's clock is right"
    return (
        "ask the operator for the certificate of the authority that signed it; where a device in between opens "
        "connections, let it leave this server alone"
    )


def _date_of(secured: ssl.SSLSocket, host: str) -> str | None:
    """Return the date that the server's answer bears, whatever it answers."""
    secured.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = http.client.HTTPResponse(secured)
    try:
        answer.begin()
        return answer.getheader("date")
    except (http.client.HTTPException, OSError):
        return None
    finally:
        answer.close()


def _moment(date: str | None) -> datetime | None:
    try:
        return None if date is None else parsedate_to_datetime(date)
    except ValueError:
        return None


def _why(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:200]
