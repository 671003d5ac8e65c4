"""Sums by cell under random weights of units: one pass serves every family of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from affidavit.tally import FloatArray
from audit.subgroups.halves import CellSums

_BLOCK_ENTRIES: Final = 4_000_000


def exponential_cell_sums(
    sums: CellSums, values: FloatArray, *, n_draws: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield blocks [b, C, Q] of values [R, Q] by cell, each unit with a standard exponential weight (Rubin 1981).

    Units that are alike have the sum of so many of them, a gamma weight. The weights are the same for the same number
    of units, so that conditions can be compared draw by draw.
    """
    width = len(sums.cell) if sums.alike else sums.n_units
    step = max(1, _BLOCK_ENTRIES // max(1, width, sums.n_cells * values.shape[1]))
    order = np.argsort(sums.cell, kind="stable")
    present, starts = np.unique(sums.cell[order], return_index=True)
    rows = list(zip(present, np.split(order, starts[1:]), strict=True))
    who = np.arange(width) if sums.alike else sums.unit
    for start in range(0, n_draws, step):
        n = min(step, n_draws - start)
        shape = sums.copies.astype(np.float64)
        weights = rng.standard_gamma(shape, size=(n, width)) if sums.alike else rng.standard_exponential((n, width))
        block = np.zeros((n, sums.n_cells, values.shape[1]))
        for cell, own in rows:
            block[:, cell] = weights[:, who[own]] @ values[own]
        yield block


def membership(
    cell_groups: Sequence[Mapping[str, str]], groups: Sequence[Mapping[str, str]], features: Sequence[str]
) -> csr_matrix:
    """Return which cells are in which group of a family, [G, C], as ones; every cell is in one group."""
    places = {tuple(group[feature] for feature in features): place for place, group in enumerate(groups)}
    rows = [places[tuple(cell[feature] for feature in features)] for cell in cell_groups]
    shape = (len(groups), len(cell_groups))
    return csr_matrix((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=shape)


def folded(members: csr_matrix, block: FloatArray) -> FloatArray:
    """Return cell sums [b, C, Q] by group, [b, G, Q]; groups of several families may be stacked in `members`."""
    n, n_cells, width = block.shape
    columns = np.ascontiguousarray(block.transpose(1, 0, 2)).reshape(n_cells, n * width)
    return np.asarray(members @ columns).reshape(-1, n, width).transpose(1, 0, 2)
