"""What do counts of right and wrong membership guesses over independent trials show of epsilon?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scipy.special import betaincinv

from privacy.bounds.records import EpsilonBound, checked

METHOD: Final = "Clopper-Pearson bounds of both error rates"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBounds:
    """Upper bounds of the two error rates of an attack that hold together."""

    false_negative_rate: float
    false_positive_rate: float


def error_bounds(tp: int, n_members: int, fp: int, n_non_members: int, *, alpha: float) -> ErrorBounds:
    """Return upper bounds of FNR and FPR, each one-sided at alpha / 2, so that both hold with 1 - alpha.

    Beta^-1(1 - alpha/2; errors + 1, n - errors), and 1 where every trial was an error, or there was none.

    Raises:
        ValueError: a count is negative or above its total.
    """
    if not (0 <= tp <= n_members and 0 <= fp <= n_non_members):
        raise ValueError(f"tp={tp} of {n_members}, fp={fp} of {n_non_members}")
    return ErrorBounds(
        false_negative_rate=_upper(n_members - tp, n_members, alpha / 2),
        false_positive_rate=_upper(fp, n_non_members, alpha / 2),
    )


def clopper_pearson_epsilon(  # noqa: PLR0913 - the four counts, and what is asked of them
    tp: int, n_members: int, fp: int, n_non_members: int, *, delta: float, confidence: float, n_thresholds: int = 1
) -> EpsilonBound:
    """Return the lower bound of epsilon from one threshold's counts, in nats, range [0, ceiling].

    Every (epsilon, delta)-private mechanism has TPR <= e^epsilon FPR + delta, and TNR <= e^epsilon FNR + delta; hence
    ln((1 - FNR - delta) / FPR), and the same with the rates swapped, at the upper bounds of both rates. Trials must be
    independent and the threshold fixed before looking, or chosen on other trials; where the best of k thresholds was
    taken, `n_thresholds=k` (Bonferroni).

    | case | value |
    |---|---|
    | no members or no non-members | 0, ceiling 0 |
    | attack no better than chance | 0 |
    | perfect attack | the ceiling |

    Source: Kairouz, Oh, Viswanath 2015; Jagielski, Ullman, Oprea 2020.

    Raises:
        ValueError: counts, delta, confidence or n_thresholds are out of range.

    >>> bound = clopper_pearson_epsilon(300, 500, 5, 500, delta=1e-5, confidence=0.95)
    >>> round(bound.epsilon, 3), round(bound.ceiling, 3)
    (3.177, 4.906)
    """
    alpha = checked(delta=delta, confidence=confidence, n_thresholds=n_thresholds)
    found = error_bounds(tp, n_members, fp, n_non_members, alpha=alpha)
    perfect = error_bounds(n_members, n_members, 0, n_non_members, alpha=alpha)
    return EpsilonBound(
        epsilon=_epsilon(found, delta),
        ceiling=_epsilon(perfect, delta),
        confidence=confidence,
        delta=delta,
        method=METHOD,
        n_thresholds=n_thresholds,
    )


def _epsilon(bounds: ErrorBounds, delta: float) -> float:
    fnr, fpr = bounds.false_negative_rate, bounds.false_positive_rate
    return max(_log_ratio(1 - fnr - delta, fpr), _log_ratio(1 - fpr - delta, fnr))


def _log_ratio(right: float, wrong: float) -> float:
    return max(0.0, math.log(right / wrong)) if right > 0 else 0.0


def _upper(errors: int, n: int, alpha: float) -> float:
    """Return the one-sided upper Clopper-Pearson bound of an error rate."""
    return 1.0 if errors == n else 1.0 - float(betaincinv(n - errors, errors + 1, alpha))
