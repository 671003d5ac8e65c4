"""Emotion words taken out of an explanation, so that what is left has to speak by what it observed.

Not only the label's own name goes: every emotion word of the open lexicon, English and Chinese, and every form of the
28 names, within quotations too. If only the label's words went, `delighted` would be paid for in the place of `joy`,
and the mark itself would tell where the label was named.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from affidavit.lexicons.emotions import EMOTIONS as BASIC
from affidavit.lexicons.open_emotions.lexicon import open_emotions
from affidavit.lexicons.word_list import pattern_of
from reasoners.verifier.emotions import EMOTIONS, FORMS, TARGETS

MASK: Final = "[…]"
_SAID: Final = 4
"""Words that must be left for a statement to say anything: `she is so […]` says nothing."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")


def masked(text: str) -> str:
    """Return the text with a mark in place of each emotion word.

    >>> masked("Joy. She is cheerful; the voice is raised. 她很高兴")
    '[…]. She is […]; the voice is raised. 她很[…]'
    """
    for pattern in _patterns():
        text = pattern.sub(MASK, text)
    return text


def says_something(text: str) -> bool:
    """Say whether a masked statement has at least four words, or characters of Chinese, beside its marks.

    >>> says_something("She is so […]."), says_something("The voice is low.")
    (False, True)
    """
    rest = text.replace(MASK, " ")
    return len(_WORD.findall(_HAN.sub(" ", rest))) + len(_HAN.findall(rest)) >= _SAID


def label_words(text: str) -> int:
    """Return how many emotion words a text has: what `masked` would take out."""
    return sum(len(pattern.findall(text)) for pattern in _patterns())


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    forms = {form for word in open_emotions().words for form in word.forms} | {*EMOTIONS, *TARGETS, *FORMS}
    spaced = [form for form in forms if form.isascii() and len(form) > 2]
    unspaced = sorted((form for form in forms if not form.isascii()), key=lambda form: (-len(form), form))
    either = f"{pattern_of(spaced)}|{BASIC.pattern}"
    return re.compile(either, re.IGNORECASE), re.compile("|".join(map(re.escape, unspaced)))
