"""Intervals over few units: reference values, edges, and coverage where the docstrings claim or concede it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from affidavit.statistics.jackknife import effective_units, jackknife_standard_error
from affidavit.statistics.proportions import clopper_pearson_bounds
from affidavit.statistics.small_samples import (
    degenerate_rate_bounds,
    degenerate_standard_error,
    logit_t_bounds,
    t_bounds,
)

Floats = NDArray[np.float64]


def test_t_bounds_are_the_one_sample_t_interval(rng: np.random.Generator) -> None:
    values = rng.normal(size=9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    bounds = t_bounds(values.mean(), values.std(ddof=1) / 3, degrees_of_freedom=8, level=0.9)
    assert np.allclose(bounds, expected)


def test_t_bounds_refuse_to_be_certain() -> None:
    low, high = t_bounds(np.full(4, 0.5), [0.0, np.nan, 0.1, 0.1], degrees_of_freedom=[5, 5, 0, 5], level=0.95)
    assert np.isnan(low).tolist() == [True, True, True, False]
    assert np.isnan(high).tolist() == [True, True, True, False]


def test_logit_bounds_mirror_and_stay_inside() -> None:
    low, high = logit_t_bounds([0.97, 0.03], [0.02, 0.02], degrees_of_freedom=4, level=0.95)
    assert low[0] == pytest.approx(1 - high[1])
    assert 0 < low[1] < 0.03 < high[1] < 1
    wide = t_bounds(0.97, 0.02, degrees_of_freedom=4, level=0.95)
    assert wide.high > 1


def test_logit_bounds_undefined_at_the_ends() -> None:
    low, high = logit_t_bounds(
        [0.0, 1.0, 1.2, 0.5, 0.5], [0.1, 0.1, 0.1, 0.0, np.nan], degrees_of_freedom=4, level=0.95
    )
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_degenerate_bounds_count_units() -> None:
    low, high = degenerate_rate_bounds([1.0, 0.0, 1.0, 0.5], n_units=[12, 12, 5, 8], level=0.95)
    assert low[0] == pytest.approx(0.025 ** (1 / 12))
    assert high[0] == 1
    assert high[1] == pytest.approx(1 - 0.025 ** (1 / 12))
    assert low[1] == 0
    assert low[2] == pytest.approx(0.025 ** (1 / 5))
    assert np.allclose((low[3], high[3]), clopper_pearson_bounds(4, 8, level=0.95))


def test_degenerate_undefined() -> None:
    for rate, m in [(np.nan, 5), (1.1, 5), (-0.1, 5), (1.0, 0)]:
        assert np.isnan(degenerate_rate_bounds(rate, n_units=m, level=0.95)).all()
        assert np.isnan(degenerate_standard_error(rate, n_units=m))


def test_degenerate_standard_error_is_agresti_coulls() -> None:
    assert degenerate_standard_error(1.0, n_units=12) == pytest.approx((14 / 16 * 2 / 16 / 16) ** 0.5)
    assert degenerate_standard_error([0.0, 1.0], n_units=30).std() == pytest.approx(0)


def test_degenerate_coverage(draw_units, covers, rng) -> None:  # noqa: ANN001
    """Of the tables whose units all agree, at least 95 % are covered."""
    for m, rate, icc in [(5, 0.95, 0.3), (8, 0.9, 0.5), (12, 0.97, 0.2)]:
        sizes = np.full(m, 10.0)
        successes = draw_units((6_000, m), sizes, rate=rate, icc=icc)
        value = successes.sum(axis=1) / sizes.sum()
        without_spread = jackknife_standard_error(_left_out(successes, sizes)) == 0
        assert without_spread.any()
        bounds = degenerate_rate_bounds(value[without_spread], n_units=m, level=0.95)
        covers((bounds.low <= rate) & (rate <= bounds.high), 0.95)


def _left_out(successes: Floats, sizes: Floats) -> Floats:
    return (successes.sum(axis=1) - successes.T) / (sizes.sum() - sizes)[:, None]


_SIZES = {
    "equal": lambda m: np.full(m, 20.0),
    "unequal": lambda m: np.round(np.geomspace(3, 60, m)),
    "one large": lambda m: np.append(np.full(m - 1, 15.0), 200.0),
}


@pytest.mark.parametrize("icc", [0.001, 0.1, 0.5])
@pytest.mark.parametrize("sizes", sorted(_SIZES))
@pytest.mark.parametrize("m", [5, 8, 12])
def test_t_coverage(draw_units, covers, m: int, sizes: str, icc: float) -> None:  # noqa: ANN001
    """At rate 0.6 with Satterthwaite degrees of freedom: at the level, 0.92 at worst (5 units, icc 0.5)."""
    n = _SIZES[sizes](m)
    successes = draw_units((8_000, m), n, rate=0.6, icc=icc)
    value, error = successes.sum(axis=1) / n.sum(), jackknife_standard_error(_left_out(successes, n))
    df = max(effective_units(n) - 1, 1.0)
    spread = error > 0
    low, high = t_bounds(value[spread], error[spread], degrees_of_freedom=df, level=0.95)
    covers((low <= 0.6) & (high >= 0.6), 0.92 if (m, sizes) == (5, "equal") else 0.94)
    inside = spread & (value > 0) & (value < 1)
    low, high = logit_t_bounds(value[inside], error[inside], degrees_of_freedom=df, level=0.95)
    covers((low <= 0.6) & (high >= 0.6), 0.95)


def test_row_count_degrees_of_freedom_would_be_too_many(draw_units) -> None:  # noqa: ANN001
    """Why `effective_units`: with m - 1 the same interval misses one time in six."""
    n = _SIZES["unequal"](5)
    successes = draw_units((8_000, 5), n, rate=0.6, icc=0.5)
    value, error = successes.sum(axis=1) / n.sum(), jackknife_standard_error(_left_out(successes, n))
    low, high = t_bounds(value, error, degrees_of_freedom=4, level=0.95)
    assert np.mean((low <= 0.6) & (high >= 0.6)) < 0.88


@pytest.mark.parametrize(
    ("m", "icc", "plain", "logit"), [(8, 0.1, 0.89, 0.945), (8, 0.5, 0.78, 0.89), (12, 0.5, 0.81, 0.89)]
)
def test_skewed_rates_want_the_logit(draw_units, covers, m, icc, plain, logit) -> None:  # noqa: ANN001
    n = np.full(m, 20.0)
    successes = draw_units((8_000, m), n, rate=0.9, icc=icc)
    value, error = successes.sum(axis=1) / n.sum(), jackknife_standard_error(_left_out(successes, n))
    spread = error > 0
    for bounds, floor in ((t_bounds, plain), (logit_t_bounds, logit)):
        low, high = bounds(value[spread], error[spread], degrees_of_freedom=m - 1, level=0.95)
        covers((low <= 0.9) & (high >= 0.9), floor)


def test_root_t_equals_its_formula_and_is_undefined_where_it_says() -> None:
    from scipy.stats import t

    from affidavit.statistics.small_samples import root_t_bounds

    low, high = root_t_bounds(0.25, 0.05, degrees_of_freedom=7, level=0.95)
    half = t.ppf(0.975, 7) * 0.05 / (2 * 0.5)
    assert (float(low), float(high)) == (pytest.approx((0.5 - half) ** 2), pytest.approx((0.5 + half) ** 2))
    assert float(root_t_bounds(0.01, 0.05, degrees_of_freedom=3, level=0.99).low) == 0.0
    for rate, error in ((0.0, 0.1), (0.2, 0.0), (-1.0, 0.1)):
        assert np.isnan(root_t_bounds(rate, error, degrees_of_freedom=7, level=0.95).low)
