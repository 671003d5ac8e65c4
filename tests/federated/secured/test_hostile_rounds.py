"""Secure rounds under fire: no sum is opened that does not count, and none twice, whatever comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict

from affidavit.errors import FederationError
from federated.rounds import federation
from federated.rounds.begun import Begun
from federated.rounds.events import AttemptAborted, ReplyRefused, RoundClosed, RoundLost, Summed
from federated.secured.options import SecureOptions
from federated.secured.site import PART
from federated.strategies.options import QFair
from tests.federated.secured.conftest import App, SecureHouse

House = Callable[..., SecureHouse]
STAGES = ["query.keys", "query.shares", "train.masked", "query.agree", "query.unmask"]
DIRECTION = np.array([1, -1, 0.5, 0.1, 2])


class Killed(BaseException):
    """The server goes away."""


def _opened(house: SecureHouse) -> int:
    """Return how many sites gave what opens a sum."""
    return sum(
        reply.metadata.message_type == "query.unmask" and "secure" in reply.content
        for reply in house.passed
        if reply.has_content()
    )


@pytest.mark.parametrize("stage", STAGES[:3])
def test_no_sum_is_opened_over_fewer_sites_than_a_round_needs(make_house: House, stage: str) -> None:
    """The quorum is five and the smallest sum three: a sum of four would be told, and no round would count it."""
    house = make_house(secure=SecureOptions(stage_deadline=5))
    house.silent = lambda node, kind: node == 12 and kind == stage and not house.of(AttemptAborted)

    model = house.run(rounds=1, quorum=5)

    assert len(house.of(AttemptAborted)) == 1
    assert [len(event.contributors) for event in house.of(Summed)] == [5]
    assert house.of(RoundClosed)[0].attempts == 2
    assert not house.of(RoundLost)
    np.testing.assert_allclose(model, 0.1 * 3 * DIRECTION, atol=1e-6)


def test_sites_hold_the_rounds_quorum_against_a_server_that_forgets_it(make_house: House) -> None:
    house = make_house()

    assert house.agreement(house.terms(quorum=5)).terms.minimum == 5
    assert house.agreement(house.terms(quorum=2)).terms.minimum == 3
    assert house.agreement(house.terms(quorum=4)).terms.digest != house.agreement(house.terms(quorum=5)).terms.digest


def _replying(kind: str, content: RecordDict) -> Callable[[App], App]:
    def wrap(app: App) -> App:
        def answer(message: Message, context: Context) -> Message:
            if message.metadata.message_type == kind:
                return Message(content, reply_to=message)
            return app(message, context)

        return answer

    return wrap


@pytest.mark.parametrize(
    "content",
    [
        RecordDict(),
        RecordDict({"secure": ConfigRecord({"stage": "\x1b[31m" + "x" * 999})}),
        RecordDict({"secure": ConfigRecord({"stage": "masked", "round": -1, "attempt": 10**15})}),
        RecordDict({"secure": ConfigRecord({"round": b"\xff", "attempt": [1, 2]})}),
        RecordDict({"secure": ArrayRecord({"secure": Array(np.ones(3, np.float32))})}),
        RecordDict({"vector": ArrayRecord({"vector": Array("uint32", (8,), "numpy.ndarray", b"PK\x03\x04junk")})}),
        RecordDict({"vector": ArrayRecord({"vector": Array("uint32", (8,), "numpy.ndarray", b"\x93NUMPY")})}),
    ],
)
@pytest.mark.parametrize("kind", STAGES)
def test_junk_at_any_stage_costs_one_site_its_place_and_nothing_else(
    make_house: House, kind: str, content: RecordDict
) -> None:
    house = make_house(wrapped={12: _replying(kind, content)})
    model = house.run(rounds=1)

    assert [event.site for event in house.of(ReplyRefused)] == ["site-2"]
    assert all(event.because.isprintable() for event in house.of(ReplyRefused))
    inside = {1, 2, 3, 4, 5} if kind in STAGES[3:] else {1, 2, 4, 5}
    np.testing.assert_allclose(model, 0.1 * np.mean(sorted(inside)) * DIRECTION, atol=1e-6)


def test_a_huge_masked_header_does_not_take_the_server_down(make_house: House) -> None:
    described = "{'descr':'<u4','fortran_order':False,'shape':(1000000000000,)}"
    padded = described.encode() + b" " * ((64 - (len(described) + 11) % 64) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded

    def wrap(app: App) -> App:
        def answer(message: Message, context: Context) -> Message:
            reply = app(message, context)
            if message.metadata.message_type == "train.masked":
                reply.content["vector"] = ArrayRecord({"vector": Array("uint32", (8,), "numpy.ndarray", data)})
            return reply

        return answer

    house = make_house(wrapped={12: wrap})
    house.run(rounds=1)

    assert house.of(RoundClosed)[0].missing == ("site-2",)


def test_a_server_killed_between_the_sum_and_its_checkpoint_has_lost_the_round(
    make_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum was opened; nobody opens another one of this round."""
    house, honest = make_house(3), federation.keep

    def killed(path: Path, kept: Any) -> None:
        if kept.number == 2:
            raise Killed
        honest(path, kept)

    monkeypatch.setattr(federation, "keep", killed)
    with pytest.raises(Killed):
        house.run(rounds=3, state=tmp_path / "state.npz")
    monkeypatch.undo()
    before = _opened(house)
    house.run(rounds=3, state=tmp_path / "state.npz")

    assert [event.round for event in house.of(RoundLost)] == [2]
    assert [event.round for event in house.of(RoundClosed)] == [1, 3]
    assert (before, _opened(house)) == (6, 9)


