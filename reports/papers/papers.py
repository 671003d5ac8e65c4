"""The papers beside a report: whose statements count, which waivers stand, until when it holds, what changed.

Laws: without papers a report says of each what is missing; the day on which papers were filed is the day on which
waivers, answers and law packs are judged, so that the same papers give the same pages again.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Final

from affidavit.report import AuditReport
from reports.gate.waivers import Waiver
from reports.law.testimony import Testimony
from reports.papers.changes import Changes
from reports.trust.signatures import SignatureOutcome

UNKNOWN_DAY: Final = datetime.date(1970, 1, 1)
"""Of a report that does not tell when it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What stands beside a report."""

    filed_on: datetime.date
    """The day on which all of it is judged; of a report that nobody filed, the day on which it was made."""
    are_filed: bool = True
    valid_until: datetime.date | None = None
    """The last day on which somebody wants the report to be relied on; None where nobody said."""
    testimony: Testimony = field(default_factory=Testimony)
    waivers: tuple[Waiver, ...] = ()
    changes: tuple[Changes, ...] = ()
    signatures: tuple[SignatureOutcome, ...] | None = None
    """Of the bundle, where pages are drawn from a signed one; None in a bundle's own pages, which are signed later."""


def without_papers(report: AuditReport) -> Papers:
    """Return the papers of a report beside which nobody laid any: all is judged on the day on which it was made."""
    try:
        made = datetime.datetime.fromisoformat(report.provenance.created_at).date()
    except ValueError:
        made = UNKNOWN_DAY
    return Papers(filed_on=made, are_filed=False)
