"""Two halves of the units: what is found on one is confirmed on the other, and no unit is in both.

Units are dealt in turn along their cells (a cell is a combination of all features' levels), so that every cell is
halved as evenly as it can be; then a unit is moved wherever a level with two units or more would be in one half only.
Every condition of a run has the same halves. Where rows are the units, rows that are alike are dealt within their cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affidavit.tally import FloatArray, GroupedSums, IntArray, Tally

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class CellSums:
    """Sums [R, S] of units under one condition: a row for each pair of unit and cell that occurs."""

    sums: FloatArray
    n_rows: IntArray
    """Table rows behind one copy, [R]."""
    unit: IntArray
    """From 0 to n_units - 1; the row's own number where rows stand for units that are alike."""
    cell: IntArray
    """Place among the cells, [R]."""
    copies: IntArray
    """Units that are alike, [R]; ones where units have names."""
    n_units: int
    n_cells: int
    alike: bool
    weighted: bool

    @cached_property
    def nested(self) -> bool:
        """Whether every unit lies in one cell, so that units can be dealt anew to cells."""
        return self.alike or int(np.bincount(self.unit).max(initial=0)) <= 1

    def totals(self, values: FloatArray) -> FloatArray:
        """Return values [R, Q] added up by cell, [C, Q]."""
        totals = np.zeros((self.n_cells, values.shape[1]))
        np.add.at(totals, self.cell, values * self.copies[:, None])
        return totals

    def grouped(self, values: FloatArray, groups: tuple[Mapping[str, str], ...] | None = None) -> GroupedSums:
        """Return values [R, Q] with cells as groups; with everybody together, unit by unit, where `groups` is None."""
        if self.alike:
            return self._alike(values, groups)
        if groups is not None:
            return self._grouped(values, self.n_rows, self.unit, self.cell, groups)
        if self.nested:
            return self._grouped(values, self.n_rows, self.unit, np.zeros_like(self.cell), ({},))
        sums = np.zeros((self.n_units, values.shape[1]))
        np.add.at(sums, self.unit, values)
        n_rows = np.bincount(self.unit, weights=self.n_rows, minlength=self.n_units).astype(np.int64)
        units = np.arange(self.n_units)
        return self._grouped(sums, n_rows, units, np.zeros_like(units), ({},))

    def _grouped(
        self,
        sums: FloatArray,
        n_rows: IntArray,
        unit: IntArray,
        group: IntArray,
        groups: tuple[Mapping[str, str], ...],
    ) -> GroupedSums:
        return GroupedSums(
            sums=sums,
            n_rows=n_rows,
            unit=unit,
            group=group,
            n_units=self.n_units,
            groups=groups,
            weighted=self.weighted,
        )

    def _alike(self, values: FloatArray, groups: tuple[Mapping[str, str], ...] | None) -> GroupedSums:
        """Count units together that have the same values in the same group: fewer patterns are drawn faster."""
        group = np.zeros_like(self.cell) if groups is None else self.cell
        patterns, row = np.unique(np.column_stack([group, values]), axis=0, return_inverse=True)
        copies = np.bincount(row.reshape(-1), weights=self.copies, minlength=len(patterns)).astype(np.int64)
        return GroupedSums(
            sums=np.ascontiguousarray(patterns[:, 1:]),
            n_rows=copies,
            unit=np.arange(len(patterns)),
            group=patterns[:, 0].astype(np.int64),
            n_units=self.n_units,
            groups=({},) if groups is None else groups,
            multiplicity=copies,
            weighted=self.weighted,
        )

    def chosen(self, copies: IntArray) -> CellSums:
        """Return the rows with so many copies [R], none of them with 0; the units numbered anew."""
        kept = np.flatnonzero(copies > 0)
        unit = np.unique(self.unit[kept], return_inverse=True)[1]
        return replace(
            self,
            sums=self.sums[kept],
            n_rows=self.n_rows[kept],
            unit=unit,
            cell=self.cell[kept],
            copies=copies[kept],
            n_units=int(copies.sum()) if self.alike else int(unit.max(initial=-1)) + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """The units that are searched and the units that are held out."""

    searched: CellSums
    held_out: CellSums


def cells_of(tallies: Sequence[Tally]) -> IntArray:
    """Return the cells [C, F] that occur under any condition, in ascending order."""
    return np.unique(np.concatenate([tally.cell if tally.cells is None else tally.cells for tally in tallies]), axis=0)


def cell_sums(tally: Tally, cells: IntArray) -> CellSums:
    """Return a tally over the cells [C, F]; every cell of the tally is among them."""
    shape = tuple(len(levels) for levels in tally.levels)
    known = np.ravel_multi_index(tuple(cells.T), shape)
    return CellSums(
        sums=tally.sums,
        n_rows=np.ones_like(tally.n_rows) if tally.alike else tally.n_rows,
        unit=np.arange(len(tally.unit)) if tally.alike else tally.unit,
        cell=np.searchsorted(known, np.ravel_multi_index(tuple(tally.cell.T), shape)),
        copies=tally.n_rows if tally.alike else np.ones_like(tally.n_rows),
        n_units=tally.n_units,
        n_cells=len(cells),
        alike=tally.alike,
        weighted=tally.weighted,
    )


def searched_units(tallies: Sequence[Tally], *, seed: int) -> BoolArray:
    """Return which units [U] of a run are searched, the same under every condition."""
    unit = np.concatenate([tally.unit for tally in tallies])
    cell = np.concatenate([tally.cell for tally in tallies])
    return dealt_units(unit, cell, n_units=tallies[0].n_units, seed=seed)


def dealt_units(unit: IntArray, cell: IntArray, *, n_units: int, seed: int) -> BoolArray:
    """Return which units [U] are searched, from pairs of unit [P] and level codes [P, F].

    A unit of several cells is dealt by the first of them; one without a pair is not searched.
    """
    order = np.lexsort((*cell.T[::-1], unit))
    units, first = np.unique(unit[order], return_index=True)
    cell = cell[order][first]
    rng = np.random.default_rng(seed)
    dealt = np.lexsort((rng.random(len(units)), *cell.T[::-1]))
    searched = np.zeros(len(units), dtype=bool)
    searched[dealt[int(rng.integers(2)) :: 2]] = True
    _spread_levels(searched, cell, dealt)
    chosen = np.zeros(n_units, dtype=bool)
    chosen[units] = searched
    return chosen


def _spread_levels(searched: BoolArray, cell: IntArray, order: IntArray) -> None:
    """Move one unit of every level that is in one half only, where no other level is lost from the half it leaves."""
    for feature in range(cell.shape[1]):
        for level in np.unique(cell[:, feature]):
            members = order[cell[order, feature] == level]
            if len(members) > 1 and len(set(searched[members].tolist())) == 1:
                spare = [unit for unit in members if _can_leave(int(unit), searched, cell, feature)]
                searched[spare[:1]] = ~searched[spare[:1]]


def _can_leave(unit: int, searched: BoolArray, cell: IntArray, feature: int) -> bool:
    side = cell[searched == searched[unit]]
    others = [f for f in range(cell.shape[1]) if f != feature]
    return all(int((side[:, f] == cell[unit, f]).sum()) > 1 for f in others)


def halved(whole: CellSums, searched: BoolArray, *, seed: int) -> Halves:
    """Return the halves of one condition; `searched` [U] is not asked where rows are the units."""
    copies = _half_of_alike(whole, seed) if whole.alike else searched[whole.unit].astype(np.int64)
    return Halves(searched=whole.chosen(copies), held_out=whole.chosen(whole.copies - copies))


def _half_of_alike(whole: CellSums, seed: int) -> IntArray:
    """Return how many of the alike units [R] are searched: half of every cell, the odd one by lot."""
    rng = np.random.default_rng(seed)
    half = np.zeros_like(whole.copies)
    for cell in np.unique(whole.cell):
        rows = np.flatnonzero(whole.cell == cell)
        n = int(whole.copies[rows].sum())
        half[rows] = rng.multivariate_hypergeometric(whole.copies[rows], (n + int(rng.integers(2))) // 2)
    return half
