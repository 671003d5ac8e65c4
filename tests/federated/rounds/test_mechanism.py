"""What rounds ask of noise at the server: each update admitted once, intended before it is released, never beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from flwr.app import ConfigRecord, RecordDict

from affidavit.errors import BudgetSpentError
from federated.in_process.grid import server_identity
from federated.rounds.events import ReplyRefused, RoundClosed, RunEnded
from federated.rounds.federation import Federation
from federated.rounds.options import RoundOptions
from federated.rounds.plain import PlainGathering
from federated.rounds.terms import Terms
from federated.strategies.options import FedAvg
from federated.updates.arrays import packed
from federated.updates.layout import Vector
from tests.federated.rounds.conftest import LAYOUT, START, House, answering


@dataclass
class Mechanism:
    """Halves each update, adds 1 to the sum, and has a budget for some rounds."""

    rounds: int
    least: int = 1
    said: list[Any] = field(default_factory=list)
    clip_norm: float = 2.5

    def begin(self, number: int) -> Mechanism:
        self.said.append(("begin", number))
        return self

    def admit(self, update: Vector) -> Vector:
        return np.asarray(update / 2, np.float32)

    def intend(self, weights: Sequence[float]) -> None:
        if self.rounds == 0:
            raise BudgetSpentError("spent", slug="budget-spent", where="the server", found="0 left", remedy="stop")
        self.rounds -= 1
        self.said.append(("intend", tuple(weights)))

    def release(self, total: Any) -> Any:
        self.said.append("release")
        released = total.copy()
        released[:-1] += 1
        return released

    def told(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        """Nothing to close."""


def _run(house: House, mechanism: Mechanism, *, rounds: int = 1, **options: Any) -> Vector:
    chosen = RoundOptions(rounds=rounds, deadline=20, **options)
    terms = Terms(run="r", layout=LAYOUT, rounds=chosen, strategy=FedAvg(), seed=0)
    federation = Federation(terms, mechanism=mechanism, clock=house.clock, note=house.note)
    with server_identity():
        return np.asarray(federation.start(house.grid(), packed(START)).arrays["vector"].numpy())


def test_the_model_moves_by_what_was_admitted_and_released_and_by_nothing_else(house: House) -> None:
    mechanism = Mechanism(rounds=1)
    model = _run(house, mechanism)

    np.testing.assert_allclose(model, (0.1 * (1 + 2 + 3) / 2 + 1) / 3, rtol=1e-6)
    assert mechanism.said == [("begin", 1), ("intend", (1.0, 1.0, 1.0)), "release"]
    assert [site.orders[0].clip_norm for site in house.sites] == [2.5] * 3


def test_the_noise_is_for_those_who_replied(house: House) -> None:
    house.broken = {11: answering(house.sites[1], RecordDict({"facts": ConfigRecord()}))}
    mechanism = Mechanism(rounds=1)
    _run(house, mechanism)

    assert ("intend", (1.0, 1.0)) in mechanism.said


def test_a_round_is_not_released_below_what_the_noise_was_planned_for(house: House) -> None:
    house.broken = {11: answering(house.sites[1], RecordDict({"facts": ConfigRecord()}))}
    mechanism = Mechanism(rounds=1, least=3)
    with pytest.raises(Exception, match="round 1 did not come together"):
        _run(house, mechanism)

    assert mechanism.said == [("begin", 1)]


def test_a_spent_budget_ends_the_run_with_the_rounds_that_happened(house: House) -> None:
    _run(house, Mechanism(rounds=2), rounds=5)

    assert [event.round for event in house.of(RoundClosed)] == [1, 2]
    assert (house.of(RunEnded)[0].because, house.of(RunEnded)[0].rounds_done) == ("budget spent", 2)


def test_a_budget_without_room_for_any_round_says_so(house: House) -> None:
    with pytest.raises(BudgetSpentError, match="spent"):
        _run(house, Mechanism(rounds=0))

    assert not house.of(RoundClosed)
    assert house.of(RunEnded)[0].because == "budget spent"


def test_a_site_that_is_asked_twice_in_a_round_is_in_it_once(house: House) -> None:
    """Who replied is not asked again; if they were, their update would weigh twice."""
    terms = Terms(run="r", layout=LAYOUT, rounds=RoundOptions(rounds=1, deadline=20), strategy=FedAvg(), seed=0)
    server, grid = Federation(terms, clock=house.clock, note=house.note)._server, house.grid()
    with server_identity():
        server.sites.join(grid, least=3, deadline=20)
        current = PlainGathering(server).begin(1)
        current.ask(grid, START, ["east"], attempt=1)
        current.ask(grid, START, ["east", "north"], attempt=2)

    assert list(current.contributors) == ["east", "north"]
    np.testing.assert_allclose(current.result(START, None)[0], 0.1 * 1.5, rtol=1e-6)
    assert house.of(ReplyRefused)[0].because == "it replied already"
