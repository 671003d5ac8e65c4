"""What a section is written from: the report, the papers that were filed with it, and the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.report import AuditReport
from reports.drawings.gallery import Gallery
from reports.law.control_map import Material
from reports.law.dossier import Question, question_text
from reports.law.scope import ScopeDecision, observed_in
from reports.law.testimony import gate
from reports.papers.papers import Papers
from reports.sections.missing import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """Everything that pages tell of."""

    report: AuditReport
    papers: Papers
    gallery: Gallery

    @property
    def scope(self) -> ScopeDecision:
        """What the scope gate says on the day of filing."""
        return gate(self.papers.testimony, today=self.papers.filed_on, observed=observed_in(self.report))

    @property
    def material(self) -> Material:
        """What requirements of laws are held against."""
        papers = self.papers
        return Material(
            report=self.report, testimony=papers.testimony, decision=self.scope, today=papers.filed_on
        )  # fmt: skip

    def answer(self, question: Question) -> str | None:
        """Return what a person said under a verified signature, with who said it; None where nobody did."""
        return self.papers.testimony.said(question)

    def unanswered(self, question: Question, *, supplied_by: str) -> Missing:
        """Return a question that nobody answered, as something missing."""
        signed = self.papers.testimony.dossier is not None and self.papers.testimony.key_id is None
        how = (
            "have the dossier signed and file it anew"
            if signed and self._said_unsigned(question)
            else f"answer `{question.value}` in a signed dossier and file it (`affidavit dossier`, `affidavit file`)"
        )
        return Missing(
            what=f"Nobody answered this: {question_text(question).rstrip('?.')}", supplied_by=supplied_by, how=how
        )

    def _said_unsigned(self, question: Question) -> bool:
        dossier = self.papers.testimony.dossier
        return dossier is not None and dossier.answer(question) is not None
