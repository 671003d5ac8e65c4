"""Whose counts a slice tells, and how populations of one run bear on one another.

A population is the units and rows that some metric measured of each group. Different metrics tell of the same
population, and of populations within one another (those with a rationale, those whose voice was heard): what one of
them hides follows from the others unless all hide alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from affidavit.disclosure.lattice import Group
from affidavit.disclosure.told import Slice

Counts = Mapping[Group, int]
EVERYBODY: Final[Group] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Units and rows of each group, of those that a metric measured."""

    units: Counts = field(default_factory=dict)
    rows: Counts = field(default_factory=dict)

    def measures(self) -> tuple[Counts, Counts]:
        """Return units and rows."""
        return self.units, self.rows

    @property
    def groups(self) -> frozenset[Group]:
        """Every group of which something is counted."""
        return frozenset(self.units) | frozenset(self.rows)

    def same_as(self, other: Population) -> bool:
        """Say whether every count of this population is one of another's."""
        return all(own.items() <= its.items() for own, its in zip(self.measures(), other.measures(), strict=True))

    def under(self, other: Population) -> bool:
        """Say whether no group has more here than there, as far as both are counted: then it may be a part of it."""
        common = [
            (own[g], its[g])
            for own, its in zip(self.measures(), other.measures(), strict=True)
            for g in own
            if g in its
        ]
        return bool(common) and all(here <= there for here, there in common)

    def without(self, groups: frozenset[Group]) -> Population:
        """Return the population as it is told where some groups are hidden."""
        units, rows = ({g: n for g, n in counts.items() if g not in groups} for counts in self.measures())
        return Population(units=units, rows=rows)

    @property
    def of_one(self) -> bool:
        """Whether every group has the same counts: those of everybody, told beside each group."""
        return len(self.groups) > 1 and all(len(set(counts.values())) <= 1 for counts in self.measures())

    @property
    def size(self) -> tuple[int, int, int, bool]:
        """How much is counted: how many groups, units and rows of them; of equals, that which counts everybody too."""
        units, rows = (sum(n for g, n in counts.items() if g) for counts in self.measures())
        return len(self.groups - {()}), units, rows, () in self.units

    @property
    def rows_of_a_unit(self) -> int:
        """The most rows that a unit has on average in any group: a range of rows narrower than that names a unit."""
        both = [(self.rows[g], units) for g, units in self.units.items() if units and g in self.rows]
        return max((-(-rows // units) for rows, units in both), default=1)


def population_of(part: Slice) -> Population:
    """Return the population of a slice; shares of everybody's units or rows tell the groups' own."""
    of = part.share_of_everybody
    if of is not None:
        told = {g: t for g, t in part.by_group.items() if t.value is not None}
        if of == "units":
            return Population(units={g: round((t.value or 0.0) * t.units) for g, t in told.items()})
        return Population(rows={g: round((t.value or 0.0) * t.n) for g, t in told.items()})
    return Population(
        units={g: t.units for g, t in part.by_group.items()}, rows={g: t.n for g, t in part.by_group.items()}
    )


def reference_of(populations: Iterable[Population]) -> Population:
    """Return the population that the others of a condition are held against, with everybody.

    It is that of most groups, then of most units.
    """
    found = max((p for p in populations if not p.of_one), key=lambda p: p.size, default=Population())
    return Population(units=with_everybody(found.units), rows=with_everybody(found.rows))


def with_everybody(counts: Counts) -> Counts:
    """Return counts with everybody, whose number is known wherever a feature's groups are all of them."""
    if EVERYBODY in counts:
        return counts
    sums: dict[str, int] = {}
    for group, n in counts.items():
        if len(group) == 1:
            sums[group[0][0]] = sums.get(group[0][0], 0) + n
    return {**counts, EVERYBODY: next(iter(sums.values()))} if len(set(sums.values())) == 1 else counts
