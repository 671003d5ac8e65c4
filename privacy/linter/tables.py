"""A released table as an attacker holds it: what it tells of each group, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from affidavit.disclosure.lattice import Group

Ends = tuple[float, float]
"""Least and greatest value that is consistent with what is printed: equal where a number is printed in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A percentage or rate over groups, and what it is a share of."""

    name: str
    of_rows: bool
    by_group: Mapping[Group, Ends | None]
    """Ends from 0 to 1; None where it is withheld."""
    counted: bool = False
    """Whether the ends are those of the count behind each share instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedTable:
    """What one table tells; counts that are withheld are None."""

    name: str
    units: Mapping[Group, Ends | None]
    rows: Mapping[Group, Ends | None] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()
    here: frozenset[Group] = frozenset()
    """Withheld groups that other tables tell of: only a count of them that is small here is a secret."""
    bounds: Mapping[str, Mapping[Group, Ends]] = field(default_factory=dict)
    """What other tables leave to withheld counts, by measure (units, rows)."""
    closed: bool = True
    """Whether a group that is listed nowhere is empty; else it may have been left out."""
    overlapping: frozenset[str] = frozenset()
    """Features of rows: one unit may be in several of their levels, so units do not add up over them."""
    differences: bool = False
    """Whether its numbers are what printed ones leave of others, and not printed themselves."""
    also: frozenset[str] = frozenset()
    """Other names of the same numbers, by which it is found again in another release."""
    digest: str | None = None
    """Of the data behind it, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What every withheld count must keep."""

    floor: int = 11
    width: int = 1
    """Greatest less least candidate: 1 leaves at least two."""
    least: int = 0
    """The least value that a withheld count can have; 1 where zeros are shown."""
    coarse: bool = False
    """Whether counts are printed as intervals: then what follows must keep as many candidates as what is withheld."""
    zeros_told: bool = True
    """Whether a share may be known to be of nobody."""
