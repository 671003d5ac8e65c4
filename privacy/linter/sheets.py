"""What a bundle prints of each group, metric by metric, and which metrics an attacker takes for the same people's.

Nothing here is decided as a release decides it: every printed count is read again, whole numbers beside a row's texts
included, and metrics are joined by nothing but the numbers that they print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from affidavit.disclosure.coarsening import OF_COUNTS
from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.legend import RULE, WITHHELD
from affidavit.disclosure.told import group_of_row
from affidavit.metric_names import Kind, read
from affidavit.records import Exhibit
from affidavit.report import AuditReport
from privacy.linter.printed import printed_by
from privacy.linter.tables import Ends

Numbers = Mapping[Group, int]
_PLACE: Final = frozenset(
    {"features", "group", "level_1", "level_2", "level_3", "level_4", "method", "n", "n_clusters"}
)
_LEGEND: Final = frozenset({RULE, WITHHELD})
_PARTS: Final = ("class", "bin")
_WHOLE: Final = 1e-4
_IN_FULL: Final = 1e-9
ALIKE: Final = 2
"""Equal numbers of groups, everybody aside, from which on two metrics are taken to be of the same people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The counts that are printed under one name."""

    run: str
    condition: str
    name: tuple[str, ...]
    """As it is printed, whatever the condition."""
    part: str | None = None
    """The class or bin that it is of."""
    metric: str = ""
    units: Numbers = field(default_factory=dict)
    rows: Numbers = field(default_factory=dict)
    values: Mapping[Group, float | None] = field(default_factory=dict)
    ends: Mapping[Group, Ends | None] = field(default_factory=dict)
    """Of the intervals that are said to be of counts; what other intervals hold is not linear in counts."""

    @property
    def is_rate(self) -> bool:
        """Whether its values are called shares of something."""
        return bool(self.metric) and read(self.metric).kind is Kind.RATE

    def numerators(self, base: int = 1, *, of_rows: bool = True) -> dict[Group, tuple[int, int]]:
        """Return the rows (or units) behind each share, and those that it is a share of.

        Nothing where they are no counts, all of them multiples of what counts are rounded to.
        """
        whole = self.rows if of_rows else self.units
        if not self.is_rate:
            return {}
        made = {g: (v * whole[g], whole[g]) for g, v in self.values.items() if v is not None}
        if any(abs(k - base * round(k / base)) > _WHOLE for k, _ in made.values()):
            return {}
        return {g: (round(k), n) for g, (k, n) in made.items()}

    @property
    def in_full(self) -> bool:
        """Whether its rates are printed to more than two decimals."""
        return self.is_rate and any(abs(v - round(v, 2)) > _IN_FULL for v in self.values.values() if v is not None)

    @property
    def of_one(self) -> bool:
        """Whether it prints everybody's counts beside every group."""
        return len(self.units) > 1 and len(set(self.units.values())) == 1 and len(set(self.rows.values())) <= 1


