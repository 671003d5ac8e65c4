"""Units that are alike dealt anew to cells: drawn as counts, so that a million of them cost what a hundred cost."""

from __future__ import annotations

import numpy as np

from affidavit.tally import FloatArray, IntArray


def dealt_alike(
    values: FloatArray, copies: IntArray, cell: IntArray, *, n_cells: int, n_draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return cell sums [B, C, Q] of units with values [R, Q] under random arrangements, the sizes of cells kept.

    Units of equal values are one kind; how many of each kind a cell gets is multivariate hypergeometric given what the
    cells before it got, which is the law of counts under a permutation of units.
    """
    kinds, kind = np.unique(values, axis=0, return_inverse=True)
    left = np.bincount(kind.reshape(-1), weights=copies, minlength=len(kinds)).astype(np.int64)
    sizes = np.bincount(cell, weights=copies, minlength=n_cells).astype(np.int64)
    remaining = np.tile(left, (n_draws, 1))
    sums = np.zeros((n_draws, n_cells, values.shape[1]))
    for c in np.flatnonzero(sizes):
        wanted = np.full(n_draws, sizes[c])
        others = remaining.sum(axis=1)
        for k in range(len(kinds)):
            others = others - remaining[:, k]
            drawn = rng.hypergeometric(remaining[:, k], others, wanted)
            sums[:, c] += drawn[:, None] * kinds[k]
            remaining[:, k] -= drawn
            wanted = wanted - drawn
    return sums
