"""A new dossier with every question and no answer: what `affidavit dossier new` writes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reports.law.dossier import WHERE_A_LAW_ASKS, Question, question_text
from reports.law.scope import Circumstance, Context, ExceptionKind, Modality, Place, Subject

HEAD: Final = """\
# The dossier of one system: what only people can say of it.
#
# Replace `null` under a question by an answer. Each answer says who gives it, in which role, and when:
#
#   oversight_person:
#     says: The nurse in charge, trained on 3 March, who may switch it off.
#     by: A. Example
#     role: head of nursing
#     date: 2026-03-04
#
# A question that stays `null` is unanswered: the scope gate stays shut. Sign it when it is whole
# (`affidavit dossier sign`); a change after that breaks the signature. Nothing here is legal advice.
"""
_CHOICES: Final[Mapping[Question, tuple[str, type[StrEnum]]]] = MappingProxyType(
    {
        Question.PLACES: ("places", Place),
        Question.CONTEXT: ("contexts", Context),
        Question.SUBJECTS: ("subjects", Subject),
        Question.MODALITIES: ("modalities", Modality),
        Question.CIRCUMSTANCES: ("circumstances", Circumstance),
    }
)


def template(system: str) -> str:
    """Return the text of a dossier without answers.

    >>> print(template("Listener 2").splitlines()[-1])
    monitoring: null
    """
    import yaml

    quoted = yaml.safe_dump(system, default_style='"', width=10**6).strip()
    lines = [HEAD, "version: 1", f"system: {quoted}"]
    for question in Question:
        only = " (Asked only where a law needs it.)" if question in WHERE_A_LAW_ASKS else ""
        lines += ["", f"# {question_text(question)}{only}", *_instead(question), f"{question}: null"]
    return "\n".join(lines) + "\n"


def _instead(question: Question) -> tuple[str, ...]:
    """Return what stands in the place of `says`, where a question has choices."""
    if question is Question.BIOMETRIC:
        return ("# Instead of says: `biometric: true` or `biometric: false`.",)
    if question is Question.EXCEPTION:
        kinds, whom = ", ".join(ExceptionKind), ", ".join(Subject)
        return (
            f"# Instead of says: `exception:` {kinds}; where one is claimed, `covers:` a list of {whom};",
            "# and `evidence:` what shows it.",
        )
    if question not in _CHOICES:
        return ()
    key, choices = _CHOICES[question]
    if question is Question.CIRCUMSTANCES:
        return (f"# Instead of says: `{key}:` with true or false for each of {', '.join(choices)}.",)
    return (f"# Instead of says: `{key}:` a list of {', '.join(choices)}.",)
