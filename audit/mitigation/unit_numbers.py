"""What a probe is given of each unit: the mean of many functions of the model's answers, within the true label.

Of each row: the log-probabilities, centred, and random rectified sums of them (Rahimi, Recht 2008): means over a unit's
rows of so many functions tell nearly all of how its answers are distributed (Muandet et al. 2017). Where labels are
given, each function is centred on its mean over everybody's rows with the same label: a unit whose answers are
distributed like everybody's given the label has expectation zero, whatever its labels are.

As many rows of each unit are looked at, drawn at random. The mean over two rows spreads more than that over fifty, and
a probe that sees both tells by the spread alone who has many rows: where groups differed in that and in nothing else,
the permutation test raised the alarm 0.7 of the time in place of 0.05.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

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
FLAT: Final = 1e-9
"""A function whose means spread less than this over units tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """The units that may be told, under one condition."""

    unit: IntArray
    """[U], codes of the run's units, ascending"""
    n_rows: IntArray
    """[U]"""
    groups: dict[str, IntArray]
    """By feature [U]; -1 where a unit lies in several groups, -2 where it has no row"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Which rows are looked at: as many of each unit, by their place among the unit's rows."""

    unit: IntArray
    """[U], codes, ascending"""
    size: int
    chosen: IntArray
    """[U * size], ascending: the unit's place in `unit` times `stride`, plus the row's place in the unit"""
    stride: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitNumbers:
    """Numbers about units under one condition."""

    unit: IntArray
    """[U], codes of the run's units"""
    numbers: FloatArray
    """[U, R], standardised; a function that is the same for all is left out"""


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


def read_roll(predictions: Predictions, features: tuple[str, ...], units: IntArray, condition: str) -> Roll:
    """Count the rows of these units (codes, ascending) under a condition, and note their groups."""
    n_rows = np.zeros(len(units), dtype=np.int64)
    groups = {feature: np.full(len(units), -2, dtype=np.int64) for feature in features}
    names = ["condition", "unit", *(f"group_{feature}" for feature in features)]
    for unit, batch in _batches(predictions, names, units, condition):
        n_rows += np.bincount(unit, minlength=len(units))
        for feature, known in groups.items():
            codes = batch[f"group_{feature}"].astype(np.int64)
            fresh = known[unit] == -2
            known[unit[fresh]] = codes[fresh]
            known[unit[known[unit] != codes]] = -1
    return Roll(unit=units, n_rows=n_rows, groups=groups)


def drawn_rows(unit: IntArray, n_rows: IntArray, *, size: int, seed: int) -> Drawn:
    """Draw so many rows of each of these units; each has as many at least."""
    rng, stride = np.random.default_rng(seed), int(n_rows.max(initial=1))
    places = np.stack([rng.permutation(int(n))[:size] for n in n_rows])
    chosen = (np.arange(len(unit))[:, None] * stride + places).ravel()
    return Drawn(unit=unit, size=size, chosen=np.sort(chosen), stride=stride)


class Counter:
    """Sums functions of the drawn rows over units, chunk by chunk: memory grows with units, not with rows."""

    def __init__(self, predictions: Predictions, drawn: Drawn, given: Lens) -> None:
        """Count these rows; others are passed over."""
        self.predictions, self.drawn, self.lens = predictions, drawn, given
        self.n_labels = len(predictions.labels) if predictions.labelled else 1
        n_functions = len(predictions.labels) + given.weights.shape[1]
        self.sums = np.zeros((len(drawn.unit), n_functions))
        self.by_label = np.zeros((self.n_labels, n_functions))
        self.counts = np.zeros((len(drawn.unit), self.n_labels))

    def read(self, condition: str) -> None:
        """Read the rows of one condition."""
        for unit, label, probabilities in self._chunks(condition):
            shape = (len(self.drawn.unit), len(unit))
            member = csr_array((np.ones(len(unit)), (unit, np.arange(len(unit)))), shape=shape)
            seen = self.lens.seen(probabilities)
            self.sums += member @ seen
            np.add.at(self.counts, (unit, label), 1.0)
            for k in range(self.n_labels):
                self.by_label[k] += seen[label == k].sum(axis=0)

    def numbers(self, *, conditional: bool) -> UnitNumbers:
        """Return what was counted; within the true label where `conditional`."""
        sums, counts = self.sums, self.counts
        if conditional:
            totals = np.maximum(counts.sum(axis=0), 1.0)
            sums = sums - counts @ (self.by_label / totals[:, None])
        means = sums / counts.sum(axis=1, keepdims=True)
        spread = means.std(axis=0)
        kept = spread > FLAT
        return UnitNumbers(unit=self.drawn.unit, numbers=(means[:, kept] - means[:, kept].mean(axis=0)) / spread[kept])

    def _chunks(self, condition: str) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        labels, drawn = self.predictions.labels, self.drawn
        stored = [f"prob_{label}" for label in labels if f"prob_{label}" in self.predictions.columns]
        truth = ["y_true"] if self.n_labels > 1 else []
        met = np.zeros(len(drawn.unit), dtype=np.int64)
        for unit, batch in _batches(self.predictions, ["condition", "unit", *truth, *stored], drawn.unit, condition):
            place = unit * drawn.stride + met[unit] + _places(unit)
            met += np.bincount(unit, minlength=len(met))
            rows = np.flatnonzero(np.isin(place, drawn.chosen))
            for start in range(0, len(rows), _CHUNK):
                some = rows[start : start + _CHUNK]
                shares = [batch[f"prob_{label}"][some] if f"prob_{label}" in stored else 0 * some for label in labels]
                raw = np.stack(shares, axis=1).astype(np.float64)
                label = batch["y_true"][some].astype(np.int64) if truth else np.zeros(len(some), dtype=np.int64)
                yield unit[some], label, raw / raw.sum(axis=1, keepdims=True)


def _batches(
    predictions: Predictions, names: list[str], units: IntArray, condition: str
) -> Iterator[tuple[IntArray, dict[str, NDArray[Any]]]]:
    """Yield the rows of these units under a condition: the place of each row's unit in `units`, and its columns."""
    code = predictions.conditions.index(condition)
    for batch in predictions.coded_batches(names):
        place = np.minimum(np.searchsorted(units, batch["unit"]), len(units) - 1)
        rows = np.flatnonzero((units[place] == batch["unit"]) & (batch["condition"] == code))
        if len(rows):
            yield place[rows].astype(np.int64), {name: values[rows] for name, values in batch.items()}


def _places(unit: IntArray) -> IntArray:
    """Return how many rows of the same unit stand before each row, [N]."""
    order = np.argsort(unit, kind="stable")
    ordered = unit[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    places = np.empty(len(unit), dtype=np.int64)
    places[order] = np.arange(len(unit)) - np.repeat(first, np.diff(first, append=len(unit)))
    return places
