"""Where in a rationale a cue, or a quotation, stands: characters of the text as it was written.

Atoms are read from a text without markup; where that stands otherwise than in the original, a cue has no place and is
told without one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from faithfulness.grounding.face_words import CODED
from faithfulness.grounding.transcripts import Words
from faithfulness.grounding.vocabulary import Entry

Place = tuple[int, int]
_NUMBER: Final = re.compile(r"\d+")
_APOSTROPHES: Final = "'\u2019"
_WORD: Final = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")


def places_of(entry: Entry, text: str) -> tuple[Place, ...]:
    """Return where a cue is named, in order; by its words, and by its number where it is an action unit."""
    found = {match.span() for pattern in entry.patterns for match in pattern.matches(text)}
    found |= set(_coded(entry.cue, text))
    return tuple(sorted(place for place in found if not any(_within(place, other) for other in found)))


def place_of_words(words: Words, text: str) -> Place | None:
    """Return where words stand one after the other, whatever their case and punctuation; None where they do not.

    >>> place_of_words(("im", "fine"), "He says: I'm FINE.")
    (9, 17)
    """
    plain, at = _plain(text)
    spoken = [(match.group(), match.start(), match.end()) for match in _WORD.finditer(plain)]
    for start in range(len(spoken) - len(words) + 1):
        own = spoken[start : start + len(words)]
        if words and tuple(word for word, _, _ in own) == words:
            return at[own[0][1]], at[own[-1][2] - 1] + 1
    return None


def _coded(cue: str, text: str) -> Iterator[Place]:
    """Yield where an action unit is named by its number, with the letters before it."""
    for match in CODED.finditer(text):
        start = match.start()
        for number in _NUMBER.finditer(text, match.start(1), match.end(1)):
            if f"AU{int(number.group())}" == cue:
                yield start, number.end()
            start = number.end()


def _within(place: Place, other: Place) -> bool:
    return place != other and other[0] <= place[0] and place[1] <= other[1]


def _plain(text: str) -> tuple[str, list[int]]:
    """Return a text as words are compared, and for each of its characters the one in the original."""
    kept: list[str] = []
    at: list[int] = []
    for i, character in enumerate(text):
        for letter in unicodedata.normalize("NFKC", character).casefold():
            if letter not in _APOSTROPHES:
                kept.append(letter)
                at.append(i)
    return "".join(kept), at
