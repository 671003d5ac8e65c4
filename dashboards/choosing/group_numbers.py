"""The numbers by group that a report holds in exhibits and findings, found by run, condition and metric.

Laws: a number that two exhibits hold is taken from the one that the report names first, and from a finding only where
no exhibit has it; an exhibit that has two values
of one group under one metric (before and after an intervention) is not a table of numbers by group, and is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from affidavit.exhibit_columns import BY_GROUP
from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.drawings.gallery import PREFERRED
from reports.ordering import conditions_in_order, distinct
from reports.sections.areas import Area, area_of, area_of_examination
from reports.sections.tabulated import attached
from reports.wording import EVERYBODY, PER_UNIT

Row = Mapping[str, Any]
COLUMNS: Final = tuple(column.name for column in BY_GROUP)
FINDINGS: Final = "findings"
_KEY: Final = ["run", "condition", "features", "group", "metric"]
_PLACE: Final = ["run", "condition", "metric"]
_LEVELS: Final = ("level_1", "level_2", "level_3", "level_4")
_TYPES: Final = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
_SCHEMA: Final = pa.schema([(column.name, _TYPES[column.type]) for column in BY_GROUP])


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNumbers:
    """Numbers by group of some areas of a report."""

    _tables: Mapping[str, pa.Table]
    _held_by: Mapping[tuple[str, str, str], str]
    """Run, condition and metric to the exhibit that holds them."""
    _examinations: Mapping[tuple[str, str], str]
    """Exhibit and metric to the examination that measured it."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Runs that have numbers, in the order of the report."""
        return distinct(run for run, _, _ in self._held_by)

    def conditions(self, run: str) -> tuple[str, ...]:
        """Return the conditions of a run, the fullest first."""
        return conditions_in_order(condition for own, condition, _ in self._held_by if own == run)

    def metrics(self, run: str, condition: str, leading: Sequence[str] = PREFERRED) -> tuple[str, ...]:
        """Return the metrics of a run under a condition: the leading one first, means over units last."""
        held = [metric for own, shown, metric in self._held_by if (own, shown) == (run, condition)]
        first = next((metric for metric in leading if metric in held), None)
        return tuple(sorted(held, key=lambda metric: (metric != first, metric.endswith(PER_UNIT))))

    def exhibit_of(self, run: str, condition: str, metric: str) -> str:
        """Return the id of the exhibit that holds them.

        Raises:
            KeyError: the report has no such number.
        """
        return self._held_by[run, condition, metric]

    def examination_of(self, run: str, condition: str, metric: str) -> str:
        """Return the examination that measured them.

        Raises:
            KeyError: the report has no such number.
        """
        exhibit = self._held_by[run, condition, metric]
        return self._examinations.get((exhibit, "")) or self._examinations[exhibit, metric]

    def rows(self, run: str, condition: str, metric: str) -> tuple[Row, ...]:
        """Return the rows of one run, condition and metric: everybody and every group; none where there are none."""
        exhibit = self._held_by.get((run, condition, metric))
        if exhibit is None:
            return ()
        table = self._tables[exhibit]
        own = pc.and_(
            pc.and_(pc.equal(table["run"], run), pc.equal(table["condition"], condition)),
            pc.equal(table["metric"], metric),
        )
        return tuple(table.filter(own).to_pylist())


def rows_where(table: pa.Table | None, place: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of an exhibit whose columns have these values; none where there is no exhibit."""
    if table is None:
        return []
    for column, value in place.items():
        table = table.filter(pc.equal(table[column], value))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def numbers_of(report: AuditReport, areas: Sequence[Area]) -> GroupNumbers:
    """Return the numbers by group of an area's examinations, from the exhibits that are at hand."""
    tables: dict[str, pa.Table] = {}
    held_by: dict[tuple[str, str, str], str] = {}
    for exhibit in report.exhibits:
        if area_of_examination(exhibit.examination) not in areas:
            continue
        table = attached(report, exhibit.id)
        if table is None or not set(COLUMNS) <= set(table.column_names) or not _one_value_each(table):
            continue
        tables[exhibit.id] = table
        _hold(table, exhibit.id, held_by)
    of_groups = [f for f in report.findings if f.compared is None and area_of(f) in areas]
    tables[FINDINGS] = _table_of(of_groups)
    _hold(tables[FINDINGS], FINDINGS, held_by)
    examinations = {(exhibit.id, ""): exhibit.examination for exhibit in report.exhibits}
    examinations |= {(FINDINGS, finding.metric): finding.examination for finding in of_groups}
    return GroupNumbers(_tables=tables, _held_by=held_by, _examinations=examinations)


def _hold(table: pa.Table, name: str, held_by: dict[tuple[str, str, str], str]) -> None:
    keys = table.select(_PLACE).group_by(_PLACE, use_threads=False).aggregate([])
    for key in keys.to_pylist():
        held_by.setdefault((key["run"], key["condition"], key["metric"]), name)


def _table_of(findings: Sequence[Finding]) -> pa.Table:
    """Return findings of groups as an exhibit has them; a metric that has two values of one group is left out."""
    rows = [_row(finding) for finding in findings if len(finding.groups) <= len(_LEVELS)]
    times = Counter(tuple(row[part] for part in _KEY) for row in rows)
    twice = {(run, condition, metric) for (run, condition, _, _, metric), n in times.items() if n > 1}
    kept = [row for row in rows if (row["run"], row["condition"], row["metric"]) not in twice]
    return pa.Table.from_pylist(kept, schema=_SCHEMA)


def _row(finding: Finding) -> dict[str, Any]:
    estimate, levels = finding.estimate, list(finding.groups.values())
    return {
        "run": finding.run,
        "condition": finding.condition,
        "features": " x ".join(finding.groups),
        "group": ", ".join(levels) or EVERYBODY,
        **dict(zip_longest(_LEVELS, levels)),
        "metric": finding.metric,
        "value": estimate.value,
        "low": None if estimate.interval is None else estimate.interval.low,
        "high": None if estimate.interval is None else estimate.interval.high,
        "method": estimate.why_no_interval if estimate.interval is None else estimate.interval.method,
        "n": estimate.n,
        "n_clusters": estimate.n_clusters,
    }


def _one_value_each(table: pa.Table) -> bool:
    return bool(table.select(_KEY).group_by(_KEY).aggregate([]).num_rows == table.num_rows)
