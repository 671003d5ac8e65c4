"""A bundle that is to be released, as the tables that an attacker would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.legend import RULE, WITHHELD
from affidavit.disclosure.told import SEPARATOR
from affidavit.report import AuditReport
from privacy.linter.printed import Printed, printed_by
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
    printed: Printed

    def hidden(self, told: Iterable[Group]) -> frozenset[Group]:
        """Return the named groups of the features that a table speaks of, less those that it tells."""
        own = frozenset(told)
        families = {tuple(feature for feature, _ in group) for group in own} | {()}
        return frozenset(g for g in self.groups if tuple(f for f, _ in g) in families) - own


def demands_of(report: AuditReport) -> Demands:
    """Return what a report's own rule demands; the default where it states none."""
    if not report.has_exhibit(RULE):
        return Demands()
    said = {row["setting"]: row["value"] for row in report.exhibit(RULE).to_pylist()}
    return Demands(
        floor=int(said["floor"]),
        width=int(said["width"]),
        zeros_told=said["zeros"] == "shown",
        coarse=printed_by(report).coarse,
    )


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
        found[same] = replace(found.get(same, table), also=found.get(same, table).also | table.also)
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
            printed=printed_by(report),
        )
    return found


def _populations(people: Sequence[People], runs: Mapping[str, _Run]) -> Iterator[ReleasedTable]:
    """Yield units and rows of each population, with what others tell of how many there can be."""
    for one in people:
        run = runs[one.run]
        table = _table(one, run, _read(one.measures(), run.printed))
        bounds: dict[str, dict[Group, Ends]] = {"units": {}, "rows": {}}
        for other in people:
            if other is one or other.run != one.run:
                continue
            below, above = other.within(one), one.within(other)
            for measure, own, its in zip(MEASURES, one.measures(), other.measures(), strict=True):
                for group in (its.keys() - own.keys()) if below or above else ():
                    low, high = bounds[measure].get(group, (0.0, float("inf")))
                    told = run.printed.ends(its[group])
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
            left = {everybody: _less(run.everybody, one.units[everybody], run.printed)}
            yield _table(one, run, (left, {}), words="units without it", secret=False)
        for other in people:
            whole, own = first[other.run, other.condition], first[one.run, one.condition]
            of_note = other is whole and (other.condition == one.condition or one is own)
            if other is not one and other.run == one.run and of_note and one.within(other):
                units, rows = (
                    {g: _less(its[g], n, run.printed) for g, n in own.items() if g in its}
                    for own, its in zip(one.measures(), other.measures(), strict=True)
                )
                beside = f"less of {other.condition}" if other.condition != one.condition else "less of its condition"
                for apart, words in ((units, beside), (rows, f"{beside}, in rows")):
                    if any(high > 0 for _, high in apart.values()):
                        yield _table(one, run, (apart, {}), words=words, secret=False)


def _shares(one: People, run: _Run) -> Iterator[ReleasedTable]:
    for sheet in one.sheets:
        share = _share(sheet, run.printed)
        if not share.by_group:
            continue
        whole = sheet.rows if share.of_rows else sheet.units
        told = {g for g, ends in share.by_group.items() if ends is not None}
        hidden = {g: None for g in (*sheet.values, *run.hidden(whole)) if g not in told}
        own = _table(one, run, _read((sheet.units, sheet.rows), run.printed), words="/".join(sheet.name))
        yield replace(own, shares=(replace(share, by_group={**share.by_group, **hidden}),))


def _share(sheet: Sheet, printed: Printed) -> Share:
    """Return what a sheet's values say of the counts behind them; of nobody where they are no shares of counts."""
    if printed.intervals_only:
        return Share(name=sheet.metric, of_rows=True, by_group=sheet.ends if sheet.is_rate else {})
    counts = sheet.numerators(printed.grain)
    if not printed.coarse:
        made: dict[Group, Ends | None] = {
            g: (max(k / n - EXACT, 0.0), min(k / n + EXACT, 1.0)) if n else (0.0, 1.0) for g, (k, n) in counts.items()
        }
        return Share(name=sheet.metric, of_rows=True, by_group=made)
    if not counts and sheet.in_full:
        exact: dict[Group, Ends | None] = {
            g: (max(v - EXACT, 0.0), min(v + EXACT, 1.0)) for g, v in sheet.values.items() if v is not None
        }
        told = all(v is None or _of_some_count(v, printed.ends(sheet.rows[g])) for g, v in sheet.values.items())
        return Share(name=sheet.metric, of_rows=True, by_group=exact if told else {})
    of_rows = bool(counts)
    counts = counts or sheet.numerators(printed.grain, of_rows=False)
    behind: dict[Group, Ends | None] = {g: printed.ends(k) for g, (k, _) in counts.items()}
    return Share(name=sheet.metric, of_rows=of_rows, by_group=behind, counted=True)


def _of_some_count(share: float, ends: Ends) -> bool:
    """Say whether a share is one of some whole number between two ends: then it was printed in full, unrounded."""
    return any(abs(share * n - round(share * n)) <= EXACT * n for n in range(int(ends[0]), int(ends[1]) + 1))


