"""Replies that mean harm, or are broken in ways that nobody means: refused in words, and the round goes on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from affidavit.errors import FederationError
from federated.in_process.grid import InProcessGrid
from federated.rounds.events import ReplyRefused, ReplyTaken, RoundClosed, RunEnded
from federated.rounds.kept import read_kept
from federated.strategies.options import FedAvg, QFair, StrategyOptions, TrimmedMean
from federated.updates.arrays import packed
from federated.updates.layout import Vector
from federated.updates.local import LocalUpdate, RoundOrder, UpdateFacts
from tests.federated.rounds.conftest import LAYOUT, START, House, Pull, Unreachable, answering, says

HONEST = 0.1 * (1 + 3) / 2
"""The model after a round of east and west alone."""


def _header(described: str) -> bytes:
    """Return an array file that says this of itself and holds nothing."""
    padded = described.encode() + b" " * ((64 - (len(described) + 11) % 64) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


def _archive() -> bytes:
    held = io.BytesIO()
    np.savez(held, vector=np.ones(5, np.float32))
    return held.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        _archive(),
        b"PK\x03\x04" + b"x" * 50,
        _header("{'descr':'<f4','fortran_order':False,'shape':(1000000000000,)}"),
        _header("{'descr':'V1000000000','fortran_order':False,'shape':(1000,)}"),
        _header("{'descr':'<f4',,,"),
        _header("{'descr':'<f4','fortran_order':False,'shape':(-1,)}"),
        _header("{'descr':[('\\x1b[31mpatient 4711','<f4')],'fortran_order':False,'shape':(0,)}"),
        b"\x93NUMPY" + b"x" * 100_000,
    ],
)
@pytest.mark.parametrize("told", [("float32", (5,)), ("object", (10**12,))])
def test_bytes_that_are_no_vector_are_refused_and_the_others_count(
    house: House, data: bytes, told: tuple[str, tuple[int, ...]]
) -> None:
    array = Array(dtype=told[0], shape=told[1], stype="numpy.ndarray", data=data)
    house.broken = {11: says(RecordDict({"facts": ConfigRecord(), "vector": ArrayRecord({"vector": array})}))}

    np.testing.assert_allclose(house.run(rounds=1), HONEST, rtol=1e-6)
    (refused,) = house.of(ReplyRefused)
    assert refused.because.isprintable()
    assert "4711" not in refused.because


def _update(**arrays: Any) -> RecordDict:
    return RecordDict({"facts": ConfigRecord(), "vector": ArrayRecord({n: Array(v) for n, v in arrays.items()})})


@pytest.mark.parametrize(
    "content",
    [
        _update(),
        _update(other=START),
        _update(vector=START, more=START),
        RecordDict({"facts": ConfigRecord(), "vector": packed(START), "more": packed(START)}),
        RecordDict({"facts": ConfigRecord(), "vector": packed(START), "metrics": MetricRecord({"accuracy": 0.9})}),
        RecordDict({"facts": ConfigRecord({"\x1b[31mpatient": 1}), "vector": packed(START)}),
        RecordDict({"facts": ConfigRecord({"loss": [1.0, 2.0]}), "vector": packed(START)}),
        RecordDict({"facts": MetricRecord({"loss": 1.0}), "vector": packed(START)}),
        RecordDict({"facts": ConfigRecord(), "vector": ConfigRecord({"vector": b"x"})}),
        RecordDict({"refuses": MetricRecord({"slug": 1})}),
    ],
)
def test_too_many_and_too_few_records_are_refused(house: House, content: RecordDict) -> None:
    house.broken = {11: says(content)}

    np.testing.assert_allclose(house.run(rounds=1), HONEST, rtol=1e-6)
    (refused,) = house.of(ReplyRefused)
    assert refused.site == "north"
    assert refused.because.isprintable()


@pytest.mark.parametrize("node", [10, 99])
def test_a_reply_in_somebody_elses_name_does_not_count_and_stops_nobody(house: House, node: int) -> None:
    class Forged(Unreachable):
        def pull_messages(self, message_ids: Any) -> Any:
            came = list(super().pull_messages(message_ids))
            for reply in came:
                if reply.metadata.src_node_id == 11 and reply.metadata.message_type == "train.round":
                    reply.metadata.__dict__["_src_node_id"] = node
            return came

    house.laid = lambda grid: _of(Forged, grid)

    np.testing.assert_allclose(house.run(rounds=1), HONEST, rtol=1e-6)
    assert house.of(RoundClosed)[0].missing == ("north",)


def test_a_reply_of_an_earlier_round_does_not_count_in_a_later_one(house: House) -> None:
    """North's reply to round 1 comes again in round 2, in place of another one."""
    held: list[Message] = []

    class Replayed(Unreachable):
        def pull_messages(self, message_ids: Any) -> Any:
            return [self._seen(reply) for reply in super().pull_messages(message_ids)]

        def _seen(self, reply: Message) -> Message:
            if reply.metadata.src_node_id != 11 or reply.metadata.message_type != "train.round":
                return reply
            held.append(reply)
            return held[0]

    house.laid = lambda grid: _of(Replayed, grid)
    house.run(rounds=2)

    assert [event.missing for event in house.of(RoundClosed)] == [(), ("north",)]
    assert [event.site for event in house.of(ReplyTaken)].count("north") == 1


