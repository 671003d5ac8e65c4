"""Wilson, Clopper-Pearson and Newcombe: reference values, edges, and coverage by exact enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from affidavit.statistics.proportions import clopper_pearson_bounds, newcombe_bounds, wilson_bounds


@pytest.mark.parametrize(("method", "bounds"), [("wilson", wilson_bounds), ("exact", clopper_pearson_bounds)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_equals_scipy(method: str, bounds, level: float) -> None:  # noqa: ANN001
    n = np.repeat([1, 7, 40], [2, 8, 41])
    x = np.concatenate([np.arange(m + 1) for m in (1, 7, 40)])
    low, high = bounds(x, n, level=level)
    for k in range(len(x)):
        expected = binomtest(int(x[k]), int(n[k])).proportion_ci(level, method=method)
        assert low[k] == pytest.approx(expected.low, abs=1e-12)
        assert high[k] == pytest.approx(expected.high, abs=1e-12)


@pytest.mark.parametrize("bounds", [wilson_bounds, clopper_pearson_bounds])
def test_edges(bounds) -> None:  # noqa: ANN001
    low, high = bounds([0, 0, 5], [0, 5, 5], level=0.95)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert low[1] == 0
    assert high[2] == 1
    assert low[2] == pytest.approx(1 - high[1])


def test_clopper_pearson_of_all_successes_is_the_root_of_half_alpha() -> None:
    assert clopper_pearson_bounds(5, 5, level=0.95).low == pytest.approx(0.025 ** (1 / 5))


def test_newcombe_textbook_values() -> None:
    """Newcombe 1998, table II, method 10."""
    for x1, n1, x2, n2, low, high in [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090)]:
        bounds = newcombe_bounds(x1, n1, successes_2=x2, n_2=n2, level=0.95)
        assert tuple(np.round(bounds, 4)) == (low, high)


def test_newcombe_is_antisymmetric_and_nan_without_trials() -> None:
    one = newcombe_bounds([3, 2], [9, 4], successes_2=[5, 0], n_2=[11, 0], level=0.9)
    other = newcombe_bounds([5, 0], [11, 0], successes_2=[3, 2], n_2=[9, 4], level=0.9)
    assert one.low[0] == pytest.approx(-other.high[0])
    assert np.isnan(one.low[1])
    assert np.isnan(one.high[1])


@pytest.mark.parametrize("bounds", [wilson_bounds, clopper_pearson_bounds])
def test_refuses_impossible_counts_and_levels(bounds) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match="successes"):
        bounds(3, 2, level=0.95)
    with pytest.raises(ValueError, match="level=95"):
        bounds(1, 2, level=95)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_contains_the_estimate_and_mirrors(counts: tuple[int, int]) -> None:
    x, n = counts
    for bounds in (wilson_bounds, clopper_pearson_bounds):
        low, high = bounds(x, n, level=0.95)
        mirrored = bounds(n - x, n, level=0.95)
        assert 0 <= low <= x / n <= high <= 1
        assert low == pytest.approx(1 - mirrored.high, abs=1e-9)


def _coverage(bounds, n: int, p: float) -> float:  # noqa: ANN001
    low, high = bounds(np.arange(n + 1), np.full(n + 1, n), level=0.95)
    return float(binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum())


def test_exact_coverage_over_all_rates() -> None:
    rates = np.linspace(0.02, 0.98, 97)
    for n in (8, 20, 100):
        exact = [_coverage(clopper_pearson_bounds, n, p) for p in rates]
        score = [_coverage(wilson_bounds, n, p) for p in rates]
        assert min(exact) >= 0.95
        assert np.mean(score) == pytest.approx(0.95, abs=0.01)
        assert min(score) > 0.83  # near 0 and 1 at small n: the known dip of the score interval


def test_newcombe_coverage() -> None:
    for n1, n2, p1, p2 in [(20, 20, 0.6, 0.6), (20, 60, 0.9, 0.7), (100, 40, 0.5, 0.2), (12, 12, 0.9, 0.9)]:
        x1, x2 = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
        weight = np.outer(binom.pmf(np.arange(n1 + 1), n1, p1), binom.pmf(np.arange(n2 + 1), n2, p2))
        low, high = newcombe_bounds(x1, n1, successes_2=x2, n_2=n2, level=0.95)
        assert weight[(low <= p1 - p2) & (p1 - p2 <= high)].sum() >= 0.94
