"""Permutation of units: exact enumeration against brute force, and p-values that are honest under the null."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affidavit.statistics import permutation
from affidavit.statistics.permutation import (
    UnitShuffler,
    permutation_p_value,
    permuted_group_sums,
    sign_flip_p_value,
)

Floats = NDArray[np.float64]


def _gap(sums: Floats) -> Floats:
    rates = sums[..., 0] / sums[..., 1]
    return rates.max(axis=-1) - rates.min(axis=-1)


def _observed(sums: Floats, group: NDArray, n_groups: int) -> Floats:
    return np.array([sums[group == g].sum(axis=0) for g in range(n_groups)])


def _as_multiset(sums: Floats) -> list[tuple[float, ...]]:
    return sorted(tuple(row) for row in sums.reshape(len(sums), -1))


def _brute_force(sums: Floats, group: NDArray, strata: NDArray, n_groups: int) -> list[tuple[float, ...]]:
    """All orders of the labels, those that keep each stratum's labels, each distinct one once."""
    labelings = {
        labels
        for labels in permutations(group.tolist())
        if all(sorted(np.array(labels)[strata == s]) == sorted(group[strata == s]) for s in set(strata.tolist()))
    }
    return sorted(tuple(_observed(sums, np.array(labels), n_groups).ravel()) for labels in labelings)


@pytest.mark.parametrize("strata", [None, [0, 0, 0, 0, 1, 1, 1], [5, 9, 5, 9, 5, 9, 5]])
def test_exact_equals_brute_force(rng: np.random.Generator, strata: list[int] | None) -> None:
    sums = rng.integers(1, 99, (7, 2)).astype(np.float64)
    group = np.array([0, 1, 1, 2, 0, 1, 1])
    given_strata = None if strata is None else np.array(strata)
    result = permuted_group_sums(sums, group, n_groups=3, n_permutations=500, rng=rng, strata=given_strata)
    expected = _brute_force(sums, group, np.zeros(7) if given_strata is None else given_strata, 3)
    assert result.exact
    assert result.n_arrangements == len(result.sums) == len(expected)
    assert _as_multiset(result.sums) == expected


def test_five_against_five_units(rng: np.random.Generator) -> None:
    """Methods 6.5: 252 arrangements, smallest two-sided p 0.008."""
    sums = np.column_stack([np.arange(10.0), np.full(10, 10.0)])
    group = np.repeat([0, 1], 5)
    result = permuted_group_sums(sums, group, n_groups=2, n_permutations=252, rng=rng)
    assert not permuted_group_sums(sums, group, n_groups=2, n_permutations=251, rng=rng).exact
    p = permutation_p_value(_gap(_observed(sums, group, 2)), _gap(result.sums), exact=result.exact)
    assert result.n_arrangements == 252
    assert p == pytest.approx(2 / 252)
    assert round(p, 3) == 0.008


@pytest.mark.parametrize("strata", [None, np.arange(60) % 4])
def test_random_permutations_keep_sizes_totals_and_strata(
    rng: np.random.Generator, strata: NDArray | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permutation, "_BLOCK_ENTRIES", 60 * 13)  # several blocks
    group = rng.integers(0, 3, 60)
    stratum = np.zeros(60, dtype=int) if strata is None else strata
    one_hot = np.eye(4)[stratum]
    sums = np.column_stack([rng.random(60), np.ones(60), one_hot])
    result = permuted_group_sums(sums, group, n_groups=3, n_permutations=100, rng=rng, strata=strata)
    expected = _observed(sums, group, 3)
    assert not result.exact
    assert result.n_arrangements is None
    assert result.sums.shape == (100, 3, 6)
    assert np.allclose(result.sums.sum(axis=1), sums.sum(axis=0))
    assert np.array_equal(result.sums[:, :, 1:], np.broadcast_to(expected[:, 1:], (100, 3, 5)))
    assert len(np.unique(result.sums[:, 0, 0])) == 100


def test_every_unit_lands_everywhere_equally_often(rng: np.random.Generator) -> None:
    group = np.repeat([0, 1, 2], [3, 9, 18])
    result = permuted_group_sums(np.eye(30), group, n_groups=3, n_permutations=6_000, rng=rng)
    assert np.allclose(result.sums.mean(axis=0), np.array([[0.1], [0.3], [0.6]]), atol=0.03)


def test_a_shuffler_deals_the_same_orders_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    sums, group = np.eye(30), np.repeat([0, 1, 2], 10)

    def dealt(shuffler: UnitShuffler) -> Floats:
        return permuted_group_sums(sums, group, n_groups=3, n_permutations=200, rng=shuffler).sums

    shuffler = UnitShuffler(n_units=30, n_permutations=200, seed=4)
    first, again = dealt(shuffler), dealt(shuffler)
    monkeypatch.setattr(permutation, "_KEPT_ENTRIES", 0)
    drawn_again = dealt(UnitShuffler(n_units=30, n_permutations=200, seed=4))
    assert np.array_equal(first, again)
    assert np.array_equal(first, drawn_again)
    assert np.array_equal(first.sum(axis=2), np.full((200, 3), 10.0))
    assert np.allclose(first.mean(axis=0), 1 / 3, atol=0.15)
    assert not np.array_equal(first, dealt(UnitShuffler(n_units=30, n_permutations=200, seed=5)))


