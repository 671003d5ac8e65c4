"""Who can be rewarded for what it writes? Reasoners that write by themselves, language models, the instructed one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.errors import PlanError
from affidavit.protocols import Trainable
from affidavit.utterances import Utterance
from reasoners.grpo.instructed_writer import InstructedWriter
from reasoners.grpo.language_writer import LanguageWriter
from reasoners.grpo.writing import Writes
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.language.reasoner import LanguageReasoner

_NEEDED: Final = ("sampled", "log_probabilities", "reference")


def writer_of(reasoner: Trainable, utterances: Sequence[Utterance]) -> Writes:
    """Return what writes for a reasoner; `utterances` are all of whom it may be asked.

    Raises:
        PlanError: it writes no completions; the message says what it lacks.
    """
    if isinstance(reasoner, Writes):
        return reasoner
    if isinstance(reasoner, LanguageReasoner):
        if not reasoner.thinks:
            raise _silent(reasoner, "it answers at once (reasoning: none)", "ask for reasons: reasoning: before")
        return LanguageWriter(reasoner=reasoner)
    if isinstance(reasoner, InstructedReasoner):
        if reasoner.model.explain is None:
            raise _silent(reasoner, "it has no writer of rationales", "train it with rationales: true")
        return InstructedWriter.of(reasoner, utterances)
    lacking = [name for name in _NEEDED if not hasattr(reasoner, name)]
    raise _silent(reasoner, f"it lacks {', '.join(lacking)}", "name a reasoner that writes, or train with `supervised`")


def _silent(reasoner: Trainable, found: str, remedy: str) -> PlanError:
    return PlanError(
        "the reasoner writes no explanations that could be rewarded",
        slug="plan-impossible",
        where=f"trainer grpo, {type(reasoner).__name__}",
        found=found,
        allowed="smollm2, omni or instructed with reasons, or a reasoner that implements reasoners.grpo.writing.Writes",
        remedy=remedy,
    )
