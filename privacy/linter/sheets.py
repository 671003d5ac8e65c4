"""What a bundle prints of each group, metric by metric, and which metrics an attacker takes for the same people's.

Nothing here is decided as a release decides it: every printed count is read again, whole numbers beside a row's texts
included, and metrics are joined by nothing but the numbers that they print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.legend import RULE, WITHHELD
from affidavit.disclosure.told import group_of_row
from affidavit.metric_names import Kind, read
from affidavit.records import Exhibit
from affidavit.report import AuditReport

Numbers = Mapping[Group, int]
_PLACE: Final = frozenset(
    {"features", "group", "level_1", "level_2", "level_3", "level_4", "method", "n", "n_clusters"}
)
_LEGEND: Final = frozenset({RULE, WITHHELD})
_PARTS: Final = ("class", "bin")
_WHOLE: Final = 1e-4
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

    def numerators(self) -> dict[Group, tuple[int, int]]:
        """Return the rows behind each share, and those that it is a share of; nothing where they are no counts."""
        if not self.metric or read(self.metric).kind is not Kind.RATE:
            return {}
        made = {g: (v * self.rows[g], self.rows[g]) for g, v in self.values.items() if v is not None}
        if any(abs(k - round(k)) > _WHOLE for k, _ in made.values()):
            return {}
        return {g: (round(k), n) for g, (k, n) in made.items()}

    @property
    def of_one(self) -> bool:
        """Whether it prints everybody's counts beside every group."""
        return len(self.units) > 1 and len(set(self.units.values())) == 1 and len(set(self.rows.values())) <= 1


def sheets_of(report: AuditReport) -> list[Sheet]:
    """Return every sheet of a bundle: of findings, and of exhibits that count rows or units."""
    found: dict[tuple[str, ...], list[tuple[Group, float | None, int, int]]] = {}
    about: dict[tuple[str, ...], Sheet] = {}
    for finding in report.findings:
        if finding.compared is None:
            name = ("finding", finding.examination, finding.metric, str(finding.property))
            key = (finding.run, finding.condition, *name)
            about[key] = Sheet(run=finding.run, condition=finding.condition, name=name, metric=finding.metric)
            e = finding.estimate
            units = e.n if e.n_clusters is None else e.n_clusters
            found.setdefault(key, []).append((group_of(finding.groups), e.value, e.n, units))
    for exhibit in report.exhibits:
        if exhibit.id not in _LEGEND:
            for row in report.exhibit(exhibit.id).to_pylist():
                _read_row(exhibit, row, found, about)
    return [sheet for key, cells in found.items() for sheet in _sheets(about[key], [c for c in cells if _defined(*c)])]


def _defined(_group: Group, value: float | None, n: int, units: int) -> bool:
    """Say whether a cell counts anybody; an undefined one prints nobody, who may yet be there."""
    return value is not None or n > 0 or units > 0


def _read_row(
    exhibit: Exhibit,
    row: Mapping[str, Any],
    found: dict[tuple[str, ...], list[tuple[Group, float | None, int, int]]],
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
    found.setdefault(key, []).append((group, row.get("value"), row["n"], units))


def _sheets(about: Sheet, cells: Sequence[tuple[Group, float | None, int, int]]) -> Iterable[Sheet]:
    stem = about.metric.removesuffix("_in_training")
    if stem in ("unit_share", "row_share"):
        told = {g: round(v * (units if stem == "unit_share" else n)) for g, v, n, units in cells if v is not None}
        yield replace(about, metric="", units=told) if stem == "unit_share" else replace(about, metric="", rows=told)
        return
    yield replace(
        about,
        units={g: units for g, _, _, units in cells},
        rows={g: n for g, _, n, _ in cells},
        values={g: v for g, v, n, _ in cells if n},
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