def test_that_a_sum_is_being_opened_is_on_disk_before_any_site_is_asked_to(make_house: House, tmp_path: Path) -> None:
    state = tmp_path / "state.npz"
    seen: list[bool] = []

    def wrap(app: App) -> App:
        def answer(message: Message, context: Context) -> Message:
            if message.metadata.message_type.startswith(("query.agree", "query.unmask")):
                seen.append(json.loads(state.with_suffix(".begun.json").read_text())["opened"])
            return app(message, context)

        return answer

    house = make_house(3, wrapped={10: wrap, 11: wrap, 12: wrap})
    house.run(rounds=1, state=state)

    assert seen == [False] * 3 + [True] * 3


def test_a_server_killed_before_that_was_on_disk_opened_nothing_and_tries_again(
    make_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, honest = make_house(3), Begun.write

    def killed(self: Begun, number: int, attempt: int, *, opened: bool = False) -> None:
        if opened:
            raise Killed
        honest(self, number, attempt, opened=opened)

    monkeypatch.setattr(Begun, "write", killed)
    with pytest.raises(Killed):
        house.run(rounds=2, state=tmp_path / "state.npz")
    assert _opened(house) == 0
    monkeypatch.undo()
    resumed = house.run(rounds=2, state=tmp_path / "state.npz")

    np.testing.assert_array_equal(resumed, make_house(3, name="whole").run(rounds=2))
    assert [event.attempts for event in house.of(RoundClosed)] == [2, 1]


def test_a_loss_at_its_bound_is_not_told_as_scaled(make_house: House) -> None:
    house = make_house(secure=SecureOptions(loss_bound=1e-7))
    house.run(rounds=1, norm_bound=0.01, strategy=QFair(q=5.0, local_learning_rate=0.1))

    assert house.of(Summed)[0].scaled == 0


def test_what_another_run_left_is_not_masked_in_this_one(make_house: House) -> None:
    house = make_house(3)
    terms = house.terms()
    site = house.site(house.sites[0], terms, house.agreement(terms))
    site.folder.mkdir(parents=True)
    for run, found in (("sha256:another", False), ("sha256:run", True)):
        np.savez(site.folder / PART, about=np.frombuffer(json.dumps([run, 1]).encode(), np.uint8), part=np.ones(6))
        assert (site._part(1) is not None) is found
        assert site._part(2) is None


def test_weights_that_add_up_to_nothing_lose_the_round_and_not_the_server(make_house: House) -> None:
    """Each is finer than the grid of the sum: it was opened, and there is nothing to divide by."""
    house = make_house(3)
    with pytest.raises(FederationError, match="no round happened"):
        house.run(rounds=2, weights="capped", cap=10**13)

    assert [event.round for event in house.of(RoundLost)] == [1, 2]
    assert "weights add up" in house.of(RoundLost)[0].because
    assert not house.of(RoundClosed)
