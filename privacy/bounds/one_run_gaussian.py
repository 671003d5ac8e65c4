"""What would one run's guesses show if the mechanism were Gaussian? More than the bound for any mechanism.

The promise tested is "this run is mu-GDP": the numbers of right guesses that such a mechanism allows are followed from
the tail inwards along its trade-off curve. Epsilon follows from mu, for a Gaussian mechanism only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from privacy.bounds.gaussian import CONDITION, GaussianBound, gdp_epsilon
from privacy.bounds.one_run import OneRun
from privacy.bounds.records import EpsilonBound, checked

METHOD: Final = "one-run audit along the Gaussian trade-off curve"
_MOST_MU: Final = 64.0


def one_run_gaussian(run: OneRun, *, delta: float, confidence: float, n_thresholds: int = 1) -> GaussianBound:
    """Return the lower bound of mu of one run.

    From r_v = a v/m and h_v = a (r - v)/m down to i = 0: h_i = max(h_i+1, Phi(Phi^-1(r_i+1) - mu)) and
    r_i = r_i+1 + i/(r - i) (h_i - h_i+1); mu is refuted at level a where r_0 + h_0 > r/m.

    Source: Mahloujifar, Melis, Chaudhuri 2024 (two levels, with abstentions).

    >>> run = OneRun(n_canaries=1000, n_guesses=100, n_correct=90)
    >>> one_run_gaussian(run, delta=1e-5, confidence=0.95).epsilon.epsilon > 1.63  # one_run_epsilon gives 1.6261
    True
    """
    alpha = checked(delta=delta, confidence=confidence, n_thresholds=n_thresholds)
    perfect = OneRun(n_canaries=run.n_canaries, n_guesses=run.n_guesses, n_correct=run.n_guesses)
    mu, most = _largest_refuted(run, alpha), _largest_refuted(perfect, alpha)
    epsilon = EpsilonBound(
        epsilon=gdp_epsilon(mu, delta=delta),
        ceiling=gdp_epsilon(most, delta=delta),
        confidence=confidence,
        delta=delta,
        method=METHOD,
        n_thresholds=n_thresholds,
        conditional=CONDITION,
    )
    return GaussianBound(mu=mu, ceiling=most, epsilon=epsilon)


@lru_cache(maxsize=4096)
def _largest_refuted(run: OneRun, alpha: float) -> float:
    if not run.n_guesses or _excess(run, 0.0, alpha) <= 0:
        return 0.0
    high = 0.25
    while high < _MOST_MU and _excess(run, high, alpha) > 0:
        high *= 2
    return float(brentq(lambda mu: _excess(run, mu, alpha), 0.0, high, xtol=1e-9)) if high < _MOST_MU else high


def _excess(run: OneRun, mu: float, alpha: float) -> float:
    """Return by how much the promise of mu is exceeded; above 0 it is refuted."""
    m, guesses, correct = run.n_canaries, run.n_guesses, run.n_correct
    right, wrong = alpha * correct / m, alpha * (guesses - correct) / m
    for i in range(correct - 1, -1, -1):
        allowed = max(wrong, float(ndtr(ndtri(right) - mu)))
        if allowed == wrong:  # neither changes from here on
            break
        right, wrong = min(1.0, right + i / (guesses - i) * (allowed - wrong)), allowed
    return right + wrong - guesses / m
