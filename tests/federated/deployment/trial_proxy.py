"""A proxy of a test's own: it opens ways by CONNECT, counts them, and may ask for a name and a password."""

from __future__ import annotations

import http.server
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Where it listens, and what came through it."""

    port: int = 0
    wanted: str | None = None
    """The header Proxy-Authorization that it asks for."""
    opened: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As an environment names it."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxying(*, wanted: str | None = None) -> Iterator[Proxy]:
    """Run a proxy until the block ends."""
    told = Proxy(wanted=wanted)

    class Opening(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if told.wanted is not None and self.headers.get("Proxy-Authorization") != told.wanted:
                self.send_error(407)
                return
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port)), timeout=10) as there:
                told.opened.append(self.path)
                self.send_response(200)
                self.end_headers()
                _joined(self.connection, there)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Opening)
    server.daemon_threads, server.block_on_close = True, False
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _joined(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side is done."""
    pairs = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [])[0]:
            try:
                content = ready.recv(65536)
                if not content:
                    return
                pairs[ready].sendall(content)
            except OSError:
                return
