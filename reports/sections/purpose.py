"""Intended purpose and misuse: what the provider says the system is for, and what it must not become."""

from __future__ import annotations

from typing import Final

from reports.document import Block, Facts, Paragraph
from reports.law.dossier import Question
from reports.law.pack import Supplier
from reports.sections.case_file import CaseFile
from reports.sections.missing import Told, told

_ASKED: Final = (
    (Question.INTENDED_PURPOSE, "Intended purpose", Supplier.PROVIDER),
    (Question.FORESEEABLE_MISUSE, "Misuse that must be expected", Supplier.PROVIDER),
    (Question.PROVIDER, "Provider", Supplier.PROVIDER),
    (Question.DEPLOYER, "Deployer", Supplier.DEPLOYER),
)
NOT_TESTED: Final = (
    "People said this and signed it. The audit measured answers, and tested none of it: a use that is not the one told "
    "here was not audited."
)


def purpose_section(case: CaseFile) -> Told:
    """Return what was said of purpose and misuse."""
    said = [(name, case.answer(question)) for question, name, _ in _ASKED]
    facts = tuple((name, answer) for name, answer in said if answer is not None)
    blocks: tuple[Block, ...] = (Facts(items=facts), Paragraph(text=NOT_TESTED)) if facts else ()
    missing = [
        case.unanswered(question, supplied_by=supplier) for question, _, supplier in _ASKED if not case.answer(question)
    ]
    return told("purpose", "Intended purpose and misuse", blocks, missing)
