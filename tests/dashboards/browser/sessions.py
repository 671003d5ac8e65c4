"""Sessions at a desk without a browser: what a page sends is asked for over its own websocket, and read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests.dashboards.browser.served import PATIENCE_S, ServedDesk

_FINISHED = (ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY,)


@dataclass(frozen=True)
class Drawn:
    """What a page came to."""

    titles: tuple[str, ...]
    exceptions: tuple[str, ...]
    n_bytes: int
    """Everything that was sent for it."""


@dataclass
class Session:
    """Somebody at the desk."""

    connection: ClientConnection

    def open(self, page: str) -> Drawn:
        """Go to a page by its path, and return it when it is drawn."""
        asked = BackMsg()
        asked.rerun_script.page_name = page
        asked.rerun_script.query_string = ""
        self.connection.send(asked.SerializeToString())
        return self._drawn()

    def _drawn(self) -> Drawn:
        titles, exceptions, n_bytes = list[str](), list[str](), 0
        while True:
            content = self.connection.recv(PATIENCE_S)
            assert isinstance(content, bytes)
            n_bytes += len(content)
            told = ForwardMsg.FromString(content)
            kind = told.WhichOneof("type")
            if kind == "script_finished" and told.script_finished in _FINISHED:
                return Drawn(titles=tuple(titles), exceptions=tuple(exceptions), n_bytes=n_bytes)
            if kind == "delta":
                element = told.delta.new_element
                if element.WhichOneof("type") == "heading" and element.heading.tag == "h1":
                    titles.append(element.heading.body)
                if element.WhichOneof("type") == "exception":
                    exceptions.append(element.exception.message)


@contextmanager
def session(desk: ServedDesk) -> Iterator[Session]:
    """Sit down at a desk until the block ends."""
    place = desk.url.replace("http://", "ws://")
    with connect(f"{place}/_stcore/stream", subprotocols=["streamlit"], origin=desk.url, max_size=None) as connection:  # type: ignore[arg-type, list-item]
        yield Session(connection=connection)
