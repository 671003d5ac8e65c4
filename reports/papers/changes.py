"""What changed since an earlier audit, as a paper beside a report.

Two bundles hold no rows, so their numbers are compared as if they had met different people. A comparison that
`affidavit compare` made of the tables is paired by its items, and its findings are taken over as they are.
"""

from __future__ import annotations

from typing import Final, Self

from pydantic import model_validator

from affidavit.changes import COMPARISON
from affidavit.errors import PlanError
from affidavit.records import Finding, Record
from affidavit.report import AuditReport
from affidavit.series import NamedAudit
from affidavit.unpaired import Unpaired, unpaired

THIS: Final = "this audit"


class Changes(Record):
    """The changes since one earlier audit: paired findings, or differences that are not paired."""

    title: str
    """Of the earlier audit, or of the comparison."""
    made: str
    """When that was made."""
    report_digest: str
    paired: tuple[Finding, ...] = ()
    unpaired: Unpaired | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.paired) == (self.unpaired is not None):
            raise ValueError("changes are either paired or unpaired")
        return self


def changes_since(report: AuditReport, earlier: AuditReport, *, name: str) -> Changes:
    """Return what changed from an earlier audit, or what a comparison of tables found.

    Args:
        report: the report that is filed.
        earlier: the report of an earlier audit, or one that `affidavit compare` made of tables.
        name: what the earlier one is called.

    Raises:
        PlanError: the comparison is of another table, or the numbers of both mean different things.
    """
    of = {"title": earlier.title, "made": earlier.provenance.created_at, "report_digest": earlier.report_digest}
    paired = tuple(finding for finding in earlier.findings if finding.examination == COMPARISON)
    if paired:
        _check_same_data(report, earlier, name)
        return Changes(paired=paired, **of)
    return Changes(unpaired=unpaired(NamedAudit(name=name, report=earlier), NamedAudit(name=THIS, report=report)), **of)


def _check_same_data(report: AuditReport, comparison: AuditReport, name: str) -> None:
    """Refuse a comparison in which the audited table takes no part.

    Raises:
        PlanError: no table of the comparison is one of the report.
    """
    if _digests(report).isdisjoint(_digests(comparison)):
        raise PlanError(
            "the comparison is of other tables than this report",
            slug="plan-impossible",
            where=name,
            found=", ".join(data.source for data in comparison.data),
            allowed=", ".join(data.source for data in report.data),
            remedy="compare the table of this report with the earlier one: `affidavit compare OLD NEW`",
        )


def _digests(report: AuditReport) -> frozenset[str]:
    """Return the digests of tables and of their files: a run of another name gives the same file another table."""
    found = (digest for data in report.data for digest in (data.digest, data.file_digest))
    return frozenset(digest for digest in found if digest is not None)