def _classes(sheets: Iterable[Sheet], people: Sequence[People], runs: Mapping[str, _Run]) -> Iterator[ReleasedTable]:
    """Yield the rows of classes or bins with those of their group, where they add up to it."""
    families: dict[tuple[str, ...], list[Sheet]] = {}
    for sheet in sheets:
        if sheet.part is not None and sheet.run in runs:
            families.setdefault((sheet.run, sheet.condition, *sheet.name), []).append(sheet)
    for (run, condition, *name), own in families.items():
        printed = runs[run].printed
        whole = next((p.rows for p in people if (p.run, p.condition) == (run, condition)), {})
        made = {str(s.part): {g: k for g, (k, _) in s.numerators(printed.grain).items()} for s in own}
        for counts in ({str(s.part): dict(s.rows) for s in own}, made):
            told = {part: {g: printed.ends(n) for g, n in numbers.items()} for part, numbers in counts.items()}
            totals = {g: printed.ends(n) for g, n in whole.items()}
            if _add_up(told, totals):
                yield _of_parts("/".join((run, condition, *name)), told, totals, runs[run].hidden(whole))


def _of_parts(
    words: str, told: Mapping[str, Mapping[Group, Ends]], whole: Mapping[Group, Ends], hidden: frozenset[Group]
) -> ReleasedTable:
    named: dict[Group, Ends | None] = {**dict.fromkeys(hidden), **whole}
    for part, counts in told.items():
        for group in (*whole, *sorted(hidden)):
            named[group_of({**dict(group), "class": part})] = counts.get(group)
    here = frozenset(g for g, ends in named.items() if ends is None)
    return ReleasedTable(name=f"rows of the classes: {words}", units=named, here=here)


def _add_up(told: Mapping[str, Mapping[Group, Ends]], whole: Mapping[Group, Ends]) -> bool:
    """Say whether parts may be all of their group: they may be where all are told, and nowhere are they more."""
    parts = {g: [counts[g] for counts in told.values() if g in counts] for g in whole}
    full = [g for g, own in parts.items() if len(own) == len(told)]
    least = {g: sum(low for low, _ in own) for g, own in parts.items()}
    most = {g: sum(high for _, high in own) for g, own in parts.items()}
    return bool(full) and all(most[g] >= whole[g][0] for g in full) and all(least[g] <= whole[g][1] for g in whole)


def _read(measures: tuple[Numbers, Numbers], printed: Printed) -> tuple[dict[Group, Ends], dict[Group, Ends]]:
    """Return what printed units and rows stand for."""
    units, rows = measures
    return {g: printed.ends(n) for g, n in units.items()}, {g: printed.ends(n) for g, n in rows.items()}


def _less(whole: int, part: int, printed: Printed) -> Ends:
    """Return what one printed count leaves of another."""
    (low, high), (least, most) = printed.ends(whole), printed.ends(part)
    return max(low - most, 0.0), max(high - least, 0.0)


def _table(
    one: People,
    run: _Run,
    measures: tuple[Mapping[Group, Ends], Mapping[Group, Ends]],
    *,
    words: str = "",
    secret: bool = True,
) -> ReleasedTable:
    """Return numbers of a population as a table.

    `secret` where withheld ones must keep their candidates; of differences only what is small must not follow.
    """
    units, rows = measures
    hidden = run.hidden(units or rows)

    def named(*name: str) -> str:
        return ": ".join(word for word in ("/".join((one.run, one.condition, *name)), words) if word)

    return ReleasedTable(
        name=named(*one.name),
        also=frozenset(named(*sheet.name, *((sheet.part,) if sheet.part else ())) for sheet in one.sheets),
        units={**dict.fromkeys(hidden), **units},
        rows={**dict.fromkeys(hidden), **rows} if rows else {},
        differences=not secret,
        here=hidden & run.told if secret else hidden,
        overlapping=run.overlapping,
        digest=run.digest,
    )


def _unnamed(report: AuditReport) -> Iterator[ReleasedTable]:
    """Yield the counts of exhibits whose rows name no group: only what is printed can be held against them."""
    printed = printed_by(report)
    for exhibit in report.exhibits:
        names = {column.name for column in exhibit.columns}
        if exhibit.id in (RULE, WITHHELD) or {"features", "n"} <= names:
            continue
        counted = [c.name for c in exhibit.columns if c.unit in MEASURES or c.name in ("n", "n_clusters")]
        rows = report.exhibit(exhibit.id).to_pylist() if counted else []
        told: dict[Group, Ends | None] = {
            (("row", f"{i + 1}, {name}"),): printed.ends(row[name])
            for i, row in enumerate(rows)
            for name in counted
            if row[name] is not None
        }
        yield ReleasedTable(name=exhibit.id, units=told)


def _withheld(report: AuditReport, run: str) -> set[Group]:
    """Return the groups that a released report lists as withheld anywhere."""
    found = set()
    for row in report.exhibit(WITHHELD).to_pylist() if report.has_exhibit(WITHHELD) else ():
        if row["run"] == run:
            features = row["features"].split(SEPARATOR) if row["features"] else []
            levels = row["group"].split(", ", maxsplit=max(len(features) - 1, 0)) if features else []
            found.add(group_of(dict(zip(features, levels, strict=False))))
    return found
