"""A fresh probe: how well the group of a unit can be told from numbers about it, on units that it was not fitted on.

It is linear discriminant analysis with equal priors and a covariance shrunk towards a sphere, cross-fitted over units.
Folds do not look at groups, so the whole of it is one function of the units' numbers and of who is in which group:
under the null that the two are independent, dealing the groups anew to the units gives its distribution exactly.

Source: Friedman 1989 (regularised discriminant analysis); shrinkage: Chen, Wiesel, Eldar, Hero 2010, equation 23 (OAS).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_TOGETHER: Final = 40
"""Arrangements that are fitted at once."""


def guesses(numbers: FloatArray, groups: IntArray, *, n_groups: int, fold: IntArray) -> IntArray:
    """Return the group [B, U] that the probe tells of each unit, for B arrangements `groups` [B, U] of the same units.

    `numbers` is [U, R], `fold` [U]. A group without a unit outside of the fold is never told there.
    """
    found = np.zeros(groups.shape, dtype=np.int64)
    for one in np.unique(fold):
        fitted, told = fold != one, fold == one
        centre = numbers[fitted].mean(axis=0)
        known, asked = numbers[fitted] - centre, numbers[told] - centre
        factor = cho_factor(shrunk_covariance(known))
        for start in range(0, len(groups), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            means, there = _means(known, groups[some][:, fitted], n_groups)
            weights = cho_solve(factor, means.T).T
            offsets = np.where(there, -0.5 * np.einsum("mr,mr->m", means, weights), -np.inf)
            scores = (asked @ weights.T + offsets).reshape(len(asked), -1, n_groups)
            found[some, told] = scores.argmax(axis=2).T
    return found


def balanced_accuracy(guessed: IntArray, groups: IntArray, *, n_groups: int) -> FloatArray:
    """Return the mean over groups of the share of their units that is told right, [B] from two [B, U]."""
    shares = [((guessed == g) & (groups == g)).sum(axis=1) / (groups == g).sum(axis=1) for g in range(n_groups)]
    return np.asarray(np.mean(shares, axis=0))


def shrunk_covariance(centred: FloatArray) -> FloatArray:
    """Return the covariance [R, R] of centred numbers [U, R], shrunk towards a multiple of the identity."""
    n, r = centred.shape
    plain = centred.T @ centred / n
    trace, squares = float(np.trace(plain)), float((plain**2).sum())
    excess = (n + 1 - 2 / r) * (squares - trace**2 / r)
    share = 1.0 if excess <= 0 else min(1.0, ((1 - 2 / r) * squares + trace**2) / excess)
    share = max(share, 1e-6)  # so that numbers which depend on each other still have an inverse
    return np.asarray((1 - share) * plain + (share * trace / r + 1e-12) * np.eye(r))


def _means(known: FloatArray, groups: IntArray, n_groups: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the mean [B G, R] of each group under each arrangement, and whether it has a unit at all."""
    n_arrangements, n_units = groups.shape
    place = (groups + n_groups * np.arange(n_arrangements)[:, None]).ravel()
    unit = np.tile(np.arange(n_units), n_arrangements)
    member = csr_array((np.ones(len(place)), (place, unit)), shape=(n_arrangements * n_groups, n_units))
    counts = np.asarray(member.sum(axis=1))
    return np.asarray((member @ known) / np.maximum(counts, 1.0)[:, None]), counts > 0
