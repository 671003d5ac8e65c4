"""Percentile and BCa bounds: quantile twins, edges, and simulated coverage for rates of correlated units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from affidavit.statistics.bootstrap import UnitResampler, bca_bounds, percentile_bounds, undefined_share

Floats = NDArray[np.float64]


def _bca_by_hand(estimate: float, replicates: Floats, left_out: Floats, level: float, m: int) -> tuple[float, float]:
    below = sum(r < estimate for r in replicates) + 0.5 * sum(r == estimate for r in replicates)
    z0 = stats.norm.ppf(below / len(replicates))
    centre = sum(left_out) / len(left_out)
    cubes = sum((centre - x) ** 3 for x in left_out)
    squares = sum((centre - x) ** 2 for x in left_out)
    a = cubes / (6 * squares**1.5)
    z = np.sqrt(m / (m - 1)) * stats.t.ppf((1 - level) / 2, m - 1)
    ends = [stats.norm.cdf(z0 + (z0 + s * z) / (1 - a * (z0 + s * z))) for s in (1, -1)]
    return float(np.quantile(replicates, ends[0])), float(np.quantile(replicates, ends[1]))


def test_percentile_equals_nanquantile(rng: np.random.Generator) -> None:
    replicates = rng.normal(size=(200, 3, 2))
    replicates[rng.random(replicates.shape) < 0.2] = np.nan
    low, high = percentile_bounds(replicates, level=0.9)
    assert np.allclose(low, np.nanquantile(replicates, 0.05, axis=0))
    assert np.allclose(high, np.nanquantile(replicates, 0.95, axis=0))
    assert np.allclose(undefined_share(replicates), np.isnan(replicates).mean(axis=0))


def test_expansion_is_hesterbergs(rng: np.random.Generator) -> None:
    replicates = rng.normal(size=(500, 2))
    tail = stats.norm.cdf(np.sqrt(20 / 19) * stats.t.ppf(0.025, 19))
    low, _ = percentile_bounds(replicates, level=0.95, n_units=20)
    assert np.allclose(low, np.quantile(replicates, tail, axis=0))
    assert np.isnan(percentile_bounds(replicates, level=0.95, n_units=1).low).all()


def test_no_replicates_no_bounds() -> None:
    for replicates in (np.full((10, 2), np.nan), np.empty((0, 2))):
        assert np.isnan(percentile_bounds(replicates, level=0.95)).all()


def test_bca_equals_the_slow_twin(rng: np.random.Generator) -> None:
    values = rng.exponential(size=(12, 3))
    left_out = (values.sum(axis=0) - values) / 11
    replicates = np.round(values[rng.integers(0, 12, (400, 12))].mean(axis=1), 2)
    estimate = np.round(values.mean(axis=0), 2)
    low, high = bca_bounds(estimate, replicates, leave_one_out=left_out, level=0.9)
    for k in range(3):
        expected = _bca_by_hand(estimate[k], replicates[:, k], left_out[:, k], 0.9, 12)
        assert (low[k], high[k]) == pytest.approx(expected)


def test_bca_without_expansion_is_scipys(rng: np.random.Generator) -> None:
    values = rng.exponential(size=25)
    result = stats.bootstrap((values,), np.mean, confidence_level=0.9, n_resamples=999, method="BCa", rng=rng)
    ours = bca_bounds(
        values.mean(),
        result.bootstrap_distribution,
        leave_one_out=(values.sum() - values) / 24,
        level=0.9,
        n_units=10**9,
    )
    assert np.allclose(ours, result.confidence_interval, rtol=1e-3)


def test_bca_speaks_only_where_it_can(rng: np.random.Generator) -> None:
    replicates = rng.normal(size=(100, 5))
    replicates[:, 0] = 1.0  # no spread
    replicates[:, 1] += 100.0  # all on one side
    replicates[:, 2] = np.nan
    left_out = rng.normal(size=(20, 5)) * 0.1
    left_out[0, 3] = np.nan  # a unit that the estimate cannot do without
    low, high = bca_bounds(np.array([1.0, 0, 0, 0, 0]), replicates, leave_one_out=left_out, level=0.95)
    assert np.isnan(low).tolist() == [True, True, True, True, False]
    assert np.isnan(high).tolist() == [True, True, True, True, False]
    still = bca_bounds(0.5, replicates[:, 4], leave_one_out=np.full(20, 0.5), level=0.95)
    assert np.isnan(still).all()


def test_bca_counts_the_units_that_move_the_estimate(rng: np.random.Generator) -> None:
    values = rng.random(10)
    replicates = values[rng.integers(0, 10, (300, 10))].mean(axis=1)
    left_out = (values.sum() - values) / 9
    idle = np.concatenate([left_out, np.full(40, values.mean())])
    inferred = bca_bounds(values.mean(), replicates, leave_one_out=idle, level=0.95)
    told = bca_bounds(values.mean(), replicates, leave_one_out=idle, level=0.95, n_units=10)
    assert np.allclose(inferred, told)


_SIZES = {"equal": lambda m: np.full(m, 15.0), "unequal": lambda m: np.round(np.geomspace(5, 40, m))}


def _simulate(draw_units: Callable[..., Floats], m: int, sizes: Floats, rate: float, icc: float, n_tables: int):  # noqa: ANN202
    """Estimates, replicates and leave-one-out rates of many simulated tables at once, one column a table."""
    successes = draw_units((n_tables, m), sizes, rate=rate, icc=icc)
    resampler = UnitResampler(n_units=m, n_resamples=1_499, seed=3)
    sums = np.column_stack([successes.T, sizes])
    totals = resampler.group_sums(sums, np.arange(m), group=np.zeros(m, dtype=int), n_groups=1)[:, 0]
    left_out = (successes.sum(axis=1) - successes.T) / (sizes.sum() - sizes)[:, None]
    return successes.sum(axis=1) / sizes.sum(), totals[:, :-1] / totals[:, -1:], left_out


@pytest.mark.parametrize(
    ("m", "sizes", "rate", "icc", "floor_percentile", "floor_bca"),
    [
        (20, "equal", 0.6, 0.1, 0.95, 0.95),
        (20, "equal", 0.9, 0.2, 0.92, 0.94),
        (20, "unequal", 0.6, 0.2, 0.935, 0.93),
        (20, "unequal", 0.9, 0.2, 0.905, 0.92),
        (50, "equal", 0.6, 0.1, 0.95, 0.95),
        (50, "unequal", 0.9, 0.2, 0.925, 0.94),
    ],
)
def test_coverage(draw_units, covers, m, sizes, rate, icc, floor_percentile, floor_bca) -> None:  # noqa: ANN001
    """Floors are the coverages that the docstrings own up to."""
    estimate, replicates, left_out = _simulate(draw_units, m, _SIZES[sizes](m), rate, icc, 1_500)
    percentile = percentile_bounds(replicates, level=0.95, n_units=m)
    bca = bca_bounds(estimate, replicates, leave_one_out=left_out, level=0.95, n_units=m)
    covers((percentile.low <= rate) & (rate <= percentile.high), floor_percentile)
    covers((bca.low <= rate) & (rate <= bca.high), floor_bca)
