"""Waiting: whose reply counts, what is dropped, how many are held, and that no wait is longer than was said."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from flwr.app import Error, Message, Metadata, RecordDict
from flwr.app.message import make_message
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode

from federated.in_process.grid import InProcessGrid
from federated.rounds.waiting import AT_ONCE, LEEWAY, MonotonicClock, replies
from federated.updates.arrays import packed
from tests.federated.rounds.conftest import Steps


class Ready(InProcessGrid):
    """A grid that gives every reply it is asked for at once, as Flower's does."""

    def __init__(self, n_nodes: int) -> None:
        super().__init__(_echo, {node: {} for node in range(10, 10 + n_nodes)})
        self.sent: list[Message] = []

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.sent = list(messages)
        return super().push_messages(self.sent)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        return [self._answered(self._waiting.pop(name)) for name in message_ids if name in self._waiting]


def _echo(message: Message, context: Any) -> Message:
    return Message(RecordDict({"vector": packed(np.ones(4, np.float32))}), reply_to=message)


def _questions(grid: InProcessGrid) -> list[Message]:
    return [Message(RecordDict(), node, "train.round", group_id="1.1") for node in grid.get_node_ids()]


def _nodes(came: Iterable[Message]) -> list[int]:
    return [reply.metadata.src_node_id for reply in came]


def test_replies_are_held_a_few_at_a_time_however_many_are_ready() -> None:
    grid, alive, most = Ready(100), list[weakref.ref[Message]](), 0
    for reply in replies(grid, _questions(grid), deadline=5, clock=Steps()):
        alive.append(weakref.ref(reply))
        del reply
        most = max(most, sum(one() is not None for one in alive))

    assert len(alive) == 100
    assert most <= AT_ONCE


def test_a_message_outlives_its_deadline_by_the_leeway_and_no_longer() -> None:
    grid = Ready(2)
    list(replies(grid, _questions(grid), deadline=7, clock=Steps()))

    assert [message.metadata.ttl for message in grid.sent] == [7 + LEEWAY] * 2


def test_who_is_silent_is_waited_for_until_the_deadline_and_no_longer() -> None:
    class Mute(Ready):
        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            return [reply for reply in super().pull_messages(message_ids) if reply.metadata.src_node_id != 11]

    grid, clock = Mute(3), Steps()
    assert _nodes(replies(grid, _questions(grid), deadline=9, clock=clock)) == [10, 12]
    assert clock.seconds == 9


def test_sending_is_part_of_the_wait() -> None:
    clock = Steps()

    class Slow(Ready):
        def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
            clock.seconds += 100
            return super().push_messages(messages)

        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            return []

    grid = Slow(2)
    assert not list(replies(grid, _questions(grid), deadline=5, clock=clock))
    assert clock.seconds == 100


@pytest.mark.parametrize("node", [11, 4711])
def test_nobody_answers_for_another_node(node: int) -> None:
    class Forged(Ready):
        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            came = list(super().pull_messages(message_ids))
            for reply in came:
                if reply.metadata.src_node_id == 10:
                    reply.metadata.__dict__["_src_node_id"] = node
            return came

    grid, clock = Forged(3), Steps()
    assert _nodes(replies(grid, _questions(grid), deadline=4, clock=clock)) == [11, 12]
    assert clock.seconds == 4


def test_a_reply_to_something_else_was_not_asked_for() -> None:
    grid = Ready(2)
    old = list(replies(grid, _questions(grid), deadline=1, clock=Steps()))
    fresh = Ready(2)
    fresh._numbers = iter(["a", "b"])  # type: ignore[assignment]
    fresh.pull_messages = lambda ids: old  # type: ignore[method-assign]

    assert not list(replies(fresh, _questions(fresh), deadline=3, clock=Steps()))


def test_an_error_of_flowers_own_is_the_nodes_whose_message_it_answers() -> None:
    """A SuperLink replies in the place of a node that is away, under its own number."""

    class Away(Ready):
        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            return [
                _unavailable(reply) if _nodes([reply]) == [11] else reply
                for reply in super().pull_messages(message_ids)
            ]

    grid, clock = Away(3), Steps()
    came = list(replies(grid, _questions(grid), deadline=50, clock=clock))

    assert _nodes(came) == [10, 11, 12]
    assert [reply.has_error() for reply in came] == [False, True, False]
    assert clock.seconds == 0, "nobody waits for a node that is away"


def _unavailable(reply: Message) -> Message:
    told = Metadata(
        run_id=1,
        message_id="",
        src_node_id=SUPERLINK_NODE_ID,
        dst_node_id=SUPERLINK_NODE_ID,
        reply_to_message_id=reply.metadata.reply_to_message_id,
        group_id="",
        created_at=reply.metadata.created_at,
        ttl=0,
        message_type="system",
    )
    return make_message(metadata=told, error=Error(ErrorCode.NODE_UNAVAILABLE, "away"))


@pytest.mark.parametrize("named", [["1", None, "3"], ["1", "3"], []])
def test_a_message_that_flower_did_not_take_is_an_error_at_once(named: list[Any]) -> None:
    class Picky(Ready):
        def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
            super().push_messages(messages)
            return named

        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            assert set(message_ids) <= set(named)
            return [
                Message(RecordDict(), reply_to=message)
                for message in self.sent
                if message.metadata.message_id in message_ids and message.metadata.dst_node_id != 11
            ]

    grid, clock = Picky(3), Steps()
    came = list(replies(grid, _questions(grid), deadline=2, clock=clock))

    assert {reply.metadata.src_node_id for reply in came if reply.has_error()} == ({11} if named else {10, 11, 12})


def test_the_machines_clock_goes_on() -> None:
    clock = MonotonicClock()
    before = clock.now()
    clock.pause()

    assert clock.now() > before
