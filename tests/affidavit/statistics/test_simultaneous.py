"""Simultaneous differences and the gap bounds that follow: twins, laws, joint coverage, Fieller ratios."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from affidavit.statistics.jackknife import effective_units, jackknife_covariance, jackknife_standard_error
from affidavit.statistics.ratio import ratio_bounds
from affidavit.statistics.simultaneous import (
    PairwiseBounds,
    gap_bounds,
    gap_bounds_max,
    gap_bounds_mean,
    simultaneous_differences,
)
from affidavit.statistics.small_samples import degenerate_standard_error

Floats = NDArray[np.float64]


def _correlated(rng: np.random.Generator, n_groups: int) -> Floats:
    factor = rng.normal(size=(n_groups, n_groups)) * 0.02
    return factor @ factor.T + np.eye(n_groups) * 1e-4


@pytest.mark.parametrize("correlated", [False, True])
def test_differences_equal_the_slow_twin(rng: np.random.Generator, correlated: bool) -> None:
    values, df = rng.random(5), np.array([3.0, 7, 12, 30, 5])
    covariance = _correlated(rng, 5) if correlated else np.diag(rng.random(5) * 0.01)
    bounds = simultaneous_differences(values, covariance=covariance, degrees_of_freedom=df, level=0.9, n_families=3)
    k = 0
    for i in range(5):
        for j in range(i + 1, 5):
            a, b = covariance[i, i], covariance[j, j]
            error = (a + b - 2 * covariance[i, j]) ** 0.5
            welch = (a + b) ** 2 / (a**2 / df[i] + b**2 / df[j])
            t = stats.t.ppf(1 - 0.1 / 10 / 3 / 2, min(df[i], df[j]) if correlated else welch)
            d = values[i] - values[j]
            found = (
                bounds.i[k],
                bounds.j[k],
                bounds.difference[k],
                bounds.standard_error[k],
                bounds.low[k],
                bounds.high[k],
            )
            assert found == pytest.approx((i, j, d, error, d - t * error, d + t * error))
            k += 1
    assert k == len(bounds.i)


def test_two_groups_are_welchs_test(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=7), rng.normal(size=12)
    bounds = simultaneous_differences(
        np.array([x.mean(), y.mean()]),
        covariance=np.diag([x.var(ddof=1) / 7, y.var(ddof=1) / 12]),
        degrees_of_freedom=[6, 11],
        level=0.95,
    )
    expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.95)
    assert np.allclose((bounds.low[0], bounds.high[0]), expected)


def test_pairs_without_variance_have_no_bounds() -> None:
    values, covariance = np.array([0.5, 0.7, 0.9]), np.diag([0.0, 0.0, 0.01])
    bounds = simultaneous_differences(values, covariance=covariance, degrees_of_freedom=5, level=0.95)
    assert np.isnan(bounds.low).tolist() == [True, False, False]
    same = simultaneous_differences(
        np.array([0.5, 0.5]), covariance=np.full((2, 2), 0.01), degrees_of_freedom=5, level=0.95
    )
    assert np.isnan(same.standard_error).all()


def test_gap_of_undefined_pairs() -> None:
    values = np.array([0.2, 0.9, 0.5])
    covariance = np.diag([1e-4, 1e-4, np.nan])
    pairwise = simultaneous_differences(values, covariance=covariance, degrees_of_freedom=30, level=0.95)
    low, high = gap_bounds(pairwise)
    assert low > 0.6
    assert np.isnan(high)
    assert gap_bounds(pairwise, largest=1.0).high == 1
    one_group = simultaneous_differences(np.array([0.3]), covariance=np.eye(1), degrees_of_freedom=5, level=0.95)
    assert np.isnan(gap_bounds(one_group)).all()


def _gap_by_hand(pairwise: PairwiseBounds) -> tuple[float, float]:
    lows, highs = [0.0], []
    for low, high in zip(pairwise.low, pairwise.high, strict=True):
        lows += [low, -high]
        highs += [high, -low]
    return max(lows), max(highs)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=6).flatmap(
        lambda v: st.tuples(st.just(v), st.permutations(range(len(v))))
    ),
    st.floats(1e-3, 0.2),
)
def test_gap_bounds_laws(drawn: tuple[list[float], list[int]], error: float) -> None:
    """Equal the twin, contain the observed gap, ignore the order of groups, and widen with the number of families."""
    values, order = np.array(drawn[0]), drawn[1]
    variances = error**2 * (1 + np.arange(len(values)))

    def bounds(index: list[int], n_families: int = 1) -> PairwiseBounds:
        return simultaneous_differences(
            values[index],
            covariance=np.diag(variances[index]),
            degrees_of_freedom=10,
            level=0.95,
            n_families=n_families,
        )

    plain = gap_bounds(bounds(list(range(len(values)))))
    assert np.allclose(plain, _gap_by_hand(bounds(list(range(len(values))))))
    assert plain.low <= np.ptp(values) <= plain.high
    assert np.allclose(gap_bounds(bounds(order)), plain)
    wider = gap_bounds(bounds(order, n_families=4))
    assert wider.low <= plain.low + 1e-12
    assert wider.high >= plain.high - 1e-12


def test_layers(rng: np.random.Generator) -> None:
    layers = [
        simultaneous_differences(
            rng.random(3), covariance=np.eye(3) * 1e-3, degrees_of_freedom=9, level=0.95, n_families=4
        )
        for _ in range(4)
    ]
    each = np.array([gap_bounds(layer) for layer in layers])
    assert np.allclose(gap_bounds_max(layers), each.max(axis=0))
    assert np.allclose(gap_bounds_mean(layers), each.mean(axis=0))
    unknown = layers[0]._replace(low=layers[0].low * np.nan, high=layers[0].high * np.nan)
    assert np.isnan(gap_bounds_mean([unknown, layers[1]]).high)
    assert np.isnan(gap_bounds_max([unknown, layers[1]]).high)
    assert gap_bounds_max([unknown, layers[1]]).low == gap_bounds(layers[1]).low
    with pytest.raises(ValueError, match="layer"):
        gap_bounds_max([])


def _fieller_by_hand(x: float, y: float, variances: tuple[float, float, float], t: float) -> tuple[float, float]:
    """Where the t statistic of x - rho y crosses t, by root search on either side of x / y."""
    a, b, c = variances

    def excess(rho: float) -> float:
        return (x - rho * y) ** 2 - t**2 * (a - 2 * rho * c + rho**2 * b)

    return brentq(excess, x / y - 50, x / y), brentq(excess, x / y, x / y + 50)


@pytest.mark.parametrize("correlated", [False, True])
def test_ratio_equals_root_search(rng: np.random.Generator, correlated: bool) -> None:
    values, df = np.array([0.6, 0.75, 0.9]), np.array([9.0, 14, 30])
    covariance = _correlated(rng, 3) * 0.2 if correlated else np.diag([1e-3, 8e-4, 5e-4])
    pairs = []
    for i, j in permutations(range(3), 2):
        t = stats.t.ppf(1 - 0.05 / 3 / 2 / 2, min(df[i], df[j]))
        pairs.append(_fieller_by_hand(values[i], values[j], (covariance[i, i], covariance[j, j], covariance[i, j]), t))
    low, high = ratio_bounds(values, covariance=covariance, degrees_of_freedom=df, level=0.95, n_families=2)
    assert low == pytest.approx(min(p[0] for p in pairs))
    assert high == pytest.approx(min(1.0, *(p[1] for p in pairs)))
    assert low < 0.6 / 0.9 < high


def test_ratio_says_nothing_it_does_not_know() -> None:
    def bounds(values: list[float], variances: list[float]) -> tuple[float, float]:
        result = ratio_bounds(np.array(values), covariance=np.diag(variances), degrees_of_freedom=20, level=0.95)
        return float(result.low), float(result.high)

    assert bounds([0.02, 0.03], [1e-2, 1e-2]) == (0, 1)  # not significantly above 0
    assert bounds([0.5, 0.9], [0.0, 0.0]) == (0, 1)  # no variance
    assert bounds([0.5, np.nan], [1e-4, 1e-4]) == (0, 1)
    low, high = bounds([0.3, 0.9, np.nan], [1e-4, 1e-4, 1e-4])
    assert low == 0
    assert high < 0.5
    alone = ratio_bounds(np.array([0.5]), covariance=np.eye(1), degrees_of_freedom=5, level=0.95)
    assert np.isnan(alone).all()


_SIZES = {"equal": lambda m: np.full(m, 15.0), "unequal": lambda m: np.round(np.geomspace(5, 40, m))}


def _simulated(draw_units: Callable[..., Floats], rates: Floats, sizes: Floats, icc: float, n_tables: int):  # noqa: ANN202
    """Values [T, G], standard errors [T, G] and degrees of freedom of tables whose groups have these true rates."""
    m = len(sizes)
    successes = draw_units((n_tables, len(rates), m), sizes, rate=rates[None, :, None], icc=icc)
    values = successes.sum(axis=2) / sizes.sum()
    left_out = np.moveaxis((successes.sum(axis=2)[..., None] - successes) / (sizes.sum() - sizes), 2, 0)
    error = jackknife_standard_error(left_out)
    error = np.where(error > 0, error, degenerate_standard_error(values, n_units=m))
    return values, error, max(effective_units(sizes) - 1, 1.0)


def _check_coverage(draw_units, covers, rates: Floats, sizes: Floats, icc: float, n_tables: int) -> None:  # noqa: ANN001
    values, error, df = _simulated(draw_units, rates, sizes, icc, n_tables)
    i, j = np.triu_indices(len(rates), k=1)
    truth, gap, ratio = rates[i] - rates[j], np.ptp(rates), rates.min() / rates.max()
    joint, gaps, ratios = [], [], []
    for value, covariance in zip(values, error[:, :, None] ** 2 * np.eye(len(rates)), strict=True):
        pairwise = simultaneous_differences(value, covariance=covariance, degrees_of_freedom=df, level=0.95)
        low, high = gap_bounds(pairwise, largest=1.0)
        least, most = ratio_bounds(value, covariance=covariance, degrees_of_freedom=df, level=0.95)
        joint.append(bool(np.all((pairwise.low <= truth) & (truth <= pairwise.high))))
        gaps.append(low <= gap <= high)
        ratios.append(least <= ratio <= most)
    for inside in (joint, gaps, ratios):
        covers(np.array(inside), 0.945)


@pytest.mark.parametrize("real_gap", [0.0, 0.25])
@pytest.mark.parametrize(("n_groups", "m"), [(2, 8), (6, 8), (24, 20)])
def test_coverage(draw_units, covers, n_groups: int, m: int, real_gap: float) -> None:  # noqa: ANN001
    """Joint pairwise, gap and ratio bounds, under equality and with one group worse."""
    rates = np.full(n_groups, 0.6) - real_gap * (np.arange(n_groups) == 0)
    _check_coverage(draw_units, covers, rates, _SIZES["equal"](m), 0.1, 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("real_gap", [0.0, 0.25])
@pytest.mark.parametrize(("rate", "icc"), [(0.6, 0.1), (0.9, 0.1), (0.9, 0.3)])
@pytest.mark.parametrize("sizes", ["equal", "unequal"])
@pytest.mark.parametrize("m", [8, 20, 50])
@pytest.mark.parametrize("n_groups", [2, 6, 24])
def test_coverage_everywhere(draw_units, covers, n_groups, m, sizes, rate, icc, real_gap) -> None:  # noqa: ANN001
    rates = np.full(n_groups, rate) - real_gap * (np.arange(n_groups) == 0)
    _check_coverage(draw_units, covers, rates, _SIZES[sizes](m), icc, 2_000)


@pytest.mark.parametrize("n_groups", [2, 5])
@pytest.mark.parametrize("m", [8, 30])
def test_coverage_of_paired_groups(rng: np.random.Generator, covers, m: int, n_groups: int) -> None:  # noqa: ANN001
    """An attribute of the utterance: every unit is in every group, so the groups' errors are correlated."""
    ability = rng.normal(0.5, 0.8, (1_500, m, 1))
    truth = np.linspace(0, 0.5, n_groups)
    rates = 1 / (1 + np.exp(-(ability + truth + 0.3 * rng.normal(size=(1_500, m, n_groups)))))
    expected = rates.reshape(-1, n_groups).mean(axis=0)
    values = rng.binomial(20, rates) / 20
    i, j = np.triu_indices(n_groups, k=1)
    d = expected[i] - expected[j]
    inside = []
    for table in values:
        left_out = (table.sum(axis=0) - table) / (m - 1)
        covariance = jackknife_covariance(left_out)
        bounds = simultaneous_differences(
            table.mean(axis=0), covariance=covariance, degrees_of_freedom=m - 1, level=0.95
        )
        inside.append(bool(np.all((bounds.low <= d) & (d <= bounds.high))))
    covers(np.array(inside), 0.945)


def test_layers_cover_jointly(draw_units, covers) -> None:  # noqa: ANN001
    """Largest and mean gap over three classes, each with bounds at a third of alpha."""
    rates = np.array([[0.6, 0.6, 0.6], [0.5, 0.7, 0.6], [0.4, 0.4, 0.7]])
    sizes = np.full(12, 15.0)
    tables = [_simulated(draw_units, row, sizes, 0.1, 1_000) for row in rates]
    gaps = np.ptp(rates, axis=1)
    largest, mean = [], []
    for t in range(1_000):
        layers = [
            simultaneous_differences(
                values[t], covariance=np.diag(error[t] ** 2), degrees_of_freedom=df, level=0.95, n_families=3
            )
            for values, error, df in tables
        ]
        low, high = gap_bounds_max(layers)
        largest.append(low <= gaps.max() <= high)
        low, high = gap_bounds_mean(layers)
        mean.append(low <= gaps.mean() <= high)
    covers(np.array(largest))
    covers(np.array(mean))
