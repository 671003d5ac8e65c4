"""A bundle that is to be released, as the tables that an attacker would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.legend import ALWAYS, RULE, WITHHELD
from affidavit.disclosure.told import (
    OF_EVERYBODY,
    SEPARATOR,
    Block,
    BlockKey,
    Slice,
    Told,
    blocks_of_exhibit,
    blocks_of_findings,
    is_tied,
    units_by_group,
)
from affidavit.report import AuditReport
from privacy.linter.tables import Demands, Ends, ReleasedTable, Share

EXACT: Final = 1e-9


def demands_of(report: AuditReport) -> Demands:
    """Return what a report's own rule demands; the default where it states none."""
    if not report.has_exhibit(RULE):
        return Demands()
    said = {row["setting"]: row["value"] for row in report.exhibit(RULE).to_pylist()}
    return Demands(floor=int(said["floor"]), width=int(said["width"]), zeros_told=said["zeros"] == "shown")


def tables_of(report: AuditReport) -> tuple[ReleasedTable, ...]:
    """Return a table for each metric of a run and condition, of those that differ in what they tell."""
    blocks: dict[BlockKey, Block] = blocks_of_findings(report.findings)
    for exhibit in report.exhibits:
        if is_tied(exhibit):
            blocks |= blocks_of_exhibit(exhibit, report.exhibit(exhibit.id).to_pylist())
    withheld, rounding = _withheld(report), _rounding(report)
    features = {f for f in report.plan.by if report.plan.feature(f).level == "utterance"}
    digests = {data.run: data.digest for data in report.data}
    units = _units(report)
    found: dict[object, ReleasedTable] = {}
    for key, block in blocks.items():
        everywhere = withheld.get((block.run, ALWAYS), frozenset())
        here = withheld.get((block.run, f"{block.examination}, {block.condition}"), frozenset())
        gone = everywhere | here
        for name, part in block.slices.items():
            if part.metric in OF_EVERYBODY or _of_others(part, units[block.run]):
                continue
            table = _table(part, gone, rounding)
            same = (block.run, frozenset(table.units.items()), frozenset(table.rows.items()), _hashable(table.shares))
            words = "/".join((block.run, *key[1:], *name))
            table = replace(
                table,
                name=words,
                here=here - everywhere,
                elsewhere=frozenset(units[block.run].keys() - part.by_group.keys() - gone),
                overlapping=frozenset(features),
                digest=digests.get(block.run),
            )
            found.setdefault(same, table)
            if rounding is None and (rest := _not_measured(table, units[block.run])) is not None:
                found.setdefault(("rest", block.run, frozenset(rest.units.items())), rest)
    return tuple(found.values())


def _of_others(part: Slice, units: Mapping[Group, int]) -> bool:
    """Say whether a metric's counts are not its groups' own: a group cannot have more units than it has."""
    return any(told.units > units.get(group, told.units) for group, told in part.by_group.items())


def _not_measured(table: ReleasedTable, units: Mapping[Group, int]) -> ReleasedTable | None:
    """Return what a metric leaves out of each group: units that an attacker gets by subtraction."""
    left: dict[Group, Ends | None] = {}
    for group, ends in table.units.items():
        if ends is None or group not in units or units[group] < ends[0]:
            left[group] = None
        else:
            left[group] = (units[group] - ends[0], units[group] - ends[0])
    if not any(ends is not None and ends[0] > 0 for ends in left.values()):
        return None
    return replace(table, name=f"{table.name}, units without it", units=left, rows={}, shares=(), here=frozenset(left))


def _units(report: AuditReport) -> dict[str, dict[Group, int]]:
    everybody = {d.run: d.n_rows if d.n_units is None else d.n_units for d in report.data}
    return {run: units_by_group(report.findings, run, n) for run, n in everybody.items()}


def _hashable(shares: Iterable[Share]) -> object:
    return tuple(frozenset(share.by_group.items()) for share in shares)


def _table(part: Slice, gone: frozenset[Group], rounding: int | None) -> ReleasedTable:
    told = part.by_group
    nothing: dict[Group, Ends | None] = {group: None for group in sorted(gone) if group not in told}
    shares: tuple[Share, ...] = ()
    if (counts := part.numerators()) is not None and rounding is None:
        of_rows = all(whole == told[group].n for group, (_, whole) in counts.items())
        shares = (Share(name=part.metric, of_rows=of_rows, by_group={**_ends(counts, told), **nothing}),)
    return ReleasedTable(
        name="",
        units={**{g: _rounded(t.units, rounding) for g, t in told.items()}, **nothing},
        rows={**{g: _rounded(t.n, rounding) for g, t in told.items()}, **nothing},
        shares=shares,
    )


def _ends(counts: Mapping[Group, tuple[int, int]], told: Mapping[Group, Told]) -> dict[Group, Ends | None]:
    found: dict[Group, Ends | None] = {}
    for group, one in told.items():
        if one.value is None and one.n > 0:
            found[group] = None
        elif group in counts:
            k, whole = counts[group]
            share = k / whole if whole else 0.0
            found[group] = (max(share - EXACT, 0.0), min(share + EXACT, 1.0))
    return found


def _rounded(count: int, rounding: int | None) -> Ends:
    if rounding is None:
        return float(count), float(count)
    return max(count - rounding // 2, 0.0), count + (rounding - 1) // 2


def _rounding(report: AuditReport) -> int | None:
    if not report.has_exhibit(RULE):
        return None
    said = {row["setting"]: row["value"] for row in report.exhibit(RULE).to_pylist()}
    return None if said["rounding"] == "none" else int(said["rounding"])


def _withheld(report: AuditReport) -> dict[tuple[str, str], frozenset[Group]]:
    """Return the groups that a released report lists as withheld, by run and place."""
    found: dict[tuple[str, str], frozenset[Group]] = {}
    if not report.has_exhibit(WITHHELD):
        return found
    for row in report.exhibit(WITHHELD).to_pylist():
        features = row["features"].split(SEPARATOR) if row["features"] else []
        levels = row["group"].split(", ", maxsplit=max(len(features) - 1, 0)) if features else []
        group = group_of(dict(zip(features, levels, strict=False)))
        place = (row["run"], row["where"])
        found[place] = found.get(place, frozenset()) | {group}
    return found
