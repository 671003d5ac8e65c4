"""The report as one document: sixteen sections and a summary in plain words; every rendering is made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from affidavit.privacy_promises import LEDGER
from affidavit.report import AuditReport
from reports.document import Document, Section
from reports.drawings.gallery import Gallery
from reports.law.pack import shipped_packs
from reports.law.sections import control_section, scope_section
from reports.papers.papers import Papers, without_papers
from reports.sections.areas import Area
from reports.sections.by_area import explanations_section, fairness_section, robustness_section
from reports.sections.case_file import CaseFile
from reports.sections.changes import changes_section
from reports.sections.data_and_labels import data_section
from reports.sections.decision import decision_section, first_line, marking_meaning, reckoning, tone
from reports.sections.federated_section import EXAMINATION as FEDERATED_RUN
from reports.sections.federated_section import federated_sections
from reports.sections.manifest import manifest_section
from reports.sections.measured import measured_blocks
from reports.sections.missing import Missing, Told, told
from reports.sections.oversight import oversight_section
from reports.sections.performance import performance_section
from reports.sections.plain_language import plain_language_section
from reports.sections.privacy_section import privacy_section
from reports.sections.purpose import purpose_section
from reports.sections.reproduction import reproduction_section
from reports.sections.risks import risks_section

ATTACKS: Final = frozenset({"membership", "leakage", "one-run-audit", "gradient-canaries", "gradient-inversion"})
NOT_FEDERATED: Final = Missing(
    what="No record of a federated run was examined: where and how the model was trained is not known from one",
    supplied_by="the provider",
    how="for a model that was trained across sites, name its record in the plan (`federated-run`); for another, say so",
)
NO_LEDGER: Final = Missing(
    what="No privacy ledger was read: nothing is promised of the people whom the model learned from",
    supplied_by="the provider",
    how="name the ledger of the training in the plan (`privacy-ledger`)",
)
NO_ATTACK: Final = Missing(
    what="No attack on the model was tried, so nothing is known of what it gives away",
    supplied_by="the auditor",
    how="ask `membership`, `leakage` or `one-run-audit` (docs/privacy.md)",
)
NO_DOSSIER: Final = Missing(
    what="No signed dossier was filed: where, on whom and why the model is used is said by nobody",
    supplied_by="the deployer",
    how="`affidavit dossier new`, answer, sign, and `affidavit file BUNDLE --dossier`",
)


def document_of(report: AuditReport, gallery: Gallery | None = None, papers: Papers | None = None) -> Document:
    """Return the whole report as a document; a rendering that can show pictures passes its gallery."""
    case = CaseFile(report=report, papers=papers or without_papers(report), gallery=gallery or Gallery())
    others = [write(case) for write in _AFTER_THE_DECISION]
    return Document(
        title=report.title,
        first_line=first_line(case),
        tone=tone(case),
        reckoning=reckoning(report),
        marking=report.marking,
        marking_meaning=marking_meaning(report),
        sections=(decision_section(case, others), *(part.section for part in others)),
        foot=f"{report.marking} · report {report.report_digest or 'not sealed'}",
    )


def _scope(case: CaseFile) -> Told:
    signed = case.papers.testimony.key_id is not None
    return Told(section=scope_section(case.material), missing=() if signed else (NO_DOSSIER,))


def _privacy(case: CaseFile) -> Told:
    answered = {finding.examination for finding in case.report.findings}
    missing = [] if LEDGER in answered else [NO_LEDGER]
    missing += [] if answered & ATTACKS else [NO_ATTACK]
    section = _with_numbers(privacy_section(case.report, case.gallery), case, Area.PRIVACY)
    return Told(section=section, missing=tuple(missing))


def _federated(case: CaseFile) -> Told:
    section = next(iter(federated_sections(case.report, case.gallery)), None)
    if section is None:
        return told(FEDERATED_RUN, "Federated run", (), (NOT_FEDERATED,))
    return Told(section=_with_numbers(section, case, Area.FEDERATION))


def _with_numbers(section: Section, case: CaseFile, area: Area) -> Section:
    """Return a section that tells in its own words, followed by every number behind them."""
    return replace(section, blocks=(*section.blocks, *measured_blocks(case, (area,))))


def _controls(case: CaseFile) -> Told:
    return Told(section=control_section(shipped_packs(), case.material))


_AFTER_THE_DECISION: Final[tuple[Callable[[CaseFile], Told], ...]] = (
    _scope,
    purpose_section,
    data_section,
    performance_section,
    fairness_section,
    explanations_section,
    _privacy,
    _federated,
    robustness_section,
    oversight_section,
    risks_section,
    _controls,
    reproduction_section,
    manifest_section,
    changes_section,
    plain_language_section,
)
"""In the order in which a reviewer reads them; the decision stands before."""
