"""Words of a transcript, what an attribution to its tokens says of each, and the transcript without some of them.

An erased word becomes an ellipsis, whatever it was: the hole is seen, and how many there are, and not what was in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from affidavit.attributions import Span
from affidavit.statistics.types import FloatArray

HOLE: Final = "\u2026"
_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+")
"""A run of characters without a space; a Chinese character is a word of its own."""


def words_of(text: str) -> list[tuple[int, int]]:
    """Return first and last character of each word.

    >>> words_of("So  tired.")
    [(0, 2), (4, 10)]
    """
    return [found.span() for found in _WORD.finditer(text)]


def word_values(text: str, spans: Sequence[Span], values: FloatArray) -> FloatArray:
    """Return what an attribution brings to each word, `[W]`: the sum over the text's spans that begin within it.

    >>> spans = [Span(modality="text", name=name, start_char=at) for name, at in (("So", 0), ("ti", 3), ("red", 5))]
    >>> word_values("So tired", spans, np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 5.0]
    """
    places = words_of(text)
    found = np.zeros(len(places))
    for span, value in zip(spans, values, strict=True):
        if span.modality != "text" or span.start_char is None:
            continue
        # a token may carry the space before its word
        at = span.start_char + len(span.name) - len(span.name.lstrip())
        for place, (start, end) in enumerate(places):
            if start <= at < end:
                found[place] += value
    return found


def erased(text: str, places: Collection[int]) -> str:
    """Return a text in which the words at these places are holes.

    >>> erased("So tired of it.", {1, 3})
    'So \u2026 of \u2026'
    """
    pieces, at = [], 0
    for place, (start, end) in enumerate(words_of(text)):
        pieces += [text[at:start], HOLE if place in places else text[start:end]]
        at = end
    return "".join([*pieces, text[at:]])


def n_erased(n_words: int, fraction: float) -> int:
    """Return how many of so many words a fraction is: one at least, where there is any."""
    return min(n_words, max(1, round(fraction * n_words)))
