"""The words that a reasoner had before it: a turn and the turns before it, cut into words, and places among them.

A place is a range of words `(start, end)` of one turn; evidence is places in order that do not overlap.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.utterances import Cue, Utterance

Place = tuple[int, int]
Evidence = tuple[Place, ...]
_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+")
_SENTENCE_END: Final = re.compile(r"[.!?\u2026\u3002\uFF01\uFF1F]")


def words_of(text: str) -> list[tuple[str, int, int]]:
    """Return the words of a text, lower-cased, each with its first character and the one after its last.

    Punctuation is no word; a Chinese character is one.

    >>> words_of("I'm fine.")
    [('i', 0, 1), ('m', 2, 3), ('fine', 4, 8)]
    """
    return [(found.group().casefold(), found.start(), found.end()) for found in _WORD.finditer(text)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spoken:
    """The words of a dialogue, cut once for all of its turns: a passage is a beginning of them."""

    turns: tuple[Utterance, ...]
    words: tuple[str, ...]
    chars: tuple[Place, ...]
    bounds: tuple[Place, ...]

    @cached_property
    def places_of(self) -> dict[str, list[int]]:
        """Where each word stands, in order."""
        found: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            found.setdefault(word, []).append(place)
        return found

    @cached_property
    def number_of(self) -> dict[str, int]:
        """The number of each turn by its id."""
        return {turn.utterance_id: number for number, turn in enumerate(self.turns)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """The N words that a turn was judged from, the turn's own last."""

    spoken: Spoken
    n_turns: int
    """Of those that were spoken; the judged one is the last."""

    @property
    def turns(self) -> tuple[Utterance, ...]:
        """The turns, the judged one last."""
        return self.spoken.turns[: self.n_turns]

    @property
    def words(self) -> tuple[str, ...]:
        """The words."""
        return self.spoken.words[: self.n_words]

    @property
    def chars(self) -> tuple[Place, ...]:
        """Of each word, its characters in its turn."""
        return self.spoken.chars[: self.n_words]

    @property
    def bounds(self) -> tuple[Place, ...]:
        """Of each turn, its range of words."""
        return self.spoken.bounds[: self.n_turns]

    @property
    def own(self) -> Place:
        """The range of words of the judged turn."""
        return self.spoken.bounds[self.n_turns - 1]

    @property
    def n_words(self) -> int:
        """How many words there are."""
        return self.own[1]

    @property
    def judged(self) -> Utterance:
        """The judged turn."""
        return self.spoken.turns[self.n_turns - 1]

    def find(self, quote: str, *, turn: int | None = None) -> Evidence:
        """Return where the words of a quote stand one after the other: in the latest turn that has them, every time.

        Empty where they stand in none, or where the quote has no words; in one turn alone where it is named.
        """
        said = tuple(word for word, _, _ in words_of(quote))
        if not said or len(said) > self.n_words:
            return ()
        words, bounds = self.spoken.words, self.spoken.bounds
        starts = self.spoken.places_of.get(said[0], [])
        for number in [turn] if turn is not None else reversed(range(self.n_turns)):
            low, high = bounds[number]
            first, after = bisect_left(starts, low), bisect_right(starts, high - len(said))
            inside = [(at, at + len(said)) for at in starts[first:after] if words[at : at + len(said)] == said]
            if inside:
                return merged(inside)
        return ()

    def marked(self, cues: Iterable[Cue]) -> tuple[Evidence, int]:
        """Return where text cues stand, and how many of them stand in no turn of the passage."""
        places: list[Place] = []
        lost = 0
        for cue in cues:
            if cue.modality != "text":
                continue
            number = self.spoken.number_of.get(cue.utterance_id or self.judged.utterance_id, self.n_turns)
            found = (
                ()
                if number >= self.n_turns
                else self._characters(cue.quote, number) or self.find(cue.quote, turn=number)
            )
            places += found
            lost += not found
        return merged(places), lost

    def _characters(self, quote: str, number: int) -> Evidence:
        """Return the words that the first occurrence of a quote touches, letter by letter."""
        start = (self.spoken.turns[number].text or "").find(quote) if quote else -1
        if start < 0:
            return ()
        (low, high), chars = self.spoken.bounds[number], self.spoken.chars
        touched = [i for i in range(low, high) if chars[i][0] < start + len(quote) and chars[i][1] > start]
        return ((touched[0], touched[-1] + 1),) if touched else ()

    @property
    def everything(self) -> Evidence:
        """Every turn whole."""
        return tuple(place for place in self.bounds if place[1] > place[0])

    @property
    def first_sentence(self) -> Evidence:
        """The first sentence of the judged turn that has a word."""
        text, (low, high), chars = self.judged.text or "", self.own, self.spoken.chars
        if low == high:
            return ()
        found = _SENTENCE_END.search(text, chars[low][1])
        end = len(text) if found is None else found.start()
        return ((low, max(i for i in range(low, high) if chars[i][0] < end) + 1),)

    def at_the_places_of(self, evidence: Evidence, other: Passage) -> Evidence:
        """Return another passage's evidence at the same places of this one: as many turns back, as far into the turn.

        What would lie before the first turn lies in the first, what would go beyond a turn's end ends there.
        """
        places = []
        for start, end in evidence:
            # Turns without words begin where the next one does: the last that begins here has the word.
            turn = bisect_right(other.spoken.bounds, start, hi=other.n_turns, key=lambda bound: bound[0]) - 1
            low, high = self.spoken.bounds[max(self.n_turns - (other.n_turns - turn), 0)]
            length = min(end - start, high - low)
            first = min(low + start - other.spoken.bounds[turn][0], high - length)
            places += [(first, first + length)] if length else []
        return merged(places)


def passage_of(turns: Sequence[Utterance]) -> Passage:
    """Return the passage of the last of these turns."""
    return Passage(spoken=spoken_in(turns), n_turns=len(turns))


def spoken_in(turns: Sequence[Utterance]) -> Spoken:
    """Cut the words of these turns."""
    words: list[str] = []
    chars: list[Place] = []
    bounds: list[Place] = []
    for turn in turns:
        start = len(words)
        for word, first, after in words_of(turn.text or ""):
            words.append(word)
            chars.append((first, after))
        bounds.append((start, len(words)))
    return Spoken(turns=tuple(turns), words=tuple(words), chars=tuple(chars), bounds=tuple(bounds))


def merged(places: Iterable[Place]) -> Evidence:
    """Return places in order, with those that overlap made one; neighbours stay two.

    >>> merged([(4, 6), (0, 2), (1, 3)])
    ((0, 3), (4, 6))
    """
    found: list[Place] = []
    for start, end in sorted(places):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return tuple(found)


def mask(evidence: Evidence, n_words: int) -> NDArray[np.bool_]:
    """Return which words are evidence, [N]."""
    found = np.zeros(n_words, dtype=bool)
    for start, end in evidence:
        found[start:end] = True
    return found
