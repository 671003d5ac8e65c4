"""Mishears a transcript at a stated word error rate.

Errors are substitutions, deletions and insertions in the shares 6 : 2 : 2, about those of recognisers on spontaneous
speech. A substitute is the nearest in spelling of a few words drawn from a vocabulary, since what is misheard sounds
alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_KINDS: Final = ("substitute", "delete", "insert")
_SHARES: Final = (0.6, 0.2, 0.2)
_DRAWN: Final = 20
_ATTEMPTS: Final = 25


def mishear(text: str, rate: float, rng: np.random.Generator, vocabulary: Sequence[str]) -> str:
    """Return the text with `rate` errors per word, in expectation over `rng` exactly.

    A text of n words gets floor(rate * n) errors, and one more with the probability of the rest; they are as many on
    the shortest way back (Levenshtein 1966). Words are what spaces part and has a letter or digit; the rest stays.

    | text or vocabulary | result |
    |---|---|
    | no words | the text |
    | no word of the vocabulary is new to the text | every error is a deletion |
    """
    words = text.split()
    places = [i for i, word in enumerate(words) if bare(word)]
    expected = rate * len(places)
    n_errors = int(expected) + int(rng.random() < expected - int(expected))
    if not n_errors:
        return text
    said = [bare(words[i]) for i in places]
    fresh = [word for word in vocabulary if bare(word) and bare(word) not in set(said)]
    for attempt in range(_ATTEMPTS):
        chosen = rng.choice(places, size=n_errors, replace=False)
        kinds = _kinds(n_errors, rng, plain=attempt == _ATTEMPTS - 1, fresh=bool(fresh))
        heard = _edited(words, dict(zip(chosen.tolist(), kinds, strict=True)), fresh, rng)
        if word_distance(said, [plain for word in heard if (plain := bare(word))]) == n_errors:
            break  # an insertion beside a deletion is one error, not two: draw again
    return " ".join(heard)


def bare(word: str) -> str:
    """Return a word without case and without anything but letters, digits and inner apostrophes."""
    return "".join(letter for letter in word.casefold() if letter.isalnum() or letter == "'").strip("'")


def word_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the least number of substitutions, deletions and insertions from one sequence to the other.

    >>> word_distance("the cat sat".split(), "a cat sat down".split())
    2
    """
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, theirs in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(diagonal + (mine != theirs), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def _kinds(n_errors: int, rng: np.random.Generator, *, fresh: bool, plain: bool) -> list[str]:
    """Return what happens at each error; `plain` ones cannot cancel each other out."""
    if not fresh:
        return ["delete"] * n_errors
    return ["substitute"] * n_errors if plain else rng.choice(_KINDS, size=n_errors, p=_SHARES).tolist()


def _edited(words: Sequence[str], errors: dict[int, str], fresh: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the words after the errors; an insertion stands behind the word it is given to."""
    heard: list[str] = []
    for i, word in enumerate(words):
        kind = errors.get(i)
        heard += [] if kind in ("substitute", "delete") else [word]
        heard += [_like(word, fresh, rng)] if kind in ("substitute", "insert") else []
    return heard


def _like(word: str, fresh: Sequence[str], rng: np.random.Generator) -> str:
    """Return the nearest in spelling of a few words."""
    drawn = [bare(fresh[i]) for i in rng.integers(len(fresh), size=_DRAWN)]
    return min(drawn, key=lambda other: word_distance(bare(word), other) / max(len(word), len(other)))
