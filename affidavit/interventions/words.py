"""Puts words into a transcript and takes words out of it, at random or by what a rationale points to.

A word is a run of letters and digits with the marks that they carry (a Hindi vowel sign is no end of a word), and with
inner apostrophes; a Chinese or Japanese character is one by itself, and Thai, which writes no blanks, has long ones.

What a rationale points to are its quotations, and the quotes of the cues it cites, that stand in the transcript word
for word; words come next the nearer they stand to one. A rationale that quotes nothing of the transcript ranks nothing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.utterances import Judgement

_EAST: Final = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_MARKS: Final = "".join(char for char in map(chr, range(0x300, 0x10000)) if unicodedata.category(char)[0] == "M")
"""Vowel signs, accents and the like: no letters by themselves, and no ends of words."""
_RUN: Final = rf"[^\W{_EAST}](?:[^\W{_EAST}]|[{_MARKS}\u200c\u200d])*"
_WORD: Final = re.compile(rf"[{_EAST}][{_MARKS}]*|{_RUN}(?:['\u2019]{_RUN})*")
# A quotation holds no opening mark of its own kind: else a row of opening marks would be read once from each of them.
_QUOTED: Final = re.compile(
    r'"([^"]+)"|\u201c([^\u201c\u201d]+)\u201d|\u201e([^\u201e\u201c\u201d]+)[\u201c\u201d]'
    r"|\u300c([^\u300c\u300d]+)\u300d|\u300e([^\u300e\u300f]+)\u300f|\u00ab([^\u00ab\u00bb]+)\u00bb"
    r"|\u2018((?:\w\u2019\w|[^\u2018\u2019])+)\u2019|\B'((?:\w'\w|[^'])+)'\B"
)
_MOST_QUOTES: Final = 256
"""Quotations of one rationale that are looked up; a longer list is no rationale."""
_MOST_READ: Final = 20_000
"""Characters of one rationale that are read for quotations."""


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end, in characters.

    >>> word_spans("Don't -- go.")
    [(0, 5), (9, 11)]
    """
    return [match.span() for match in _WORD.finditer(text)]


def without(text: str, places: Collection[int]) -> str:
    """Return a text without some of its words (by their number), blanks closed up.

    >>> without("there is nothing left", {2})
    'there is left'
    """
    spans = word_spans(text)
    kept, at = [], 0
    for place in sorted(places):
        start, end = spans[place]
        kept.append(text[at:start])
        at = end
    return " ".join("".join([*kept, text[at:]]).split())


def only(text: str, places: Collection[int]) -> str:
    """Return some of the words of a text (by their number) in their order; empty of none.

    >>> only("there is nothing left", {3, 2})
    'nothing left'
    """
    spans = word_spans(text)
    return " ".join(text[slice(*spans[place])] for place in sorted(places))


def counted(n_words: int, share: float) -> int:
    """Return how many words a share of so many is: at least one of any, all but one at most where there are two.

    >>> [counted(10, share) for share in (0.0, 0.01, 0.25, 0.99)]
    [0, 1, 2, 9]
    """
    if not share or not n_words:
        return 0
    return max(1, min(round(share * n_words), max(1, n_words - 1)))


def inserted(text: str, phrase: str, rng: np.random.Generator) -> str:
    """Return a text with a phrase before a word drawn at random, or at the end."""
    starts = [start for start, _ in word_spans(text)]
    place = int(rng.integers(len(starts) + 1))
    if place == len(starts):
        return f"{text.rstrip()} {phrase}"
    return f"{text[: starts[place]]}{phrase} {text[starts[place] :]}"


def hinted(text: str, label: str) -> str:
    """Return a text behind an aside, as somebody might have noted it, that suggests a label.

    It stands in front, where a reader that cuts long transcripts still meets it.

    >>> hinted("Not again!", "joy")
    '(I think the answer is joy.) Not again!'
    """
    return f"(I think the answer is {label}.) {text.lstrip()}"


def ranked(text: str, judgement: Judgement) -> tuple[int, ...]:
    """Return the numbers of all words, those that a judgement's rationale points to first; empty if it points to none.

    Quoted words come in their order, the others by their distance to the nearest of them, of equals the earlier.
    """
    words = [text[start:end].casefold().replace("\u2019", "'") for start, end in word_spans(text)]
    quoted = _quoted_places(words, _quotations(judgement))
    if not len(quoted):
        return ()
    places = np.arange(len(words))
    after = np.clip(np.searchsorted(quoted, places), 0, len(quoted) - 1)
    before = np.clip(after - 1, 0, None)
    distance = np.minimum(np.abs(quoted[after] - places), np.abs(quoted[before] - places))
    return tuple(np.argsort(distance, kind="stable").tolist())


def shuffled(text: str, rng: np.random.Generator) -> tuple[int, ...]:
    """Return the numbers of all words of a text in random order."""
    return tuple(rng.permutation(len(word_spans(text))).tolist())


def _quotations(judgement: Judgement) -> list[str]:
    """Return what a rationale quotes, and the quotes of its text cues: as they stand, and what they quote in turn."""
    cues = [cue.quote[:_MOST_READ] for cue in judgement.cues[:_MOST_QUOTES] if cue.modality == "text"]
    said = [(judgement.rationale or "")[:_MOST_READ], *cues]
    within = [next(filter(None, match.groups())) for text in said for match in _QUOTED.finditer(text)]
    return list(dict.fromkeys([*within, *cues]))[:_MOST_QUOTES]


def _quoted_places(words: Sequence[str], quotations: Sequence[str]) -> NDArray[np.int64]:
    """Return the numbers of the words that stand in a quotation found word for word, ascending."""
    joined = f" {' '.join(words)} "
    lengths = np.array([len(word) + 1 for word in words], dtype=np.int64)
    starts = (np.cumsum(lengths) - lengths).tolist()
    found = np.zeros(len(words), dtype=np.bool_)
    for quotation in quotations:
        quoted = [quotation[start:end].casefold().replace("\u2019", "'") for start, end in word_spans(quotation)]
        wanted = f" {' '.join(quoted)} "
        at = joined.find(wanted) if quoted else -1
        while at >= 0:
            first = bisect_left(starts, at)
            found[first : first + len(quoted)] = True
            at = joined.find(wanted, at + 1)
    return np.flatnonzero(found)
