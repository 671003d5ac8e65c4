"""The cluster bootstrap: units are drawn with replacement, and everything they bring comes with them.

A replicate is a vector of multiplicities, one per unit, so replicated sums are a matrix product and cost grows with
units, not rows. One set of multiplicities serves every group and every condition: replicates are joint, and a
difference between two groups or two conditions can be taken replicate by replicate.

Intervals read from the replicates are in `bootstrap_bounds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.statistics.bootstrap_bounds import bca_bounds, percentile_bounds, undefined_share
from affidavit.statistics.types import FloatArray, IntArray

__all__ = [
    "UnitResampler",
    "bca_bounds",
    "percentile_bounds",
    "resampled_group_sums",
    "resampling_weights",
    "undefined_share",
]

_BLOCK_ENTRIES = 2**23  # entries of one block of draws: 64 MiB as int64
_KEPT_ENTRIES = 2**26  # multiplicities worth keeping between calls: 64 MiB as uint8
_EXACT_IN_FLOAT32 = 2**24  # every whole number up to here is a float32

_Counts = NDArray[np.uint8]  # a unit drawn more than 255 times in one replicate has probability below 1e-500


def resampling_weights(
    n_units: int, *, n_resamples: int, rng: np.random.Generator, block: int | None = None
) -> Iterator[FloatArray]:
    """Multiplicities of `n_units` draws with replacement, as blocks Float[b, U] whose rows each sum to U.

    The stream does not depend on `block` (replicates held at once; by default about 64 MiB worth).

    Source: Efron 1979; for clusters Davison, Hinkley 1997, section 3.8.
    """
    for counts in _count_blocks(n_units, n_resamples, rng, block):
        yield counts.astype(np.float64)


def resampled_group_sums(  # noqa: PLR0913 - two coordinates of the sums, and their two sizes
    sums: FloatArray,
    unit: IntArray,
    *,
    group: IntArray,
    n_units: int,
    n_groups: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Sums by group in each bootstrap replicate: Float[B, G, S].

    Row r of `sums` Float[R, S] is what unit[r] contributes to group[r]. The draw is not stratified: a replicate may
    leave a group without units, whose sums are then 0 (and whose rates NaN: see `undefined_share`).

    For several sets of sums under the same draws use `UnitResampler`.
    """
    rows = _rows_by_group(sums, unit, group, n_units)
    counts = _count_blocks(n_units, n_resamples, rng, None)
    return _weighted_sums(counts, rows, (n_resamples, n_groups, sums.shape[1]))


@dataclass(frozen=True, kw_only=True)
class UnitResampler:
    """The same draw of units, again and again: for several conditions, metrics or attributes at once.

    Every call of `group_sums` uses identical multiplicities (a function of n_units, n_resamples and seed alone), so
    replicates of different conditions are paired. They are kept between calls while U x B <= 2**26, else drawn again.
    """

    n_units: int
    n_resamples: int
    seed: int

    def weights(self) -> Iterator[FloatArray]:
        """The multiplicities, as blocks Float[b, U]."""
        for counts in self._counts():
            yield counts.astype(np.float64)

    def group_sums(self, sums: FloatArray, unit: IntArray, *, group: IntArray, n_groups: int) -> FloatArray:
        """Sums by group in each replicate, Float[B, G, S]; as `resampled_group_sums`."""
        rows = _rows_by_group(sums, unit, group, self.n_units)
        return _weighted_sums(self._counts(), rows, (self.n_resamples, n_groups, sums.shape[1]))

    def _counts(self) -> Iterable[_Counts]:
        small = self.n_units * self.n_resamples <= _KEPT_ENTRIES
        return self._kept if small else self._drawn()

    def _drawn(self) -> Iterator[_Counts]:
        return _count_blocks(self.n_units, self.n_resamples, np.random.default_rng(self.seed), None)

    @cached_property
    def _kept(self) -> tuple[_Counts, ...]:
        return tuple(self._drawn())


def _count_blocks(n_units: int, n_resamples: int, rng: np.random.Generator, block: int | None) -> Iterator[_Counts]:
    """Multiplicities in blocks; integer draws plus a bincount are much faster than rng.multinomial."""
    if n_units < 1:
        raise ValueError(f"Expected n_units >= 1, got n_units={n_units}.")
    size = block or max(1, _BLOCK_ENTRIES // n_units)
    for start in range(0, n_resamples, size):
        # int64 on purpose: narrower types drop spare random bits at the end of a call: streams would depend on size
        draws = rng.integers(0, n_units, size=(min(size, n_resamples - start), n_units), dtype=np.int64)
        yield _multiplicities(draws, n_units)


def _multiplicities(draws: NDArray[np.int64], n_units: int) -> _Counts:
    counts = np.empty(draws.shape, dtype=np.uint8)
    for row, drawn in zip(counts, draws, strict=True):
        row[:] = np.bincount(drawn, minlength=n_units)
    return counts


@dataclass(frozen=True, slots=True)
class _GroupRows:
    """What one group is made of: the units that contribute to it and what each contributes."""

    group: int
    unit: IntArray | None  # None: every unit once, in order
    sums: NDArray[Any]


def _rows_by_group(sums: FloatArray, unit: IntArray, group: IntArray, n_units: int) -> list[_GroupRows]:
    values = np.asarray(sums).astype(_product_dtype(sums, n_units))
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(np.asarray(group)[order], return_index=True)
    pieces = np.split(order, starts[1:])
    return [
        _GroupRows(int(g), _unless_all(np.asarray(unit)[rows], n_units), values[rows])
        for g, rows in zip(present, pieces, strict=True)
    ]


def _unless_all(unit: IntArray, n_units: int) -> IntArray | None:
    return None if len(unit) == n_units and bool(np.all(unit == np.arange(n_units))) else unit


def _product_dtype(sums: FloatArray, n_units: int) -> type[np.float32] | type[np.float64]:
    """float32 where exact: whole numbers, one row a unit and group, that cannot total 2**24 in U draws."""
    values = np.asarray(sums)
    whole = bool(np.all(np.isfinite(values)) and np.all(values == np.rint(values)))
    largest = float(np.abs(values).max(initial=0.0)) if whole else np.inf
    return np.float32 if n_units * largest < _EXACT_IN_FLOAT32 else np.float64


def _weighted_sums(blocks: Iterable[_Counts], rows: list[_GroupRows], shape: tuple[int, int, int]) -> FloatArray:
    replicates = np.zeros(shape)
    start = 0
    for counts in blocks:
        for piece in rows:
            taken = counts if piece.unit is None else np.take(counts, piece.unit, axis=1)
            replicates[start : start + len(counts), piece.group] = taken.astype(piece.sums.dtype) @ piece.sums
        start += len(counts)
    return replicates
