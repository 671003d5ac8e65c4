"""The sums of one condition by unit and group: what every number of a family of groups is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GroupedSums:
    """Sufficient statistics of one condition, folded to one family of groups.

    `sums` is [R, S]: one row per (unit, group) pair that occurs. `n_rows` [R] counts table rows. A group may have no
    rows at all.
    """

    sums: FloatArray
    n_rows: IntArray
    unit: IntArray
    group: IntArray
    n_units: int
    groups: tuple[Mapping[str, str], ...]
    """Feature to level, per group; one empty mapping for everybody."""
    multiplicity: IntArray | None = None
    """Where rows are the units: how many units share each row of `sums`. None where each row is one unit."""
    weighted: bool = False
    """Whether the sums carry sampling weights, so that they no longer count rows."""

    @cached_property
    def nested(self) -> bool:
        """Whether each unit lies in one group, so that groups are independent and units can be permuted."""
        return self.multiplicity is not None or int(np.bincount(self.unit).max(initial=0)) <= 1

    @property
    def copies(self) -> IntArray:
        """Units behind each row of `sums`, [R]."""
        return np.ones(len(self.group), dtype=np.int64) if self.multiplicity is None else self.multiplicity

    def totals(self) -> FloatArray:
        """Return the sums per group, [G, S]."""
        return summed(self.sums, self.group, len(self.groups), copies=self.multiplicity)

    def rows(self) -> IntArray:
        """Return table rows per group."""
        return np.bincount(self.group, weights=self.n_rows, minlength=len(self.groups)).astype(np.int64)

    def units(self) -> IntArray:
        """Return units per group."""
        return np.bincount(self.group, weights=self.copies, minlength=len(self.groups)).astype(np.int64)


def summed(values: FloatArray, place: IntArray, n_places: int, *, copies: IntArray | None = None) -> FloatArray:
    """Return values [R, S] added up by place [R], each row as often as there are copies of it: [n_places, S]."""
    often = np.ones(len(values)) if copies is None else copies.astype(np.float64)
    return np.asarray(csr_matrix((often, (place, np.arange(len(values)))), shape=(n_places, len(values))) @ values)
