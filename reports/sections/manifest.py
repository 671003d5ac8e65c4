"""Evidence manifest: every digest that the report rests on, and every exhibit with where it lies."""

from __future__ import annotations

from typing import Final

from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Facts, Paragraph, Table
from reports.sections.case_file import CaseFile
from reports.sections.missing import Told, told

LISTED: Final = (
    "SHA256SUMS in the bundle lists every file beside this page (`sha256sum --check SHA256SUMS`). What was measured on "
    "rows stays with the owner of the rows; `affidavit commit` binds a bundle to them."
)


def manifest_section(case: CaseFile) -> Told:
    """Return the digests and the exhibits."""
    return told("manifest", "Evidence manifest", (_digests(case), Paragraph(text=LISTED), _exhibits(case.report)))


def _digests(case: CaseFile) -> Facts:
    report = case.report
    policy = (("Policy digest", report.policy_digest),) if report.policy_digest else ()
    data = tuple((f"Table of run {one.run}", one.digest) for one in report.data)
    key = case.papers.testimony.key_id
    dossier = (("Key under the dossier", key),) if key else ()
    earlier = tuple((f"Earlier report: {one.title}", one.report_digest) for one in case.papers.changes)
    return Facts(
        items=(
            ("Claims digest", report.claims_digest or "not sealed"),
            ("Report digest", report.report_digest or "not sealed"),
            *policy,
            *data,
            *dossier,
            *earlier,
            ("Schema version", report.schema_version),
        )
    )


def _exhibits(report: AuditReport) -> Block:
    if not report.exhibits:
        return Paragraph(text="The report has no exhibits.")
    rows = tuple(
        (
            Cell(text=exhibit.id),
            Cell(text=exhibit.title),
            Cell(text=f"{exhibit.n_rows:,}"),
            Cell(text=exhibit.file or "in report.json"),
            Cell(text="yes" if exhibit.releasable else "no"),
            Cell(text=exhibit.digest),
        )
        for exhibit in report.exhibits
    )
    return Table(
        id="exhibits",
        caption="Exhibits: the tables behind findings and pictures",
        columns=(
            Column(title="Exhibit", kind="heading"),
            Column(title="What it holds", kind="prose"),
            Column(title="Rows", kind="number"),
            Column(title="Where"),
            Column(title="Releasable"),
            Column(title="Content digest", kind="code"),
        ),
        rows=rows,
    )
