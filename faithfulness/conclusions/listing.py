"""Numbers that are looked up and not read: statistics of one tally by group, as rows of an exhibit."""

from __future__ import annotations

from collections.abc import Sequence

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims
from affidavit.confusion import Statistic
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.intervals import measure
from faithfulness.telling import Told

Row = dict[str, str | int | float | None]


def listed(case: Case, told: Told, statistics: Sequence[Statistic]) -> list[Row]:
    """Return a row for each statistic in every group: value, interval, rows and units behind it."""
    rows: list[Row] = []
    for place in told.places(case):
        evidence = told.evidence(case, place)
        for statistic in statistics:
            rows += claim_rows(group_claims(place, measure(evidence, statistic), caveats={}))
    return rows


def exhibit_of(rows: Sequence[Row], *, name: str, title: str) -> tuple[ExhibitTable, ...]:
    """Return the rows as one exhibit by group, or none where there are none."""
    if not rows:
        return ()
    values: dict[str, list[Cell]] = {column.name: [row[column.name] for row in rows] for column in BY_GROUP}
    return (ExhibitTable(id=name, title=title, columns=BY_GROUP, values=values),)
