"""At which words does a rationale point? At what it quotes, where that was said.

A quotation in any of the usual marks is looked for in the turn and the turns before it, the latest first. One that
stands nowhere was put into somebody's mouth: it points at nothing and is counted. The name of a label ("the answer is
'joy'") claims of nobody that they said it, and is none. Cues that came with a judgement (`side_tables["cues"]`) point
too where they are words that were said; a cue that is a sentence about the words is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.citations import QUOTATION
from faithfulness.plausibility.passages import Evidence, Passage, Place, merged, words_of

MOST_QUOTATIONS: Final = 64
"""Of one rationale that are looked up; one with more of them lists and does not explain."""
MOST_CHARACTERS: Final = 20_000
"""Of one rationale that are read."""
_QUOTATION: Final = re.compile(re.sub(r"\\x\{([0-9A-F]{4})\}", r"\\u\1", QUOTATION))
_MARKUP: Final = re.compile(r"<[^<>]{0,200}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """What a rationale points at."""

    evidence: Evidence
    quotations: int = 0
    """Quotations of at least one word."""
    misquotations: int = 0
    """Of them, those that nobody said."""


def quotations_of(rationale: str) -> list[str]:
    """Return what stands between quotation marks, without markup; the first of very many, or of a very long text.

    >>> quotations_of('<b>Joy</b>. The words say "I passed" and \u201cat last\u201d.')
    ['I passed', 'at last']
    """
    plain = _MARKUP.sub(" ", rationale[:MOST_CHARACTERS])
    found = (
        quoted.group()[1:].rstrip("\"'\u201c\u201d\u2019\u300d\u300f\u00bb") for quoted in _QUOTATION.finditer(plain)
    )
    return [text for text in found if words_of(text)][:MOST_QUOTATIONS]


def pointed_at(rationale: str, cues: Sequence[str], passage: Passage, *, labels: Sequence[str] = ()) -> Pointed:
    """Return what a rationale and the text cues of its judgement point at in a passage."""
    named = {label.casefold() for label in labels}
    places: list[Place] = []
    quoted = lost = 0
    for quote in quotations_of(rationale):
        found = passage.find(quote)
        if not found and quote.strip(" .,;:!?").casefold() in named:
            continue
        places += found
        quoted += 1
        lost += not found
    for cue in cues[:MOST_QUOTATIONS]:
        places += passage.find(cue[:MOST_CHARACTERS])
    return Pointed(evidence=merged(places), quotations=quoted, misquotations=lost)
