"""Waiting for replies, and never longer than was said.

Who a reply is from is known by the message that it answers, and not by what the reply says: an error may come from
Flower's SuperLink in a node's place, and one node may not answer for another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from flwr.app import Error, Message
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid

PAUSE: Final = 0.1
"""Seconds between two looks for replies."""
AT_ONCE: Final = 8
"""Replies that are pulled together: Flower gives all that it is asked for at once, each as large as a model."""
LEEWAY: Final = 900.0
"""Seconds that a message is kept for a node after nobody waits for its reply.

A hospital that was away is not to train, and to pay, for a round that is long over. Flower counts by the clocks of both
sides, and those may differ by some minutes.
"""


class Clock(Protocol):
    """Tells how long something took; a test has its own."""

    def now(self) -> float:
        """Return seconds from some moment on."""

    def pause(self) -> None:
        """Let a little time pass."""


class MonotonicClock:
    """The machine's clock, which nobody can set back."""

    def now(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def pause(self) -> None:
        """Wait a little."""
        threading.Event().wait(PAUSE)


class Post:
    """Messages that were sent, and those of them that nobody replied to yet."""

    def __init__(self, grid: Grid, messages: Iterable[Message], *, deadline: float) -> None:
        """Send messages; nobody will wait for a reply after `deadline` seconds."""
        self._grid, sent = grid, list(messages)
        for message in sent:
            message.metadata.ttl = deadline + LEEWAY
        taken = set(grid.push_messages(sent))  # fewer where Flower found some unfit, none where all are too large
        self._waiting = {message.metadata.message_id: message for message in sent}
        self._unsent = [self._waiting.pop(name) for name in list(self._waiting) if name not in taken]

    @property
    def waiting(self) -> bool:
        """Whether a reply is to come."""
        return bool(self._waiting or self._unsent)

    def look(self) -> Iterator[list[Message]]:
        """Look once for every reply, and yield those that came, a few at a time; each is from a node that was asked."""
        unsent, self._unsent = self._unsent, []
        if unsent:
            yield [Message(Error(ErrorCode.MESSAGE_UNAVAILABLE), reply_to=message) for message in unsent]
        names = list(self._waiting)
        for at in range(0, len(names), AT_ONCE):
            yield list(self._own(self._grid.pull_messages(names[at : at + AT_ONCE])))

    def _own(self, came: Iterable[Message]) -> Iterator[Message]:
        """Yield the first reply to each message; what answers another one, or for somebody else, was not asked for."""
        for reply in came:
            name = reply.metadata.reply_to_message_id
            message = self._waiting.get(name)
            if message is None:
                continue
            if reply.has_error():
                del self._waiting[name]
                yield Message(reply.error, reply_to=message)
            elif reply.metadata.src_node_id == message.metadata.dst_node_id:
                del self._waiting[name]
                yield reply


def replies(grid: Grid, messages: Iterable[Message], *, deadline: float, clock: Clock) -> Iterator[Message]:
    """Send messages and yield what comes back, one at a time, until all is there or the deadline has passed."""
    until = clock.now() + deadline
    post = Post(grid, messages, deadline=deadline)
    while post.waiting:
        came = False
        for some in post.look():
            came = came or bool(some)
            yield from some
            if clock.now() >= until:
                return
        if not came:
            clock.pause()
