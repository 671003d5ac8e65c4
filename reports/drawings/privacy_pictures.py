"""The pictures about privacy, in the order in which they are read: what was spent, then what attacks found."""

from __future__ import annotations

from collections.abc import Iterator

from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.roc_pictures import roc_pictures
from reports.drawings.spending_pictures import spending_pictures


def privacy_pictures(report: AuditReport) -> Iterator[Figure]:
    """Yield how epsilon grew at each site, then the curves of attacks."""
    yield from spending_pictures(report)
    yield from roc_pictures(report)
