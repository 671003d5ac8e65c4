"""The mean slope of many small standardised examples within units, as a posterior: no sampler, a sum over a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from affidavit.statistics.types import BoolArray, Bounds, FloatArray, IntArray

SLOPE_SD: Final = 1.0
"""Of examples around their unit's mean, as Matton et al. 2025 fix it."""
NOISES: Final = np.geomspace(0.02, 5.0, 40)
"""Grid of the residual standard deviation."""
SPREADS: Final = np.geomspace(0.01, 3.0, 30)
"""Grid of the standard deviation of units around the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeSums:
    """What the posterior needs of examples with P different numbers of points, in U units."""

    points: IntArray
    """[P] points of an example, at least 2."""
    n: FloatArray
    """[U, P] examples."""
    total: FloatArray
    """[U, P] sum of their slopes."""
    squares: FloatArray
    """[U, P] sum of their squared slopes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopePosterior:
    """A mixture of normal distributions, one for each place of the grid, [K] each."""

    weight: FloatArray
    mean_of: FloatArray
    sd_of: FloatArray

    @property
    def mean(self) -> float:
        """The posterior mean of the mean slope."""
        return float(self.weight @ self.mean_of)

    def bounds(self, level: float) -> Bounds:
        """Return the central interval at a level."""
        tail = (1 - level) / 2
        return Bounds(np.asarray(self._quantile(tail)), np.asarray(self._quantile(1 - tail)))

    def _quantile(self, share: float) -> float:
        reach = 1.0 - norm.ppf(min(share, 1 - share) / 2)
        low = float((self.mean_of - reach * self.sd_of).min())
        high = float((self.mean_of + reach * self.sd_of).max())
        return float(brentq(lambda x: self.weight @ norm.cdf(x, self.mean_of, self.sd_of) - share, low, high))


def standardised_slopes(x: FloatArray, y: FloatArray, *, least_sd: float = 1e-9) -> tuple[FloatArray, IntArray]:
    """Return the slope of y on x within each row [N, C], both standardised there, and the points behind it.

    A point is a column where neither is NaN. Standardised, the slope is Pearson's correlation, in [-1, 1].

    | row | slope |
    |---|---|
    | fewer than 2 points | NaN |
    | x or y varies by no more than `least_sd` (standard deviation) | NaN: nothing to standardise by |

    >>> slopes, points = standardised_slopes(np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 0.5]]))
    >>> round(float(slopes[0]), 3), int(points[0])
    (0.5, 3)
    """
    first, second, points = standardised(x, y, least_sd=least_sd)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip((first * second).sum(axis=1) / points, -1.0, 1.0)), points


def standardised(x: FloatArray, y: FloatArray, *, least_sd: float) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return x and y of each row [N, C] with mean 0 and variance 1 over its points, 0 elsewhere, and points [N].

    All of a row is NaN where that is not possible (see `standardised_slopes`).
    """
    there = ~(np.isnan(x) | np.isnan(y))
    points = there.sum(axis=1)
    return _standardised(x, there, least_sd), _standardised(y, there, least_sd), points.astype(np.int64)


def _standardised(values: FloatArray, there: BoolArray, least_sd: float) -> FloatArray:
    n = np.maximum(there.sum(axis=1, keepdims=True), 1)
    known = np.where(there, values, 0.0)
    moved = np.where(there, known - known.sum(axis=1, keepdims=True) / n, 0.0)
    sd = np.sqrt((moved**2).sum(axis=1, keepdims=True) / n)
    possible = (there.sum(axis=1, keepdims=True) >= 2) & (sd > least_sd)
    return np.where(possible, moved / np.where(possible, sd, 1.0), np.nan)


def slope_posterior(sums: SlopeSums) -> SlopePosterior:
    """Return the posterior of mu, the mean slope over units.

        y_ic = beta_i x_ic + e_ic    e_ic ~ N(0, sigma^2)    sigma ~ Exp(1)
        beta_i ~ N(u_j, 1)           u_j ~ N(mu, tau^2)      tau ~ Exp(1)         mu ~ N(0, 1)

    for points c of example i in unit j. Given sigma and tau everything is normal and is integrated by hand; sigma and
    tau are summed over a grid, so the answer is the same each time and has no chains to converge.

    Matton et al. have no units (tau = 0): there an interval narrows with utterances, however few people say them. A
    standardised example of n points has n - 2 residual degrees of freedom; one of two points has the slope 1 or -1
    and says nothing of sigma.

    Bounded slopes vary less than N(u, 1) allows, so that intervals hold more often than they say: of 15 units with six
    examples of five points at level 0.9, 0.91 of 1,000 tables drawn from the model and 0.98 of 400 with correlations
    (`tests/affidavit/statistics/test_hierarchical_slope.py`).

    Raises:
        ValueError: there is no example.

    Source: Matton et al. 2025; units added.
    """
    if not sums.n.sum() > 0:
        raise ValueError("Expected at least one example with a slope.")
    squared = NOISES[:, None] ** 2
    variance = SLOPE_SD**2 + squared / sums.points  # [S, P]
    precision = sums.n @ (1 / variance).T  # [U, S]
    kept = precision[:, 0] > 0
    precision = precision[kept]
    mean = (sums.total[kept] @ (1 / variance).T) / precision
    within = (sums.squares[kept] @ (1 / variance).T) - precision * mean**2
    density = (
        -_residual_freedom(sums) * np.log(NOISES)
        - _residual_squares(sums) / (2 * squared[:, 0])
        - 0.5 * (sums.n.sum(axis=0) * np.log(variance)).sum(axis=1)
        - 0.5 * (np.log(precision) + within).sum(axis=0)
        - NOISES
        + np.log(NOISES)  # the grid is even in the logarithm
    )
    return _over_spreads(mean, precision, density)


def _over_spreads(mean: FloatArray, precision: FloatArray, density: FloatArray) -> SlopePosterior:
    """Integrate units and mu by hand, sigma [S] and tau [T] over the grid; `mean` and `precision` are [U, S]."""
    shape = (len(SPREADS), precision.shape[1])
    total, middle, log_weight = (np.empty(shape) for _ in range(3))
    for t, spread in enumerate(SPREADS):
        weight = 1 / (spread**2 + 1 / precision)
        total[t] = 1.0 + weight.sum(axis=0)  # the 1 is the prior's
        middle[t] = (weight * mean).sum(axis=0) / total[t]
        misfit = (weight * mean**2).sum(axis=0) - total[t] * middle[t] ** 2
        by_hand = 0.5 * (np.log(weight).sum(axis=0) - np.log(total[t]) - misfit)
        log_weight[t] = density + by_hand + np.log(spread) - spread
    share = np.exp(log_weight - log_weight.max())
    share /= share.sum()
    return SlopePosterior(weight=share.ravel(), mean_of=middle.ravel(), sd_of=np.sqrt(1 / total).ravel())


def _residual_freedom(sums: SlopeSums) -> float:
    return float((sums.n * np.maximum(sums.points - 2, 0)).sum())


def _residual_squares(sums: SlopeSums) -> float:
    """Return what standardised examples leave unexplained: points (1 - slope^2) each."""
    return float((sums.points * np.maximum(sums.n - sums.squares, 0.0)).sum())
