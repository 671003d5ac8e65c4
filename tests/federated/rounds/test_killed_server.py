"""A server that is killed at any moment goes on with the same bytes, and counts no round that did not happen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Message

from affidavit.errors import CheckpointError
from federated.rounds import federation
from federated.rounds.begun import Begun
from federated.rounds.events import Asked, Event, ReplyTaken, RoundClosed, RunBegan, RunEnded
from federated.rounds.kept import read_kept
from federated.sites.app import site_app
from federated.strategies.options import FedAdam, FedAvg, Krum, QFair, StrategyOptions, TrimmedMean
from tests.federated.rounds.conftest import LAYOUT, House, Killed, Pull

STRATEGIES = [FedAvg(), FedAdam(), QFair(local_learning_rate=0.1), TrimmedMean(trimmed=0.4), Krum(most_faulty=0)]


def _house() -> House:
    return House([Pull("east", 1.0), Pull("north", 2.0), Pull("west", 3.0)])


def _resumed(house: House, state: Path, strategy: StrategyOptions, *, rounds: int = 4) -> None:
    """Kill the server once, let it go on, and hold the model against one of a server that was not killed."""
    with pytest.raises(Killed):
        house.run(rounds=rounds, strategy=strategy, state=state)
    house.killed_at = lambda event: False
    resumed = house.run(rounds=rounds, strategy=strategy, state=state)

    np.testing.assert_array_equal(resumed, _house().run(rounds=rounds, strategy=strategy))
    assert house.of(RunEnded)[-1].rounds_done == rounds


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("when", [Asked, ReplyTaken, RoundClosed])
def test_a_server_killed_before_it_wrote_a_line_goes_on_with_the_same_bytes(
    tmp_path: Path, strategy: StrategyOptions, when: type
) -> None:
    """Before a round was asked for, between replies, and between the checkpoint and its line."""
    house = _house()

    def at(event: Event) -> bool:
        second = isinstance(event, ReplyTaken) and event.site == "north"
        return isinstance(event, when) and getattr(event, "round", 0) == 2 and (when is not ReplyTaken or second)

    house.killed_at = at
    _resumed(house, tmp_path / "state", strategy)

    numbers = [order.round for order in house.sites[0].orders]
    assert numbers == ([1, 2, 2, 3, 4] if when is ReplyTaken else [1, 2, 3, 4])


def test_a_server_killed_before_an_attempt_was_on_disk_asked_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, honest = _house(), Begun.write

    def killed(self: Begun, number: int, attempt: int, *, opened: bool = False) -> None:
        if number == 2:
            raise Killed
        honest(self, number, attempt, opened=opened)

    monkeypatch.setattr(Begun, "write", killed)
    with pytest.raises(Killed):
        house.run(rounds=3, state=tmp_path / "state")
    assert [order.round for order in house.sites[0].orders] == [1]
    monkeypatch.undo()

    np.testing.assert_array_equal(house.run(rounds=3, state=tmp_path / "state"), _house().run(rounds=3))
    assert [event.attempts for event in house.of(RoundClosed)] == [1, 1, 1]


def test_a_server_killed_before_a_model_was_on_disk_takes_the_round_again_under_another_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, honest = _house(), federation.keep

    def killed(path: Path, kept: Any) -> None:
        if kept.rounds_done == 2:
            raise Killed
        honest(path, kept)

    monkeypatch.setattr(federation, "keep", killed)
    with pytest.raises(Killed):
        house.run(rounds=3, strategy=FedAdam(), state=tmp_path / "state")
    assert [event.round for event in house.of(RoundClosed)] == [1]
    monkeypatch.undo()
    resumed = house.run(rounds=3, strategy=FedAdam(), state=tmp_path / "state")

    np.testing.assert_array_equal(resumed, _house().run(rounds=3, strategy=FedAdam()))
    assert [(order.round, order.attempt) for order in house.sites[0].orders] == [(1, 1), (2, 1), (2, 2), (3, 1)]


def test_a_round_whose_line_was_not_written_is_told_when_the_server_goes_on(tmp_path: Path) -> None:
    house, missed = _house(), list[Event]()

    def at(event: Event) -> bool:
        if isinstance(event, RoundClosed) and event.round == 2:
            missed.append(event)
            return True
        return False

    house.killed_at = at
    _resumed(house, tmp_path / "state", FedAvg())

    began = house.of(RunBegan)
    assert began[0].last is None
    assert began[1].rounds_done == 2
    assert began[1].last == missed[0]
    assert [event.round for event in house.of(RoundClosed)] == [1, 3, 4]


def test_a_server_killed_after_the_last_round_tells_the_same_model_and_asks_nobody(tmp_path: Path) -> None:
    house = _house()
    house.killed_at = lambda event: isinstance(event, RunEnded)
    _resumed(house, tmp_path / "state", FedAvg())

    assert [order.round for order in house.sites[0].orders] == [1, 2, 3, 4]


def test_what_is_said_is_on_disk_before_it_is_said(tmp_path: Path) -> None:
    """An attempt before its order is sent; a model before the line that counts its round."""
    house, state = _house(), tmp_path / "state"
    honest = site_app(lambda _: (house.sites[1], LAYOUT))

    def answer(message: Message, context: Context) -> Message:
        if message.metadata.message_type == "train.round":
            begun = json.loads(state.with_suffix(".begun.json").read_text())
            order = dict(message.content["order"])
            assert (begun["round"], begun["attempt"], begun["opened"]) == (order["round"], order["attempt"], False)
        return honest(message, context)

    def at(event: Event) -> bool:
        if isinstance(event, RoundClosed):
            kept = read_kept(state, run="sha256:run")
            assert kept is not None
            assert kept.rounds_done == event.round
            assert kept.last == event
        return False

    house.broken, house.killed_at = {11: answer}, at
    house.run(rounds=3, state=state)

    assert len(house.of(RoundClosed)) == 3


def test_another_run_begins_anew_and_takes_over_nothing(tmp_path: Path) -> None:
    _house().run(rounds=2, strategy=FedAdam(), state=tmp_path / "state")

    assert read_kept(tmp_path / "state", run="sha256:another") is None
    assert Begun(run="sha256:another", path=tmp_path / "state.begun.json").attempts(2) == 0
    assert Begun(run="sha256:run", path=tmp_path / "state.begun.json").attempts(2) == 1


@pytest.mark.parametrize("torn", [b"", b"PK\x03\x04 torn", b"\x93NUMPY\x01\x00"])
def test_a_state_that_cannot_be_read_is_told_and_not_begun_anew(tmp_path: Path, torn: bytes) -> None:
    house, state = _house(), tmp_path / "state"
    house.run(rounds=1, state=state)
    state.write_bytes(torn)

    with pytest.raises(CheckpointError, match="the state of the rounds cannot be read"):
        house.run(rounds=2, state=state)


def test_an_array_is_no_state(tmp_path: Path) -> None:
    np.save(tmp_path / "state.npy", np.ones(3))

    with pytest.raises(CheckpointError):
        read_kept(tmp_path / "state.npy", run="sha256:run")


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"run": "sha256:run"}', '{"run": "sha256:run", "round": "x"}'])
def test_attempts_that_cannot_be_read_are_told_and_not_counted_anew(tmp_path: Path, torn: str) -> None:
    """Under secure sums a number said twice could open a sum twice."""
    house, state = _house(), tmp_path / "state"
    house.run(rounds=1, state=state)
    state.with_suffix(".begun.json").write_text(torn)

    with pytest.raises(CheckpointError, match="which attempt"):
        house.run(rounds=2, state=state)


@pytest.mark.parametrize("strategy", [FedAvg(), FedAdam(), QFair(local_learning_rate=0.3), Krum(most_faulty=0)])
def test_the_order_in_which_replies_come_changes_no_byte(tmp_path: Path, strategy: StrategyOptions) -> None:
    """Nobody repeats the order of replies on a network, and a round may be taken again."""

    def run(order: list[int]) -> tuple[bytes, bytes]:
        rng = np.random.default_rng(5)
        sites = [Pull(f"site-{i}", float(rng.normal() * 10.0**i)) for i in range(5)]
        house = House(sites)

        def laid(grid: Any) -> Any:
            sent = grid.push_messages
            grid.push_messages = lambda messages: _shuffled(sent, list(messages), order)
            return grid

        house.laid, state = laid, tmp_path / "".join(map(str, order))
        model = house.run(rounds=3, strategy=strategy, state=state)
        assert [event.site for event in house.of(ReplyTaken)][:5] == [f"site-{i}" for i in order]
        kept = read_kept(state, run="sha256:run")
        assert kept is not None
        return model.tobytes(), b"" if kept.moments is None else kept.moments.first.tobytes()

    seen = {run(order) for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3, 4, 0, 2, 1])}
    assert len(seen) == 1


def _shuffled(push: Any, messages: list[Message], order: list[int]) -> list[str]:
    """Send messages so that replies come in this order: the grid answers whom it was sent first."""
    if len(messages) != len(order) or messages[0].metadata.message_type != "train.round":
        return list(push(messages))
    names = list(push([messages[i] for i in order]))
    return [names[order.index(i)] for i in range(len(messages))]
