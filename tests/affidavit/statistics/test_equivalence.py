"""Two one-sided tests: agreement with scipy, the interval they mirror, and their error rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from affidavit.statistics.equivalence import two_one_sided_p_value
from affidavit.statistics.small_samples import t_bounds


def test_is_the_larger_of_two_t_tests(rng: np.random.Generator) -> None:
    d = rng.normal(0.01, 0.05, 20)
    expected = max(
        stats.ttest_1samp(d, -0.05, alternative="greater").pvalue,
        stats.ttest_1samp(d, 0.03, alternative="less").pvalue,
    )
    p = two_one_sided_p_value(
        d.mean(), d.std(ddof=1) / 20**0.5, margin_low=-0.05, margin_high=0.03, degrees_of_freedom=19
    )
    assert p == pytest.approx(expected)


@given(st.floats(-0.1, 0.1), st.floats(0.001, 0.1), st.floats(1, 200))
def test_rejects_exactly_when_the_90_percent_interval_is_inside(d: float, error: float, df: float) -> None:
    p = two_one_sided_p_value(d, error, margin_low=-0.05, margin_high=0.05, degrees_of_freedom=df)
    low, high = t_bounds(d, error, degrees_of_freedom=df, level=0.9)
    if min(abs(low + 0.05), abs(high - 0.05)) > 1e-9:
        assert (p < 0.05) == (low > -0.05 and high < 0.05)


def test_undefined_and_refused() -> None:
    for estimate, error, df in [(np.nan, 0.1, 5), (0.0, 0.0, 5), (0.0, np.nan, 5), (0.0, 0.1, 0)]:
        p = two_one_sided_p_value(estimate, error, margin_low=-1, margin_high=1, degrees_of_freedom=df)
        assert np.isnan(p)
    with pytest.raises(ValueError, match="margin_low"):
        two_one_sided_p_value(0.0, 0.1, margin_low=1, margin_high=-1, degrees_of_freedom=5)
    with pytest.raises(ValueError, match="margin_low"):
        two_one_sided_p_value(0.0, 0.1, margin_low=1, margin_high=1, degrees_of_freedom=5)


def test_level_at_the_margin(rng: np.random.Generator) -> None:
    """A true difference on the margin is called equivalent at most one time in twenty."""
    tables = rng.normal(0.05, 0.1, (4_000, 40))
    errors = tables.std(axis=1, ddof=1) / 40**0.5
    p = [
        two_one_sided_p_value(m, e, margin_low=-0.05, margin_high=0.05, degrees_of_freedom=39)
        for m, e in zip(tables.mean(axis=1), errors, strict=True)
    ]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.011)
