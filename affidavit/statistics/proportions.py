"""Intervals for proportions when every unit contributes exactly one row.

With repeated speakers these are too narrow: reduce to units and use `jackknife`, `bootstrap` or `small_samples`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from affidavit.statistics.levels import alpha_of, normal_critical
from affidavit.statistics.types import Bounds, FloatArray, no_bounds_where


def wilson_bounds(successes: ArrayLike, n: ArrayLike, *, level: float) -> Bounds:
    """Score interval of a proportion.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), within [0, 1].

    | case | bounds |
    |---|---|
    | n = 0 | NaN |
    | successes = 0 | low is exactly 0 |
    | successes = n | high is exactly 1 |

    Coverage is `level` on average over p, and dips below it for single p (0.93 or so at n = 20, level 0.95).

    Source: Wilson 1927; Brown, Cai, DasGupta 2001, eq. 4.

    >>> low, high = wilson_bounds(8, 10, level=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4902, 0.9433)
    """
    x, trials = _counts(successes, n)
    z = normal_critical(level)
    p = x / trials
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return Bounds(np.where(x == 0, 0.0, centre - half), np.where(x == trials, 1.0, centre + half))


def clopper_pearson_bounds(successes: ArrayLike, n: ArrayLike, *, level: float) -> Bounds:
    """Exact interval of a proportion: coverage is at least `level` at every p.

    low = Beta^-1(alpha/2; x, n-x+1), high = Beta^-1(1-alpha/2; x+1, n-x). A fractional x is allowed (see
    `small_samples.degenerate_rate_bounds`), but the guarantee is for whole numbers.

    | case | bounds |
    |---|---|
    | n = 0 | NaN |
    | successes = 0 | low is 0, high is 1 - (alpha/2)^(1/n) |
    | successes = n | low is (alpha/2)^(1/n), high is 1 |

    Source: Clopper, Pearson 1934.

    >>> low, high = clopper_pearson_bounds(5, 5, level=0.95)
    >>> round(float(low), 4), float(high)
    (0.4782, 1.0)
    """
    x, trials = _counts(successes, n)
    half_alpha = alpha_of(level) / 2
    low = np.where(x > 0, betaincinv(np.where(x > 0, x, 1.0), trials - x + 1, half_alpha), 0.0)
    misses = trials - x
    high = 1 - np.where(misses > 0, betaincinv(np.where(misses > 0, misses, 1.0), x + 1, half_alpha), 0.0)
    return no_bounds_where(np.isnan(x + trials), Bounds(low, high))


def newcombe_bounds(
    successes_1: ArrayLike, n_1: ArrayLike, *, successes_2: ArrayLike, n_2: ArrayLike, level: float
) -> Bounds:
    """Hybrid score interval of the difference p1 - p2 of two independent proportions.

    low = d - sqrt((p1-l1)^2 + (u2-p2)^2), high = d + sqrt((u1-p1)^2 + (p2-l2)^2), with [l, u] the Wilson bounds of
    each proportion. NaN where either n is 0.

    Source: Newcombe 1998, method 10.

    >>> low, high = newcombe_bounds(56, 70, successes_2=48, n_2=80, level=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0524, 0.3339)
    """
    x1, m1 = _counts(successes_1, n_1)
    x2, m2 = _counts(successes_2, n_2)
    p1, p2 = x1 / m1, x2 / m2
    first, second = wilson_bounds(x1, m1, level=level), wilson_bounds(x2, m2, level=level)
    below = np.hypot(p1 - first.low, second.high - p2)
    above = np.hypot(first.high - p1, p2 - second.low)
    return Bounds(p1 - p2 - below, p1 - p2 + above)


def _counts(successes: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Successes and trials as floats of one shape, both NaN where there were no trials."""
    x, trials = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if np.any((x < 0) | (x > trials)):
        raise ValueError("Expected 0 <= successes <= n.")
    return np.where(trials > 0, x, np.nan), np.where(trials > 0, trials, np.nan)
