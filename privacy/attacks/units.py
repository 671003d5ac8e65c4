"""From clips to units: one score, one answer and one level of each feature for every patient.

A patient is a member or is not, with all clips. The mean over clips does not grow with their number, so that patients
with more clips are not members for that alone; `sum` adds up log likelihood ratios, and does grow; `max` is the clip
that gives a patient away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affidavit.schema import UNKNOWN
from affidavit.statistics.types import BoolArray, FloatArray, IntArray

OverClips = Literal["mean", "max", "sum"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """Scores of units; higher means member."""

    score: FloatArray
    """[U]"""
    member: BoolArray
    """[U]"""
    n_rows: IntArray
    """Clips with a score, [U]"""
    groups: Mapping[str, tuple[str | None, ...]]
    """The level of each unit by feature; None where its clips have several."""
    unit: tuple[str, ...] = ()
    """Names, to find the same units in another table; never told."""

    def chosen(self, which: BoolArray) -> Scored:
        """Return some of the units."""
        places = np.flatnonzero(which)
        return Scored(
            score=self.score[which],
            member=self.member[which],
            n_rows=self.n_rows[which],
            groups={name: tuple(levels[i] for i in places) for name, levels in self.groups.items()},
            unit=tuple(self.unit[i] for i in places) if self.unit else (),
        )

    def lies_in(self, groups: Mapping[str, str]) -> BoolArray:
        """Say of each unit whether it is of one group or intersection, given as level by feature [U]."""
        own = np.ones(len(self.score), dtype=bool)
        for feature, level in groups.items():
            own &= np.array([other == level for other in self.groups[feature]], dtype=bool)
        return own

    def of(self, groups: Mapping[str, str]) -> Scored:
        """Return the units of one group or intersection."""
        return self.chosen(self.lies_in(groups))

    @property
    def members(self) -> FloatArray:
        """The members' scores."""
        return self.score[self.member]

    @property
    def non_members(self) -> FloatArray:
        """The non-members' scores."""
        return self.score[~self.member]


def coded_units(unit: Sequence[str]) -> tuple[IntArray, tuple[str, ...]]:
    """Return the code of each row's unit, and the names in the order of codes, which is their own."""
    names, codes = np.unique(np.array(unit, dtype=object).astype(str), return_inverse=True)
    return codes.astype(np.int64), tuple(names.tolist())


def on_both_sides(unit: IntArray, member: BoolArray) -> int:
    """Return how many units have rows of members and of non-members."""
    return len(np.intersect1d(unit[member], unit[~member]))


def over_clips(score: FloatArray, unit: IntArray, n_units: int, *, how: OverClips) -> tuple[FloatArray, IntArray]:
    """Return the score of each unit [U] and over how many clips; NaN where none has a score.

    >>> score, n = over_clips(np.array([1.0, 3.0, np.nan]), np.array([0, 0, 1]), 2, how="mean")
    >>> score.tolist(), n.tolist()
    ([2.0, nan], [2, 0])
    """
    known = np.isfinite(score)
    n = np.bincount(unit[known], minlength=n_units)
    if how == "max":
        most = np.full(n_units, -np.inf)
        np.maximum.at(most, unit[known], score[known])
        return np.where(n > 0, most, np.nan), n
    # summed in the order of values, so that the order of rows does not show in the last digit
    order = np.lexsort((score[known], unit[known]))
    total = np.bincount(unit[known][order], weights=score[known][order], minlength=n_units)
    return np.where(n > 0, total / np.where(how == "mean", np.maximum(n, 1), 1), np.nan), n


def unit_levels(levels: Sequence[str], unit: IntArray, n_units: int) -> tuple[str | None, ...]:
    """Return the one level of each unit, what is unknown aside; None where there are several."""
    found: list[set[str]] = [set() for _ in range(n_units)]
    for code, level in zip(unit.tolist(), levels, strict=True):
        found[code].add(level)
    return tuple(_only(each) for each in found)


def _only(levels: set[str]) -> str | None:
    known = levels - {UNKNOWN}
    if len(known) > 1:
        return None
    return next(iter(known), UNKNOWN)
