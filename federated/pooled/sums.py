"""What a site sends of one block, and the vector that it travels in.

For each group of patients: how many there are, their rows, their sums s = sum_u s_u of class sums (hits, true, called;
see `affidavit.confusion`), in how many patients each label occurs, and the second moments sum_u s_u s_u^T; where a
patient may be in two groups g and h, also sum_u s_ug s_uh^T. All of them add up over sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.pooled.counts_plan import Block, CountsPlan

Values = NDArray[Any]
"""int64 where counted, float64 where added up at the server."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockSums:
    """The sums of one block: G groups, C = 3 K sums, K labels."""

    block: Block
    n_units: Values
    """`[G]`"""
    n_rows: Values
    """`[G]`"""
    sums: Values
    """`[G, C]`"""
    present: Values
    """`[G, K]`: patients with a row whose truth is the label."""
    moments: Values
    """`[G, C, C]`"""
    cross: Values
    """`[P, C, C]`, one for each of `block.pairs`."""

    def vector(self) -> Values:
        """Return the numbers in one row; of a symmetric matrix only its upper triangle."""
        i, j = np.triu_indices(self.block.n_sums)
        parts = (self.n_units, self.n_rows, self.sums, self.present, self.moments[:, i, j], self.cross)
        return np.concatenate([part.reshape(-1) for part in parts])

    @classmethod
    def of(cls, block: Block, vector: Values) -> BlockSums:
        """Return the sums that `vector` made a row of, in its own type."""
        groups, c, k = len(block.groups), block.n_sums, block.n_labels
        shapes = ((groups,), (groups,), (groups, c), (groups, k), (groups, block.n_moments), (len(block.pairs), c, c))
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = [part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)]
        i, j = np.triu_indices(c)
        moments = np.zeros((groups, c, c), dtype=vector.dtype)
        moments[:, i, j] = parts[4]
        moments[:, j, i] = parts[4]
        n_units, n_rows, sums, present, _, cross = parts
        return cls(
            block=block, n_units=n_units, n_rows=n_rows, sums=sums, present=present, moments=moments, cross=cross
        )

    def covered(self, group: int, other: int) -> Values:
        """Return sum_u s_ug s_uh^T of two groups: their own moments, the cross moments, or nothing in common."""
        if group == other:
            return np.asarray(self.moments[group])
        if not self.block.joint:
            return np.zeros_like(self.moments[group])
        pair = self.block.pairs.index((min(group, other), max(group, other)))
        return np.asarray(self.cross[pair] if group < other else self.cross[pair].T)


def joined(blocks: Sequence[BlockSums]) -> Values:
    """Return the vector of all blocks."""
    return np.concatenate([block.vector() for block in blocks])


def parted(plan: CountsPlan, vector: Values) -> tuple[BlockSums, ...]:
    """Return the blocks of a vector."""
    ends = np.cumsum([block.size for block in plan.blocks])
    pieces = np.split(vector, ends[:-1])
    return tuple(BlockSums.of(block, piece) for block, piece in zip(plan.blocks, pieces, strict=True))


def block_sums(block: Block, sums: Values, unit: Values, group: Values, n_rows: Values) -> BlockSums:
    """Sum patients: `sums` [R, C], one row for each patient in each of their groups.

    A patient may be in several groups of a joint block only; the caller sees to that.
    """
    n_groups, c, k = len(block.groups), block.n_sums, block.n_labels
    moments = np.zeros((n_groups, c, c), dtype=np.int64)
    totals = np.zeros((n_groups, c), dtype=np.int64)
    present = np.zeros((n_groups, k), dtype=np.int64)
    for g in range(n_groups):
        own = sums[group == g]
        moments[g], totals[g] = own.T @ own, own.sum(axis=0)
        present[g] = (own[:, k : 2 * k] > 0).sum(axis=0)
    return BlockSums(
        block=block,
        n_units=np.bincount(group, minlength=n_groups).astype(np.int64),
        n_rows=np.bincount(group, weights=n_rows, minlength=n_groups).astype(np.int64),
        sums=totals,
        present=present,
        moments=moments,
        cross=_cross(block, sums, unit, group),
    )


def _cross(block: Block, sums: Values, unit: Values, group: Values) -> Values:
    cross = np.zeros((len(block.pairs), block.n_sums, block.n_sums), dtype=np.int64)
    if not block.pairs:
        return cross
    n_units = int(unit.max(initial=-1)) + 1
    by_group = np.zeros((len(block.groups), n_units, block.n_sums), dtype=np.int64)
    by_group[group, unit] = sums
    for pair, (g, h) in enumerate(block.pairs):
        cross[pair] = by_group[g].T @ by_group[h]
    return cross
