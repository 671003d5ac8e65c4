"""What is withheld widens the answer: bounds against every table that fits, and the true table within the interval."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from federated.pooled.bounds import ToldPart, between
from federated.pooled.counts_plan import UNLISTED
from federated.pooled.estimates import pooled
from federated.pooled.measures import Measure, measures, rates
from federated.pooled.testimony import federated_testimony
from federated.pooled.totals import Remainder, added
from tests.federated.pooled.conftest import LABELS, SITES, counts_of, hospital, plan_of, totals_of

SIZES = (60, 24, 90)
TWO = ("no", "yes")
EVERY = (*measures(TWO), *rates(TWO))


def class_sums_of(matrix: np.ndarray) -> np.ndarray:
    """Return hits, truths, calls of a 2 x 2 table of truth by call."""
    return np.array([*np.diag(matrix), *matrix.sum(1), *matrix.sum(0)], dtype=np.float64)


def part(sums: np.ndarray) -> ToldPart:
    return ToldPart(sums=sums, moments=np.outer(sums, sums) / 5 + np.diag(sums), n_units=6.0)


@pytest.mark.parametrize("measure", EVERY, ids=lambda m: f"{m.name} {m.label or ''}".strip())
def test_bounds_hold_every_table_that_fits_and_are_met(measure: Measure) -> None:
    """The withheld part is any table no larger than the remainder's in each cell: all of them are gone through."""
    rng = np.random.default_rng(3)
    met = []
    for _ in range(12):
        told, rest = rng.integers(0, 6, (2, 2)), rng.integers(0, 4, (2, 2))
        remainder = Remainder(sums=class_sums_of(rest), moments=np.zeros((6, 6)), sites=("north",))
        ends = between(measure, part(class_sums_of(told)), remainder)
        values = []
        for cells in product(*(range(int(most) + 1) for most in rest.reshape(-1))):
            sums = class_sums_of(told + np.array(cells).reshape(2, 2))
            value = float(measure.value(sums, measure.taking_part(sums)))
            if not np.isnan(value):
                values.append(value)
        assert ends.low <= min(values) + 1e-12
        assert ends.high >= max(values) - 1e-12
        met.append(ends.low == pytest.approx(min(values)) and ends.high == pytest.approx(max(values)))
    if measure.counts_rows:  # one ratio: exact, not only containing
        assert all(met)


def test_the_error_is_no_less_than_that_of_any_completion() -> None:
    """Patients of the remainder are dealt to the withheld group in every way; none has a larger standard error."""
    rng = np.random.default_rng(8)
    told = np.array([class_sums_of(rng.integers(0, 3, (2, 2)) + np.eye(2, dtype=int)) for _ in range(8)])
    rest = np.array([class_sums_of(rng.integers(0, 3, (2, 2))) for _ in range(6)])
    remainder = Remainder(sums=rest.sum(0), moments=rest.T @ rest, sites=("north",))
    told_part = ToldPart(sums=told.sum(0), moments=told.T @ told, n_units=float(len(told)))
    for measure in EVERY:
        ends = between(measure, told_part, remainder)
        for chosen in product((False, True), repeat=len(rest)):
            patients = np.concatenate([told, rest[np.array(chosen)]])
            sums = patients.sum(0)
            taking_part = measure.taking_part(sums)
            gradient = measure.gradient(sums, taking_part)
            sizes = patients @ measure.sizes
            worth = sizes.sum() ** 2 / (sizes**2).sum()
            m = len(patients)
            error = np.sqrt((m - 1) / m * ((patients @ gradient) ** 2).sum()) * worth / (worth - 1)
            assert ends.standard_error >= error - 1e-12
            assert ends.degrees_of_freedom <= worth - 1 + 1e-12
            value = float(measure.value(sums, taking_part))
            assert ends.low - 1e-12 <= value <= ends.high + 1e-12


def test_a_site_below_the_floor_in_a_group_widens_it_and_holds_the_true_value() -> None:
    plan = plan_of(floor=11, conditions=("TAV",))
    tables = {
        site: hospital(site, n_patients=n, seed=5 + i) for i, (site, n) in enumerate(zip(SITES, SIZES, strict=True))
    }
    told, exact = totals_of(tables, plan), totals_of(tables, plan, floor=False)
    assert told.remainders
    claims = {claim.finding.id: claim.finding for claim in federated_testimony(told).claims}
    widened = 0
    for (b, g), remainder in told.remainders.items():
        block = told.blocks[b].block
        found = [f for f in claims.values() if dict(f.groups) == dict(block.groups[g]) and f.metric == "accuracy"]
        if not found or UNLISTED in block.groups[g].values():
            continue
        true = float(pooled(measures(LABELS)[0], exact.blocks[b]).value[g])
        interval = found[0].estimate.interval
        assert "withheld" in found[0].caveats[0]
        assert remainder.sites
        if interval is not None:
            assert interval.low <= true <= interval.high
            widened += 1
    assert widened >= 3
    gap = claims["model/TAV/federated-audit/accuracy_difference/between accent x age"]
    assert gap.caveats  # names who could not be compared


def test_what_is_told_by_all_is_exact_though_others_are_withheld() -> None:
    plan = plan_of(floor=11, conditions=("TAV",))
    tables = {
        site: hospital(site, n_patients=n, seed=5 + i) for i, (site, n) in enumerate(zip(SITES, SIZES, strict=True))
    }
    told, exact = totals_of(tables, plan), totals_of(tables, plan, floor=False)
    for measure in measures(LABELS):
        assert pooled(measure, told.blocks[0]).interval(0, 0.95) == pooled(measure, exact.blocks[0]).interval(0, 0.95)


def test_a_site_that_is_small_as_a_whole_is_in_no_number_and_named() -> None:
    from federated.pooled.report import federated_report

    plan = plan_of(floor=11)
    tables = {"north": hospital("north", n_patients=60, seed=1), "south": hospital("south", n_patients=8, seed=2)}
    totals = totals_of(tables, plan)
    assert totals.silent == ("south",)
    assert totals.contributors == ("north",)
    report = federated_report(totals)
    assert any("south" in caveat and "in no number" in caveat for caveat in report.caveats)
    assert any("west" in caveat for caveat in report.caveats)
    alone = added(plan, [counts_of(tables["north"], plan, site="north")])
    for one, other in zip(totals.blocks, alone.blocks, strict=True):
        assert np.array_equal(one.vector(), other.vector())