def _of(kind: Any, grid: InProcessGrid) -> InProcessGrid:
    made: InProcessGrid = kind(grid._app, {node: {} for node in grid.get_node_ids()}, silent=set())
    return made


class _Loud(Pull):
    """Says what it is told to."""

    def __init__(self, update: Iterable[float], loss: float = 1.0, *, name: str = "north") -> None:
        super().__init__(name, 2.0)
        self.update, self.loss = np.asarray(list(update), np.float32), loss

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        return LocalUpdate(update=self.update, facts=UpdateFacts(loss=self.loss))


@pytest.mark.parametrize("loss", [1e200, 1e308])
@pytest.mark.parametrize("q", [1.0, 2.0, 5.0])
def test_a_loss_beyond_all_measure_weighs_nothing(house: House, loss: float, q: float) -> None:
    house.sites[1] = _Loud([1.0] * 5, loss)

    model = house.run(rounds=1, strategy=QFair(q=q, local_learning_rate=0.1))

    assert house.of(RoundClosed)[0].contributors == ("east", "west")
    assert np.isfinite(model).all()


def test_what_would_be_divided_by_nothing_is_refused(house: House) -> None:
    house.sites[1] = _Loud([1.0] * 5, 0.0)

    house.run(rounds=1, strategy=QFair(q=40, local_learning_rate=0.1))

    assert "too small" in house.of(ReplyRefused)[0].because


@pytest.mark.parametrize("strategy", [FedAvg(), TrimmedMean(trimmed=0.0)])
def test_a_model_of_what_is_no_number_does_not_count(tmp_path: Path, strategy: StrategyOptions) -> None:
    """Without a norm bound each update may be finite, and the model that they make not."""
    house = House([_Loud([3e38] * 5, name=name) for name in ("east", "north", "west")])
    house.run(rounds=1, strategy=strategy, state=tmp_path / "state")
    before = read_kept(tmp_path / "state", run="sha256:run")

    with pytest.raises(FederationError, match="not every number is one"):
        house.run(rounds=3, strategy=strategy, state=tmp_path / "state")

    after = read_kept(tmp_path / "state", run="sha256:run")
    assert before is not None
    assert after is not None
    assert after.rounds_done == 1
    np.testing.assert_array_equal(after.model, before.model)
    assert [event.round for event in house.of(RoundClosed)] == [1]
    assert house.of(RunEnded)[-1].because == "a round failed"


def test_a_huge_update_is_refused_by_the_norm_bound(house: House) -> None:
    house.sites[1] = _Loud([3.4e38] * 5)

    np.testing.assert_allclose(house.run(rounds=1, norm_bound=10.0), HONEST, rtol=1e-6)
    assert "bound of 10" in house.of(ReplyRefused)[0].because


def test_the_norm_bound_is_what_may_be_sent(house: House) -> None:
    house.sites[1] = _Loud([10.0, 0, 0, 0, 0])
    house.run(rounds=1, norm_bound=10.0)
    assert not house.of(ReplyRefused)

    house.sites[1] = _Loud([10.001, 0, 0, 0, 0])
    house.run(rounds=1, norm_bound=10.0)
    assert house.of(ReplyRefused)


def test_every_site_broken_in_another_way_fails_the_round_within_its_deadlines(house: House) -> None:
    house.broken = {
        10: answering(house.sites[0], _update(vector=np.full(5, np.nan, np.float32))),
        11: answering(house.sites[1], RecordDict()),
        12: answering(house.sites[2], _update(vector=np.ones(LAYOUT.size + 1, np.float32))),
    }
    with pytest.raises(FederationError, match="round 1 did not come together"):
        house.run(rounds=1, attempts=2)

    assert house.clock.seconds == 0, "nobody who replied is waited for"
    assert len(house.of(ReplyRefused)) == 6
