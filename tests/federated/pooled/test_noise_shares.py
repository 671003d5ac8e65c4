"""Noise of the sites under secure sums: enough at the least, counted first, in the intervals, and never half of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from affidavit.errors import FederationError, PlanError
from federated.in_process.grid import server_identity
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.estimates import pooled
from federated.pooled.measures import measures
from federated.pooled.noise import variances
from federated.pooled.noise_shares import FINE, deviations, grid, share, total_variances
from federated.pooled.report import federated_report
from federated.secure.stages import Stage
from privacy.dpsgd.randomness import simulated_source
from privacy.ledger.book import read_book
from privacy.ledger.events import Budget
from privacy.ledger.ledger import Ledger
from tests.federated.pooled.conftest import LABELS, plan_of, totals_of
from tests.federated.pooled.houses import FIVE, TABLES, House, asked, terms_of

NOISE = {"epsilon": 2.0, "delta": 1e-5, "rows_per_patient": 6, "least_sites": 4, "colluding": 1}


@pytest.fixture(autouse=True)
def _server() -> Iterator[None]:
    with server_identity():
        yield


def noised_plan(**more: object) -> CountsPlan:
    options = {"conditions": ("TAV",), "told": "secure", "noise": NOISE, "floor": 11, "sites": FIVE}
    return plan_of(**{**options, **more})


def with_ledgers(house: House, folder: Path) -> House:
    house.ledgers = {site: folder / f"{site}.jsonl" for site in FIVE}
    return house


def test_the_least_honest_sites_together_add_what_one_site_would_alone() -> None:
    plan = noised_plan()
    alone = variances(plan_of(**{**plan.model_dump(), "told": "noised"})) - 1 / 12
    assert np.allclose((4 - 1) * deviations(plan) ** 2, alone)
    assert deviations(plan).min() >= FINE * grid(plan).step
    assert grid(plan).step <= 1


def test_shares_have_the_variance_that_the_server_counts_with() -> None:
    plan = noised_plan()
    draw = share(plan, source=simulated_source(np.random.default_rng(3)))
    sums = np.stack([sum(draw(plan.size) for _ in range(5)) * grid(plan).step for _ in range(40)])
    assert np.median(sums.std(axis=0) / np.sqrt(total_variances(plan, 5))) == pytest.approx(1.0, abs=0.03)
    assert abs(np.median(sums.mean(axis=0) / np.sqrt(total_variances(plan, 5)))) < 0.05


def test_a_noised_sum_is_the_sum_within_its_noise_and_each_site_has_paid(tmp_path: Path) -> None:
    plan = noised_plan()
    answers = asked(with_ledgers(House(tmp_path, plan=plan), tmp_path))
    totals = answers.totals(plan)
    assert totals.noise is not None
    exact_plan = plan_of(conditions=("TAV",), sites=FIVE, told="noised", noise={**NOISE, "epsilon": 1e3})
    assert exact_plan.size == plan.size
    off = np.concatenate([block.vector() for block in totals.blocks])
    deviation = np.sqrt(total_variances(plan, 5))
    few = plan_of(conditions=("TAV",), sites=FIVE)
    whole = np.concatenate([b.vector() for b in totals_of(dict(TABLES), few, floor=False).blocks])
    patients = np.concatenate([[1.0] * len(b.groups) + [0.0] * (b.size - len(b.groups)) for b in plan.blocks]) > 0
    away = (off - whole)[patients] / deviation[patients]  # patients are counted alike; of rows fewer count here
    assert np.abs(away).max() < 5
    assert not np.allclose(off[patients], whole[patients])
    for site in FIVE:
        (run,) = read_book(tmp_path / f"{site}.jsonl").at(site)
        assert run.n_steps == 1
    report = federated_report(totals)
    assert any("share of noise" in caveat for caveat in report.caveats)
    rows = report.exhibit("federated-sites").to_pylist()
    assert [row["epsilon"] for row in rows] == [2.0] * 5


def test_intervals_hold_the_noise(tmp_path: Path) -> None:
    """With epsilon 20 the accuracy of everybody is told; its interval holds the exact one, and is wider."""
    plan = noised_plan(noise={**NOISE, "epsilon": 20.0, "rows_per_patient": 14}, features={})
    totals = asked(with_ledgers(House(tmp_path, plan=plan), tmp_path)).totals(plan)
    assert totals.noise is not None
    found = pooled(measures(LABELS)[0], totals.blocks[0], noise=totals.noise[0])
    exact_plan = plan_of(conditions=("TAV",), sites=FIVE, features={})
    exact = pooled(measures(LABELS)[0], totals_of(dict(TABLES), exact_plan, floor=False).blocks[0])
    interval = found.interval(0, 0.999)
    assert not isinstance(interval, str)
    assert interval.low <= exact.value[0] <= interval.high
    assert found.standard_error[0] > exact.standard_error[0]


def test_a_site_without_a_ledger_or_without_budget_sends_nothing(tmp_path: Path) -> None:
    plan = noised_plan()
    house = with_ledgers(House(tmp_path, plan=plan), tmp_path)
    del house.ledgers["east"]
    answers = asked(house)
    assert "east" not in answers.total.contributors
    assert answers.refused["east"].startswith("keys: ")
    spent = with_ledgers(House(tmp_path / "again", plan=plan), tmp_path)
    spent.ledgers["upper"] = tmp_path / "bound.jsonl"
    budget = Budget(epsilon=1.0, delta=1e-5)
    Ledger.opened(spent.ledgers["upper"], site="upper", unit="patient", run="training", budget=budget).close()
    answers = asked(spent)
    assert "upper" not in answers.total.contributors
    assert "budget-spent" in answers.refused["upper"]


def test_fewer_than_the_noise_is_made_for_open_no_sum(tmp_path: Path) -> None:
    def unless(site: str, at: Stage) -> None:
        if site in ("east", "upper"):
            raise RuntimeError("gone")

    plan = noised_plan()
    assert terms_of(plan).least == 4
    with pytest.raises(FederationError, match="a sum needs 4"):
        asked(with_ledgers(House(tmp_path, unless, plan=plan), tmp_path))


def test_own_estimates_never_stand_beside_noised_sums(tmp_path: Path) -> None:
    plan = noised_plan()
    house = with_ledgers(House(tmp_path, plan=plan), tmp_path)
    house.tell = frozenset(FIVE)
    answers = asked(house)
    assert not answers.rows
    assert not answers.totals(plan).rows


def test_plans_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody is left"):
        noised_plan(noise={**NOISE, "colluding": 4})
    with pytest.raises(ValueError, match="told: plain not"):
        noised_plan(told="plain")
    with pytest.raises(PlanError, match="no noise under secure sums"):
        deviations(noised_plan(told="noised"))
