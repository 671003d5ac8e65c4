"""Class sums of random models without bias: answers that know neither the truth nor the group.

Such a model gives each label as often as the audited one does over everybody. Units are kept: two answers of one unit
agree more often than the truths behind them explain, and the random model's do so as much as the audited model's. It
has a favourite label for each unit, drawn as answers are, and gives it with probability s in place of a fresh draw; two
answers of a unit then agree by s^2 of what chance leaves more than two of different units. With s = 0 these are the
random models of ser-tests (Derington et al. 2023), but for the shares of labels, which are uniform there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from affidavit.confusion import FloatArray
from affidavit.tally import IntArray, Tally

_BLOCK_ENTRIES: Final = 2**22


@dataclass(frozen=True, kw_only=True)
class RandomModels:
    """What is drawn from: counts of rows by true label of each (unit, cell), and how answers are shared out."""

    counts: IntArray
    """Rows [R, K] of each pair of unit and cell, by true label."""
    unit: IntArray
    """Unit [R] of each pair."""
    cell: IntArray
    """Cell [R] of each pair."""
    n_cells: int
    shares: FloatArray
    """Shares [K] of the labels among the audited model's answers."""
    favour: float
    """Probability s that an answer is the unit's favourite; 0 where rows are the units."""

    def class_sums(self, n_models: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw so many models and return their class sums [B, C, 3K]: hits, true, predicted by cell."""
        per_model = len(self.shares) * (self.n_cells * len(self.shares) + 2 * self.counts.size)
        size = max(1, min(n_models, _BLOCK_ENTRIES // per_model))
        blocks = [self._block(min(size, n_models - start), rng) for start in range(0, n_models, size)]
        return np.concatenate(blocks)

    def _block(self, n_models: int, rng: np.random.Generator) -> FloatArray:
        matrices = self._matrices(n_models, rng).astype(np.float64)
        hits, true, predicted = np.diagonal(matrices, axis1=-2, axis2=-1), matrices.sum(-1), matrices.sum(-2)
        return np.concatenate([hits, true, predicted], axis=-1)

    def _matrices(self, n_models: int, rng: np.random.Generator) -> IntArray:
        """Return confusion matrices [B, C, K, K], true by predicted."""
        n_labels = len(self.shares)
        if self.favour == 0:
            rows = _folded(self.cell, self.counts, self.n_cells)
            return np.asarray(rng.multinomial(np.broadcast_to(rows, (n_models, *rows.shape)), self.shares))
        names = rng.choice(n_labels, p=self.shares, size=(n_models, int(self.unit.max()) + 1))
        place = (np.arange(n_models)[:, None] * self.n_cells + self.cell) * n_labels + names[:, self.unit]
        rows = _folded(place.ravel(), np.tile(self.counts, (n_models, 1)), n_models * self.n_cells * n_labels)
        named, truth = np.nonzero(rows)  # by model, cell and favourite; most have no row of most truths
        shares = self.favour * np.eye(n_labels) + (1 - self.favour) * self.shares
        answers = rng.multinomial(rows[named, truth], shares[named % n_labels])
        matrices = _folded(named // n_labels * n_labels + truth, answers, n_models * self.n_cells * n_labels)
        return matrices.reshape(n_models, self.n_cells, n_labels, n_labels)


def random_models(tally: Tally, cell: IntArray, n_cells: int, *, units: bool) -> RandomModels:
    """Return the random models of a labelled run: `cell` [R] says where each row of the tally belongs."""
    n_labels = round(tally.sums.shape[1] ** 0.5)
    matrices = np.rint(tally.sums * (tally.n_rows[:, None] if tally.alike else 1)).astype(np.int64)
    matrices = matrices.reshape(-1, n_labels, n_labels)
    answers = matrices.sum(axis=(0, 1)).astype(np.float64)
    unit = np.unique(tally.unit, return_inverse=True)[1].reshape(-1)
    return RandomModels(
        counts=matrices.sum(axis=2),
        unit=unit,
        cell=cell,
        n_cells=n_cells,
        shares=answers / answers.sum(),
        favour=float(np.sqrt(likeness(_by_unit(unit, matrices)))) if units else 0.0,
    )


def likeness(matrices: IntArray) -> float:
    """Return by how much two answers of one unit agree more than their truths explain: s^2 of the random models.

    From confusion matrices [U, K, K] of units: (A - E) / (1 - sum_k q_k^2), at least 0, at most 1. A is the share of
    agreeing pairs of answers within units, E what that share were if each answer were drawn from everybody's answers
    to its truth, q_k the share of label k among all answers.

    | case | value |
    |---|---|
    | no unit has two utterances | 0 |
    | everybody gets one and the same answer | 0 |
    """
    counts = matrices.astype(np.float64)
    answers, truths, everybody = counts.sum(axis=1), counts.sum(axis=2), counts.sum(axis=0)
    rows = truths.sum(axis=1)
    pairs = (rows * (rows - 1)).sum()
    shares = everybody.sum(axis=0) / everybody.sum()
    left = 1 - (shares**2).sum()
    if pairs == 0 or left <= 0:
        return 0.0
    with np.errstate(invalid="ignore"):
        given = np.nan_to_num(everybody / everybody.sum(axis=1, keepdims=True))
    expected = ((truths @ given) ** 2).sum() - (truths @ (given**2).sum(axis=1)).sum()
    agreeing = (answers * (answers - 1)).sum()
    return float(np.clip((agreeing - expected) / pairs / left, 0.0, 1.0))


def _by_unit(unit: IntArray, matrices: IntArray) -> IntArray:
    shape = matrices.shape[1:]
    return _folded(unit, matrices.reshape(len(unit), -1), int(unit.max()) + 1).reshape(-1, *shape)


def _folded(place: IntArray, values: IntArray, n_places: int) -> IntArray:
    chosen = csr_matrix((np.ones(len(place), dtype=np.int64), (place, np.arange(len(place)))), (n_places, len(place)))
    return np.asarray(chosen @ values)
