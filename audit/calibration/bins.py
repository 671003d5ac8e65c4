"""Equal-mass bins of confidence, cut on everybody under a condition, found without holding the rows.

Confidences are counted on a fine grid that is even on the logit scale, so that models which are nearly always sure are
told apart too; cuts lie on the grid. Equal confidences always share a bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from affidavit.predictions import Predictions

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CELLS: Final = 16_384
_REACH: Final = 20.0
"""Logits beyond which confidences are no longer told apart: 2e-9 from 0 and from 1."""
CLASSWISE_SUMS: Final = 70
"""Bins of all classes together, at most: more labels get fewer bins each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The bins of one condition: for the predicted label, and for each class."""

    bin_of: NDArray[np.int16]
    """[1 + K, CELLS]: grid cell to bin; row 0 is of the predicted label's probability, row 1 + k of class k's."""
    edges: tuple[float, ...]
    """Inner edges of the predicted label's bins."""


def grid_cells(probabilities: FloatArray) -> IntArray:
    """Return the grid cell of each probability, ascending with it; 0 and 1 have cells of their own."""
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities) - np.log1p(-probabilities)
    inside = np.floor((logits + _REACH) * ((CELLS - 2) / (2 * _REACH)))
    return np.asarray(np.clip(inside + 1, 0, CELLS - 1).astype(np.int64))


def n_bins_for(n_rows: int, *, most: int, rows_per_bin: int) -> int:
    """Return how many bins so many rows are cut into: at least `rows_per_bin` in each, at most `most`."""
    return max(1, min(most, n_rows // rows_per_bin))


def n_class_bins(n_bins: int, n_labels: int) -> int:
    """Return how many bins each class gets: as many as the predicted label, fewer where there are many labels."""
    return max(1, min(n_bins, max(2, CLASSWISE_SUMS // max(n_labels, 1))))


def cut(counts: IntArray, n_bins: int) -> tuple[NDArray[np.int16], tuple[float, ...]]:
    """Return grid cell to bin [CELLS], and the inner edges, from how many rows lie in each grid cell."""
    reached = np.cumsum(counts)
    wanted = reached[-1] * np.arange(1, n_bins) / n_bins
    last = np.unique(np.searchsorted(reached, wanted))  # the last cell of each bin
    last = last[reached[last] < reached[-1]] if len(last) else last
    bin_of = np.searchsorted(last, np.arange(CELLS)).astype(np.int16)
    upper = expit(last * (2 * _REACH / (CELLS - 2)) - _REACH)
    return bin_of, tuple(float(edge) for edge in upper)


def find_bins(predictions: Predictions, *, most: int, rows_per_bin: int) -> tuple[Bins, ...]:
    """Return the bins of each condition, in a first pass over the probabilities."""
    labels, n_conditions = predictions.labels, len(predictions.conditions)
    n_labels = len(labels)
    counts = np.zeros((n_conditions, 1 + n_labels, CELLS), dtype=np.int64)
    for batch in predictions.coded_batches(["condition", "y_pred", *(f"prob_{label}" for label in labels)]):
        cells = cells_of(np.stack([batch[f"prob_{label}"] for label in labels], axis=1), batch["y_pred"])
        place = batch["condition"].astype(np.int64)[:, None] * (1 + n_labels) + np.arange(1 + n_labels)
        counts += np.bincount((place * CELLS + cells).ravel(), minlength=counts.size).reshape(counts.shape)
    return tuple(_bins_of(of_condition, most=most, rows_per_bin=rows_per_bin) for of_condition in counts)


def cells_of(probabilities: FloatArray, answer: NDArray[np.int32]) -> IntArray:
    """Return grid cells [N, 1 + K]: of the answer's probability, then of each class's."""
    cells = grid_cells(probabilities)
    return np.concatenate([np.take_along_axis(cells, answer.astype(np.int64)[:, None], axis=1), cells], axis=1)


def _bins_of(counts: IntArray, *, most: int, rows_per_bin: int) -> Bins:
    n_bins = n_bins_for(int(counts[0].sum()), most=most, rows_per_bin=rows_per_bin)
    top, edges = cut(counts[0], n_bins)
    per_class = [cut(of_class, n_class_bins(n_bins, len(counts) - 1))[0] for of_class in counts[1:]]
    return Bins(bin_of=np.stack([top, *per_class]), edges=edges)
