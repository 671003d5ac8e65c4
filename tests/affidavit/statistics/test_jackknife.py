"""The jackknife: twins, what it equals in closed form, its degrees of freedom, and covariance between groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affidavit.statistics.jackknife import (
    coded_covariance,
    effective_units,
    jackknife_covariance,
    jackknife_standard_error,
)

Floats = NDArray[np.float64]


def _left_out(values: Floats) -> Floats:
    return (values.sum(axis=0) - values) / (len(values) - 1)


def test_of_a_mean_it_is_the_classical_standard_error(rng: np.random.Generator) -> None:
    values = rng.normal(size=(9, 2, 3))
    expected = values.std(axis=0, ddof=1) / 3
    assert np.allclose(jackknife_standard_error(_left_out(values)), expected)


def test_equals_the_slow_twin(rng: np.random.Generator) -> None:
    left_out = rng.random(11)
    mean = sum(left_out) / 11
    slow = (10 / 11 * sum((x - mean) ** 2 for x in left_out)) ** 0.5
    assert jackknife_standard_error(left_out) == pytest.approx(slow)


def test_undefined_and_degenerate() -> None:
    assert np.isnan(jackknife_standard_error(np.array([[0.4]]))).all()
    assert np.isnan(jackknife_standard_error(np.array([0.4, np.nan, 0.3])))
    assert jackknife_standard_error(np.full(7, 0.1) + np.array([0, 0, 1e-17, 0, 0, 0, 0])) == 0
    rates = (0.7 * 33 - 0.7 * np.arange(1, 9)) / (33 - np.arange(1, 9))  # all units at 0.7, up to rounding
    assert jackknife_standard_error(rates) == 0


@given(st.floats(0.1, 1e4), st.integers(1, 300))
def test_equal_units_count_fully(size: float, m: int) -> None:
    assert effective_units(np.full(m, size)) == pytest.approx(m)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=30), st.integers(2, 9), st.randoms(use_true_random=False))
def test_effective_units_law(sizes: list[int], factor: int, random) -> None:  # noqa: ANN001
    value = effective_units(sizes)
    shuffled = random.sample(sizes, len(sizes))
    assert 1 < value <= len(sizes) + 1e-9
    assert effective_units(shuffled) == pytest.approx(value)
    assert effective_units([factor * size for size in sizes]) == pytest.approx(value)
    assert effective_units([*sizes, 0]) == pytest.approx(value)


def test_effective_units_is_satterthwaite_by_matrices(rng: np.random.Generator) -> None:
    sizes = rng.integers(1, 60, 9).astype(np.float64)
    w = sizes / sizes.sum()
    residual = np.eye(9) - np.outer(np.ones(9), w)
    form = residual.T @ np.diag((w / (1 - w)) ** 2) @ residual
    expected = np.trace(form) ** 2 / np.trace(form @ form)
    assert effective_units(sizes) - 1 == pytest.approx(expected)


def test_effective_units_edges() -> None:
    assert effective_units([5]) == 1
    assert np.isnan(effective_units([]))
    assert np.isnan(effective_units([0, 0]))
    assert np.isnan(effective_units([3, np.nan]))
    assert np.isnan(effective_units([3, -1]))
    assert effective_units([1000, 1, 1, 1, 1]) < 2.1
    assert effective_units([10**8, 1]) == 2  # no cancellation near a weight of 1


def test_covariance_diagonal_is_each_groups_own_error(rng: np.random.Generator) -> None:
    """Also with units that are in some groups only."""
    member = rng.random((14, 3)) < 0.6
    left_out = np.where(member, rng.random((14, 3)), 0.5)
    covariance = jackknife_covariance(left_out, member)
    own = [jackknife_standard_error(left_out[member[:, g], g]) for g in range(3)]
    assert np.allclose(np.sqrt(np.diag(covariance)), own)
    assert np.allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-12


def test_covariance_equals_the_slow_twin(rng: np.random.Generator) -> None:
    left_out = rng.random((8, 3))
    centre = left_out.mean(axis=0)
    slow = sum(np.outer(row - centre, row - centre) for row in left_out) * 7 / 8
    assert np.allclose(jackknife_covariance(left_out), slow)


def test_covariance_of_coded_rows_equals_the_slow_twin(rng: np.random.Generator) -> None:
    """Rows in any order, units in some groups only, and only some groups asked for."""
    member, value = rng.random((12, 4)) < 0.7, rng.random(4)
    unit, group = np.nonzero(member)
    order = rng.permutation(len(unit))
    unit, group, left_out = unit[order], group[order], rng.random(len(unit))
    found = coded_covariance(
        left_out, unit=unit, group=group, value=value, n_units=12, among=np.array([0, 1, 3], dtype=np.int64)
    )
    slow = np.zeros((4, 4))
    by_unit = {(u, g): x for u, g, x in zip(unit.tolist(), group.tolist(), left_out.tolist(), strict=True)}
    mean = {g: np.mean([x for (_, h), x in by_unit.items() if h == g]) for g in range(4)}
    m = {g: sum(h == g for _, h in by_unit) for g in range(4)}
    for g in range(4):
        for h in range(4):
            both = [u for u in range(12) if (u, g) in by_unit and (u, h) in by_unit]
            products = sum((by_unit[u, g] - mean[g]) * (by_unit[u, h] - mean[h]) for u in both)
            slow[g, h] = ((m[g] - 1) / m[g] * (m[h] - 1) / m[h]) ** 0.5 * products
    assert np.allclose(found, slow[np.ix_([0, 1, 3], [0, 1, 3])])


def test_disjoint_groups_do_not_covary(rng: np.random.Generator) -> None:
    member = np.repeat(np.eye(2, dtype=bool), 5, axis=0)
    covariance = jackknife_covariance(np.where(member, rng.random((10, 2)), 0.5), member)
    assert covariance[0, 1] == 0


def test_a_group_of_one_unit_is_undefined_and_alone_in_it(rng: np.random.Generator) -> None:
    member = np.ones((6, 3), dtype=bool)
    member[1:, 2] = False
    covariance = jackknife_covariance(rng.random((6, 3)), member)
    assert np.isnan(covariance[2]).all()
    assert np.isnan(covariance[:, 2]).all()
    assert not np.isnan(covariance[:2, :2]).any()


def test_covariance_estimates_the_true_one(rng: np.random.Generator) -> None:
    """Two rates of the same 40 units: estimated covariance of the two, on average, is the simulated one."""
    ability = rng.normal(size=(4_000, 40, 1))
    values = ability + rng.normal(size=(4_000, 40, 2))
    truth = np.cov(values.mean(axis=1).T)
    average = np.mean([jackknife_covariance(_left_out(table)) for table in values[:1_000]], axis=0)
    assert np.allclose(average, truth, rtol=0.1)
