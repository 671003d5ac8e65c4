"""A table judged under every set of some modalities, as a game whose players are the modalities.

The value of a coalition is how well the model does when it is shown these modalities and no other, on the utterances
that were judged under all of them. Nobody at all is the best constant guess: the commonest reference label of
everybody, which needs no modality. Where several labels are about as common, it is a guess at one of them with equal
chances: else every share of a gap would turn with a single row, or with a label's name. Every number of interest is a
weighted sum over coalitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from affidavit.conditions import MODALITIES, Condition
from affidavit.confusion import FloatArray
from affidavit.statistics.shapley import interaction_weights, shapley_weights
from affidavit.tally import IntArray

OUTNUMBERS: Final = 2.0
"""Standard errors by which one label has to outnumber another not to count as about as common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """The players, in the order text, audio, video."""

    players: tuple[str, ...]
    """Letters of modalities."""

    @property
    def names(self) -> tuple[str, ...]:
        """The players by their names."""
        return tuple(MODALITIES[letter] for letter in self.players)

    @property
    def n_coalitions(self) -> int:
        """Coalitions, nobody among them."""
        return 1 << len(self.players)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The condition of each coalition but nobody, in the order of coalitions: by bits."""
        return tuple(self._condition(coalition) for coalition in range(1, self.n_coalitions))

    @property
    def full(self) -> str:
        """The condition of everybody."""
        return self.conditions[-1]

    def _condition(self, coalition: int) -> str:
        letters = (letter for i, letter in enumerate(self.players) if coalition >> i & 1)
        return str(Condition(modalities=frozenset(letters)))

    def value(self, coalition: int) -> FloatArray:
        """Return the weights of one coalition's own value."""
        return np.asarray(np.eye(self.n_coalitions)[coalition])

    def contribution(self, player: int) -> FloatArray:
        """Return the weights of a player's Shapley value."""
        return np.asarray(shapley_weights(len(self.players))[player])

    def interaction(self, first: int, second: int) -> FloatArray:
        """Return the weights of the interaction index of two players."""
        return interaction_weights(len(self.players), first, second)

    def cost_without(self, player: int) -> FloatArray:
        """Return the weights of everybody less everybody but one player."""
        everybody = self.n_coalitions - 1
        return self.value(everybody) - self.value(everybody ^ 1 << player)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Return every two players."""
        return tuple(combinations(range(len(self.players)), 2))


def players_of(conditions: Sequence[str], modalities: Sequence[str] | None) -> tuple[str, ...]:
    """Return the letters of the modalities that take part: those asked for by name, else all that are ever shown."""
    shown = {letter for condition in plain_conditions(conditions) for letter in Condition.parse(condition).modalities}
    asked = shown if modalities is None else {letter for letter, name in MODALITIES.items() if name in modalities}
    return tuple(letter for letter in MODALITIES if letter in asked)


def plain_conditions(conditions: Sequence[str]) -> tuple[str, ...]:
    """Return the conditions that show modalities as they are: no operator, and not `as-supplied`."""
    parsed = ((condition, Condition.parse(condition)) for condition in conditions)
    return tuple(name for name, condition in parsed if condition.modalities and condition.operator is None)


def constant_guess(counts: FloatArray, copies: IntArray) -> FloatArray:
    """Return how often each label is guessed, [K], from the labels of units, [R, K], each row `copies` times.

    The labels that no other outnumbers by more than two standard errors, over units, share the guess.

    >>> constant_guess(np.array([[5.0, 1.0, 0.0], [5.0, 1.0, 0.0]]), np.array([1, 1])).tolist()
    [1.0, 0.0, 0.0]
    >>> constant_guess(np.array([[3.0, 2.0, 0.0], [2.0, 3.0, 0.0]]), np.array([1, 1])).tolist()
    [0.5, 0.5, 0.0]
    """
    n_units = int(copies.sum())
    if n_units == 0:
        return np.full(counts.shape[1], np.nan)
    total = copies @ counts
    centred = counts - total / n_units
    joint = (centred * copies[:, None]).T @ centred * n_units / max(n_units - 1, 1)
    variance = np.diag(joint)[:, None] + np.diag(joint)[None, :] - 2 * joint
    outnumbers = total[:, None] - total[None, :] > OUTNUMBERS * np.sqrt(np.maximum(variance, 0.0))
    commonest = ~outnumbers.any(axis=0) & (total > 0)
    return np.asarray(commonest / commonest.sum())


def with_constant_guess(sums: FloatArray, *, guess: FloatArray) -> FloatArray:
    """Return sums [..., K + M K] with a block put in for nobody: of label k a share guess[k] of the rows is right."""
    true, rest = sums[..., : len(guess)], sums[..., len(guess) :]
    return np.concatenate([true, true * guess, rest], axis=-1)
