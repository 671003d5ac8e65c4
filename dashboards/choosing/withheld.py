"""Groups that disclosure control withholds, of which a released report says that they are there and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.disclosure.legend import ALWAYS, IN_CONDITION, WITHHELD
from affidavit.report import AuditReport
from dashboards.choosing.group_numbers import Row
from reports.ordering import distinct
from reports.sections.tabulated import attached, records

_APART: Final = ", "


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldGroup:
    """A group without its numbers."""

    features: str
    group: str
    mark: str
    """What stands in place of its numbers: `n < 11`."""


def withheld_groups(report: AuditReport, run: str, condition: str, told: Sequence[Row]) -> tuple[WithheldGroup, ...]:
    """Return the groups that are withheld of a run under a condition, but for those that are told of.

    Args:
        report: a released report; another one withholds nobody.
        run: which run.
        condition: which condition.
        told: the rows that are there.
    """
    known = {(row["features"], row["group"]) for row in told}
    found: dict[tuple[str, str], WithheldGroup] = {}
    for row in records(attached(report, WITHHELD)):
        place = row["features"], row["group"]
        if row["run"] == run and _is_here(row["where"], condition) and place not in known:
            found[place] = WithheldGroup(features=place[0], group=place[1], mark=row["units"])
    return tuple(found.values())


def _is_here(where: str, condition: str) -> bool:
    return where in {ALWAYS, f"{IN_CONDITION}{condition}"} or where.endswith(f"{_APART}{condition}")


def levels_of(group: WithheldGroup, told: Sequence[Row]) -> tuple[str, str] | None:
    """Return both levels of a group of two features; None where its name can be read in more than one way."""
    parts = group.group.split(_APART)
    ways = [(_APART.join(parts[:i]), _APART.join(parts[i:])) for i in range(1, len(parts))]
    if len(ways) == 1:
        return ways[0]
    own = [row for row in told if row["features"] == group.features]
    first, second = distinct(row["level_1"] for row in own), distinct(row["level_2"] for row in own)
    known = [way for way in ways if way[0] in first or way[1] in second]
    return known[0] if len(known) == 1 else None
