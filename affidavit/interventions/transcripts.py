"""A transcript under an operator that adds words to it or erases words of it."""

from __future__ import annotations

import numpy as np

from affidavit.interventions.operators import ERASES, Intervention
from affidavit.interventions.words import counted, hinted, inserted, only, ranked, shuffled, without, word_spans
from affidavit.seeds import seed_of
from affidavit.utterances import Judgement

POINTS_TO_NOTHING = "its rationale quotes no words of the transcript"
NO_RATIONALE = "it gave no rationale that could rank words"
REWRITES = ("insert", "hint", *ERASES)
"""Operators that change the transcript."""


def needs_answer(found: Intervention) -> bool:
    """Say whether the transcript is changed by what the rationale under the base condition points to."""
    return found.operator.endswith("-rationale") and found.share > 0


def rewritten(
    text: str, found: Intervention, *, utterance_id: str, answer: Judgement | None, seed: int
) -> tuple[str, str | None]:
    """Return the transcript as it is shown, or why it cannot be: then the reason is not None.

    `answer` is the judgement under the base condition, by whose rationale words are ranked. What is drawn depends on
    the seed, the utterance and the operator, not on the size: a larger share erases the words of a smaller one too. An
    emptied transcript is returned empty.
    """
    rng = np.random.default_rng(seed_of(seed, utterance_id, found.operator, found.words))
    if found.operator == "insert":
        return inserted(text, found.words, rng), None
    if found.operator == "hint":
        return hinted(text, found.words), None
    size = counted(len(word_spans(text)), found.share)
    order: tuple[int, ...] = ()
    if needs_answer(found):
        if answer is None or answer.rationale is None:
            return text, NO_RATIONALE
        order = ranked(text, answer)
        if not order and size:
            return text, POINTS_TO_NOTHING
    elif size:
        order = shuffled(text, rng)
    change = without if found.operator.startswith("without") else only
    return change(text, frozenset(order[:size])), None
