"""The report as one document, in the order in which a reviewer reads it; every rendering is made from it."""

from __future__ import annotations

from affidavit.report import AuditReport
from reports.criteria import criteria_section
from reports.document import Document
from reports.evidence import data_section, methods_section, provenance_section, refusals_section
from reports.federated_section import federated_sections
from reports.front import front_page, marking_meaning, reckoning, tone
from reports.gallery import Gallery
from reports.gaps import gaps_section
from reports.groups import groups_section
from reports.privacy_section import privacy_section
from reports.wording import decision_line


def document_of(report: AuditReport, gallery: Gallery | None = None) -> Document:
    """Return the whole report as a document; a rendering that can show pictures passes its gallery."""
    return Document(
        title=report.title,
        first_line=decision_line(report.decision, has_policy=report.policy is not None),
        tone=tone(report),
        reckoning=reckoning(report),
        marking=report.marking,
        marking_meaning=marking_meaning(report),
        sections=(
            front_page(report),
            criteria_section(report),
            gaps_section(report, gallery or Gallery()),
            groups_section(report, gallery or Gallery()),
            *federated_sections(report, gallery or Gallery()),
            privacy_section(report, gallery or Gallery()),
            refusals_section(report),
            data_section(report),
            methods_section(report),
            provenance_section(report),
        ),
        foot=f"{report.marking} · report {report.report_digest or 'not sealed'}",
    )
