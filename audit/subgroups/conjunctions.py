"""All conjunctions of levels (`female and highland`) up to a depth, over the cells of a run and never over its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.sparse import csr_matrix

from affidavit.tally import FloatArray, IntArray, Tally
from audit.subgroups.halves import BoolArray, CellSums


@dataclass(frozen=True, kw_only=True)
class Conjunctions:
    """The subgroups, and which cells each is made of."""

    features: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    cells: IntArray
    """[C, F] level codes."""
    depth: int

    @cached_property
    def families(self) -> tuple[tuple[int, ...], ...]:
        """The features of each family by their places, single ones first."""
        sizes = range(1, min(self.depth, len(self.features)) + 1)
        return tuple(family for size in sizes for family in combinations(range(len(self.features)), size))

    @cached_property
    def _folded(self) -> tuple[tuple[IntArray, IntArray], ...]:
        """Per family the level codes [g, f] that occur, and which of them each cell is in, [C]."""
        pairs = (np.unique(self.cells[:, list(f)], axis=0, return_inverse=True) for f in self.families)
        return tuple((present, inverse.reshape(-1)) for present, inverse in pairs)

    @cached_property
    def _starts(self) -> IntArray:
        return np.cumsum([0, *(len(present) for present, _ in self._folded)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def members(self) -> csr_matrix:
        """Which cells are in which subgroup, [G, C], as ones."""
        rows = np.concatenate([start + i for start, (_, i) in zip(self._starts, self._folded, strict=False)])
        columns = np.tile(np.arange(len(self.cells)), len(self.families))
        return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(self), len(self.cells)))

    def size(self, subgroup: int) -> int:
        """Return how many features the subgroup has."""
        return len(self.families[self._family(subgroup)])

    def groups(self, subgroup: int) -> dict[str, str]:
        """Return feature to level."""
        family = self._family(subgroup)
        codes = self._folded[family][0][subgroup - self._starts[family]]
        return {self.features[f]: self.levels[f][code] for f, code in zip(self.families[family], codes, strict=True)}

    def _family(self, subgroup: int) -> int:
        return int(np.searchsorted(self._starts, subgroup, side="right")) - 1

    def cells_in(self, subgroup: int) -> BoolArray:
        """Return which cells [C] the subgroup is made of."""
        return np.asarray(self.members[[subgroup]].toarray()[0] > 0)

    def cell_groups(self) -> tuple[Mapping[str, str], ...]:
        """Return feature to level of every cell."""
        named = zip(self.features, self.levels, strict=True)
        by_level = [(feature, levels) for feature, levels in named]
        return tuple({f: levels[code] for (f, levels), code in zip(by_level, row, strict=True)} for row in self.cells)

    def units(self, sums: CellSums, taking_part: BoolArray | None = None) -> IntArray:
        """Return the units of every subgroup [G]; those with a row that takes part [R], all where None."""
        taking = np.ones(len(sums.cell), dtype=bool) if taking_part is None else taking_part
        if sums.nested:
            by_cell = np.bincount(sums.cell, weights=sums.copies * taking, minlength=len(self.cells))
            return np.asarray(np.rint(self.members @ by_cell), dtype=np.int64)
        counts = [_distinct_units(sums, inverse, len(present), taking) for present, inverse in self._folded]
        return np.concatenate(counts)


def _distinct_units(sums: CellSums, inverse: IntArray, n_groups: int, taking: BoolArray) -> IntArray:
    pairs = np.unique(sums.unit[taking] * n_groups + inverse[sums.cell[taking]])
    return np.bincount(pairs % n_groups, minlength=n_groups)


def conjunctions_of(tally: Tally, cells: IntArray, *, depth: int) -> Conjunctions:
    """Return the conjunctions of a run up to a depth."""
    return Conjunctions(features=tally.features, levels=tally.levels, cells=cells, depth=depth)


def greatest_over(members: csr_matrix, draws: FloatArray) -> FloatArray:
    """Return the greatest absolute sum over subgroups and components [B] of cell sums [B, C, K], drawn again."""
    n, n_cells, n_components = draws.shape
    step = max(1, 4_000_000 // max(1, members.shape[0] * n_components))
    greatest = np.zeros(n)
    for start in range(0, n, step):
        block = draws[start : start + step]
        columns = np.ascontiguousarray(block.transpose(1, 0, 2)).reshape(n_cells, -1)
        sums = np.abs(members @ columns).max(axis=0, initial=0.0)
        greatest[start : start + step] = sums.reshape(len(block), n_components).max(axis=1)
    return greatest