def test_a_shuffler_refuses_what_it_would_get_wrong() -> None:
    shuffler = UnitShuffler(n_units=4, n_permutations=9, seed=1)
    sums, group = np.ones((4, 1)), np.array([0, 0, 1, 1])
    with pytest.raises(ValueError, match="strata"):
        permuted_group_sums(sums, group, n_groups=2, n_permutations=9, rng=shuffler, strata=np.array([0, 1, 0, 1]))
    with pytest.raises(ValueError, match="4 units, 8 orders"):
        permuted_group_sums(sums, group, n_groups=2, n_permutations=8, rng=shuffler)


def test_group_without_units_stays_empty(rng: np.random.Generator) -> None:
    result = permuted_group_sums(np.ones((4, 1)), np.array([0, 0, 2, 2]), n_groups=4, n_permutations=50, rng=rng)
    assert result.n_arrangements == 6
    assert np.array_equal(result.sums[:, :, 0], np.tile([2.0, 0, 2, 0], (6, 1)))


def test_p_value_counts_ties_and_itself() -> None:
    null = np.array([0.1, 0.3, 0.1 + 0.2, 0.5])
    assert permutation_p_value(0.3, null, exact=True) == 3 / 4
    assert permutation_p_value(0.1 + 0.2, null, exact=False) == 4 / 5
    assert permutation_p_value(9.0, null, exact=False) == 1 / 5


def test_p_value_of_undefined() -> None:
    assert np.isnan(permutation_p_value(np.nan, np.ones(3), exact=False))
    assert np.isnan(permutation_p_value(1.0, np.empty(0), exact=False))
    assert permutation_p_value(1.0, np.array([0.0, np.nan, 0.0]), exact=False) == 2 / 4


@pytest.mark.parametrize("exact", [True, False])
def test_sign_flips_equal_brute_force(rng: np.random.Generator, exact: bool) -> None:
    d = np.round(rng.normal(0.4, 1, 9), 1)
    null = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in product((1, -1), repeat=9)]
    expected = np.mean([t >= abs(d.sum()) - 1e-9 for t in null])
    p = sign_flip_p_value(d, n_permutations=512 if exact else 511, rng=rng)
    assert p == pytest.approx(expected, abs=1e-12 if exact else 0.08)


def test_sign_flip_edges(rng: np.random.Generator) -> None:
    assert np.isnan(sign_flip_p_value(np.empty(0), n_permutations=99, rng=rng))
    assert np.isnan(sign_flip_p_value(np.array([1.0, np.nan]), n_permutations=99, rng=rng))
    assert sign_flip_p_value(np.zeros(5), n_permutations=99, rng=rng) == 1
    assert sign_flip_p_value(np.ones(5), n_permutations=99, rng=rng) == 2 / 32


@given(st.permutations(range(8)), st.permutations(range(3)))
def test_order_of_units_and_names_of_groups_do_not_matter(units: list[int], names: list[int]) -> None:
    rng = np.random.default_rng(0)
    sums, group = rng.random((8, 2)), np.array([0, 0, 0, 1, 1, 1, 2, 2])
    plain = permuted_group_sums(sums, group, n_groups=3, n_permutations=1_000, rng=rng)
    moved = permuted_group_sums(sums[units], np.array(names)[group][units], n_groups=3, n_permutations=1_000, rng=rng)
    assert plain.n_arrangements == moved.n_arrangements == 560
    assert np.allclose(np.sort(_gap(plain.sums)), np.sort(_gap(moved.sums)))


def _null_p_values(draw_units, rng, sizes: Floats, group: NDArray, n_tables: int, n_permutations: int) -> Floats:  # noqa: ANN001
    tables = draw_units((n_tables, len(sizes)), sizes, rate=0.7, icc=0.2)
    n_groups = int(group.max()) + 1
    result = []
    for table in tables:
        sums = np.column_stack([table, sizes])
        null = permuted_group_sums(sums, group, n_groups=n_groups, n_permutations=n_permutations, rng=rng)
        result.append(permutation_p_value(_gap(_observed(sums, group, n_groups)), _gap(null.sums), exact=null.exact))
    return np.array(result)


@pytest.mark.parametrize(
    ("n_units", "n_groups", "n_permutations"), [(10, 2, 999), (24, 3, 199), (60, 6, 199)], ids=["exact", "24", "60"]
)
def test_p_values_are_uniform_under_the_null(draw_units, rng, n_units, n_groups, n_permutations) -> None:  # noqa: ANN001
    """Correlated rows, unequal units, equal groups: the error rate is the level, and the p-values spread evenly."""
    sizes = rng.integers(5, 30, n_units).astype(np.float64)
    p = _null_p_values(draw_units, rng, sizes, np.arange(n_units) % n_groups, 1_500, n_permutations)
    noise = 3 * np.sqrt(0.05 * 0.95 / len(p))
    assert 0.035 - noise <= np.mean(p <= 0.05) <= 0.05 + noise
    for level in (0.1, 0.25, 0.5, 0.75):
        assert np.mean(p <= level) == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / len(p)) + 1 / 126)


def test_sign_flips_keep_the_level(rng: np.random.Generator) -> None:
    p = [sign_flip_p_value(rng.standard_t(3, 9), n_permutations=512, rng=rng) for _ in range(3_000)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 3_000) + 1 / 256)


def test_a_real_gap_is_found(draw_units, rng) -> None:  # noqa: ANN001
    sizes, group = np.full(30, 20.0), np.arange(30) % 2
    table = draw_units((30,), sizes, rate=np.where(group == 0, 0.9, 0.5), icc=0.1)
    sums = np.column_stack([table, sizes])
    null = permuted_group_sums(sums, group, n_groups=2, n_permutations=999, rng=rng)
    assert permutation_p_value(_gap(_observed(sums, group, 2)), _gap(null.sums), exact=False) == 1 / 1000
