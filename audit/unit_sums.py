"""Sums that an examination makes of rows, folded to units and cells while the table is read: all conditions at once.

Memory grows with units, not with rows. Where rows are the units and a cell has more than `BLOCKS`, they are scattered
over so many blocks, and blocks take the place of units: rows are independent there, so a block is as good an
observation as a row, and so many leave no doubt about a variance. Up to that number each row is a block of its own.
Scattered, not dealt in turn: in a table that is sorted (by the label, by the error) blocks dealt in turn would be more
alike than chance makes them, and intervals up to several times too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from affidavit.predictions import Predictions
from affidavit.tally import Tally

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Fold = Callable[[IntArray, int], FloatArray]
"""From the place of each row [N] among so many keys M to sums [M, S], already weighted."""
BLOCKS: Final = 200
SLOTS: Final = 2 * BLOCKS
"""Places of a cell's rows: one for each of the first, then the blocks."""


class UnitSums:
    """Counts one run batch by batch."""

    def __init__(self, predictions: Predictions, features: tuple[str, ...]) -> None:
        """Fold the run's rows to units and to the cells of these features."""
        self.predictions, self.features = predictions, features
        self.sizes = tuple(len(predictions.levels[f"group_{feature}"]) for feature in features)
        self.n_cells = int(np.prod(self.sizes, dtype=np.int64))
        self.blocked = predictions.unit == "row"
        self.n_units = self.n_cells * SLOTS if self.blocked else predictions.n_units
        self._dealt = np.zeros(len(predictions.conditions) * self.n_cells, dtype=np.int64)
        self._keys: list[IntArray] = []
        self._sums: list[FloatArray] = []
        self._n_rows: list[IntArray] = []

    def add(self, batch: Mapping[str, NDArray[Any]], fold: Fold) -> None:
        """Add rows with their `affidavit.tally.outcome_columns`."""
        cell = np.zeros(len(batch["condition"]), dtype=np.int64)
        for feature, size in zip(self.features, self.sizes, strict=True):
            cell = cell * size + batch[f"group_{feature}"]
        condition = batch["condition"].astype(np.int64)
        unit = self._slots(condition * self.n_cells + cell, cell) if self.blocked else batch["unit"]
        row, keys = pd.factorize((condition * self.n_units + unit) * self.n_cells + cell)
        self._keys.append(np.asarray(keys))
        self._sums.append(fold(row.astype(np.int64), len(keys)))
        self._n_rows.append(np.bincount(row, minlength=len(keys)).astype(np.int64))
        if sum(map(len, self._keys)) > 4 * max(len(self._keys[0]), 10_000):
            self._merge()

    def _slots(self, place: IntArray, cell: IntArray) -> IntArray:
        turn = pd.Series(place).groupby(place).cumcount().to_numpy() + self._dealt[place]
        self._dealt += np.bincount(place, minlength=len(self._dealt))
        return np.asarray(cell * SLOTS + np.where(turn < BLOCKS, turn, BLOCKS + scattered(turn)))

    def _scatter_the_first(self) -> None:
        """Bring the first rows of a cell, which have slots of their own, into blocks where more have come."""
        keys = self._keys[0]
        outer, cell = np.divmod(keys, self.n_cells)
        condition, unit = np.divmod(outer, self.n_units)
        turn = unit % SLOTS
        moved = (turn < BLOCKS) & (self._dealt[condition * self.n_cells + cell] > BLOCKS)
        unit = np.where(moved, unit - turn + BLOCKS + scattered(turn), unit)
        self._keys = [(condition * self.n_units + unit) * self.n_cells + cell]
        self._merge()

    def _merge(self) -> None:
        row, keys = pd.factorize(np.concatenate(self._keys))
        n_rows = np.bincount(row, weights=np.concatenate(self._n_rows), minlength=len(keys)).astype(np.int64)
        self._sums = [folded(np.concatenate(self._sums), row.astype(np.int64), len(keys))]
        self._keys, self._n_rows = [np.asarray(keys)], [n_rows]

    def tallies(self) -> dict[str, Tally]:
        """Return what was counted, by condition; every condition of the run has rows."""
        self._merge()
        if self.blocked:
            self._scatter_the_first()
        (keys,), (sums,), (n_rows,) = self._keys, self._sums, self._n_rows
        order = np.argsort(keys)
        keys, sums, n_rows = keys[order], sums[order], n_rows[order]
        place, cell = np.divmod(keys, self.n_cells)
        condition, unit = np.divmod(place, self.n_units)
        codes = np.zeros((len(keys), len(self.sizes)), dtype=np.int64)
        for i in reversed(range(len(self.sizes))):
            cell, codes[:, i] = np.divmod(cell, self.sizes[i])
        starts = np.searchsorted(condition, np.arange(len(self.predictions.conditions) + 1))
        return {
            name: self._tally(name, slice(start, stop), sums=sums, n_rows=n_rows, unit=unit, codes=codes)
            for name, start, stop in zip(self.predictions.conditions, starts, starts[1:], strict=False)
        }

    def _tally(
        self, condition: str, rows: slice, *, sums: FloatArray, n_rows: IntArray, unit: IntArray, codes: IntArray
    ) -> Tally:
        own = unit[rows]
        if self.blocked:
            own = np.unique(own, return_inverse=True)[1].reshape(-1).astype(np.int64)
        return Tally(
            condition=condition,
            features=self.features,
            levels=tuple(self.predictions.levels[f"group_{feature}"] for feature in self.features),
            sums=sums[rows],
            n_rows=n_rows[rows],
            unit=own,
            cell=codes[rows],
            n_units=int(own.max()) + 1 if self.blocked else self.n_units,
            weighted="weight" in self.predictions.columns,
        )


def scattered(turn: IntArray) -> IntArray:
    """Return a block for each turn, as if drawn at random: each as likely, and blind to what the row holds.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    """
    z = (turn.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) % np.uint64(BLOCKS), dtype=np.int64)


def folded(values: FloatArray, row: IntArray, n_keys: int) -> FloatArray:
    """Return sums [M, S] of values [N, S] by key [N]."""
    shape = (n_keys, len(row))
    chosen = csr_matrix((np.ones(len(row)), (row, np.arange(len(row)))), shape=shape)
    return np.asarray(chosen @ values)


def distributions(
    predictions: Predictions, batch: Mapping[str, NDArray[Any]], prefix: str, labels: tuple[str, ...]
) -> FloatArray:
    """Return [N, K] shares of labels from columns with a prefix; a label without a column has none."""
    n_rows = len(batch["condition"])
    columns = [
        batch[f"{prefix}{label}"] if f"{prefix}{label}" in predictions.columns else np.zeros(n_rows) for label in labels
    ]
    return np.stack(columns, axis=1)
