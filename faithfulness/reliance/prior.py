"""What can be said of labels without any modality: the commonest label, and how common each is.

Nobody at all in a game of modalities is the best constant guess. Where several labels are about as common it is a guess
at one of them with equal chances: else every share would turn with a single row, or with a label's name. The guess is
taken as it is found; that it is itself an estimate does not enter intervals.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.confusion import FloatArray
from faithfulness.twins import Codes

OUTNUMBERS: Final = 2.0
"""Standard errors by which one label has to outnumber another not to count as about as common."""


def labels_by_unit(labels: Codes, unit: Codes, *, weight: FloatArray, n_labels: int) -> FloatArray:
    """Return how much of each label every unit has, [U, K], from codes [N] of labels and units."""
    units, row = np.unique(unit, return_inverse=True)
    counted = np.bincount(row.reshape(-1) * n_labels + labels, weights=weight, minlength=len(units) * n_labels)
    return np.asarray(counted.reshape(len(units), n_labels), dtype=np.float64)


def constant_guess(by_unit: FloatArray) -> FloatArray:
    """Return how often each label is guessed, [K], sum one: those that no other outnumbers share the guess.

    A label outnumbers another where the difference of their totals exceeds `OUTNUMBERS` of its standard errors, over
    units.

    Raises:
        ValueError: there is no unit.

    >>> constant_guess(np.array([[5.0, 1.0, 0.0], [5.0, 1.0, 0.0]])).tolist()
    [1.0, 0.0, 0.0]
    >>> constant_guess(np.array([[3.0, 2.0, 0.0], [2.0, 3.0, 0.0]])).tolist()
    [0.5, 0.5, 0.0]
    """
    n_units, total = len(by_unit), by_unit.sum(axis=0)
    if n_units == 0:
        raise ValueError("Expected at least one unit.")
    centred = by_unit - total / n_units
    joint = centred.T @ centred * n_units / max(n_units - 1, 1)
    own = np.diag(joint)
    variance = np.maximum(own[:, None] + own[None, :] - 2 * joint, 0.0)
    outnumbers = total[:, None] - total[None, :] > OUTNUMBERS * np.sqrt(variance)
    commonest = ~outnumbers.any(axis=0) & (total > 0)
    return np.asarray(commonest / commonest.sum())


def label_shares(by_unit: FloatArray) -> FloatArray:
    """Return how common each label is, [K], sum one.

    >>> label_shares(np.array([[3.0, 1.0]])).tolist()
    [0.75, 0.25]
    """
    total = by_unit.sum(axis=0)
    return np.asarray(total / total.sum())
