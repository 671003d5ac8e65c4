"""Gap and ratio: twins, edges, and the bias under equality that the reference table reports."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.statistics import disparity
from affidavit.statistics.equality_null import (
    expected_gap_under_equality,
    expected_ratio_under_equality,
    gaussian_gap_null,
)
from affidavit.statistics.gaps import max_min_gap, min_max_ratio

_REFERENCE = [
    (2, 50, 0.078, 0.88),
    (8, 50, 0.196, 0.72),
    (16, 50, 0.244, 0.66),
    (16, 200, 0.122, 0.82),
    (32, 30, 0.366, 0.53),
]
"""Methods 6.4: groups, rows each, E[max-min], E[min/max] at a true rate of 0.6 everywhere."""


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_twins_and_order(values: list[float], random) -> None:  # noqa: ANN001
    shuffled = np.array(random.sample(values, len(values)))
    assert max_min_gap(shuffled) == max(values) - min(values)
    if max(values) > 0:
        assert min_max_ratio(shuffled) == min(values) / max(values)


def test_edges() -> None:
    values = np.array([[0.0, 0.0], [0.0, 0.5], [np.nan, 0.5], [-0.1, 0.5]])
    assert np.array_equal(min_max_ratio(values), [np.nan, 0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(max_min_gap(values), [0, 0.5, np.nan, 0.6], equal_nan=True)
    assert max_min_gap(np.array([0.4])) == 0


@pytest.mark.parametrize(("groups", "rows", "gap", "ratio"), _REFERENCE)
def test_reference_table(rng: np.random.Generator, groups: int, rows: int, gap: float, ratio: float) -> None:
    """Binomials simulated as the reference did, and the Gaussian null that a report prints, agree with it."""
    rates = rng.binomial(rows, 0.6, (40_000, groups)) / rows
    covariance = np.eye(groups) * 0.24 / rows
    assert max_min_gap(rates).mean() == pytest.approx(gap, abs=0.0015)
    assert min_max_ratio(rates).mean() == pytest.approx(ratio, abs=0.006)
    assert expected_gap_under_equality(covariance, n_draws=40_000, rng=rng) == pytest.approx(gap, abs=0.005)
    expected = expected_ratio_under_equality(0.6, covariance, n_draws=40_000, rng=rng)
    assert expected == pytest.approx(ratio, abs=0.008)


def test_null_of_two_groups_in_closed_form(rng: np.random.Generator) -> None:
    """Half-normal: sqrt(2/pi) times the standard error of the difference, covariance included."""
    covariance = np.array([[0.04, 0.03], [0.03, 0.05]])
    expected = (2 / np.pi) ** 0.5 * 0.03**0.5
    assert expected_gap_under_equality(covariance, n_draws=100_000, rng=rng) == pytest.approx(expected, rel=0.01)


def test_null_allows_for_estimated_errors_and_singular_covariance(rng: np.random.Generator) -> None:
    covariance = np.eye(4) * 0.01
    plain = gaussian_gap_null(covariance, n_draws=50_000, rng=rng)
    cautious = gaussian_gap_null(covariance, n_draws=50_000, rng=rng, degrees_of_freedom=np.full(4, 6))
    assert cautious.std() > 1.1 * plain.std()
    pair = gaussian_gap_null(covariance[:2, :2], n_draws=200_000, rng=rng, degrees_of_freedom=[6, 6])
    assert np.mean(pair**2) == pytest.approx(2 * 0.01 * 6 / 4, rel=0.03)  # the variance of Student's t
    assert gaussian_gap_null(np.full((3, 3), 0.01), n_draws=50, rng=rng).max() < 1e-7


def test_null_undefined(rng: np.random.Generator) -> None:
    covariance = np.diag([0.01, np.nan])
    assert np.isnan(gaussian_gap_null(covariance, n_draws=5, rng=rng)).all()
    assert np.isnan(expected_gap_under_equality(covariance, n_draws=5, rng=rng))
    assert np.isnan(expected_ratio_under_equality(0.0, np.eye(2), n_draws=5, rng=rng))


def test_disparity_names_everything_it_gathers() -> None:
    assert all(hasattr(disparity, name) for name in disparity.__all__)
    assert sorted(disparity.__all__) == disparity.__all__
