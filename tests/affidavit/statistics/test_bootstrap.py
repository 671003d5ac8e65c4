"""The cluster bootstrap: the same numbers as drawing units by hand, and a stream that blocks do not disturb."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.statistics import bootstrap
from affidavit.statistics.bootstrap import UnitResampler, resampled_group_sums, resampling_weights

Floats = NDArray[np.float64]


def _rows(rng: np.random.Generator, n_units: int, n_groups: int) -> tuple[Floats, NDArray, NDArray]:
    """Some units in one group, some in several, in no order."""
    inside = rng.random((n_units, n_groups)) < 0.5
    unit, group = np.nonzero(inside)
    order = rng.permutation(len(unit))
    return rng.integers(0, 9, (len(unit), 4)).astype(np.float64), unit[order], group[order]


def _by_hand(weights: Floats, sums: Floats, unit: NDArray, group: NDArray, n_groups: int) -> Floats:
    result = np.zeros((len(weights), n_groups, sums.shape[1]))
    for b in range(len(weights)):
        for r in range(len(sums)):
            result[b, group[r]] += weights[b, unit[r]] * sums[r]
    return result


def test_weights_are_what_integer_draws_count_to() -> None:
    weights = np.concatenate(list(resampling_weights(7, n_resamples=50, rng=np.random.default_rng(3))))
    draws = np.random.default_rng(3).integers(0, 7, size=(50, 7))
    expected = [[np.count_nonzero(row == u) for u in range(7)] for row in draws]
    assert weights.tolist() == expected
    assert weights.dtype == np.float64


@pytest.mark.parametrize("n_units", [1, 2, 5, 64, 1000])
def test_stream_does_not_depend_on_blocks(n_units: int) -> None:
    streams = [
        np.concatenate(list(resampling_weights(n_units, n_resamples=23, rng=np.random.default_rng(1), block=block)))
        for block in (1, 2, 7, 23, None)
    ]
    assert all(np.array_equal(stream, streams[0]) for stream in streams)


def test_multiplicities_have_the_multinomial_moments(rng: np.random.Generator) -> None:
    weights = np.concatenate(list(resampling_weights(12, n_resamples=20_000, rng=rng)))
    assert np.allclose(weights.sum(axis=1), 12)
    assert np.allclose(weights.mean(axis=0), 1, atol=0.05)
    assert np.allclose(np.cov(weights.T), np.eye(12) - 1 / 12, atol=0.05)


@pytest.mark.parametrize("scale", [1.0, 0.37, 1e9])
def test_group_sums_equal_the_slow_twin(rng: np.random.Generator, scale: float) -> None:
    sums, unit, group = _rows(rng, 15, 4)
    resampler = UnitResampler(n_units=15, n_resamples=20, seed=5)
    fast = resampler.group_sums(sums * scale, unit, group=group, n_groups=4)
    slow = _by_hand(np.concatenate(list(resampler.weights())), sums * scale, unit, group, 4)
    assert np.allclose(fast, slow, rtol=1e-12)
    if scale == 1.0:
        assert np.array_equal(fast, slow)


def test_whole_numbers_stay_exact_in_either_precision(rng: np.random.Generator) -> None:
    for largest in (100, 10_000_000):
        sums = rng.integers(0, largest, (300, 3)).astype(np.float64)
        unit, group = np.arange(300), rng.integers(0, 2, 300)
        resampler = UnitResampler(n_units=300, n_resamples=10, seed=2)
        slow = _by_hand(np.concatenate(list(resampler.weights())), sums, unit, group, 2)
        assert np.array_equal(resampler.group_sums(sums, unit, group=group, n_groups=2), slow)


def test_same_draw_for_every_condition_kept_or_not(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    sums, unit, group = _rows(rng, 30, 3)
    resampler = UnitResampler(n_units=30, n_resamples=40, seed=9)
    first, again = (resampler.group_sums(sums, unit, group=group, n_groups=3) for _ in range(2))
    twin = UnitResampler(n_units=30, n_resamples=40, seed=9)
    monkeypatch.setattr(bootstrap, "_KEPT_ENTRIES", 0)
    monkeypatch.setattr(bootstrap, "_BLOCK_ENTRIES", 30 * 7)
    drawn_again = twin.group_sums(sums, unit, group=group, n_groups=3)
    assert np.array_equal(first, again)
    assert np.array_equal(first, drawn_again)


def test_function_and_resampler_agree_on_a_stream(rng: np.random.Generator) -> None:
    sums, unit, group = _rows(rng, 20, 2)
    one = resampled_group_sums(
        sums, unit, group=group, n_units=20, n_groups=2, n_resamples=30, rng=np.random.default_rng(4)
    )
    other = UnitResampler(n_units=20, n_resamples=30, seed=4).group_sums(sums, unit, group=group, n_groups=2)
    assert np.array_equal(one, other)


def test_order_of_rows_and_a_group_without_rows_change_nothing(rng: np.random.Generator) -> None:
    sums, unit, group = _rows(rng, 20, 3)
    order = rng.permutation(len(unit))
    resampler = UnitResampler(n_units=20, n_resamples=30, seed=4)
    straight = resampler.group_sums(sums, unit, group=group, n_groups=5)
    shuffled = resampler.group_sums(sums[order], unit[order], group=group[order], n_groups=5)
    assert np.array_equal(straight, shuffled)
    assert not straight[:, 3:].any()


def test_replicates_are_joint_over_groups(rng: np.random.Generator) -> None:
    """A unit in both groups is drawn for both or for neither."""
    counts = rng.integers(1, 5, (10, 1)).astype(np.float64)
    unit, group = np.tile(np.arange(10), 2), np.repeat([0, 1], 10)
    replicates = UnitResampler(n_units=10, n_resamples=50, seed=1).group_sums(
        np.vstack([counts, counts]), unit, group=group, n_groups=2
    )
    assert np.array_equal(replicates[:, 0], replicates[:, 1])


def test_refuses_no_units() -> None:
    with pytest.raises(ValueError, match="n_units=0"):
        next(resampling_weights(0, n_resamples=1, rng=np.random.default_rng(0)))
