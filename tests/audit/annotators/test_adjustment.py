"""Means after regression: the textbook's analysis of covariance, and errors that hold."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.evidence import Evidence
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.gaps import max_min_gap
from affidavit.tally import GroupedSums
from audit.annotators.adjustment import adjust, adjusted_means, common_slope

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = tuple[Ints, Ints, Floats, Floats]
"""Unit, group, outcome and covariate of each row."""
OPTIONS = Statistics(n_resamples=100, n_permutations=199)


def rows_of(rng: np.random.Generator, n_units: int, per: int, *, shift: float, gap: float, slope: float = 0.5) -> Rows:
    """Two groups; the second has its covariate shifted, and its outcome beyond what that explains."""
    unit = np.repeat(np.arange(n_units), per)
    group = unit % 2
    h = rng.uniform(0, 1, len(unit)) + shift * group
    d = slope * h + gap * group + rng.normal(0, 0.1, n_units)[unit] + rng.normal(0, 0.2, len(unit))
    return unit, group, d, h


def evidence_of(unit: Ints, group: Ints, d: Floats, h: Floats, seed: int = 0) -> Evidence:
    columns = np.stack([np.ones(len(d)), d, h, h * h, d * h], axis=1)
    pairs, row = np.unique(np.stack([unit, group], axis=1), axis=0, return_inverse=True)
    sums = np.zeros((len(pairs), 5))
    np.add.at(sums, row.reshape(-1), columns)
    n_units = int(unit.max()) + 1
    grouped = GroupedSums(
        sums=sums,
        n_rows=sums[:, 0].astype(np.int64),
        unit=pairs[:, 0],
        group=pairs[:, 1],
        n_units=n_units,
        groups=tuple({"g": str(g)} for g in range(int(group.max()) + 1)),
    )
    resampler = UnitResampler(n_units=n_units, n_resamples=100, seed=seed)
    return Evidence(grouped=grouped, options=OPTIONS, resampler=resampler, seed=seed)


def least_squares(unit: Ints, group: Ints, d: Floats, h: Floats) -> Floats:
    """Adjusted means from the regression on group dummies and the covariate."""
    dummies = (group[:, None] == np.arange(group.max() + 1)).astype(float)
    found = np.linalg.lstsq(np.column_stack([dummies, h]), d, rcond=None)[0]
    return found[:-1] + found[-1] * h.mean()


def test_equals_the_regression_on_groups_and_covariate() -> None:
    drawn = rows_of(np.random.default_rng(0), 30, 8, shift=0.4, gap=0.1)
    assert adjusted_means(evidence_of(*drawn).totals) == pytest.approx(least_squares(*drawn))


def test_equal_means_of_the_covariate_leave_the_raw_gap_and_no_spread_leaves_no_slope() -> None:
    unit, group, d, _ = rows_of(np.random.default_rng(1), 20, 6, shift=0.0, gap=0.2)
    h = np.tile(np.linspace(0, 1, 6), 20)
    totals = evidence_of(unit, group, d, h).totals
    raw = totals[:, 1] / totals[:, 0]
    assert float(max_min_gap(adjusted_means(totals))) == pytest.approx(float(max_min_gap(raw)))
    flat = evidence_of(unit, group, d, np.full(len(d), 1.3)).totals
    assert float(common_slope(flat)) == 0
    assert adjusted_means(flat) == pytest.approx(raw)


def test_a_gap_that_the_covariate_explains_vanishes_and_one_that_it_does_not_stays() -> None:
    rng = np.random.default_rng(2)
    explained = adjust(evidence_of(*rows_of(rng, 200, 10, shift=0.5, gap=0.0)), "d", source="test")
    found = adjust(evidence_of(*rows_of(rng, 200, 10, shift=0.5, gap=0.15)), "d", source="test")
    tests = [adjusted.test() for adjusted in (explained, found)]
    assert tests[0] is not None
    assert tests[1] is not None
    assert tests[0].p_value > 0.05
    assert tests[1].p_value < 0.05
    interval = found.gap_interval(0.95)
    assert isinstance(interval, Interval)
    assert interval.low <= 0.15 <= interval.high
    assert interval.low > 0


def test_errors_equal_leaving_each_unit_out_of_everything() -> None:
    unit, group, d, h = rows_of(np.random.default_rng(3), 14, 5, shift=0.4, gap=0.1)
    group = np.where(np.arange(len(unit)) % 5 == 0, 1 - group, group)  # some units are in both groups
    left_out = [adjusted_means(evidence_of(*(x[unit != u] for x in (unit, group, d, h))).totals) for u in range(14)]
    spread = np.array(left_out) - np.mean(left_out, axis=0)
    expected = 13 / 14 * spread.T @ spread
    assert adjust(evidence_of(unit, group, d, h), "d", source="test").covariance == pytest.approx(expected)


def test_a_group_of_one_unit_and_one_of_none() -> None:
    unit, group, d, h = rows_of(np.random.default_rng(4), 16, 5, shift=0.2, gap=0.1)
    group = np.where(unit == 0, 2, group)
    evidence = evidence_of(unit, group, d, h)
    grouped = evidence.grouped
    more = GroupedSums(
        sums=grouped.sums,
        n_rows=grouped.n_rows,
        unit=grouped.unit,
        group=grouped.group,
        n_units=16,
        groups=(*grouped.groups, {"g": "nobody"}),
    )
    adjusted = adjust(Evidence(grouped=more, options=OPTIONS, resampler=evidence.resampler, seed=0), "d", source="test")
    assert isinstance(adjusted.interval(0, 0.95), Interval)
    assert "one unit" in str(adjusted.interval(2, 0.95))
    assert "undefined" in str(adjusted.interval(3, 0.95))
    assert isinstance(adjusted.gap_interval(0.95), Interval)
    assert adjusted.gap.left_out == ("2", "nobody")


def test_the_bounds_of_the_gap_cover_and_the_test_keeps_its_level() -> None:
    rng = np.random.default_rng(5)
    covered, rejected = 0, 0
    for _ in range(400):
        adjusted = adjust(evidence_of(*rows_of(rng, 30, 6, shift=0.6, gap=0.1)), "d", source="test")
        interval = adjusted.gap_interval(0.95)
        assert isinstance(interval, Interval)
        covered += interval.low <= 0.1 <= interval.high
        test = adjust(evidence_of(*rows_of(rng, 30, 6, shift=0.6, gap=0.0)), "d", source="test").test()
        rejected += test is not None and test.p_value <= 0.05
    assert covered / 400 >= 0.95 - 3 * (0.05 * 0.95 / 400) ** 0.5
    assert rejected / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5
