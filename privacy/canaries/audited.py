"""What one table of canaries shows: the best of the rules that were tried, corrected for having tried them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from affidavit.statistics.types import Bounds
from privacy.bounds.gaussian import GaussianBound
from privacy.bounds.one_run import OneRun, one_run_epsilon, one_run_p_value
from privacy.bounds.one_run_gaussian import one_run_gaussian
from privacy.bounds.records import EpsilonBound
from privacy.canaries.guessing import Game, Rule, given_guesses, right_guesses, rules, run_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audited:
    """One game under the rule that shows most."""

    run: OneRun
    right: FloatArray
    """1, 0, or NaN where nothing was guessed."""
    n_rules: int
    """What is corrected for."""
    fixed: bool
    """Whether the numbers of guesses were fixed before anybody looked."""
    delta: float

    @property
    def n_made(self) -> int:
        """How many guesses were made; the run counts those that were allowed."""
        return int(np.isfinite(self.right).sum())

    def bound(self, confidence: float) -> EpsilonBound:
        """Return the lower bound of epsilon for any mechanism."""
        return one_run_epsilon(self.run, delta=self.delta, confidence=confidence, n_thresholds=self.n_rules)

    def gaussian(self, confidence: float) -> GaussianBound | None:
        """Return the bound for a Gaussian mechanism; None without a delta, where it has no epsilon."""
        if not self.delta:
            return None
        return one_run_gaussian(self.run, delta=self.delta, confidence=confidence, n_thresholds=self.n_rules)

    def p_value(self, epsilon: float, delta: float) -> float:
        """Return the p-value of a promise, corrected."""
        return min(1.0, self.n_rules * one_run_p_value(self.run, epsilon, delta=delta))


def audited(game: Game, fixed: Rule | None, *, delta: float, confidence: float) -> Audited:
    """Return what the game shows under the fixed rule, or under the best of those that are tried."""
    is_fixed = fixed is not None
    if game.guessed:
        right = given_guesses(game)
        n_made = int(np.isfinite(right).sum())
        run = run_of(game, right, n_made if fixed is None else fixed.n)
        n_rules = 1 if is_fixed else max(game.n, 1)
        return Audited(run=run, right=right, n_rules=n_rules, fixed=is_fixed, delta=delta)
    tried = rules(game, fixed)
    found = []
    for rule in tried:
        right = right_guesses(game, rule)
        run = run_of(game, right, rule.n)
        found.append(Audited(run=run, right=right, n_rules=len(tried), fixed=is_fixed, delta=delta))
    return max(found, key=lambda one: (one.bound(confidence).epsilon, one.run.n_correct / max(one.run.n_guesses, 1)))


def paired_drop(game: Game) -> tuple[FloatArray, FloatArray] | None:
    """Return right guesses of the baseline and of the audited training, over the coins both have scores of.

    Every coin is guessed, as many in as were planted, the highest scores, of both trainings alike: a perfect attack is
    right of all. (Half in would be wrong of some wherever coins did not fall half and half, and hide part of the drop.)
    None without a baseline, or without coins.
    """
    if game.baseline is None or game.guessed:
        return None
    both = ~np.isnan(game.baseline) & ~np.isnan(game.score)
    n, n_in = int(both.sum()), int(game.planted[both].sum())
    if not n:
        return None
    rule = Rule(n_in=n_in, n_out=n - n_in)
    before = right_guesses(game, rule, score=np.where(both, game.baseline, np.nan))
    after = right_guesses(game, rule, score=np.where(both, game.score, np.nan))
    return before[both], after[both]


def paired_difference_bounds(before: FloatArray, after: FloatArray, *, level: float) -> Bounds:
    """Interval of the mean of before - after, both 0 or 1 and paired; within [-1, 1].

    (b + 1 - c - 1) / (n + 2) -+ z sqrt((p + q - (p - q)^2) / (n + 2)), b and c the pairs that fell only before and only
    after, p = (b + 1) / (n + 2), q = (c + 1) / (n + 2). Simulated coverage at level 0.95 of independent pairs, n = 10
    to 400: 0.93 to 1, mostly 0.95 to 0.98; the least at n = 20 where half fell, and only before. Of guesses from ranked
    scores (`paired_drop`), against the drop of the best threshold: 0.90 at n = 12, 0.94 at 20, 0.94 to 0.96 from 60.

    | case | bounds |
    |---|---|
    | n = 0 | -1 and 1 |

    Source: Bonett, Price 2012.

    >>> low, high = paired_difference_bounds(np.ones(20), np.zeros(20), level=0.95)
    >>> round(float(low), 3), round(float(high), 3)
    (0.735, 1.0)
    """
    n = len(before) + 2
    p = (float(((before == 1) & (after == 0)).sum()) + 1) / n
    q = (float(((before == 0) & (after == 1)).sum()) + 1) / n
    half = float(ndtri((1 + level) / 2)) * np.sqrt((p + q - (p - q) ** 2) / n)
    return Bounds(np.asarray(max(-1.0, p - q - half)), np.asarray(min(1.0, p - q + half)))
