"""Rounding never makes a vector longer, no sum overflows, and what was cut is counted."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affidavit.errors import PlanError
from federated.secure.fixed_point import FixedPoint, fixed_point
from federated.secure.refusals import Reason, SecureRefusalError

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=True)
VECTORS = arrays(np.float64, st.integers(1, 8), elements=FLOATS)


def exact_square(values: np.ndarray) -> Fraction:
    return sum((Fraction(float(value)) ** 2 for value in values), Fraction(0))


@given(values=VECTORS, max_norm=st.floats(1e-3, 1e3), n_sites=st.integers(1, 1000), bits=st.sampled_from([24, 32, 64]))
def test_the_norm_after_rounding_is_within_the_bound_exactly(
    values: np.ndarray, max_norm: float, n_sites: int, bits: int
) -> None:
    grid = fixed_point(max_norm=max_norm, n_sites=n_sites, bits=bits)
    words = grid.encode(values, size=len(values))
    integers = grid.integers(words[: len(values)])
    steps = sum((Fraction(int(q)) ** 2 for q in integers), Fraction(0)) * Fraction(grid.step) ** 2
    assert steps <= Fraction(max_norm) ** 2
    assert steps <= exact_square(values)


def test_a_vector_at_the_bound_is_within_it_exactly_although_its_norm_was_rounded() -> None:
    rng = np.random.default_rng(4)
    grid = fixed_point(max_norm=1.0, n_sites=1, bits=64)
    for _ in range(100):
        values = rng.normal(size=60)
        values /= np.linalg.norm(values)
        decoded = grid.decode(grid.integers(grid.encode(values, size=60)[:60]))
        assert exact_square(decoded) <= 1


@given(values=arrays(np.float64, 5, elements=st.floats(-0.4, 0.4)), bits=st.sampled_from([24, 32, 64]))
def test_a_vector_within_its_bounds_is_off_by_less_than_a_step_toward_zero(values: np.ndarray, bits: int) -> None:
    grid = fixed_point(max_norm=1.0, n_sites=7, bits=bits)
    words = grid.encode(values, size=5)
    decoded = grid.decode(grid.integers(words[:5]))
    assert (np.abs(values - decoded) < grid.step).all()
    assert (np.abs(decoded) <= np.abs(values)).all()
    assert (decoded * values >= 0).all()
    assert words[5:].tolist() == [0, 0]


@pytest.mark.parametrize("bits", [16, 24, 31, 32, 33, 63, 64])
@pytest.mark.parametrize("n_sites", [1, 3, 10, 17])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_largest_possible_sum_does_not_overflow_and_a_finer_grid_would(
    bits: int, n_sites: int, sign: float
) -> None:
    grid = fixed_point(max_norm=0.7, n_sites=n_sites, bits=bits)
    total = grid.encode(np.array([sign]), size=1)
    words = total.copy()
    for _ in range(n_sites - 1):
        total += words
    low = 0.7 - grid.step - 1e-12
    assert n_sites * low <= abs(float(grid.decode(grid.integers(total[:1]))[0])) <= n_sites * 0.7
    finer = FixedPoint(max_norm=0.7, max_value=0.7, step=grid.step / 2, bits=bits)
    with pytest.raises(PlanError, match="overflow"):
        finer.check(n_sites=n_sites, size=1)


def test_cut_coordinates_and_scaled_vectors_are_told() -> None:
    grid = fixed_point(max_norm=10.0, max_value=1.0, n_sites=3)
    assert grid.encode(np.array([2.0, -3.0, 0.5]), size=3)[3:].tolist() == [2, 0]
    assert grid.encode(np.array([200.0, 0.0, 0.0]), size=3)[3:].tolist() == [1, 1]
    assert grid.encode(np.array([1.0, -1.0, 1.0]), size=3)[3:].tolist() == [0, 0]


def test_a_vector_at_the_bound_in_single_precision_is_not_told_as_scaled() -> None:
    values = np.random.default_rng(2).normal(size=10_000).astype(np.float32)
    values /= np.linalg.norm(values)
    grid = fixed_point(max_norm=1.0, n_sites=3)
    assert grid.encode(values, size=10_000)[-1] == 0


@pytest.mark.parametrize("value", [5e-324, 1e308, 1e-200])
def test_extreme_values_neither_overflow_nor_divide_by_zero(value: float) -> None:
    grid = fixed_point(max_norm=1.0, n_sites=3)
    decoded = grid.decode(grid.integers(grid.encode(np.full(4, value), size=4)[:4]))
    assert np.linalg.norm(decoded) <= 1.0
    assert value < 1 or decoded[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    "values",
    [np.array([np.nan, 0.0]), np.array([np.inf, 0.0]), np.zeros(3), np.zeros((2, 1)), np.array(["a", "b"])],
)
def test_a_vector_that_is_none_is_refused(values: np.ndarray) -> None:
    with pytest.raises(SecureRefusalError) as refusal:
        fixed_point(max_norm=1.0, n_sites=3).encode(values, size=2)
    assert refusal.value.reason is Reason.VALUES


@pytest.mark.parametrize("step", [0.3, 0.0, -0.5, math.nan, math.inf])
def test_a_step_that_is_no_power_of_two_is_refused(step: float) -> None:
    with pytest.raises(PlanError, match="power of two"):
        FixedPoint(max_norm=1.0, max_value=1.0, step=step)


def test_impossible_grids_are_refused() -> None:
    with pytest.raises(PlanError, match="not positive"):
        FixedPoint(max_norm=0.0, max_value=1.0, step=0.5)
    with pytest.raises(PlanError, match="no words"):
        FixedPoint(max_norm=1.0, max_value=1.0, step=0.5, bits=7)
    with pytest.raises(PlanError, match="overflow"):
        fixed_point(max_norm=1.0, n_sites=200, bits=8)
    with pytest.raises(PlanError, match="no grid"):
        fixed_point(max_norm=-1.0, n_sites=2)
    with pytest.raises(PlanError, match="coarse"):
        fixed_point(max_norm=1.0, n_sites=100, bits=16).check(n_sites=100, size=10)
    with pytest.raises(PlanError, match="cut coordinates"):
        fixed_point(max_norm=1.0, n_sites=10, bits=24).check(n_sites=10, size=1 << 21)
    fixed_point(max_norm=1.0, n_sites=10).check(n_sites=10, size=1_000_000)


def test_bounds_beyond_any_grid_are_refused_in_words() -> None:
    with pytest.raises(PlanError, match="overflow"):
        FixedPoint(max_norm=1.0, max_value=1e300, step=2.0**-200).check(n_sites=3, size=1)
    for limit in (1e300, 1e-300):
        with pytest.raises(PlanError):
            fixed_point(max_norm=limit, n_sites=3).check(n_sites=3, size=1)


def test_noise_is_added_whole_and_has_its_room() -> None:
    grid = FixedPoint(max_norm=1.0, max_value=1.0, step=2.0**-20, noise_room=1000)
    words = grid.encode(np.array([0.5, -0.5]), size=2)
    grid.add_noise(words, np.array([-1000, 1000]))
    assert grid.integers(words[:2]).tolist() == [(1 << 19) - 1000, 1000 - (1 << 19)]
    assert words[2:].tolist() == [0, 0]
    for noise in (np.array([1001, 0]), np.array([0, -1001]), np.array([0]), np.array([0.5, 0.5])):
        with pytest.raises(SecureRefusalError, match="noise"):
            grid.add_noise(words, noise)
    with pytest.raises(PlanError, match="overflow"):
        FixedPoint(max_norm=1.0, max_value=1.0, step=2.0**-20, noise_room=1 << 30).check(n_sites=2, size=2)
