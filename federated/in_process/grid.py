"""A Flower grid that runs a ClientApp here, for one node after another.

A node's turn comes when its reply is asked for, and no sooner: what is in memory at one time is one node's work,
however many there are. Each node has a context of its own, as a SuperNode keeps it; an app that raises makes an error
reply, as there, but without the exception's text, which may quote whom it was raised over.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from flwr.app import Context, Error, Message, RecordDict
from flwr.app.user_config import UserConfig
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

App = Callable[[Message, Context], Message]
RUN: Final = 1


@contextmanager
def server_identity(run_id: int = RUN) -> Iterator[None]:
    """Be the server of a run inside the block: Flower takes a message's run and sender from who the process is."""
    before = (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id)
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, run_id, SUPERLINK_NODE_ID
    try:
        yield
    finally:
        TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id = before


class InProcessGrid(Grid):
    """Nodes by number, each with its configuration."""

    def __init__(
        self, app: App, nodes: Mapping[int, UserConfig], *, run_config: UserConfig | None = None, run_id: int = RUN
    ) -> None:
        self._app, self._run = app, Run.create_empty(run_id)
        self._contexts = {
            node: Context(
                run_id=run_id,
                node_id=node,
                node_config=dict(config),
                state=RecordDict(),
                run_config=dict(run_config or {}),
            )
            for node, config in nodes.items()
        }
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Message] = {}

    def set_run(self, run: Run) -> None:
        """Set the run that messages are part of."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run that messages are part of."""
        return self._run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """Return a message to a node."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Return the nodes' numbers."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Keep messages until their replies are asked for."""
        return [self._keep(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Let the first node among those that were written to do its work, and return its reply."""
        wanted = frozenset(message_ids)
        name = next((name for name in self._waiting if name in wanted), None)  # in the order in which they were kept
        return [] if name is None else [self._answered(self._waiting.pop(name))]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Run every node that is written to; nobody is waited for, so `timeout` changes nothing."""
        return [self._answered(self._waiting.pop(self._keep(message))) for message in messages]

    def _keep(self, message: Message) -> str:
        name = str(next(self._numbers))
        message.metadata.__dict__["_message_id"] = name
        self._waiting[name] = message
        return name

    def _answered(self, message: Message) -> Message:
        context = self._contexts.get(message.metadata.dst_node_id)
        if context is None:
            return Message(Error(ErrorCode.NODE_UNAVAILABLE, "no such node"), reply_to=message)
        try:
            return self._app(message, context)
        except Exception as error:  # an answer, as it is at a SuperNode
            return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, type(error).__name__), reply_to=message)
