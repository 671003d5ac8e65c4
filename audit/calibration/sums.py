"""What calibration is computed from: sums per unit, cell and bin, folded while the table is read a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.predictions import Predictions
from affidavit.tally import Tally, outcome_columns
from audit.calibration.bins import Bins, cells_of
from audit.unit_sums import Fold, UnitSums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TOP: Final = 7
"""Sums a bin of the predicted label: see `Layout.top`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where in the sums [..., S] of a condition its numbers stand."""

    n_bins: int
    n_labels: int
    n_class_bins: int

    @property
    def width(self) -> int:
        """How many sums there are."""
        return TOP * self.n_bins + 2 * self.n_labels * self.n_class_bins

    def top(self, sums: FloatArray) -> list[FloatArray]:
        """Return, per bin of the predicted label's probability, with w the weight and r = confidence - right.

        w; w r; w confidence; and for what independent rows would vary: rows, w^2, w^2 r, w^2 r^2.
        """
        return np.split(sums[..., : TOP * self.n_bins], TOP, axis=-1)

    def classwise(self, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return w and w (probability - is the truth) [..., K * B] per class and bin."""
        rows, residuals = np.split(sums[..., TOP * self.n_bins :], 2, axis=-1)
        return rows, residuals


def layout(bins: Sequence[Bins], n_labels: int) -> Layout:
    """Return one layout that holds every condition's bins."""
    most = np.array([of.bin_of.max(axis=1) for of in bins]).max(axis=0) + 1
    return Layout(n_bins=int(most[0]), n_labels=n_labels, n_class_bins=int(most[1:].max()))


def calibration_sums(
    predictions: Predictions, by: tuple[str, ...], *, bins: Sequence[Bins], places: Layout
) -> dict[str, Tally]:
    """Return the sums of each condition, in a second pass over the probabilities."""
    counter = UnitSums(predictions, by)
    bin_of = np.stack([of.bin_of for of in bins])
    probabilities = [f"prob_{label}" for label in predictions.labels]
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), "y_true", "y_pred", *probabilities]):
        counter.add(batch, _fold(batch, np.stack([batch[name] for name in probabilities], axis=1), bin_of, places))
    return counter.tallies()


def _fold(
    batch: Mapping[str, NDArray[Any]], probabilities: FloatArray, bin_of: NDArray[np.int16], places: Layout
) -> Fold:
    truth, answer = batch["y_true"], batch["y_pred"].astype(np.int64)
    weight = batch.get("weight", np.ones(len(truth)))
    cells = cells_of(probabilities, batch["y_pred"])
    confidence = np.take_along_axis(probabilities, answer[:, None], axis=1)[:, 0]
    residual = confidence - (truth == answer)
    values = (
        weight,
        weight * residual,
        weight * confidence,
        np.ones(len(truth)),
        weight**2,
        weight**2 * residual,
        (weight * residual) ** 2,
    )
    condition = batch["condition"]

    def fold(row: IntArray, n_keys: int) -> FloatArray:
        chosen = bin_of[condition, 0, cells[:, 0]]
        top = [_in_bins(row, chosen, value, n_keys, places.n_bins) for value in values]
        classes: tuple[list[FloatArray], list[FloatArray]] = ([], [])
        for k in range(places.n_labels):
            chosen = bin_of[condition, 1 + k, cells[:, 1 + k]]
            for part, value in zip(classes, (weight, weight * (probabilities[:, k] - (truth == k))), strict=True):
                part.append(_in_bins(row, chosen, value, n_keys, places.n_class_bins))
        return np.concatenate([*top, *classes[0], *classes[1]], axis=1)

    return fold


def _in_bins(row: IntArray, chosen: IntArray, value: FloatArray, n_keys: int, n_bins: int) -> FloatArray:
    counted = np.bincount(row * n_bins + chosen, weights=value, minlength=n_keys * n_bins)
    return np.asarray(counted, dtype=np.float64).reshape(n_keys, n_bins)
