"""What would the same counts show if the mechanism were Gaussian? Much more, and only then.

A mu-GDP mechanism is as hard to attack as telling N(0, 1) from N(mu, 1). Counts bound mu from below; epsilon follows
from mu. The bound of mu is a test of the promise "this is mu-GDP", as one step of DP-SGD without sampling promises with
mu = 1 / noise multiplier; the epsilon holds only of a mechanism whose whole trade-off curve is that of a Gaussian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from privacy.bounds.counts import ErrorBounds, error_bounds
from privacy.bounds.records import EpsilonBound, checked

METHOD: Final = "Gaussian trade-off curve through the bounds of both error rates"
CONDITION: Final = (
    "holds only if the mechanism is Gaussian (mu-GDP), as summed, clipped and Gaussian-noised gradients are"
)
_MOST_EPSILON: Final = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianBound:
    """A lower bound of mu, and the epsilon that it means for a Gaussian mechanism."""

    mu: float
    ceiling: float
    """The mu that a perfect attack would have shown."""
    epsilon: EpsilonBound

    @property
    def noise_multiplier(self) -> float | None:
        """The upper bound of noise over sensitivity in one step without sampling; None where nothing was shown."""
        return 1 / self.mu if self.mu > 0 else None


def gdp_delta(epsilon: float, mu: float) -> float:
    """Return delta(epsilon) of a mu-GDP mechanism, in [0, 1].

    Phi(-epsilon/mu + mu/2) - e^epsilon Phi(-epsilon/mu - mu/2); 0 at mu = 0.

    Source: Dong, Roth, Su 2022, corollary 2.13; Balle, Wang 2018, theorem 8.

    >>> round(gdp_delta(1.0, 1.0), 6)
    0.126937
    """
    if mu <= 0:
        return 0.0
    outside = math.exp(epsilon + float(log_ndtr(-epsilon / mu - mu / 2)))
    return max(0.0, float(ndtr(-epsilon / mu + mu / 2)) - outside)


def gdp_epsilon(mu: float, *, delta: float) -> float:
    """Return the smallest epsilon at which a mu-GDP mechanism is (epsilon, delta)-private; 0 < delta < 1.

    >>> round(gdp_epsilon(1.0, delta=1e-5), 4)
    4.3772
    """
    if not 0 < delta < 1:
        raise ValueError(f"a Gaussian mechanism has an epsilon only at a delta between 0 and 1, not at {delta}")
    if gdp_delta(0.0, mu) <= delta:
        return 0.0
    high = 1.0
    while gdp_delta(high, mu) > delta and high < _MOST_EPSILON:
        high *= 2
    return float(brentq(lambda epsilon: gdp_delta(epsilon, mu) - delta, 0.0, high, xtol=1e-10))


def gdp_bound(  # noqa: PLR0913 - the four counts, and what is asked of them
    tp: int, n_members: int, fp: int, n_non_members: int, *, delta: float, confidence: float, n_thresholds: int = 1
) -> GaussianBound:
    """Return the lower bound of mu from one threshold's counts, Phi^-1(1 - FPR) - Phi^-1(FNR) at both upper bounds.

    | case | mu |
    |---|---|
    | no members or no non-members | 0 |
    | attack no better than chance | 0 |

    Source: Nasr, Hayes, Steinke, Balle, Tramer, Jagielski, Carlini, Terzis 2023.

    >>> bound = gdp_bound(300, 500, 5, 500, delta=1e-5, confidence=0.95)
    >>> round(bound.mu, 3), round(bound.epsilon.epsilon, 1)
    (2.132, 10.8)
    """
    alpha = checked(delta=delta, confidence=confidence, n_thresholds=n_thresholds)
    mu = mu_of(error_bounds(tp, n_members, fp, n_non_members, alpha=alpha))
    most = mu_of(error_bounds(n_members, n_members, 0, n_non_members, alpha=alpha))
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


def mu_of(bounds: ErrorBounds) -> float:
    """Return the least mu that both upper bounds of error rates allow: Phi^-1(1 - FPR) - Phi^-1(FNR), from 0."""
    fnr, fpr = bounds.false_negative_rate, bounds.false_positive_rate
    return 0.0 if max(fnr, fpr) >= 1 else max(0.0, float(-ndtri(fpr) - ndtri(fnr)))
