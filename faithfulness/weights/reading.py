"""The weights that a reasoner gave to the modalities of each judgement, as shares of one.

Weights are divided by their sum, so that a supplier's percentages and shares are one thing. A judgement without a
weight for each of the modalities, or whose weights are all 0, takes no part: unknown is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.conditions import MODALITIES, Condition
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from faithfulness.citation.removals import fullest
from faithfulness.twins import BoolArray

SAME: Final = 1e-6
"""Shares that differ by no more are the same share: what is left of a softmax in single precision."""
_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The shares of weight [N, M] of the judgements under one condition, in the order of rows."""

    condition: str
    letters: tuple[str, ...]
    """The M modalities, text first."""
    shares: FloatArray
    """NaN in rows that take no part."""

    @property
    def known(self) -> BoolArray:
        """Whether each judgement has a weight for every modality."""
        return np.asarray(~np.isnan(self.shares).any(axis=1))

    @property
    def differ(self) -> BoolArray:
        """Whether a judgement's weights are others than the most common ones; False where they are not known."""
        rounded = np.round(self.shares[self.known], _DECIMALS)
        found = np.zeros(len(self.shares), dtype=np.bool_)
        if len(rounded):
            kinds, counts = np.unique(rounded, axis=0, return_counts=True)
            commonest = kinds[np.argmax(counts)]  # of equally common ones the first in order, whatever the rows' order
            found[self.known] = np.abs(rounded - commonest).max(axis=1) > SAME
        return found


def weighted_letters(predictions: Predictions) -> tuple[str, ...]:
    """Return the modalities of the fullest condition that the table has a column of weights for."""
    full = fullest(predictions.conditions)
    shown = Condition.parse(full).modalities if full is not None else frozenset()
    return tuple(
        letter for letter, name in MODALITIES.items() if letter in shown and f"weight_{name}" in predictions.columns
    )


def read_weights(predictions: Predictions, condition: str, letters: tuple[str, ...]) -> Weights:
    """Read the weights under a condition, in the order in which `read_judgements` has its judgements."""
    names = [f"weight_{MODALITIES[letter]}" for letter in letters]
    place = predictions.conditions.index(condition)
    rows = [
        np.stack([batch[name] for name in names], axis=1)[batch["condition"] == place].astype(np.float64)
        for batch in predictions.coded_batches(["condition", *names])
    ]
    raw = np.concatenate([np.empty((0, len(letters))), *rows])
    total = raw.sum(axis=1, keepdims=True)
    return Weights(
        condition=condition,
        letters=letters,
        shares=np.divide(raw, total, out=np.full_like(raw, np.nan), where=total > 0),
    )


def within_units(shares: FloatArray, unit: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Return squared distances [N, M] from the mean of the judgement's own unit, NaN where it is the unit's only one.

    Enlarged by n / (n - 1) for a unit of n judgements, so that they average to its variance without bias.
    """
    if not len(shares):
        return np.empty_like(shares)
    row = np.unique(unit, return_inverse=True)[1].reshape(-1)
    n = np.bincount(row).astype(np.float64)
    means = np.stack([np.bincount(row, weights=column) / n for column in shares.T], axis=1)
    enlarged = np.divide(n, n - 1, out=np.full_like(n, np.nan), where=n > 1)
    return np.asarray((shares - means[row]) ** 2 * enlarged[row, None])
