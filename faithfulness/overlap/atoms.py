"""The clues that a rationale states, as atoms: a content word, where it is seen or heard, and whether it is denied.

Words of emotions are no clues: they are compared on their own, and left among the clues they would make the clue score
a second emotion score, as EMER's is. A clause that cites the words, the voice, the face or the
surroundings gives its atoms that aspect; of a clause that cites none, the aspect is open and fits any. English words
are cut to their stems; of Chinese, which has no spaces, pairs of neighbouring characters stand for words.

It reads no grammar and knows no synonyms: "her hands shook" and "trembling hands" share *hand* alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from affidavit.citations import cited_letters
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon
from faithfulness.conclusions.markers import PASSED_OVER
from faithfulness.overlap.words import (
    CARRIERS,
    CHINESE_NEGATIONS,
    CHINESE_STOPS,
    NEGATIONS,
    STOP_WORDS,
    SURROUNDINGS,
    stem,
)

VERSION: Final = "1"
ANYWHERE: Final[frozenset[str]] = frozenset()
"""The aspect of a clause that cites none."""
_CLAUSE: Final = re.compile(r"[^.,;:!?。，；：！？、\n]+")
_TOKEN: Final = re.compile(r"[a-z][a-z-]*[a-z]|[\u3400-\u9fff]+")
_REMEMBERED: Final = 2**16
_NOT: Final = re.compile(r"n['’]t\b")
_SURROUNDINGS: Final = re.compile(SURROUNDINGS)


class Atom(NamedTuple):
    """One clue without its aspect."""

    word: str
    denied: bool


Atoms = Mapping[Atom, frozenset[str]]
"""From each atom to its aspects (`T`, `A`, `V`, `E`); `ANYWHERE` where a clause without aspect states it."""


@dataclass(frozen=True, kw_only=True)
class AtomReader:
    """Reads atoms from texts as `faithfulness.conclusions.cleaning.reasoning_of` leaves them."""

    lexicon: EmotionLexicon

    def atoms(self, text: str) -> Atoms:
        """Return the atoms of one text.

        >>> from affidavit.lexicons.open_emotions.lexicon import open_emotions
        >>> found = AtomReader(lexicon=open_emotions()).atoms("his voice trembles, no tears; he is sad")
        >>> sorted((word, denied, "".join(where)) for (word, denied), where in found.items())
        [('tear', True, ''), ('trembl', False, 'A')]
        """
        found: dict[Atom, frozenset[str]] = {}
        for clause in _CLAUSE.findall(_NOT.sub(" not", text)):
            where = self._aspects(clause)
            for atom in self._of_clause(clause):
                known = found.get(atom)
                found[atom] = where if known is None else known | where if known and where else ANYWHERE
        return found

    def _aspects(self, clause: str) -> frozenset[str]:
        known = self._cited.get(clause)
        if known is None:
            known = cited_letters(clause) | ({"E"} if _SURROUNDINGS.search(clause) else ANYWHERE)
            if len(self._cited) < _REMEMBERED:
                self._cited[clause] = known
        return known

    @cached_property
    def _cited(self) -> dict[str, frozenset[str]]:
        """What clauses cite, once looked up: rationales of one model repeat themselves."""
        return {}

    def _of_clause(self, clause: str) -> Iterator[Atom]:
        denied = False
        for token in _TOKEN.findall(clause):
            if not token.isascii():
                yield from self._of_chinese(token)
            elif token in NEGATIONS:
                denied = True
            elif token not in STOP_WORDS and token not in CARRIERS and token not in self.lexicon.index:
                yield Atom(stem(token), denied)

    def _of_chinese(self, run: str) -> Iterator[Atom]:
        denied = False
        for piece in self._cuts.split(run):
            if piece in CHINESE_NEGATIONS:
                denied = True
            elif piece and not self._nothing.fullmatch(piece):
                pairs = [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
                for pair in pairs:
                    yield Atom(pair, denied)

    @cached_property
    def _nothing(self) -> re.Pattern[str]:
        """What is cut out and gives no atom: emotions, small words, and words in which a negation is no negation."""
        emotions = [form for form in self.lexicon.index if not form.isascii()]
        words = {*emotions, *CHINESE_STOPS, *PASSED_OVER}
        return re.compile("|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word)))))

    @cached_property
    def _cuts(self) -> re.Pattern[str]:
        negations = "|".join(map(re.escape, CHINESE_NEGATIONS))
        return re.compile(f"({self._nothing.pattern}|{negations})")


class Shared(NamedTuple):
    """What two rationales have in common, each from 0 to 1; NaN where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


def shared(predicted: Atoms, reference: Atoms) -> Shared:
    """Return how many atoms of each are in the other, the same word of an aspect that fits.

    | case | precision, recall, F1 |
    |---|---|
    | the reference has no atoms | NaN |
    | the prediction has none | NaN, 0, 0 |
    """
    nothing = float("nan")
    if not reference:
        return Shared(nothing, nothing, nothing)
    if not predicted:
        return Shared(nothing, 0.0, 0.0)
    both = sum(_fits(where, reference[atom]) for atom, where in predicted.items() if atom in reference)
    return Shared(both / len(predicted), both / len(reference), 2 * both / (len(predicted) + len(reference)))


def _fits(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or bool(one & other)
