"""Human oversight: who watches the system and by which means, and what reviewers found who read its rationales."""

from __future__ import annotations

from typing import Final

from reports.document import Block, Facts, Paragraph
from reports.law.dossier import Question
from reports.law.pack import Supplier
from reports.sections.areas import Area
from reports.sections.case_file import CaseFile
from reports.sections.measured import measured_blocks
from reports.sections.missing import Missing, Told, told

_ASKED: Final = (
    (Question.OVERSIGHT_PERSON, "Who oversees it", Supplier.DEPLOYER),
    (Question.OVERSIGHT_MEANS, "By which means", Supplier.PROVIDER),
    (Question.PEOPLE_INFORMED, "How people are told", Supplier.DEPLOYER),
    (Question.COMPLAINTS, "Where people complain", Supplier.DEPLOYER),
    (Question.MONITORING, "Who watches it in use", Supplier.DEPLOYER),
)
NO_REVIEW: Final = Missing(
    what="Nobody reviewed rationales by hand in this audit",
    supplied_by=Supplier.DEPLOYER,
    how="have people judge rationales blindly and name their reviews in the plan (examination `human-review`)",
)


def oversight_section(case: CaseFile) -> Told:
    """Return what was said of oversight, and what people found."""
    said = [(name, case.answer(question)) for question, name, _ in _ASKED]
    facts = tuple((name, answer) for name, answer in said if answer is not None)
    reviewed = measured_blocks(case, (Area.OVERSIGHT,))
    blocks: list[Block] = [Facts(items=facts)] if facts else []
    blocks += [Paragraph(text="What people found who judged rationales:"), *reviewed] if reviewed else []
    missing = [case.unanswered(asked, supplied_by=supplier) for asked, _, supplier in _ASKED if not case.answer(asked)]
    return told("oversight", "Human oversight", blocks, missing if reviewed else [*missing, NO_REVIEW])
