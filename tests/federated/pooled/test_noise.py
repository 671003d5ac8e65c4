"""Noise: no patient moves a part further than its bound, the ledger counts it first, intervals hold the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affidavit.errors import BudgetSpentError, PlanError
from federated.pooled.at_site import SiteTerms, site_blocks, site_counts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.estimates import pooled
from federated.pooled.measures import measures
from federated.pooled.noise import PARTS, noise_multiplier, noised, patient_bounds, spend, variances
from federated.pooled.report import federated_report
from federated.pooled.sums import joined
from federated.pooled.totals import added
from privacy.accounting.accountants import within
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.dpsgd.randomness import simulated_source
from privacy.ledger.book import read_book
from privacy.ledger.events import Budget
from privacy.ledger.ledger import Ledger
from tests.federated.pooled.conftest import LABELS, SITES, counts_of, hospital, plan_of, read

NOISE = {"epsilon": 2.0, "delta": 1e-5, "rows_per_patient": 6}
ROOM = {"features": {"room": ("quiet", "loud")}, "of_rows": ("room",)}


def noised_plan(**more: object) -> CountsPlan:
    return plan_of(**{"conditions": ("TAV",), "told": "noised", "noise": NOISE, "floor": 11, **more})


@pytest.mark.parametrize("more", [{}, ROOM], ids=["features of patients", "features of rows"])
def test_no_patient_moves_the_scaled_sums_by_more_than_the_bound(more: dict[str, object]) -> None:
    """Sums add up over patients, so each is counted alone; many have more rows than count."""
    plan = noised_plan(**more)
    frame = hospital("north", n_patients=14, seed=2, most_rows=30)
    scale, limit = patient_bounds(plan), np.sqrt(PARTS * len(plan.blocks))
    most = 0.0
    for patient in frame["unit_id"].unique():
        alone = frame[frame["unit_id"] == patient]
        own = joined(site_blocks(read(alone, plan), plan, site="north"))
        most = max(most, float(np.linalg.norm(own / scale)))
    assert 0.3 * limit < most <= limit + 1e-9


def test_the_worst_patient_meets_each_part_of_the_bound() -> None:
    """All rows in one label, all right: hits, truths and calls each move by L, second moments by 3 L^2."""
    plan = noised_plan(features={})
    frame = hospital("north", n_patients=1, seed=1).iloc[:1]
    many = frame.loc[frame.index.repeat(6)].assign(y_true="joy", y_pred="joy", condition="TAV")
    many["utterance_id"] = [f"u{i}" for i in range(6)]
    (block,) = site_blocks(read(many, plan), plan, site="north")
    assert np.linalg.norm(block.sums) == pytest.approx(np.sqrt(3) * 6)
    assert np.linalg.norm(block.moments) == pytest.approx(3 * 36)


def test_the_noise_has_the_scale_that_is_accounted_for() -> None:
    plan = noised_plan()
    vector = np.zeros(plan.size, dtype=np.int64)
    rng = np.random.default_rng(5)
    drawn = np.stack([noised(plan, vector, source=simulated_source(rng)) for _ in range(24)])
    deviation = np.sqrt(variances(plan))
    assert np.median(drawn.std(axis=0) / deviation) == pytest.approx(1.0, abs=0.03)
    step = SubsampledGaussian(
        noise_multiplier=noise_multiplier(plan), sample_rate=1.0, sampler="full", neighbours="add-remove"
    )
    assert within((step,), epsilon=NOISE["epsilon"], delta=NOISE["delta"])
    scale = patient_bounds(plan) * np.sqrt(PARTS * len(plan.blocks))
    assert np.allclose(deviation**2, (scale * noise_multiplier(plan)) ** 2 + 1 / 12)


def test_the_ledger_counts_before_anything_can_leave_and_a_budget_forbids(tmp_path: Path) -> None:
    plan = noised_plan()
    ledger = tmp_path / "north.jsonl"
    terms = SiteTerms(site="north", ledger=ledger)
    predictions = read(hospital("north", n_patients=30, seed=1), plan)
    counts = site_counts(predictions, plan, terms)
    assert counts.spent is not None
    assert counts.spent.ledger_epsilon == pytest.approx(2.0, rel=0.01)
    assert not counts.spent.simulated
    again = site_counts(predictions, plan, terms)
    assert again.cells != counts.cells  # fresh noise, paid for again
    assert again.spent is not None
    assert again.spent.ledger_epsilon is not None
    assert again.spent.ledger_epsilon > 2.5
    (run,) = read_book(ledger).at("north")
    assert run.n_steps == 2
    bound = tmp_path / "bound.jsonl"
    Ledger.opened(bound, site="north", unit="patient", run="training", budget=Budget(epsilon=1.0, delta=1e-5)).close()
    with pytest.raises(BudgetSpentError):
        spend(plan, bound, site="north")


def test_noise_without_a_ledger_or_with_own_estimates_is_refused() -> None:
    plan = noised_plan()
    predictions = read(hospital("north", n_patients=30, seed=1), plan)
    with pytest.raises(PlanError, match="no ledger"):
        site_counts(predictions, plan, SiteTerms(site="north"))
    with pytest.raises(PlanError, match="not noised"):
        site_counts(predictions, plan, SiteTerms(site="north", tell_own_rows=True))


def test_intervals_of_noised_sums_are_wider_and_hold_what_is_exact() -> None:
    """Over 40 drawings of the noise; the exact sums' own estimate has to lie within, far more often than not."""
    plan = noised_plan(noise={**NOISE, "epsilon": 20.0}, features={})
    tables = {site: hospital(site, n_patients=150, seed=i, most_rows=6) for i, site in enumerate(SITES)}
    exact_plan = plan_of(conditions=("TAV",), features={})
    exact = added(exact_plan, [counts_of(tables[site], exact_plan, site=site, floor=False) for site in SITES])
    truth = pooled(measures(LABELS)[0], exact.blocks[0])
    rng, within_it, wider = np.random.default_rng(7), 0, 0
    predictions = {site: read(table, plan) for site, table in tables.items()}
    for _ in range(40):
        source = simulated_source(rng)
        sent = [site_counts(predictions[s], plan, SiteTerms(site=s), source=source) for s in SITES]
        totals = added(plan, sent)
        assert totals.noise is not None
        found = pooled(measures(LABELS)[0], totals.blocks[0], noise=totals.noise[0])
        interval = found.interval(0, 0.95)
        assert not isinstance(interval, str)
        within_it += interval.low <= truth.value[0] <= interval.high
        wider += found.standard_error[0] > truth.standard_error[0]
    assert within_it >= 37
    assert wider >= 37
    report = federated_report(totals)
    assert any("protects nobody" in caveat for caveat in report.caveats)  # drawn from a seed
    accuracy = next(finding for finding in report.findings if finding.metric == "accuracy")
    assert "noise moves this ratio" in accuracy.caveats[0]
