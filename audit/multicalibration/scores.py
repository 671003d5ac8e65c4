"""Sums of calibration by unit, cell and score bin: outcome less score, weight and rows, counted in one pass.

A score is the probability of the label that was named (is it right that often?), or of each class in turn (does it
occur that often?). Bins are fixed and of equal width, so that nothing of them is learned from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.predictions import Predictions
from affidavit.tally import FloatArray, IntArray, outcome_columns
from audit.subgroups.halves import CellSums

Scores = Literal["top-label", "classwise"]
PARTS: Final = 3
"""Blocks of the sums: outcome less score, weight, rows."""
_MERGED_AT: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Components (one, or one a class) and score bins, flattened component by component."""

    labels: tuple[str | None, ...]
    n_bins: int

    @property
    def width(self) -> int:
        """Columns of one part."""
        return len(self.labels) * self.n_bins

    def parts(self, sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return outcome less score, weight and rows, each [..., width]."""
        first, second, third = np.split(sums, PARTS, axis=-1)
        return first, second, third

    def label(self, column: int) -> str | None:
        """Return the class of a column; None for the label that was named."""
        return self.labels[column // self.n_bins]

    def ends(self, column: int) -> tuple[float, float]:
        """Return the scores between which a column's bin lies."""
        place = column % self.n_bins
        return place / self.n_bins, (place + 1) / self.n_bins


def bins_of(scores: Scores, labels: tuple[str, ...], n_bins: int) -> Bins:
    """Return the columns of the sums."""
    return Bins(labels=labels if scores == "classwise" else (None,), n_bins=n_bins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Sums [R, 3 x width] of a run, a row for each condition, unit and cell that occur together."""

    condition: IntArray
    unit: IntArray
    cell: IntArray
    """[R, F] level codes."""
    sums: FloatArray

    def under(self, condition: int, cells: IntArray, shape: tuple[int, ...], *, weighted: bool) -> CellSums:
        """Return the sums of one condition over the cells [C, F] of the run."""
        rows = self.condition == condition
        known = np.ravel_multi_index(tuple(cells.T), shape)
        n = int(rows.sum())
        counts = np.split(self.sums[rows], PARTS, axis=1)[2]
        return CellSums(
            sums=self.sums[rows],
            n_rows=np.rint(counts.sum(axis=1)).astype(np.int64),
            unit=self.unit[rows],
            cell=np.searchsorted(known, np.ravel_multi_index(tuple(self.cell[rows].T), shape)),
            copies=np.ones(n, dtype=np.int64),
            n_units=int(self.unit.max(initial=-1)) + 1,
            n_cells=len(cells),
            alike=False,
            weighted=weighted,
        )


def counted(predictions: Predictions, by: Sequence[str], bins: Bins) -> Counted:
    """Read the probabilities of a run once, batch by batch."""
    shape = (
        len(predictions.conditions),
        predictions.n_units,
        *(len(predictions.levels[f"group_{feature}"]) for feature in by),
    )
    probabilities = [f"prob_{label}" for label in predictions.labels]
    names = [*outcome_columns(predictions, by), "y_true", "y_pred", *probabilities]
    keys: list[IntArray] = []
    sums: list[FloatArray] = []
    for batch in predictions.coded_batches(names):
        columns = [batch["condition"], batch["unit"], *(batch[f"group_{feature}"] for feature in by)]
        key, row = np.unique(np.ravel_multi_index(tuple(columns), shape), return_inverse=True)
        keys.append(key)
        sums.append(_added(batch, bins, row=row, n=len(key), probabilities=probabilities))
        if sum(map(len, keys)) > len(keys[0]) + _MERGED_AT:
            keys, sums = _merged(keys, sums)
    (key,), (total,) = _merged(keys, sums)
    condition, unit, *cell = np.unravel_index(key, shape)
    return Counted(condition=condition, unit=unit, cell=np.stack(cell, axis=1), sums=total)


def _added(
    batch: Mapping[str, NDArray[Any]], bins: Bins, *, row: IntArray, n: int, probabilities: Sequence[str]
) -> FloatArray:
    """Return the sums [n, 3 x width] of one batch; `row` says where each of its rows is added."""
    weight = np.asarray(batch.get("weight", np.ones(len(row))), dtype=np.float64)
    added = np.zeros((n, PARTS * bins.width))
    for component, label in enumerate(bins.labels):
        score, outcome = _score(batch, probabilities, component if label is not None else None)
        place = np.minimum((score * bins.n_bins).astype(np.int64), bins.n_bins - 1)
        code = row.reshape(-1) * bins.n_bins + place
        start = component * bins.n_bins
        for part, values in enumerate((weight * (outcome - score), weight, np.ones(len(row)))):
            totals = np.bincount(code, weights=values, minlength=n * bins.n_bins).reshape(n, bins.n_bins)
            added[:, part * bins.width + start : part * bins.width + start + bins.n_bins] = totals
    return added


def _score(
    batch: Mapping[str, NDArray[Any]], probabilities: Sequence[str], k: int | None
) -> tuple[FloatArray, FloatArray]:
    """Return the score and the outcome of every row: of class k, or of the label that was named."""
    if k is not None:
        return batch[probabilities[k]], (batch["y_true"] == k).astype(np.float64)
    score = np.zeros(len(batch["y_pred"]))
    for j, name in enumerate(probabilities):
        score = np.where(batch["y_pred"] == j, batch[name], score)
    return score, (batch["y_true"] == batch["y_pred"]).astype(np.float64)


def _merged(keys: list[IntArray], sums: list[FloatArray]) -> tuple[list[IntArray], list[FloatArray]]:
    if len(keys) == 1:
        return keys, sums
    key, row = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.zeros((len(key), sums[0].shape[1]))
    np.add.at(total, row.reshape(-1), np.concatenate(sums))
    return [key], [total]
