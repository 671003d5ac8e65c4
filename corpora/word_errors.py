"""Counts word errors: substitutions, deletions and insertions on the shortest way from reference to transcript.

Levenshtein 1966 over words, each error at cost one, as NIST's sclite counts them up to its weights.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from affidavit.records import Record

_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'"})


class Normalisation(Record):
    """What is made alike before words are compared; everything else counts as an error."""

    case_fold: bool = True
    """Whether `WORD` and `word` are one."""
    strip_punctuation: bool = True
    """Whether punctuation and symbols part words and vanish; an apostrophe inside a word stays."""

    def described(self) -> str:
        """Return the normalisation in words."""
        steps = ["Unicode NFKC", "typographic apostrophes as '"]
        steps += ["case-folded"] if self.case_fold else ["case kept"]
        stripped = "punctuation and symbols to spaces, apostrophes kept inside words only"
        return "; ".join([*steps, stripped if self.strip_punctuation else "punctuation kept"])

    def words(self, text: str) -> list[str]:
        """Return the words of a text.

        >>> Normalisation().words("Don\u2019t \u2018stop\u2019, WELL-known!")
        ["don't", 'stop', 'well', 'known']
        """
        plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
        plain = plain.casefold() if self.case_fold else plain
        if not self.strip_punctuation:
            return plain.split()
        spaced = "".join(" " if _parts_words(letter) else letter for letter in plain)
        return [word for token in spaced.split() if (word := token.strip("'"))]


def _parts_words(letter: str) -> bool:
    return letter != "'" and not letter.isalnum() and unicodedata.category(letter)[0] in "PS"


def word_errors(reference: Sequence[str], transcript: Sequence[str]) -> int:
    """Return the least number of substitutions, deletions and insertions between two sequences of words.

    Two rows of the table of Wagner and Fischer 1974, after what both share at either end is taken away.

    | reference | transcript | errors |
    |---|---|---|
    | empty | n words | n |
    | n words | empty | n |

    >>> word_errors("the cat sat".split(), "a cat sat down".split())
    2
    """
    start, end = _shared_ends(reference, transcript)
    said, heard = reference[start : len(reference) - end], transcript[start : len(transcript) - end]
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            substituted = diagonal + (word != other)
            diagonal = row[j]
            row[j] = min(substituted, diagonal + 1, row[j - 1] + 1)
    return row[-1]


def _shared_ends(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """Return how many words both begin with, and how many of the rest both end with."""
    shorter = min(len(one), len(other))
    start = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    rest = shorter - start
    end = next((i for i in range(rest) if one[-1 - i] != other[-1 - i]), rest)
    return start, end
