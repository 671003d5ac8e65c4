"""The interval of one rate near 0 or 1: its degrees of freedom are a variance's, and it covers where t misses."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from affidavit.statistics.proportions import clopper_pearson_bounds
from affidavit.statistics.small_samples import (
    inward_degrees_of_freedom,
    logit_t_bounds,
    skew_logit_t_bounds,
)


@pytest.mark.parametrize(("p", "m"), [(0.9, 6), (0.15, 5), (0.97, 7)])
def test_degrees_of_freedom_are_those_of_the_variance_of_units_wholly_right_or_wrong(p: float, m: int) -> None:
    """Twice the squared mean of s^2 over its variance, by listing every sample of m zeros and ones."""
    samples = np.array(list(product((0.0, 1.0), repeat=m)))
    chance = p ** samples.sum(1) * (1 - p) ** (m - samples.sum(1))
    s2 = samples.var(axis=1, ddof=1)
    mean = chance @ s2
    listed = 2 * mean**2 / (chance @ (s2 - mean) ** 2)
    error = math.sqrt(p * (1 - p) / m)
    assert float(inward_degrees_of_freedom(p, error, degrees_of_freedom=m - 1)) == pytest.approx(max(listed, 1.0))


def test_units_that_differ_little_and_rates_in_the_middle_keep_theirs() -> None:
    assert inward_degrees_of_freedom([0.3, 0.5, 0.78], 0.1, degrees_of_freedom=19).tolist() == [19.0] * 3
    assert float(inward_degrees_of_freedom(0.95, 1e-6, degrees_of_freedom=11)) == pytest.approx(11)
    assert float(inward_degrees_of_freedom(0.99, 0.2, degrees_of_freedom=3)) == 1.0
    assert np.isnan(inward_degrees_of_freedom([0.0, 1.0, np.nan, 0.5], 0.1, degrees_of_freedom=5)[:3]).all()
    assert np.isnan(inward_degrees_of_freedom(0.9, 0.1, degrees_of_freedom=0))


def slow_twin(rate: float, error: float, df: float, level: float) -> tuple[float, float]:
    """The definition for one rate above 1/2, with scipy's t and beta distributions."""
    spread = rate * (1 - rate)
    kurtosis = max(1 - 6 * spread, 0) / spread * min((df + 1) * error**2 / spread, 1)
    inward = max(2 / (kurtosis / (df + 1) + 2 / df), 1)
    tail = (1 - level) / 2
    low, longer = (
        1 / (1 + math.exp(-(math.log(rate / (1 - rate)) + stats.t.ppf(tail, d) * error / spread))) for d in (df, inward)
    )
    high = 1 / (1 + math.exp(-(math.log(rate / (1 - rate)) + stats.t.ppf(1 - tail, df) * error / spread)))
    furthest = stats.beta.ppf(tail, rate * (df + 1), (1 - rate) * (df + 1) + 1)
    return min(low, max(longer, furthest)), high


@pytest.mark.parametrize("rate", [0.55, 0.8, 0.93, 0.99])
@pytest.mark.parametrize(("error", "df"), [(0.01, 3), (0.05, 7.4), (0.12, 18)])
def test_bounds_are_as_defined_and_mirror(rate: float, error: float, df: float) -> None:
    low, high = skew_logit_t_bounds([rate, 1 - rate], error, degrees_of_freedom=df, level=0.95)
    assert (low[0], high[0]) == pytest.approx(slow_twin(rate, error, df, 0.95))
    assert (1 - high[1], 1 - low[1]) == pytest.approx((low[0], high[0]))


def test_the_outer_end_stays_and_the_inner_one_only_moves_inward() -> None:
    rate, error = np.linspace(0.5, 0.999, 60), 0.04
    plain = logit_t_bounds(rate, error, degrees_of_freedom=6, level=0.95)
    longer = skew_logit_t_bounds(rate, error, degrees_of_freedom=6, level=0.95)
    assert (longer.high == plain.high).all()
    assert (longer.low <= plain.low).all()
    reach = np.minimum(plain.low, clopper_pearson_bounds(7 * rate, 7.0, level=0.95).low)
    assert (longer.low >= reach - 1e-12).all()


def test_it_is_undefined_where_the_logit_is() -> None:
    low, high = skew_logit_t_bounds([0.0, 1.0, 0.5], [0.1, 0.1, 0.0], degrees_of_freedom=4, level=0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.parametrize(
    ("rate", "icc", "m", "plain"),
    [(0.9, 0.3, 8, 0.93), (0.9, 0.5, 12, 0.91), (0.95, 0.3, 20, 0.92), (0.95, 0.5, 20, 0.89), (0.05, 0.3, 12, 0.92)],
)
def test_it_covers_where_the_plain_one_does_not(rate: float, icc: float, m: int, plain: float) -> None:
    rng = np.random.default_rng([int(100 * rate), int(10 * icc), m])
    scale = (1 - icc) / icc
    units = rng.binomial(20, rng.beta(rate * scale, (1 - rate) * scale, (4000, m))) / 20
    value, error = units.mean(axis=1), units.std(axis=1, ddof=1) / np.sqrt(m)
    inside = error > 0
    covered = []
    for bounds in (logit_t_bounds, skew_logit_t_bounds):
        low, high = bounds(value[inside], error[inside], degrees_of_freedom=m - 1, level=0.95)
        covered.append(np.mean((low <= rate) & (rate <= high)))
    assert covered[0] < plain
    assert covered[1] > 0.93
