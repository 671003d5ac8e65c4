"""A bundle that is to be released, as the tables that an attacker would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.legend import RULE, WITHHELD
from affidavit.disclosure.told import SEPARATOR
from affidavit.report import AuditReport
from privacy.linter.sheets import Numbers, People, Sheet, people_of, sheets_of
from privacy.linter.tables import Demands, Ends, ReleasedTable, Share

EXACT: Final = 1e-9
MEASURES: Final = ("units", "rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What a bundle says of a run as a whole."""

    digest: str
    everybody: int
    groups: frozenset[Group]
    """Every group that is named anywhere."""
    told: frozenset[Group]
    """Groups of which something is told."""
    overlapping: frozenset[str]
    rounding: int | None

    def hidden(self, told: Iterable[Group]) -> frozenset[Group]:
        """Return the named groups of the features that a table speaks of, less those that it tells."""
        own = frozenset(told)
        families = {tuple(feature for feature, _ in group) for group in own} | {()}
        return frozenset(g for g in self.groups if tuple(f for f, _ in g) in families) - own

    def ends(self, count: int) -> Ends:
        """Return what a printed count may have been."""
        if (
            self.rounding is None or count == 0
        ):  # what is rounded to nothing is nothing: less than the floor is not told
            return float(count), float(count)
        return max(count - self.rounding // 2, 0.0), count + (self.rounding - 1) // 2


def demands_of(report: AuditReport) -> Demands:
    """Return what a report's own rule demands; the default where it states none."""
    if not report.has_exhibit(RULE):
        return Demands()
    said = {row["setting"]: row["value"] for row in report.exhibit(RULE).to_pylist()}
    return Demands(floor=int(said["floor"]), width=int(said["width"]), zeros_told=said["zeros"] == "shown")


def tables_of(report: AuditReport) -> tuple[ReleasedTable, ...]:
    """Return what an attacker would put together of a bundle, each different table once.

    Metrics that print the same numbers are one table; their shares, their classes, what one population is less than
    another that it may be a part of, and the numbers of exhibits that name no groups are tables of their own.
    """
    sheets = sheets_of(report)
    runs = _runs(report, sheets)
    people = [one for one in people_of(sheets) if one.run in runs]
    found: dict[object, ReleasedTable] = {}
    tables = [
        *_populations(people, runs),
        *_differences(people, runs),
        *(table for one in people for table in _shares(one, runs[one.run])),
        *_classes(sheets, people, runs),
        *_unnamed(report),
    ]
    for table in tables:
        same = (
            table.name.split(":")[0],
            frozenset(table.units.items()),
            frozenset(table.rows.items()),
            tuple((share.of_rows, frozenset(share.by_group.items())) for share in table.shares),
        )
        found.setdefault(same, table)
    return tuple(found.values())


def _runs(report: AuditReport, sheets: Sequence[Sheet]) -> dict[str, _Run]:
    features = frozenset(f for f in report.plan.by if report.plan.feature(f).level == "utterance")
    found = {}
    for data in report.data:
        told = {g for sheet in sheets if sheet.run == data.run for g in (*sheet.units, *sheet.rows)}
        found[data.run] = _Run(
            digest=data.digest,
            everybody=data.n_rows if data.n_units is None else data.n_units,
            groups=frozenset(told | _withheld(report, data.run) | {()}),
            told=frozenset(told),
            overlapping=features,
            rounding=_rounding(report),
        )
    return found


def _populations(people: Sequence[People], runs: Mapping[str, _Run]) -> Iterator[ReleasedTable]:
    """Yield units and rows of each population, with what others tell of how many there can be."""
    for one in people:
        run = runs[one.run]
        table = _table(one, run, one.measures())
        bounds: dict[str, dict[Group, Ends]] = {"units": {}, "rows": {}}
        for other in people:
            if other is one or other.run != one.run:
                continue
            below, above = other.within(one), one.within(other)
            for measure, own, its in zip(MEASURES, one.measures(), other.measures(), strict=True):
                for group in (its.keys() - own.keys()) if below or above else ():
                    low, high = bounds[measure].get(group, (0.0, float("inf")))
                    told = run.ends(its[group])
                    low, high = max(low, told[0]) if below else low, min(high, told[1]) if above else high
                    bounds[measure][group] = low, max(low, high)
        yield replace(table, bounds=bounds)


def _differences(people: Sequence[People], runs: Mapping[str, _Run]) -> Iterator[ReleasedTable]:
    """Yield what populations leave of others: of everybody, of their condition's, and one condition of another.

    Parts of two conditions are not held against each other: what a model says of fewer modalities puts other people
    into a bin or a class.
    """
    first: dict[tuple[str, str], People] = {}
    for one in people:
        first.setdefault((one.run, one.condition), one)
    for one in people:
        run = runs[one.run]
        if () in one.units and one.units[()] <= run.everybody:
            everybody: Group = ()
            left = {everybody: run.everybody - one.units[everybody]}
            yield _table(one, run, (left, {}), words="units without it", secret=False)
        for other in people:
            whole, own = first[other.run, other.condition], first[one.run, one.condition]
            of_note = other is whole and (other.condition == one.condition or one is own)
            if other is not one and other.run == one.run and of_note and one.within(other):
                units, rows = (
                    {g: its[g] - n for g, n in own.items() if g in its}
                    for own, its in zip(one.measures(), other.measures(), strict=True)
                )
                beside = f"less of {other.condition}" if other.condition != one.condition else "less of its condition"
                for apart, words in ((units, beside), (rows, f"{beside}, in rows")):
                    if any(apart.values()):
                        yield _table(one, run, (apart, {}), words=words, secret=False)


def _shares(one: People, run: _Run) -> Iterator[ReleasedTable]:
    if run.rounding is not None:
        return
    for sheet in one.sheets:
        counts = sheet.numerators()
        if not counts:
            continue
        ends: dict[Group, Ends | None] = {
            g: (max(k / n - EXACT, 0.0), min(k / n + EXACT, 1.0)) if n else (0.0, 1.0) for g, (k, n) in counts.items()
        }
        hidden = {g: None for g in (*sheet.values, *run.hidden(sheet.rows)) if g not in ends}
        share = Share(name=sheet.metric, of_rows=True, by_group={**ends, **hidden})
        yield replace(_table(one, run, (sheet.units, sheet.rows), words="/".join(sheet.name)), shares=(share,))


def _classes(sheets: Iterable[Sheet], people: Sequence[People], runs: Mapping[str, _Run]) -> Iterator[ReleasedTable]:
    """Yield the rows of classes or bins with those of their group, where they add up to it."""
    families: dict[tuple[str, ...], list[Sheet]] = {}
    for sheet in sheets:
        if sheet.part is not None and sheet.run in runs and runs[sheet.run].rounding is None:
            families.setdefault((sheet.run, sheet.condition, *sheet.name), []).append(sheet)
    for (run, condition, *name), own in families.items():
        whole = next((p.rows for p in people if (p.run, p.condition) == (run, condition)), {})
        made: dict[str, dict[Group, int]] = {str(s.part): {g: k for g, (k, _) in s.numerators().items()} for s in own}
        for told in ({str(s.part): dict(s.rows) for s in own}, made):
            if _add_up(told, whole):
                hidden = runs[run].hidden(whole)
                named: dict[Group, Ends | None] = dict.fromkeys(hidden)
                named |= {g: (float(n), float(n)) for g, n in whole.items()}
                for part, counts in told.items():
                    for group in (*whole, *sorted(hidden)):
                        inside = group_of({**dict(group), "class": part})
                        named[inside] = (float(counts[group]),) * 2 if group in counts else None
                words = "/".join((run, condition, *name))
                here = frozenset(g for g, ends in named.items() if ends is None)
                yield ReleasedTable(name=f"rows of the classes: {words}", units=named, here=here)


def _add_up(told: Mapping[str, Numbers], whole: Numbers) -> bool:
    """Say whether parts are all of their group: they are where all are told, and nowhere are they more."""
    sums = {g: [counts[g] for counts in told.values() if g in counts] for g in whole}
    full = [g for g, parts in sums.items() if len(parts) == len(told)]
    return (
        bool(full) and all(sum(sums[g]) == whole[g] for g in full) and all(sum(p) <= whole[g] for g, p in sums.items())
    )


def _table(
    one: People, run: _Run, measures: tuple[Numbers, Numbers], *, words: str = "", secret: bool = True
) -> ReleasedTable:
    """Return numbers of a population as a table.

    `secret` where withheld ones must keep their candidates; of differences only what is small must not follow.
    """
    units, rows = measures
    hidden = run.hidden(units or rows)

    def ends(counts: Numbers) -> dict[Group, Ends | None]:
        made: dict[Group, Ends | None] = dict.fromkeys(hidden)
        for group, n in counts.items():
            low, high = run.ends(n)
            made[group] = (low, high) if secret else (max(low - (high - low), 0.0), high + (high - low))
        return made

    return ReleasedTable(
        name=": ".join(word for word in ("/".join((one.run, one.condition, *one.name)), words) if word),
        units=ends(units),
        rows=ends(rows) if rows else {},
        here=hidden & run.told if secret else hidden,
        overlapping=run.overlapping,
        digest=run.digest,
    )


def _unnamed(report: AuditReport) -> Iterator[ReleasedTable]:
    """Yield the counts of exhibits whose rows name no group: only what is printed can be held against them."""
    for exhibit in report.exhibits:
        names = {column.name for column in exhibit.columns}
        if exhibit.id in (RULE, WITHHELD) or {"features", "n"} <= names:
            continue
        counted = [c.name for c in exhibit.columns if c.unit in MEASURES or c.name in ("n", "n_clusters")]
        rows = report.exhibit(exhibit.id).to_pylist() if counted else []
        told: dict[Group, Ends | None] = {
            (("row", f"{i + 1}, {name}"),): (float(row[name]), float(row[name]))
            for i, row in enumerate(rows)
            for name in counted
            if row[name] is not None
        }
        yield ReleasedTable(name=exhibit.id, units=told)


def _rounding(report: AuditReport) -> int | None:
    if not report.has_exhibit(RULE):
        return None
    said = {row["setting"]: row["value"] for row in report.exhibit(RULE).to_pylist()}
    return None if said["rounding"] == "none" else int(said["rounding"])


def _withheld(report: AuditReport, run: str) -> set[Group]:
    """Return the groups that a released report lists as withheld anywhere."""
    found = set()
    for row in report.exhibit(WITHHELD).to_pylist() if report.has_exhibit(WITHHELD) else ():
        if row["run"] == run:
            features = row["features"].split(SEPARATOR) if row["features"] else []
            levels = row["group"].split(", ", maxsplit=max(len(features) - 1, 0)) if features else []
            found.add(group_of(dict(zip(features, levels, strict=False))))
    return found
