"""Every linear statement that follows from released tables, as one system of counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from affidavit.disclosure.lattice import Group, Line, group_in_words, lines
from affidavit.disclosure.linear import Counts, Statement
from privacy.linter.tables import Demands, Ends, ReleasedTable, Share

SLACK: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A count that an attacker asks for."""

    index: int
    what: str
    kind: str
    """`withheld`: must keep its width; `told`, `left`, `rest`, `behind a share`, `arrived`: not small for sure."""


@dataclass(slots=True, kw_only=True)
class System:
    """Counts and statements, gathered table by table."""

    demands: Demands
    names: list[str] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def counts(self) -> Counts:
        """Return the system for solving."""
        return Counts(
            names=tuple(self.names), low=np.array(self.low), high=np.array(self.high), statements=tuple(self.statements)
        )

    def add(self, name: str, ends: Ends) -> int:
        """Add a count and return its index."""
        self.names.append(name)
        self.low.append(ends[0])
        self.high.append(ends[1])
        return len(self.names) - 1

    def ask(self, index: int, kind: str) -> None:
        """Ask for a count."""
        self.asked.append(Asked(index=index, what=self.names[index], kind=kind))

    def add_table(self, table: ReleasedTable) -> dict[Group, int]:
        """Add what a table tells; returns the index of each group's units."""
        units = self._measure(table, "units", table.units)
        self._sums(units, table.overlapping, rest=True, words=f"units of {table.name}")
        rows = {}
        if table.rows:
            rows = self._measure(table, "rows", table.rows)
            self._sums(rows, frozenset(), rest=False, words=f"rows of {table.name}")
            for group in units.keys() & rows.keys():
                self._state({rows[group]: 1.0, units[group]: -1.0}, (0.0, np.inf), "a unit has a row")
        for share in table.shares:
            self._share(table, share, rows if share.of_rows else units)
        return units

    def _measure(self, table: ReleasedTable, measure: str, told: Mapping[Group, Ends | None]) -> dict[Group, int]:
        place = {}
        for group, ends in told.items():
            name = f"{measure} of {group_in_words(group)} in {table.name}"
            free = table.bounds.get(measure, {}).get(group, (float(self.demands.least), np.inf))
            place[group] = self.add(name, free if ends is None else ends)
            hidden = "withheld here" if group in table.here else "withheld"
            self.ask(place[group], hidden if ends is None else "left" if table.differences else "told")
        for group in () if table.closed else sorted(_unlisted(tuple(told))):
            name = f"{measure} of {group_in_words(group)} in {table.name}, not listed"
            place[group] = self.add(name, (0.0, np.inf))
            self.ask(place[group], "told")
        return place

    def _sums(self, place: Mapping[Group, int], overlapping: frozenset[str], *, rest: bool, words: str) -> None:
        for line in lines(place):
            if line.feature in overlapping:
                continue
            coefficients = {place[line.parent]: 1.0, **{place[child]: -1.0 for child in line.children}}
            self._state(coefficients, (0.0, 0.0), f"{words}: {group_in_words(line.parent)} sums over {line.feature}")
            if rest:
                self._rest(line, place, words)

    def _rest(self, line: Line, place: Mapping[Group, int], words: str) -> None:
        """Ask for the sum of a line's withheld groups, where there are several."""
        gone = [place[child] for child in line.children if self.low[place[child]] < self.high[place[child]]]
        if len(gone) < 2:
            return
        rest = self.add(f"withheld {line.feature} of {group_in_words(line.parent)} together, {words}", (0.0, np.inf))
        self._state({rest: 1.0, **dict.fromkeys(gone, -1.0)}, (0.0, 0.0), "what a line withholds, together")
        self.ask(rest, "rest")

    def _share(self, table: ReleasedTable, share: Share, whole: Mapping[Group, int]) -> None:
        place = {}
        for group, ends in share.by_group.items():
            if group not in whole:
                continue
            of = whole[group]
            words = f"{share.name} of {group_in_words(group)}"
            stated = ends is not None
            ends = ends if share.counted else self._ends_of_share(of, ends)
            count = self.add(f"{words} in {table.name}", ends or (0.0, self.high[of]))
            place[group] = count
            left = self._left(of, count, f"not {words} in {table.name}")
            if stated and ends is None:
                low, high = share.by_group[group] or (0.0, 1.0)
                self._state({count: 1.0, of: -low}, (0.0, np.inf), f"{words}, as a share")
                self._state({count: 1.0, of: -high}, (-np.inf, 0.0), f"{words}, as a share")
            for asked in (count, left):
                self.ask(asked, "behind a share" if stated else "withheld share")
        self._sums(place, frozenset() if share.of_rows else table.overlapping, rest=False, words=share.name)

    def _ends_of_share(self, of: int, ends: Ends | None) -> Ends | None:
        """Return the ends of the count behind a share of a told number; None where either is not told."""
        if ends is None or self.low[of] < self.high[of]:
            return None
        whole = self.low[of]
        low, high = np.ceil(ends[0] * whole - SLACK), np.floor(ends[1] * whole + SLACK)
        return (float(low), float(high)) if low <= high else None

    def _left(self, of: int, count: int, name: str) -> int:
        """Add what a count leaves of its whole; told outright where both are."""
        if self.low[count] == self.high[count] and self.low[of] == self.high[of]:
            rest = self.low[of] - self.low[count]
            return self.add(name, (rest, rest))
        left = self.add(name, (0.0, self.high[of]))
        self._state({of: 1.0, count: -1.0, left: -1.0}, (0.0, 0.0), "a share and what it leaves")
        return left

    def _state(self, coefficients: dict[int, float], ends: Ends, words: str) -> None:
        self.statements.append(Statement(coefficients=coefficients, low=ends[0], high=ends[1], told_by=words))

    def add_releases(self, releases: Sequence[ReleasedTable], same: Callable[[int, int], bool]) -> None:
        """Add releases of one table, the newest first: any two are of the same people, or the newer of more of them.

        `same` says so of two of them by their places.
        """
        added = [self.add_table(table) for table in releases]
        for first in range(len(added)):
            for second in range(first + 1, len(added)):
                self._beside(releases[first].name, added[first], added[second], same=same(first, second))

    def _beside(self, table: str, now: Mapping[Group, int], then: Mapping[Group, int], *, same: bool) -> None:
        for group in (group for group in now if group in then):
            name = f"units that came to {group_in_words(group)} between the releases of {table}"
            both = self.low[now[group]] - self.high[then[group]], self.high[now[group]] - self.low[then[group]]
            ends = (0.0, 0.0) if same else (max(both[0], 0.0), max(both[1], 0.0))
            arrived = self.add(name, ends)
            if same or ends[0] < ends[1]:
                change = {now[group]: 1.0, then[group]: -1.0, arrived: -1.0}
                self._state(change, (0.0, 0.0), f"the two releases of {group_in_words(group)}")
            if not same:
                self.ask(arrived, "arrived")


def _unlisted(listed: tuple[Group, ...]) -> list[Group]:
    """Return the groups that could have been listed beside those that are: any level under any listed family."""
    levels: dict[str, dict[str, None]] = {}
    for group in listed:
        for feature, level in group:
            levels.setdefault(feature, {})[level] = None
    known = set(listed)
    missing: list[Group] = []
    for family in dict.fromkeys(tuple(feature for feature, _ in group) for group in listed):
        grown: list[Group] = [()]
        for feature in family:
            grown = [(*group, (feature, level)) for group in grown for level in levels[feature]]
        missing += [group for group in grown if group not in known]
    return missing
