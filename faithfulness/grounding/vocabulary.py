"""Every cue that can be told from a rationale, and how cues stand to each other: what covers or contradicts what.

Two cues are *akin* where one covers the other: raised brows and AU1. What a table of evidence names and no list knows
becomes a cue of its own, read in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.face_words import FACE, UNIT_CUES
from faithfulness.grounding.history_words import HISTORY
from faithfulness.grounding.phrases import Pattern, Phrase
from faithfulness.grounding.scene_words import SCENE
from faithfulness.grounding.tone_words import TONE

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
MOST_OWN: Final = 200
"""Cues in their own words, at most; more would be free text and no list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cue [C]."""

    cue: str
    aspect: str
    patterns: tuple[Pattern, ...] = ()
    """None for action units that are read by their number alone."""
    covers: tuple[str, ...] = ()
    contrary: tuple[str, ...] = ()
    restful: bool = False

    @property
    def countable(self) -> bool:
        """Whether it can be salient, and whether a rationale that mentions everything mentions it."""
        return not self.restful and self.aspect != "content"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vocabulary:
    """Cues [C] in a fixed order."""

    entries: tuple[Entry, ...]
    place: Mapping[str, int]
    aspect: IntArray
    """[C] places in `ASPECTS`."""
    akin: BoolArray
    """[C, C], symmetric, true on the diagonal."""
    covers: BoolArray
    """[C, C]: whether the row's cue covers the column's; false on the diagonal."""
    contrary: BoolArray
    """[C, C]: whether the column's cue contradicts the row's."""
    countable: BoolArray
    """[C]: what can be salient."""

    @property
    def base(self) -> BoolArray:
        """Cues [C] that can be salient and cover no other: what a rationale that mentions everything mentions."""
        return np.asarray(self.countable & ~self.covers.any(axis=1))

    def of(self, aspect: str) -> BoolArray:
        """Return which cues [C] are of an aspect."""
        return np.asarray(self.aspect == ASPECTS.index(aspect))


def vocabulary(own: Sequence[tuple[str, str]] = ()) -> Vocabulary:
    """Return the built-in cues and those in their own words: pairs of aspect and cue."""
    taken = {entry.cue for entry in _built_in()}
    extra: list[Entry] = []
    for aspect, cue in sorted(set(own))[:MOST_OWN]:
        name = own_name(aspect, cue) if cue in taken else cue
        taken.add(name)
        extra.append(Entry(cue=name, aspect=aspect, patterns=(_own_words(cue),)))
    return _joined((*_built_in(), *extra))


def own_name(aspect: str, cue: str) -> str:
    """Return the name of a cue in its own words that another aspect has too: tears that somebody sees, and that run."""
    return f"{cue} ({aspect})"


@cache
def _built_in() -> tuple[Entry, ...]:
    spoken = {phrase.cue for phrase in FACE}
    units = [Entry(cue=unit, aspect="face") for unit in UNIT_CUES if unit not in spoken]
    past = [Entry(cue=cue, aspect="content", patterns=(Pattern(whole=pattern),)) for cue, pattern in HISTORY.items()]
    lists = (("face", FACE), ("tone", TONE), ("scene", SCENE))
    spoken_of = [_entry(cue, aspect, phrases) for aspect, phrases in lists for cue in _cues(phrases)]
    return (*spoken_of, *units, *past)


def _cues(phrases: Sequence[Phrase]) -> list[str]:
    return list(dict.fromkeys(phrase.cue for phrase in phrases))


def _own_words(cue: str) -> Pattern:
    return Pattern(whole=rf"(?<![A-Za-z]){re.escape(cue)}(?![A-Za-z])")


def _entry(cue: str, aspect: str, phrases: Sequence[Phrase]) -> Entry:
    """Return a cue with all ways of writing it; how it stands to others is said with the first."""
    own = [phrase for phrase in phrases if phrase.cue == cue]
    phrase = own[0]
    return Entry(
        cue=cue,
        aspect=aspect,
        patterns=tuple(pattern for each in own for pattern in each.patterns()),
        covers=phrase.covers,
        contrary=phrase.contrary,
        restful=phrase.restful,
    )


def _joined(entries: tuple[Entry, ...]) -> Vocabulary:
    place = {entry.cue: i for i, entry in enumerate(entries)}
    covers = np.zeros((len(entries), len(entries)), dtype=bool)
    contrary = np.zeros_like(covers)
    for i, entry in enumerate(entries):
        covers[i, [place[cue] for cue in entry.covers]] = True
        contrary[i, [place[cue] for cue in entry.contrary]] = True
    return Vocabulary(
        entries=entries,
        place=place,
        aspect=np.array([ASPECTS.index(entry.aspect) for entry in entries], dtype=np.int64),
        akin=covers | covers.T | np.eye(len(entries), dtype=bool),
        covers=covers,
        contrary=contrary,
        countable=np.array([entry.countable for entry in entries]),
    )
