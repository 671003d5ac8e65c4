"""Which pictures a report shows of federated trainings: one a run, where it can be read."""

from __future__ import annotations

from collections.abc import Iterator

from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.federated_chart import drawable
from reports.ordering import distinct
from reports.sections.federated_tables import MISSING, ROUNDS, SITES, rows_of

HOW = (
    "Circle: in the round. Other shapes: asked, and not in it. On a grey ground: a round that did not happen. "
    "The tables below hold the same."
)


def federated_pictures(report: AuditReport) -> Iterator[Figure]:
    """Draw who was in which round, for each run whose record is in the report."""
    for place, run in enumerate(distinct(row["run"] for row in rows_of(report, ROUNDS))):
        rounds, sites = rows_of(report, ROUNDS, run), rows_of(report, SITES, run)
        if not drawable(rounds, sites):
            continue
        from reports.drawings.pictures import round_attendance

        name = f"attendance-{place}"
        yield Figure(
            id=name,
            caption=f"Who was in which round, run {run}. {HOW}",
            svg=round_attendance(rounds, sites, rows_of(report, MISSING, run), name=name),
        )
