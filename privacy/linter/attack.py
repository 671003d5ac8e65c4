"""Which small counts follow from released tables?

Claim: every count that is withheld and that the tables' linear statements pin to fewer candidates than demanded is
named, with the statements that pin it; so is every count under the floor that is told outright, is what a line leaves,
stands behind a percentage, or came between two releases. Where counts are printed coarsely (rounded, or as intervals),
what follows is disclosed once it keeps fewer candidates than what is withheld must. The ranges are exact in whole
numbers (HiGHS), one model per component. What is not linear in what is released (a confidence interval, a rank, a test)
is not attacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from affidavit.disclosure.candidates import Candidates, candidates
from privacy.linter.statements import Asked, System
from privacy.linter.tables import Demands, ReleasedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A count that should not follow and does."""

    what: str
    kind: str
    low: float
    high: float
    by: tuple[str, ...]
    """The statements that an attacker combines; empty where the count is printed."""

    def told(self) -> str:
        """Return it as a sentence."""
        number = f"is {self.low:g}" if self.low == self.high else f"lies between {self.low:g} and {self.high:g}"
        by = f"; from: {'; '.join(self.by)}" if self.by else ""
        return f"{self.what} {number} ({self.kind}){by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What an attack found."""

    disclosures: tuple[Disclosure, ...]
    contradictions: tuple[str, ...]
    """Counts of which nothing can be said, as the tables contradict themselves (numbers that are no counts)."""
    asked: int
    withheld: int


NAMED: Final = 6
"""Statements that a disclosure names at most."""
IF_SMALL: Final = ("withheld here", "withheld share")
"""Kinds whose count is a secret only where it could be small: the group itself is told elsewhere."""


def attack(
    tables: Sequence[ReleasedTable], demands: Demands, *, previous: Sequence[Sequence[ReleasedTable]] = ()
) -> Attack:
    """Attack released tables, each together with those of its name in earlier releases, the latest first."""
    found: list[Disclosure] = []
    contradictions: list[str] = []
    asked = withheld = 0
    for table in tables:
        again = [table, *(one for release in previous if (one := _of_the_name(table, release)) is not None)]
        system, own, contradicted = _attacked(again, demands)
        if contradicted and any(one.bounds for one in again):  # guessed from numbers that look like parts of others
            system, own, contradicted = _attacked([replace(one, bounds={}) for one in again], demands)
        found += own
        contradictions += contradicted
        asked += len(system.asked)
        withheld += sum(one.kind.startswith("withheld") for one in system.asked)
    return Attack(
        disclosures=tuple(dict.fromkeys(found)),
        contradictions=tuple(dict.fromkeys(contradictions)),
        asked=asked,
        withheld=withheld,
    )


def _attacked(releases: Sequence[ReleasedTable], demands: Demands) -> tuple[System, list[Disclosure], list[str]]:
    system = System(demands=demands)
    system.add_releases(releases, partial(_same_places, releases))
    return system, *_solved(system)


def _of_the_name(table: ReleasedTable, release: Sequence[ReleasedTable]) -> ReleasedTable | None:
    """Return what another release calls by the same name, else by most of the same names; None where nothing is."""
    named = next((one for one in release if one.name == table.name), None)
    if named is not None:
        return named
    names = table.also | {table.name}
    return max((one for one in release if names & one.also), key=lambda one: len(names & one.also), default=None)


def _same_places(releases: Sequence[ReleasedTable], first: int, second: int) -> bool:
    return _same_people(releases[first], releases[second])


def _same_people(new: ReleasedTable, old: ReleasedTable) -> bool:
    """Say whether two releases are of the same people: by the data's digest, else if whatever both tell agrees."""
    if new.digest is not None and old.digest is not None:
        return new.digest == old.digest
    return all(
        now[0] <= then[1] and then[0] <= now[1]
        for group, now in new.units.items()
        if now is not None and (then := old.units.get(group)) is not None
    )


def _solved(system: System) -> tuple[list[Disclosure], list[str]]:
    counts, demands = system.counts(), system.demands
    wide = [one for one in system.asked if one.kind.startswith("withheld")]
    small = [one for one in system.asked if not one.kind.startswith("withheld")]
    told = counts.told()
    found = [_plain(one, system) for one in small if told[one.index] and _is_small(system.low[one.index], demands)]
    ranges = candidates(counts, [one.index for one in wide if not told[one.index]], enough=demands.width)
    doubtful = [one for one in small if not told[one.index] and _may_be_small(one, system)]
    exact = candidates(counts, [one.index for one in doubtful], enough=demands.floor)
    contradicted = []
    for one, range_ in [(o, ranges[o.index]) for o in wide if not told[o.index]] + [
        (o, exact[o.index]) for o in doubtful
    ]:
        if not range_.consistent:
            contradicted.append(one.what)
        elif _discloses(one, range_, demands):
            found.append(_disclosure(one, range_))
    return found, contradicted


def _discloses(one: Asked, range_: Candidates, demands: Demands) -> bool:
    if one.kind == "withheld":
        return range_.width < demands.width
    if one.kind in IF_SMALL:
        nobody = demands.zeros_told and range_.high == 0
        return range_.width < demands.width and range_.low < demands.floor and not nobody
    small = _is_small(range_.low, demands) and _is_small(range_.high, demands)
    if demands.coarse and one.kind != "told":
        return small and range_.width < demands.width
    return small


def _is_small(count: float, demands: Demands) -> bool:
    """Say whether a count speaks of somebody, and of fewer than the floor."""
    return 0 < count < demands.floor


def _may_be_small(one: Asked, system: System) -> bool:
    return system.low[one.index] < system.demands.floor


def _plain(one: Asked, system: System) -> Disclosure:
    return Disclosure(what=one.what, kind=one.kind, low=system.low[one.index], high=system.high[one.index], by=())


def _disclosure(one: Asked, range_: Candidates) -> Disclosure:
    near = [s for s in range_.statements if one.index in s.coefficients]
    others = [s for s in range_.statements if one.index not in s.coefficients]
    by = tuple(dict.fromkeys(statement.told_by for statement in [*near, *others][:NAMED]))
    return Disclosure(what=one.what, kind=one.kind, low=range_.low + 0.0, high=range_.high + 0.0, by=by)  # no -0
