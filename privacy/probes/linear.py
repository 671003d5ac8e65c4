"""A linear probe of rows, for many arrangements of labels at once: linear discriminant analysis, cross-fitted.

Priors are equal, and the covariance within classes is shrunk towards a sphere. How far is settled by the rows and not
by their labels, and folds do not look at labels either: under the null that the two are independent, dealing the labels
anew gives the probe's distribution exactly.

Source: Fisher 1936; Friedman 1989 (shrinkage); Chen, Wiesel, Eldar, Hero 2010, equation 23 (how far).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_TOGETHER: Final = 2**22
"""Numbers of one block of arrangements."""
_LEAST: Final = 1e-4


def scores(rows: FloatArray, member: IntArray, classes: IntArray, *, n_classes: int, fold: IntArray) -> FloatArray:
    """Return how much each row [N, R] speaks for each class [B, N, C], told by a probe of the other folds.

    What is dealt are members [M]: `member` [N] says whose a row is, `classes` [B, M] gives the class of each under each
    arrangement, `fold` [M] in which fold it is told. A class without a member outside of a fold has minus infinity.
    """
    found = np.empty((len(classes), len(rows), n_classes))
    step = max(1, _TOGETHER // (rows.shape[1] ** 2 + len(rows) * n_classes))
    for one in np.unique(fold):
        told = fold[member] == one
        centre = rows[~told].mean(axis=0)
        for start in range(0, len(classes), step):
            some = slice(start, start + step)
            found[some, told] = _told(
                rows[~told] - centre, member[~told], rows[told] - centre, classes[some], n_classes
            )
    return found


def _told(known: FloatArray, member: IntArray, asked: FloatArray, classes: IntArray, n_classes: int) -> FloatArray:
    """Return scores [B, n, C] of the rows asked about."""
    n_members = classes.shape[1]
    sums = np.zeros((n_members, known.shape[1]))
    np.add.at(sums, member, known)
    n_rows = np.bincount(member, minlength=n_members).astype(np.float64)
    chosen = (classes[:, None, :] == np.arange(n_classes)[:, None]).astype(np.float64)
    counts = chosen @ n_rows
    means = (chosen @ sums) / np.maximum(counts, 1.0)[..., None]
    total = known.T @ known / len(known)
    between = np.einsum("bc,bcr,bcs->brs", counts / len(known), means, means, optimize=True)
    share = shrinkage(total, n=int((n_rows > 0).sum()))
    within = total - between
    trace = np.trace(within, axis1=1, axis2=2) / known.shape[1]
    floor = _LEAST * np.trace(total) / known.shape[1]
    eye = np.eye(known.shape[1])
    shrunk = (1 - share) * within + (share * np.maximum(trace, 0.0) + floor)[:, None, None] * eye
    weights = np.linalg.solve(shrunk, means.transpose(0, 2, 1))
    offsets = np.where(counts > 0, -0.5 * np.einsum("bcr,brc->bc", means, weights), -np.inf)
    return np.asarray(asked @ weights + offsets[:, None, :])


def shrinkage(covariance: FloatArray, *, n: int) -> float:
    """Return the share in (0, 1] of the sphere that a covariance [R, R] of n observations is shrunk by (OAS).

    Rows of one unit are alike, so a caller counts units and not rows.
    """
    r = len(covariance)
    trace, squares = float(np.trace(covariance)), float((covariance**2).sum())
    excess = (n + 1 - 2 / r) * (squares - trace**2 / r)
    share = 1.0 if excess <= 0 else min(1.0, ((1 - 2 / r) * squares + trace**2) / excess)
    return max(share, _LEAST)


def balanced_accuracy(guessed: IntArray, classes: IntArray, *, n_classes: int) -> FloatArray:
    """Return the mean over classes of the share of their rows that is told right, [B] from two [B, N]."""
    shares = [((guessed == c) & (classes == c)).sum(axis=1) / (classes == c).sum(axis=1) for c in range(n_classes)]
    return np.asarray(np.mean(shares, axis=0))
