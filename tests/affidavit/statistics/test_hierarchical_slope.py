"""The posterior of the mean slope: equal to brute force over four unknowns, and its intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import expon, norm, pearsonr

from affidavit.statistics import hierarchical_slope
from affidavit.statistics.hierarchical_slope import SlopeSums, slope_posterior, standardised_slopes
from affidavit.statistics.types import FloatArray, IntArray


def sums_of(slope: FloatArray, points: IntArray, unit: IntArray) -> SlopeSums:
    kinds = np.unique(points)
    shape = (int(unit.max()) + 1, len(kinds))
    n, total, squares = (np.zeros(shape) for _ in range(3))
    for value, size, j in zip(slope, points, unit, strict=True):
        k = int(np.flatnonzero(kinds == size)[0])
        n[j, k] += 1
        total[j, k] += value
        squares[j, k] += value**2
    return SlopeSums(points=kinds, n=n, total=total, squares=squares)


def standardised_rows(rng: np.random.Generator, slopes: FloatArray, n_points: int) -> FloatArray:
    """Return for each wanted slope the correlation of five noisy points, as a table would give it."""
    x = rng.standard_normal((len(slopes), n_points))
    y = slopes[:, None] * x + rng.standard_normal(x.shape)
    return standardised_slopes(x, y)[0]


def test_slopes_are_correlations_over_what_is_there() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 30, 5))
    x[rng.random(x.shape) < 0.2] = np.nan
    slopes, points = standardised_slopes(x, y)
    for row in range(30):
        there = ~np.isnan(x[row])
        assert points[row] == there.sum()
        assert slopes[row] == pytest.approx(pearsonr(x[row, there], y[row, there]).statistic)


def test_what_does_not_vary_has_no_slope() -> None:
    flat, rising = np.ones(3), np.arange(3.0)
    x = np.stack([flat, rising, rising, rising * 1e-8, [np.nan, np.nan, 1.0]])
    y = np.stack([rising, flat, rising, rising, rising])
    slopes, _ = standardised_slopes(x, y, least_sd=1e-6)
    assert np.isnan(slopes).tolist() == [True, True, False, True, True]
    assert slopes[2] == pytest.approx(1.0)


def test_it_equals_brute_force_over_the_same_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every unit's mean and mu are summed over fine grids, from the definition, for each sigma and tau."""
    noises, spreads = np.geomspace(0.1, 3, 6), np.geomspace(0.1, 2, 6)
    monkeypatch.setattr(hierarchical_slope, "NOISES", noises)
    monkeypatch.setattr(hierarchical_slope, "SPREADS", spreads)
    slope, unit = np.array([0.9, 0.2, -0.4, 0.5]), np.array([0, 0, 1, 1])
    points = np.array([3, 4, 3, 3])
    grid = np.linspace(-6, 6, 601)
    density = np.zeros(len(grid))
    for sigma in noises:
        variance = 1 + sigma**2 / points
        residual = points * (1 - slope**2)
        noise = np.prod(sigma ** -(points - 2.0) * np.exp(-residual / (2 * sigma**2)))
        own = np.stack(
            [
                np.prod([norm.pdf(slope[i], grid, np.sqrt(variance[i])) for i in np.flatnonzero(unit == j)], axis=0)
                for j in range(2)
            ]
        )
        for tau in spreads:
            spread = norm.pdf(grid[None, :], grid[:, None], tau)
            over_units = np.prod([spread @ each * (grid[1] - grid[0]) for each in own], axis=0)
            prior = expon.pdf(sigma) * sigma * expon.pdf(tau) * tau
            density += noise * over_units * norm.pdf(grid) * prior
    density /= density.sum()
    found = slope_posterior(sums_of(slope, points, unit))
    assert found.mean == pytest.approx(float(density @ grid), abs=2e-3)
    bounds = found.bounds(0.9)
    expected = np.interp([0.05, 0.95], np.cumsum(density), grid)
    assert [float(bounds.low), float(bounds.high)] == pytest.approx(expected, abs=0.02)


def test_wider_levels_contain_narrower_ones_and_order_tells_nothing() -> None:
    rng = np.random.default_rng(1)
    slope, unit = rng.uniform(-1, 1, 40), rng.integers(0, 8, 40)
    points = rng.integers(2, 5, 40)
    found = slope_posterior(sums_of(slope, points, unit))
    narrow, wide = found.bounds(0.8), found.bounds(0.999)
    assert wide.low < narrow.low < found.mean < narrow.high < wide.high
    order = rng.permutation(40)
    again = slope_posterior(sums_of(slope[order], points[order], unit[order]))
    assert again.mean == pytest.approx(found.mean)


def test_examples_that_fit_perfectly_leave_a_posterior() -> None:
    found = slope_posterior(sums_of(np.ones(60), np.full(60, 3), np.arange(60) % 12))
    assert found.mean > 0.8
    assert np.isfinite(found.bounds(0.95)).all()


def test_many_utterances_of_few_units_are_not_many_units() -> None:
    rng = np.random.default_rng(2)
    units = rng.normal(0.3, 0.5, 6)
    unit = np.repeat(np.arange(6), 200)
    slope = standardised_rows(rng, units[unit], 5)
    few = slope_posterior(sums_of(slope, np.full(1200, 5), unit)).bounds(0.95)
    many = slope_posterior(sums_of(slope, np.full(1200, 5), np.arange(1200))).bounds(0.95)
    assert float(few.high - few.low) > 3 * float(many.high - many.low)


def test_nothing_gives_no_posterior() -> None:
    nothing = np.zeros((2, 1))
    with pytest.raises(ValueError, match="at least one example"):
        slope_posterior(SlopeSums(points=np.array([3]), n=nothing, total=nothing, squares=nothing))


def coverage(n_tables: int, *, model: bool, level: float = 0.9) -> float:
    """Return how often the interval holds the mean slope that tables were drawn from."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(n_tables):
        mu, tau = rng.normal(0, 0.5), rng.exponential(0.5)
        unit = np.repeat(np.arange(15), 6)
        if model:  # slopes as the model has them, unbounded, with the noise of points
            sigma = 0.6
            beta = rng.normal(rng.normal(mu, tau, 15)[unit], 1.0)
            slope = rng.normal(beta, sigma / np.sqrt(5))
            sums = sums_of(slope, np.full(90, 5), unit)
        else:
            wanted = rng.normal(mu, 0.4, 15)[unit]
            mu = float(np.mean(standardised_rows(rng, rng.normal(mu, 0.4, 20_000), 5)))
            sums = sums_of(standardised_rows(rng, wanted, 5), np.full(90, 5), unit)
        bounds = slope_posterior(sums).bounds(level)
        held += bool(bounds.low <= mu <= bounds.high)
    return held / n_tables


def test_intervals_hold_for_correlations_more_often_than_they_say() -> None:
    assert coverage(60, model=False) >= 0.95


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say_under_the_model() -> None:
    assert 0.87 <= coverage(1500, model=True) <= 0.935