def sheets_of(report: AuditReport) -> list[Sheet]:
    """Return every sheet of a bundle: of findings, and of exhibits that count rows or units."""
    found: dict[tuple[str, ...], list[_Cell]] = {}
    about: dict[tuple[str, ...], Sheet] = {}
    for finding in report.findings:
        if finding.compared is None:
            name = ("finding", finding.examination, finding.metric, str(finding.property))
            key = (finding.run, finding.condition, *name)
            about[key] = Sheet(run=finding.run, condition=finding.condition, name=name, metric=finding.metric)
            e = finding.estimate
            units = e.n if e.n_clusters is None else e.n_clusters
            within = None if e.interval is None else (e.interval.low, e.interval.high)
            within = within if e.interval is not None and e.interval.method == OF_COUNTS else None
            cell = _Cell(group=group_of(finding.groups), value=e.value, n=e.n, units=units, within=within)
            found.setdefault(key, []).append(cell)
    for exhibit in report.exhibits:
        if exhibit.id not in _LEGEND:
            for row in report.exhibit(exhibit.id).to_pylist():
                _read_row(exhibit, row, found, about)
    points = not printed_by(report).intervals_only
    return [
        sheet
        for key, cells in found.items()
        for sheet in _sheets(about[key], [cell for cell in cells if cell.defined], points=points)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What is printed of one group under one name."""

    group: Group
    value: float | None
    n: int
    units: int
    within: Ends | None

    @property
    def defined(self) -> bool:
        """Whether it counts anybody; an undefined one prints nobody, who may yet be there."""
        return self.value is not None or self.n > 0 or self.units > 0


def _read_row(
    exhibit: Exhibit,
    row: Mapping[str, Any],
    found: dict[tuple[str, ...], list[_Cell]],
    about: dict[tuple[str, ...], Sheet],
) -> None:
    named = [c.name for c in exhibit.columns if c.type in ("text", "integer") and c.name not in _PLACE]
    group = group_of_row(row) if "features" in row else None
    if group is None or row.get("n") is None:
        return
    words = {name: str(row[name]) for name in named}
    run, condition = words.pop("run", ""), words.pop("condition", "")
    part = next((f"{name} {words[name]}" for name in _PARTS if name in words), None)
    name = ("exhibit", exhibit.id, *(w for at, w in words.items() if at not in _PARTS))
    key = (run, condition, *name, part or "")
    metric = words.get("metric") or words.get("rate") or exhibit.id
    about[key] = Sheet(run=run, condition=condition, name=name, part=part, metric=metric)
    units = row["n"] if row.get("n_clusters") is None else row["n_clusters"]
    told = row.get("method") == OF_COUNTS and row.get("low") is not None and row.get("high") is not None
    within = (row["low"], row["high"]) if told else None
    cell = _Cell(group=group, value=row.get("value"), n=row["n"], units=units, within=within)
    found.setdefault(key, []).append(cell)


def _sheets(about: Sheet, cells: Sequence[_Cell], *, points: bool) -> Iterable[Sheet]:
    """Yield what is printed under one name; a share of everybody tells counts where it is a point."""
    stem = about.metric.removesuffix("_in_training")
    if stem in ("unit_share", "row_share"):
        whole = {c.group: c.units if stem == "unit_share" else c.n for c in cells}
        told = {c.group: round(c.value * whole[c.group]) for c in cells if points and c.value is not None}
        yield replace(about, metric="", units=told) if stem == "unit_share" else replace(about, metric="", rows=told)
        return
    yield replace(
        about,
        units={c.group: c.units for c in cells},
        rows={c.group: c.n for c in cells},
        values={c.group: c.value for c in cells if c.n},
        ends={c.group: c.within for c in cells if c.n and c.within is not None},
    )


@dataclass(slots=True, kw_only=True)
class People:
    """Sheets that are taken to be of the same people, put together."""

    run: str
    condition: str
    name: tuple[str, ...]
    units: dict[Group, int]
    rows: dict[Group, int]
    sheets: list[Sheet]

    def measures(self) -> tuple[dict[Group, int], dict[Group, int]]:
        """Return units and rows."""
        return self.units, self.rows

    def joins(self, sheet: Sheet) -> bool:
        """Say whether a sheet prints the same numbers."""
        common = [
            (g, own[g], its[g])
            for own, its in ((self.units, sheet.units), (self.rows, sheet.rows))
            for g in its
            if g in own
        ]
        return all(a == b for _, a, b in common) and sum(g != () for g, _, _ in common) >= ALIKE

    @property
    def trained_on(self) -> bool:
        """Whether they are of the training data: no part of the audited, however their numbers compare."""
        return any(word.endswith("_in_training") for sheet in self.sheets for word in sheet.name)

    def within(self, other: People) -> bool:
        """Say whether these people may be some of others: nowhere more of them, as far as both are printed."""
        if self.trained_on != other.trained_on:
            return False
        common = [
            (g, own[g], its[g])
            for own, its in zip(self.measures(), other.measures(), strict=True)
            for g in own
            if g in its
        ]
        return all(a <= b for _, a, b in common) and sum(g != () for g, _, _ in common) >= ALIKE


def people_of(sheets: Iterable[Sheet]) -> list[People]:
    """Return the sheets of each run and condition put together, those of most groups and units first."""
    found: list[People] = []
    usable = [sheet for sheet in sheets if not sheet.of_one and (sheet.units or sheet.rows)]
    for sheet in sorted(usable, key=lambda s: (-len(s.units), -max(s.units.values(), default=0))):
        home = next((p for p in found if (p.run, p.condition) == (sheet.run, sheet.condition) and p.joins(sheet)), None)
        if home is None:
            found.append(
                People(
                    run=sheet.run,
                    condition=sheet.condition,
                    name=(*sheet.name, *((sheet.part,) if sheet.part else ())),
                    units=dict(sheet.units),
                    rows=dict(sheet.rows),
                    sheets=[sheet],
                )
            )
        else:
            home.units |= sheet.units
            home.rows |= sheet.rows
            home.sheets.append(sheet)
    return found
