"""What is guessed of canaries, by a rule that knows nothing of which were planted.

The k+ highest scores are guessed in, the k- lowest out, and the rest is abstained on. Ties are broken by a digest of
the canary's name, so that neither the order of rows nor that of names can give anything away. Of a pair, the score is
the difference between its two canaries, and the guess which of them was planted.

Fixed numbers of guesses need no correction. Where nobody fixed them, a few shares are tried and all of them corrected
for; where guesses came without a number, every number there might have been is.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.schema import UNKNOWN
from privacy.bounds.one_run import OneRun
from privacy.canaries.reading import Canaries

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
SHARES: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Of the canaries that are guessed, half of them in and half out, where nobody fixed numbers beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Game:
    """Coins that were tossed and what an attack makes of each: of canaries, or of pairs; best score last."""

    planted: BoolArray
    """How each coin fell: planted, or of a pair the first by digest."""
    score: FloatArray
    """NaN where the attack abstains."""
    digests: tuple[str, ...]
    baseline: FloatArray | None
    groups: dict[str, tuple[str, ...]]
    paired: bool
    guessed: bool

    @property
    def n(self) -> int:
        """How many coins there were."""
        return len(self.planted)

    def of_group(self, feature: str, level: str) -> Game:
        """Return the coins of one group."""
        chosen = np.array([own == level for own in self.groups[feature]], dtype=bool)
        return Game(
            planted=self.planted[chosen],
            score=self.score[chosen],
            digests=tuple(d for d, c in zip(self.digests, chosen, strict=True) if c),
            baseline=None if self.baseline is None else self.baseline[chosen],
            groups={},
            paired=self.paired,
            guessed=self.guessed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How many are guessed."""

    n_in: int
    """k+"""
    n_out: int
    """k-"""

    @property
    def n(self) -> int:
        """Return r."""
        return self.n_in + self.n_out

    def scaled(self, part: int, whole: int) -> Rule:
        """Return the rule for part of the canaries: as large a share of them, rounded down."""
        return Rule(n_in=self.n_in * part // max(whole, 1), n_out=self.n_out * part // max(whole, 1))


def game_of(canaries: Canaries) -> Game:
    """Return the coins of a table: one a canary, or one a pair."""
    digests = [sha256(name.encode()).hexdigest() for name in canaries.names]
    if canaries.pair is None:
        return Game(
            planted=canaries.included,
            score=canaries.score,
            digests=tuple(digests),
            baseline=canaries.baseline,
            groups=dict(canaries.groups),
            paired=False,
            guessed=canaries.guessed,
        )
    pairs: dict[str, list[int]] = {}
    for i in sorted(range(len(digests)), key=digests.__getitem__):
        pairs.setdefault(canaries.pair[i], []).append(i)
    first, second = np.array(list(pairs.values()), dtype=np.intp).T

    def between(scores: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):  # two infinite scores tell nothing: no guess
            return np.asarray(scores[first] - scores[second])

    return Game(
        planted=canaries.included[first],
        score=between(canaries.score),
        digests=tuple(digests[i] for i in first),
        baseline=None if canaries.baseline is None else between(canaries.baseline),
        groups={
            feature: tuple(levels[i] if levels[i] == levels[j] else UNKNOWN for i, j in zip(first, second, strict=True))
            for feature, levels in canaries.groups.items()
        },
        paired=True,
        guessed=False,
    )


def right_guesses(game: Game, rule: Rule, *, score: FloatArray | None = None) -> FloatArray:
    """Return 1 for each right guess, 0 for each wrong one, NaN where nothing is guessed [N].

    Where the attack abstains on more than the rule does, fewer are guessed.
    """
    scores = game.score if score is None else score
    known = [int(i) for i in np.flatnonzero(~np.isnan(scores))]
    order = sorted(known, key=lambda i: (scores[i], game.digests[i]))
    n_out = min(rule.n_out, len(order))
    n_in = min(rule.n_in, len(order) - n_out)
    right = np.full(game.n, np.nan)
    lowest, highest = order[:n_out], order[len(order) - n_in :]
    right[lowest] = ~game.planted[lowest]
    right[highest] = game.planted[highest]
    return right


def given_guesses(game: Game) -> FloatArray:
    """Return the same of a table that has guesses."""
    return np.where(np.isnan(game.score), np.nan, (game.score > 0.5) == game.planted)


def rules(game: Game, fixed: Rule | None) -> tuple[Rule, ...]:
    """Return the rules that are tried: the fixed one, or one a share."""
    if fixed is not None:
        return (fixed,)
    halves = [int(share * game.n / 2) for share in SHARES]
    return tuple(Rule(n_in=k, n_out=k) for k in dict.fromkeys(halves) if k) or (Rule(n_in=0, n_out=0),)


def run_of(game: Game, right: FloatArray, n_guesses: int) -> OneRun:
    """Return the counts of a game; `n_guesses` is the number that was allowed, whether or not all were made."""
    return OneRun(n_canaries=game.n, n_guesses=min(n_guesses, game.n), n_correct=int(np.nansum(right)))
