"""Which instrument of a privacy audit sees which broken mechanism, and to which is it blind: a table of the section.

The words come with the findings, in an exhibit that every examination of mechanisms hands over; a report without one
has no such table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from affidavit.report import AuditReport
from reports.document import Cell, Column, Table

EXHIBIT: Final = "privacy-instruments"


def instruments(report: AuditReport) -> Iterator[Table]:
    """Yield the table: a row an instrument, a column a fault, and whether the instrument was used in this report."""
    if not report.has_exhibit(EXHIBIT):
        return
    told = report.exhibit(EXHIBIT).to_pylist()
    answered = {finding.examination for finding in report.findings}
    faults = list(dict.fromkeys(row["fault"] for row in told))
    sees = {(row["instrument"], row["fault"]): Cell(text=row["sees"], detail=row["why"]) for row in told}
    yield Table(
        id="privacy-instruments",
        caption="What each instrument sees of a broken mechanism, and what it is blind to",
        columns=(
            Column(title="Instrument", kind="heading"),
            Column(title="Examination", detail="and whether it answered here"),
            *(Column(title=fault, kind="prose") for fault in faults),
        ),
        rows=tuple(
            (
                Cell(text=row["instrument"], detail=row["measures"]),
                Cell(text=row["examination"], detail=_used(row["examination"], answered)),
                *(sees.get((row["instrument"], fault), Cell(text="–")) for fault in faults),
            )
            for row in {row["instrument"]: row for row in told}.values()
        ),
    )


def _used(examinations: str, answered: set[str]) -> str:
    """Say which of the examinations that are named have a finding here."""
    there = sorted(name for name in answered if name in examinations.replace(",", " ").split())
    return "answered here" if there else "not in this report"
