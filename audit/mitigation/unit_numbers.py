"""What a probe is given of each unit: the mean of many functions of the model's answers, within the true label.

Of each row: the log-probabilities, centred, and random rectified sums of them (Rahimi, Recht 2008): means over a unit's
rows of so many functions tell nearly all of how its answers are distributed (Muandet et al. 2017). Where labels are
given, each function is centred on its mean over everybody's rows with the same label: a unit whose answers are
distributed like everybody's given the label has expectation zero, whatever its labels are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from affidavit.predictions import Predictions
from audit.mitigation.material import FLOOR

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_CHUNK: Final = 16_384
_SCALE: Final = 2.0
"""Log-probabilities are divided by it, so that random sums bend where most of them lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitNumbers:
    """Numbers about units under one condition."""

    unit: IntArray
    """[U], codes of the run's units"""
    numbers: FloatArray
    """[U, R], standardised; a function that is the same for all is left out"""
    n_rows: IntArray
    """[U]"""
    groups: dict[str, IntArray]
    """By feature [U], -1 where a unit lies in several groups"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Which functions of a row's probabilities are taken."""

    weights: FloatArray
    """[K, W]"""
    offsets: FloatArray

    def seen(self, probabilities: FloatArray) -> FloatArray:
        """Return [N, K + W] from [N, K]."""
        logs = np.log(np.maximum(probabilities, FLOOR))
        x = (logs - logs.mean(axis=1, keepdims=True)) / _SCALE
        return np.concatenate([x, np.maximum(x @ self.weights + self.offsets, 0.0)], axis=1)


def lens(n_labels: int, *, width: int, seed: int) -> Lens:
    """Draw the random functions."""
    rng = np.random.default_rng(seed)
    return Lens(weights=rng.normal(0, 1, (n_labels, width)), offsets=rng.normal(0, 1, width))


class Counter:
    """Sums functions of rows over chosen units, chunk by chunk: memory grows with units, not with rows."""

    def __init__(self, predictions: Predictions, features: tuple[str, ...], units: IntArray, given: Lens) -> None:
        """Count rows of these units (codes, ascending); others are passed over."""
        self.predictions, self.features, self.units, self.lens = predictions, features, units, given
        self.n_labels = len(predictions.labels) if predictions.labelled else 1
        n_functions = len(predictions.labels) + given.weights.shape[1]
        self.sums = np.zeros((len(units), n_functions))
        self.by_label = np.zeros((self.n_labels, n_functions))
        self.counts = np.zeros((len(units), self.n_labels))
        self.groups = {feature: np.full(len(units), -2, dtype=np.int64) for feature in features}

    def read(self, condition: str) -> None:
        """Read the rows of one condition."""
        for unit, label, probabilities, groups in self._chunks(condition):
            shape = (len(self.units), len(unit))
            member = csr_array((np.ones(len(unit)), (unit, np.arange(len(unit)))), shape=shape)
            seen = self.lens.seen(probabilities)
            self.sums += member @ seen
            np.add.at(self.counts, (unit, label), 1.0)
            for k in range(self.n_labels):
                self.by_label[k] += seen[label == k].sum(axis=0)
            for feature, codes in groups.items():
                known = self.groups[feature]
                fresh = known[unit] == -2
                known[unit[fresh]] = codes[fresh]
                known[unit[known[unit] != codes]] = -1

    def numbers(self, *, conditional: bool) -> UnitNumbers:
        """Return what was counted; within the true label where `conditional`."""
        there = self.counts.sum(axis=1) > 0
        sums, counts = self.sums[there], self.counts[there]
        if conditional:
            totals = np.maximum(counts.sum(axis=0), 1.0)
            sums = sums - counts @ (self.by_label / totals[:, None])
        means = sums / counts.sum(axis=1, keepdims=True)
        spread = means.std(axis=0)
        kept = spread > 1e-9
        return UnitNumbers(
            unit=self.units[there],
            numbers=(means[:, kept] - means[:, kept].mean(axis=0)) / spread[kept],
            n_rows=counts.sum(axis=1).astype(np.int64),
            groups={feature: codes[there] for feature, codes in self.groups.items()},
        )

    def _chunks(self, condition: str) -> Iterator[tuple[IntArray, IntArray, FloatArray, dict[str, IntArray]]]:
        labels, code = self.predictions.labels, self.predictions.conditions.index(condition)
        stored = [f"prob_{label}" for label in labels if f"prob_{label}" in self.predictions.columns]
        truth = ["y_true"] if self.n_labels > 1 else []
        names = ["condition", "unit", *truth, *(f"group_{feature}" for feature in self.features), *stored]
        for batch in self.predictions.coded_batches(names):
            place = np.searchsorted(self.units, batch["unit"])
            chosen = self.units[np.minimum(place, len(self.units) - 1)] == batch["unit"]
            rows = np.flatnonzero(chosen & (batch["condition"] == code))
            for start in range(0, len(rows), _CHUNK):
                some = rows[start : start + _CHUNK]
                shares = [batch[f"prob_{label}"][some] if f"prob_{label}" in stored else 0 * some for label in labels]
                raw = np.stack(shares, axis=1).astype(np.float64)
                label = batch["y_true"][some].astype(np.int64) if truth else np.zeros(len(some), dtype=np.int64)
                groups = {f: batch[f"group_{f}"][some].astype(np.int64) for f in self.features}
                yield place[some].astype(np.int64), label, raw / raw.sum(axis=1, keepdims=True), groups
