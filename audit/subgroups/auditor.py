"""A learned auditor: the set of cells, of any shape, that a linear rule over levels and pairs of levels sets apart.

Kearns et al. 2018 reduce the search for the most violated subgroup to cost-sensitive learning over the attributes, by
regression in practice. Here z / denominator of the cells is regressed on their levels and pairs of levels (one-hot,
ridge, the penalty by generalised cross-validation), and the cells are cut where the violation of the searched units is
greatest. What it finds may be a union (`female and highland, or male and coastal`), which no conjunction is.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from affidavit.tally import FloatArray, IntArray
from audit.subgroups.confirmation import Target
from audit.subgroups.halves import BoolArray, Halves
from audit.subgroups.search import Searched

MOST_PAIRS: Final = 400
"""Columns of the regression; beyond it pairs of levels are left out."""
PENALTIES: Final = tuple(float(10.0**power) for power in range(-3, 4))
_SPREAD: Final = 1e-10


def design(cells: IntArray) -> FloatArray:
    """Return one-hot levels and pairs of levels of the cells, [C, P]."""
    single = [_one_hot(cells[:, [f]]) for f in range(cells.shape[1])]
    pairs = [_one_hot(cells[:, list(pair)]) for pair in combinations(range(cells.shape[1]), 2)]
    width = sum(part.shape[1] for part in (*single, *pairs))
    return np.concatenate(single if width > MOST_PAIRS else [*single, *pairs], axis=1)


def _one_hot(codes: IntArray) -> FloatArray:
    present, inverse = np.unique(codes, axis=0, return_inverse=True)
    return np.eye(len(present))[inverse.reshape(-1)]


def scores(columns: FloatArray, residual: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the fitted residual per row of every cell [C], also of cells that the searched units do not reach.

    Weighted ridge regression of residual / denominator on `columns` [C, P] with weights `denominator`; the penalty, in
    units of the mean eigenvalue, minimises sum w (y - fit)^2 / (1 - df / n)^2 (Golub, Heath, Wahba 1979).
    """
    seen = denominator > 0
    weight = denominator[seen] / denominator[seen].mean()
    root = np.sqrt(weight)
    x, y = columns[seen] * root[:, None], residual[seen] / denominator[seen] * root
    left, singular, right = np.linalg.svd(x, full_matrices=False)
    kept = singular > _SPREAD * singular.max(initial=0.0)
    left, singular, right = left[:, kept], singular[kept], right[kept]
    projected = left.T @ y
    unit = float((singular**2).mean())
    fits = [(_cross_validated(left, singular, (y, projected), p * unit), p * unit) for p in PENALTIES]
    penalty = min(fits)[1]
    return np.asarray(columns @ (right.T @ (singular / (singular**2 + penalty) * projected)))


def _cross_validated(left: FloatArray, singular: FloatArray, y: tuple[FloatArray, FloatArray], penalty: float) -> float:
    outcome, projected = y
    shrunk = singular**2 / (singular**2 + penalty)
    rest = outcome - left @ (shrunk * projected)
    freedom = 1 - float(shrunk.sum()) / len(outcome)
    return float((rest**2).sum()) / max(freedom, 1e-6) ** 2


def furthest_cut(order: FloatArray, residual: FloatArray, allowed: BoolArray) -> BoolArray | None:
    """Return the cells [C] with the lowest scores whose residuals add up to the greatest violation.

    `allowed` [C]: whether the cells up to and with the i-th in ascending order of score may be a subgroup. None where
    none may be.
    """
    ascending = np.argsort(order, kind="stable")
    violation = np.where(allowed, np.abs(np.cumsum(residual[ascending])), -1.0)
    place = int(violation.argmax())
    if violation[place] < 0:
        return None
    chosen = np.zeros(len(order), dtype=bool)
    chosen[ascending[: place + 1]] = True
    return chosen


def learned(searched: Searched, halves: Halves, *, at_least: int, in_each_half: int) -> tuple[Target, float] | None:
    """Return the union of cells with the greatest violation that any rate's linear rule sets apart, and that violation.

    None where no cut leaves `at_least` units, and so many in each half, on both sides. A unit of several cells counts
    in each of them here.
    """
    columns = design(searched.conjunctions.cells)
    found = searched.residuals
    units = np.stack([half.totals(np.ones((len(half.cell), 1)))[:, 0] for half in (halves.searched, halves.held_out)])
    best: tuple[Target, float] | None = None
    for k, rate in enumerate(searched.rates):
        if np.isnan(found.rates[k]):
            continue
        fitted = scores(columns, found.by_cell[:, k], found.denominators[:, k])
        order = fitted if rate.low_is_worse else -fitted
        below = np.cumsum(units[:, np.argsort(order, kind="stable")], axis=1)
        sides = (below, below[:, -1:] - below)
        allowed = np.all([(s.sum(axis=0) >= at_least) & (s.min(axis=0) >= in_each_half) for s in sides], axis=0)
        chosen = furthest_cut(order, found.by_cell[:, k], allowed)
        if chosen is None:
            continue
        value = float(found.by_cell[chosen, k].sum()) / found.total
        if best is None or abs(value) > best[1]:
            best = Target(cells=chosen, rate=rate, sign=1.0 if value > 0 else -1.0), abs(value)
    return best
