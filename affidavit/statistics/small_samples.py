"""Intervals for groups of few units, where percentile and BCa bootstraps are too narrow.

t intervals from a jackknife standard error, on the plain and on the logit scale, and what to say of a group whose units
all agree. The wild cluster bootstrap is in `wild_cluster` and found here too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from affidavit.statistics.levels import alpha_of, t_critical
from affidavit.statistics.proportions import clopper_pearson_bounds
from affidavit.statistics.types import Bounds, FloatArray
from affidavit.statistics.wild_cluster import wild_cluster_bounds

__all__ = [
    "degenerate_rate_bounds",
    "degenerate_standard_error",
    "inward_degrees_of_freedom",
    "logit_t_bounds",
    "skew_logit_t_bounds",
    "t_bounds",
    "wild_cluster_bounds",
]


def t_bounds(estimate: ArrayLike, standard_error: ArrayLike, *, degrees_of_freedom: ArrayLike, level: float) -> Bounds:
    """Bounds estimate -+ t_{1-alpha/2, df} standard_error, elementwise; not clipped to any range.

    For differences, and for rates away from 0 and 1; for a single rate prefer `logit_t_bounds` (see there for
    coverage).

    | case | bounds |
    |---|---|
    | standard_error NaN, degrees_of_freedom not above 0 | NaN |
    | standard_error 0 | NaN: no spread is no evidence of certainty (see `degenerate_rate_bounds`) |

    Source: Student 1908; for clusters Cameron, Miller 2015, section VI.
    """
    value, error, critical = _parts(estimate, standard_error, degrees_of_freedom, level)
    return Bounds(value - critical * error, value + critical * error)


def logit_t_bounds(
    rate: ArrayLike, standard_error: ArrayLike, *, degrees_of_freedom: ArrayLike, level: float
) -> Bounds:
    """Bounds expit(logit(rate) -+ t_{1-alpha/2, df} standard_error / (rate (1 - rate))).

    Within (0, 1), and asymmetric: a rate near 0 or 1 over few units is skewed and the plain t interval misses on one
    side. Simulated coverage at level 0.95, equal units of 20 rows, rate 0.9, intraclass correlation 0 / 0.1 / 0.5,
    samples without spread left out: plain 0.94 / 0.90 / 0.79 and logit 0.96 / 0.95 / 0.90 at m = 8; plain 0.95 / 0.91 /
    0.82 and logit 0.96 / 0.95 / 0.90 at m = 12. At rate 0.6 both keep the level (0.94 to 0.97).

    | case | bounds |
    |---|---|
    | rate 0 or 1, standard_error 0 | NaN: use `degenerate_rate_bounds` |
    | rate outside [0, 1], standard_error NaN, degrees_of_freedom not above 0 | NaN |

    Source: Korn, Graubard 1999 (logit intervals for proportions of survey clusters).
    """
    value, error, critical = _parts(rate, standard_error, degrees_of_freedom, level)
    inside = np.where((value > 0) & (value < 1), value, np.nan)
    half = critical * error / (inside * (1 - inside))
    return Bounds(np.asarray(expit(logit(inside) - half)), np.asarray(expit(logit(inside) + half)))


def skew_logit_t_bounds(
    rate: ArrayLike, standard_error: ArrayLike, *, degrees_of_freedom: ArrayLike, level: float
) -> Bounds:
    """`logit_t_bounds` with a longer reach towards 1/2: for one rate, which may lie near 0 or 1.

    Where most units are right almost always, a sample without the rare bad unit has a high rate and a small standard
    error at once, and `logit_t_bounds` misses on the inner side. That end gets the `inward_degrees_of_freedom`, but
    reaches no further than Clopper-Pearson over df + 1 units that are each wholly right or wrong, unless it did before.
    Simulated coverage at level 0.95, units of 20 rows, samples without spread left out, this and `logit_t_bounds`:
    rate 0.9, intraclass correlation 0.3: 0.962 and 0.913 (m = 8), 0.953 and 0.930 (12), 0.946 and 0.932 (20); rate
    0.95, correlation 0.3: 0.967 and 0.900 (12), 0.943 and 0.900 (20); rate 0.95, correlation 0.5: 0.952 and 0.874 (20).
    At rate 0.6 both are the same to a hundredth of a width.

    NaN as in `logit_t_bounds`.

    Source: Korn, Graubard 1999 (logit); Satterthwaite 1946 with the kurtosis of the unit (degrees of freedom).
    """
    value, df = np.asarray(rate, dtype=np.float64), np.asarray(degrees_of_freedom, dtype=np.float64)
    plain = logit_t_bounds(value, standard_error, degrees_of_freedom=df, level=level)
    inward = inward_degrees_of_freedom(value, standard_error, degrees_of_freedom=df)
    longer = logit_t_bounds(value, standard_error, degrees_of_freedom=inward, level=level)
    furthest = degenerate_rate_bounds(value, n_units=df + 1, level=level)
    low = np.minimum(plain.low, np.maximum(longer.low, furthest.low))
    high = np.maximum(plain.high, np.minimum(longer.high, furthest.high))
    return Bounds(np.where(value > 0.5, low, plain.low), np.where(value < 0.5, high, plain.high))


def inward_degrees_of_freedom(
    rate: ArrayLike, standard_error: ArrayLike, *, degrees_of_freedom: ArrayLike
) -> FloatArray:
    """2 / (k/m + 2/df), at least 1: the degrees of freedom of a variance over m = df + 1 units of excess kurtosis k.

    The variance of m units with variance s^2 has itself the variance s^4 (k/m + 2/(m - 1)). Few units cannot show their
    kurtosis, so it is that of a unit that is wholly right or wrong, (1 - 6 p q)/(p q), times how near units come to
    that, m standard_error^2/(p q) (at most 1); not below 0, so rates from 0.22 to 0.78 keep `degrees_of_freedom`.
    NaN where the rate is not within (0, 1) or degrees_of_freedom is not above 0.

    Source: Satterthwaite 1946.

    >>> inward_degrees_of_freedom([0.6, 0.9], 0.06, degrees_of_freedom=7).round(2).tolist()
    [7.0, 4.08]
    """
    p, error, df = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64) for each in (rate, standard_error, degrees_of_freedom))
    )
    most = np.where((p > 0) & (p < 1), p * (1 - p), np.nan)
    given = np.where(df > 0, df, np.nan)
    units = given + 1
    alike = np.minimum(units * error**2 / most, 1.0)
    kurtosis = np.maximum(1 - 6 * most, 0.0) / most * alike
    fewer = np.maximum(2 / (kurtosis / units + 2 / given), np.minimum(given, 1.0))
    return np.asarray(np.where(kurtosis > 0, fewer, given + 0 * kurtosis))


def root_t_bounds(rate: ArrayLike, standard_error: ArrayLike, *, degrees_of_freedom: ArrayLike, level: float) -> Bounds:
    """(sqrt(rate) -+ t_{1-alpha/2, df} standard_error / (2 sqrt(rate)))^2: not negative, and asymmetric upwards.

    For rates of counts without an upper end (word errors a word): over few units they are skewed, and a group with few
    errors has a small standard error by luck. With six groups of 12 units beside four of 200, equal rates,
    simultaneous Welch bounds of differences excluded zero in 19 % of tables at level 0.95, and bounds made from these
    in under 5 % (`tests/affidavit/test_gaps.py`, `-k "plain_t or word_errors"`). The log scale errs as little, and its
    upper ends run off to astronomical numbers with few degrees of freedom.

    | case | bounds |
    |---|---|
    | rate 0 or negative, standard_error 0 or NaN, degrees_of_freedom not above 0 | NaN |

    Source: Bartlett 1936 (the root stabilises the variance of counts); delta method.
    """
    value, error, critical = _parts(rate, standard_error, degrees_of_freedom, level)
    root = np.sqrt(np.where(value > 0, value, np.nan))
    half = critical * error / (2 * root)
    return Bounds(np.maximum(root - half, 0.0) ** 2, (root + half) ** 2)


def degenerate_rate_bounds(rate: ArrayLike, *, n_units: ArrayLike, level: float) -> Bounds:
    """Bounds of a rate whose units all agree, so that no spread between them can be measured.

    Clopper-Pearson with each unit as one observation: m units, m x rate successes. At rate 1 that is
    [(alpha/2)^(1/m), 1], at rate 0 [0, 1 - (alpha/2)^(1/m)]; between (all units at 0.5, say) the most cautious reading,
    that a unit is wholly right or wholly wrong. Zero uncertainty is the one answer that is surely wrong.

    | case | bounds |
    |---|---|
    | n_units < 1, rate NaN or outside [0, 1] | NaN |

    Source: Clopper, Pearson 1934 on an effective sample size, as Korn, Graubard 1998.

    >>> low, high = degenerate_rate_bounds(1.0, n_units=12, level=0.95)
    >>> round(float(low), 3), float(high)
    (0.735, 1.0)
    """
    p, m = _agreeing_units(rate, n_units)
    return clopper_pearson_bounds(np.where(np.isnan(p), 0.0, p * m), np.where(np.isnan(p), 0.0, m), level=level)


def degenerate_standard_error(rate: ArrayLike, *, n_units: ArrayLike) -> FloatArray:
    """A standard error for a rate whose units all agree, for use in differences and covariances.

    sqrt(p~ (1 - p~) / (m + 4)) with p~ = (m rate + 2)/(m + 4): Agresti and Coull's, the unit as the observation.
    NaN as in `degenerate_rate_bounds`.

    Source: Agresti, Coull 1998.

    >>> float(degenerate_standard_error(1.0, n_units=12).round(4))
    0.0827
    """
    p, m = _agreeing_units(rate, n_units)
    shrunk = (m * p + 2) / (m + 4)
    return np.asarray(np.sqrt(shrunk * (1 - shrunk) / (m + 4)))


def _parts(
    estimate: ArrayLike, standard_error: ArrayLike, degrees_of_freedom: ArrayLike, level: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value, positive standard error (else NaN) and critical value."""
    error = np.asarray(standard_error, dtype=np.float64)
    critical = t_critical(alpha_of(level), degrees_of_freedom)
    return np.asarray(estimate, dtype=np.float64), np.where(error > 0, error, np.nan), critical


def _agreeing_units(rate: ArrayLike, n_units: ArrayLike) -> tuple[FloatArray, FloatArray]:
    p, m = np.broadcast_arrays(np.asarray(rate, dtype=np.float64), np.asarray(n_units, dtype=np.float64))
    possible = (p >= 0) & (p <= 1) & (m >= 1)
    return np.where(possible, p, np.nan), np.where(possible, m, np.nan)
