"""A dossier as it counts: whose statements are signed, and the gate that needs them all."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from reports.law.dossier import ALWAYS, Attributed, Dossier, Question, Statement, question_text, scope_of
from reports.law.scope import NOTHING_OBSERVED, Observed, Outcome, Reason, Scope, ScopeDecision, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """A dossier, or none, and the key whose signature over it was verified, or none."""

    __test__ = False  # not a test class, whatever its name begins with

    dossier: Dossier | None = None
    key_id: str | None = None

    @property
    def scope(self) -> Scope:
        """The answers about use, signed or not: an unsigned answer can shut the gate, and not open it."""
        return Scope() if self.dossier is None else scope_of(self.dossier)

    def statement(self, question: Question) -> Attributed | None:
        """Return an answer that counts: given, and under a verified signature."""
        return None if self.dossier is None or self.key_id is None else self.dossier.answer(question)

    def said(self, question: Question) -> str | None:
        """Return an answer in words that counts, with who gave it and when; None where nobody did."""
        answer = self.statement(question)
        if not isinstance(answer, Statement):
            return None
        return f"{answer.says} ({answer.by}, {answer.role}, {answer.date.isoformat()})"


def gate(
    testimony: Testimony, *, today: datetime.date, observed: Observed = NOTHING_OBSERVED
) -> ScopeDecision:  # fmt: skip
    """Return the decision over use; without a signed and whole dossier nothing is allowed."""
    if testimony.dossier is None:
        missing = Reason(says="There is no dossier: purpose, oversight and exceptions are said by nobody")
        return ScopeDecision(outcome=Outcome.UNANSWERED, reasons=(missing,))
    decision = decide(testimony.scope, observed)
    more = tuple(_untold(testimony, testimony.dossier, today))
    if decision.outcome is Outcome.ALLOWED and more:
        return decision.model_copy(update={"outcome": Outcome.UNANSWERED, "reasons": more})
    if decision.outcome is not Outcome.ALLOWED:
        return decision.model_copy(update={"reasons": decision.reasons + more})
    return decision


def _untold(testimony: Testimony, dossier: Dossier, today: datetime.date) -> Iterator[Reason]:
    """Say what keeps a dossier from counting, beside the answers about use."""
    if testimony.key_id is None:
        yield Reason(says="The dossier is not under a verified signature, so its statements do not count")
    about_use = {"places", "context", "subjects", "modalities", "biometric", "exception"}
    for question in ALWAYS:
        answer = dossier.answer(question)
        if answer is None and question not in about_use:
            yield Reason(says=f"Nobody answered {question}: {question_text(question)}")
        if answer is not None and answer.date > today:
            yield Reason(says=f"The answer to {question} is dated {answer.date}, after today ({today})")
