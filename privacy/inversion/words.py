"""Which words a batch had, from the gradient of their embedding.

Only the rows of words that were said get a gradient, so that of an update as it is they are read off (Melis, Song, De
Cristofaro, Shmatikov 2019, section 4.1). Under noise every row has one: words are ranked by how much likelier a row is
with a signal of the usual size than without, times how often others say the word, and as many are taken as a batch
usually has. The control takes as many by how often others say them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn

Tensor = Any
FloatArray = NDArray[np.float64]
Words = frozenset[int]


def words_of(turn: AttributableTurn) -> Words:
    """Return the ids of a turn's tokens, without those that its reader adds to every text."""
    if turn.embedded is None:
        return frozenset()
    ids, nothing = (part[0].tolist() for part in (turn.embedded.ids, turn.embedded.baseline_ids))
    return frozenset(one for one, other in zip(ids, nothing, strict=True) if one != other)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Habits:
    """What the attacker knows of a vocabulary of V words before any update."""

    often: FloatArray
    """[V], in [0, 1]: the share of others' turns that say a word"""
    added: Words
    """Tokens that the reader adds to every text: they tell nothing"""
    signal: float = 0.0
    """Mean square of the numbers of a said word's row, in one turn's gradient after clipping"""

    @classmethod
    def of(cls, turns: Sequence[AttributableTurn], n_words: int, *, signal: float) -> Habits:
        """Return what turns of others tell."""
        counts = np.zeros(n_words)
        added: set[int] = set()
        for turn in turns:
            own = words_of(turn)
            counts[list(own)] += 1
            if turn.embedded is not None:
                added |= set(turn.embedded.ids[0].tolist()) - own
        return cls(often=counts / max(1, len(turns)), added=frozenset(added), signal=signal)

    def in_batch(self, n_turns: int) -> FloatArray:
        """Return how probably a batch of so many turns has each word, [V]."""
        return np.asarray(1 - (1 - self.often) ** n_turns)

    def usual(self, n_turns: int, n_words: int) -> Words:
        """Return the words that such a batch most probably has: the guess without an update."""
        likely = self.in_batch(n_turns)
        likely[list(self.added)] = -1.0
        return frozenset(int(i) for i in np.argsort(-likely, kind="stable")[:n_words])


def words_in(rows: Tensor, habits: Habits, n_turns: int, *, noise: float) -> Words:
    """Return the words whose rows `[V, W]` of an update tell that they were said."""
    square = np.asarray((rows.detach().double() ** 2).mean(dim=1).cpu().numpy(), dtype=np.float64)
    if noise == 0:
        return frozenset(np.flatnonzero(square > 0).tolist()) - habits.added
    likely = habits.in_batch(n_turns)
    n_words = max(1, round(float(likely.sum())))
    likely = np.clip(likely, 0.5 / len(likely), 1 - 0.5 / len(likely))
    with_signal = noise**2 + habits.signal / n_turns**2
    ratio = 0.5 * rows.shape[1] * (square * (1 / noise**2 - 1 / with_signal) - np.log(with_signal / noise**2))
    weight = ratio + np.log(likely / (1 - likely))
    weight[list(habits.added)] = -np.inf
    return frozenset(int(i) for i in np.argsort(-weight, kind="stable")[:n_words])


def share_of(found: Words, said: Words) -> float:
    """Return the share of the words that were said that were found, in [0, 1]; NaN where nothing was said.

    >>> share_of(frozenset({1, 2, 9}), frozenset({1, 2, 3, 4}))
    0.5
    """
    return len(found & said) / len(said) if said else float("nan")
