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
    if is_comparison(report, earlier):
        return changes_found(earlier)
    try:
        found = unpaired(NamedAudit(name=name, report=earlier), NamedAudit(name=THIS, report=report))
    except PlanError as error:
        raise (_of_other_tables(report, earlier, name) if _paired(earlier) else error) from None
    return Changes(unpaired=found, **_identity(earlier))


def changes_found(comparison: AuditReport) -> Changes:
    """Return what a comparison of tables found, whoever's rows of them it compared."""
    return Changes(paired=_paired(comparison), **_identity(comparison))


def _identity(earlier: AuditReport) -> dict[str, str]:
    return {"title": earlier.title, "made": earlier.provenance.created_at, "report_digest": earlier.report_digest}


def is_comparison(report: AuditReport, earlier: AuditReport) -> bool:
    """Say whether an earlier report compares a table of this one item by item with another.

    An audit of other tables that also compared runs of its own is an earlier audit like any other.
    """
    return bool(_paired(earlier)) and not _digests(report).isdisjoint(_digests(earlier))


def _paired(earlier: AuditReport) -> tuple[Finding, ...]:
    return tuple(finding for finding in earlier.findings if finding.examination == COMPARISON)


def _of_other_tables(report: AuditReport, comparison: AuditReport, name: str) -> PlanError:
    """Return the error of a comparison in which the audited table takes no part, and that shares no number with it."""
    return PlanError(
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
