"""Each thing that can be wrong between a site and its server, planted one at a time on loopback."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from affidavit.provenance import now
from federated.deployment.connection import Checked, Reach, proxy_for
from federated.deployment.quiet import HERE, quiet_environment
from tests.federated.deployment.trial_authority import authority
from tests.federated.deployment.trial_proxy import proxying


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        return


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        return


@contextmanager
def serving(server: Path | None) -> Iterator[int]:
    """Serve on a free port, over TLS where a certificate is given, until the block ends."""
    listening = Quiet(("127.0.0.1", 0), Answering)
    if server is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server)
        listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield listening.server_port
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def _unknown(*_: object, **__: object) -> None:
    raise socket.gaierror(-2, "Name or service not known")


def checked(reach: Reach) -> dict[str, Checked]:
    return {one.name: one for one in reach.checks()}


def faults(reach: Reach) -> list[str]:
    found = [one for one in reach.checks() if one.fine is False]
    assert all(one.remedy for one in found)
    return [one.name for one in found]


def test_nothing_is_wrong_with_a_server_that_is_right(tmp_path: Path) -> None:
    ca, server = authority(tmp_path)
    with serving(server) as port:
        told = checked(Reach(host="localhost", port=port, ca=ca))
    assert {name: one.fine for name, one in told.items()} == {
        "name": True,
        "proxy": None,
        "port": True,
        "authority": True,
        "tls": True,
        "clock": True,
    }


def test_a_name_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    told = checked(Reach(host="server.invalid", port=1, ca=tmp_path / "ca.crt"))
    assert told["name"].fine is False
    assert told["tls"].found == "not tried: name"


def test_a_port_that_nobody_listens_on(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert faults(Reach(host="127.0.0.1", port=free.getsockname()[1], ca=tmp_path / "ca.crt")) == ["port"]


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"-----BEGIN PRIVATE KEY-----\nMC4=\n"])
def test_an_authority_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    ca = tmp_path / "ca.crt"
    if content is not None:
        ca.write_bytes(content)
    with serving(None) as port:
        assert faults(Reach(host="127.0.0.1", port=port, ca=ca)) == ["authority"]


def test_a_servers_own_certificate_is_no_authority(tmp_path: Path) -> None:
    _, server = authority(tmp_path)
    with serving(server) as port:
        assert faults(Reach(host="localhost", port=port, ca=server)) == ["authority"]


def test_an_authority_that_is_a_folder(tmp_path: Path) -> None:
    with serving(None) as port:
        assert faults(Reach(host="127.0.0.1", port=port, ca=tmp_path)) == ["authority"]


def test_an_authority_that_ended(tmp_path: Path) -> None:
    ca, server = authority(tmp_path, ca_days=-1)
    with serving(server) as port:
        told = checked(Reach(host="localhost", port=port, ca=ca))
    assert told["authority"].fine is False
    assert "ended on" in told["authority"].found
    assert told["tls"].found == "not tried: authority"


def test_a_certificate_of_another_authority(tmp_path: Path) -> None:
    _, server = authority(tmp_path / "a")
    other, _ = authority(tmp_path / "b")
    with serving(server) as port:
        told = checked(Reach(host="localhost", port=port, ca=other))
    assert told["tls"].fine is False
    assert "authority that signed it" in told["tls"].remedy


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    ca, server = authority(tmp_path, names=["elsewhere.example"])
    with serving(server) as port:
        told = checked(Reach(host="localhost", port=port, ca=ca))
    assert told["tls"].fine is False
    assert "the name into `server`" in told["tls"].remedy


def test_a_certificate_that_ended(tmp_path: Path) -> None:
    ca, server = authority(tmp_path, days=-1)
    with serving(server) as port:
        told = checked(Reach(host="localhost", port=port, ca=ca))
    assert told["tls"].fine is False
    assert "renew" in told["tls"].remedy


def test_a_port_without_tls(tmp_path: Path) -> None:
    ca, _ = authority(tmp_path)
    with serving(None) as port:
        assert faults(Reach(host="localhost", port=port, ca=ca)) == ["tls"]


@pytest.mark.parametrize(("ahead", "fine"), [(0, True), (30, False), (-200, True), (-400, False)])
def test_a_clock_that_flower_would_refuse(tmp_path: Path, ahead: int, fine: bool) -> None:
    ca, server = authority(tmp_path)

    def wrong() -> datetime:
        return datetime.fromtimestamp(now().timestamp() + ahead, tz=UTC)

    with serving(server) as port:
        assert checked(Reach(host="localhost", port=port, ca=ca, clock=wrong))["clock"].fine is fine


def test_a_proxy_that_lets_nothing_through(tmp_path: Path) -> None:
    with serving(None) as port:
        proxy = f"http://127.0.0.1:{port}"
        assert faults(Reach(host="server.example", port=443, ca=tmp_path / "ca.crt", proxy=proxy)) == ["proxy"]


def test_a_proxy_that_opens_the_way(tmp_path: Path) -> None:
    ca, server = authority(tmp_path)
    with proxying() as proxy, serving(server) as port:
        told = checked(Reach(host="localhost", port=port, ca=ca, proxy=proxy.url))
    fine = {"name": None, "proxy": True, "port": True, "authority": True, "tls": True, "clock": True}
    assert {name: one.fine for name, one in told.items()} == fine
    assert set(proxy.opened) == {f"localhost:{port}"}


def test_a_fault_behind_a_proxy_is_not_the_proxys(tmp_path: Path) -> None:
    _, server = authority(tmp_path / "a")
    other, _ = authority(tmp_path / "b")
    with proxying() as proxy, serving(server) as port:
        assert faults(Reach(host="localhost", port=port, ca=other, proxy=proxy.url)) == ["tls"]


@pytest.mark.parametrize(("said", "found"), [("user:pass%20word@", []), ("user:another@", ["proxy"]), ("", ["proxy"])])
def test_a_proxy_that_asks_for_a_password_gets_it_and_nobody_else(tmp_path: Path, said: str, found: list[str]) -> None:
    ca, server = authority(tmp_path)
    with proxying(wanted="Basic dXNlcjpwYXNzIHdvcmQ=") as proxy, serving(server) as port:
        url = proxy.url.replace("http://", f"http://{said}")
        told = Reach(host="localhost", port=port, ca=ca, proxy=url).checks()
    assert [one.name for one in told if one.fine is False] == found
    assert not any("pass" in one.found or "another" in one.found or "user" in one.found for one in told)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://nowhere.invalid:3128", "http://[::1", "http://x:yy"])
def test_a_proxy_that_is_none(tmp_path: Path, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "invalid" in proxy:
        monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    assert faults(Reach(host="server.example", port=443, ca=tmp_path / "ca.crt", proxy=proxy)) == ["proxy"]


@pytest.mark.parametrize(
    ("environment", "near"),
    [
        ({}, HERE),
        ({"NO_PROXY": "server.example"}, f"server.example,{HERE}"),
        ({"NO_PROXY": "a.example", "no_proxy": "b.example, 127.0.0.1"}, f"b.example,{HERE}"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_what_stays_on_the_machine_goes_to_no_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], near: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = quiet_environment(tmp_path)
    assert (told["NO_PROXY"], told["no_proxy"]) == (near, near)


def test_the_environment_says_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("server.example") is None
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert proxy_for("server.example") == "http://proxy.example:3128"
    monkeypatch.setenv("no_proxy", "server.example")
    assert proxy_for("server.example") is None
