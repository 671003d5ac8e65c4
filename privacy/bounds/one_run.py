"""What does one training run show of epsilon, when many canaries were each put in or left out by a coin of their own?

Laws: each canary is included with probability 1/2, independently of the others and of everything else; the number of
guesses r is fixed before looking (a guesser may abstain on the rest, and guess fewer), or corrected for. The bound says
that the promise is broken, never that it is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.stats import binom

from privacy.bounds.records import EpsilonBound, checked

METHOD: Final = "one-run audit"
_STEP: Final = 0.25
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRun:
    """What was guessed of the canaries of one run."""

    n_canaries: int
    """m, each included by a fair coin of its own."""
    n_guesses: int
    """r, fixed before looking; the others were abstained on."""
    n_correct: int
    """v."""

    def __post_init__(self) -> None:
        if not 0 <= self.n_correct <= self.n_guesses <= self.n_canaries:
            raise ValueError(f"{self.n_correct} right of {self.n_guesses} guesses of {self.n_canaries} canaries")


def one_run_p_value(run: OneRun, epsilon: float, *, delta: float) -> float:
    """Return how likely an (epsilon, delta)-private mechanism gives as many right guesses, at most.

    q = 1 / (1 + e^-epsilon); beta = P[Bin(r, q) >= v]; alpha = max over 1 <= i <= v of P[v > Bin(r, q) >= v - i] / i;
    p = min(1, beta + 2 m delta alpha).

    Source: Steinke, Nasr, Jagielski 2023, theorem 5.2.

    >>> run = OneRun(n_canaries=1000, n_guesses=100, n_correct=100)
    >>> 0.04 < one_run_p_value(run, 3.46, delta=1e-5) < 0.05
    True
    """
    m, r, v = run.n_canaries, run.n_guesses, run.n_correct
    q = 1 / (1 + math.exp(-epsilon))
    beta = float(binom.sf(v - 1, r, q))
    if delta <= 0 or v == 0:
        return min(1.0, beta)
    below = np.cumsum(binom.pmf(np.arange(v - 1, -1, -1), r, q))
    alpha = float((below / np.arange(1, v + 1)).max())
    return min(1.0, beta + 2 * m * delta * alpha)


def one_run_epsilon(run: OneRun, *, delta: float, confidence: float, n_thresholds: int = 1) -> EpsilonBound:
    """Return the lower bound of epsilon of one run: the largest below which every epsilon is refuted.

    Where the best of k numbers of guesses was taken, `n_thresholds=k` (Bonferroni). A delta that is not well below
    1 / m takes most of the bound away.

    | case | value |
    |---|---|
    | half of the guesses right, or no guess | 0 |
    | every guess right | the ceiling |

    Raises:
        ValueError: delta, confidence or n_thresholds are out of range.

    >>> run = OneRun(n_canaries=1000, n_guesses=100, n_correct=90)
    >>> bound = one_run_epsilon(run, delta=1e-5, confidence=0.95)
    >>> round(bound.epsilon, 4), round(bound.ceiling, 4)
    (1.6261, 3.4654)
    """
    alpha = checked(delta=delta, confidence=confidence, n_thresholds=n_thresholds)
    perfect = OneRun(n_canaries=run.n_canaries, n_guesses=run.n_guesses, n_correct=run.n_guesses)
    return EpsilonBound(
        epsilon=_largest_refuted(run, delta, alpha),
        ceiling=_largest_refuted(perfect, delta, alpha),
        confidence=confidence,
        delta=delta,
        method=METHOD,
        n_thresholds=n_thresholds,
    )


@lru_cache(maxsize=4096)
def _largest_refuted(run: OneRun, delta: float, alpha: float) -> float:
    """Return where p first exceeds alpha: whatever lies below is refuted, without assuming that p rises throughout."""
    low, high = 0.0, 0.0
    while one_run_p_value(run, high, delta=delta) <= alpha:
        low, high = high, high + _STEP
    while high - low > _TOLERANCE:
        middle = (low + high) / 2
        refuted = one_run_p_value(run, middle, delta=delta) <= alpha
        low, high = (middle, high) if refuted else (low, middle)
    return low
