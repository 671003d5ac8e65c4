"""Bounds of the ratio of smallest to largest group value ("four fifths"), by Fieller's theorem on every pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from affidavit.statistics.levels import alpha_of, t_critical
from affidavit.statistics.types import Bounds, FloatArray


def ratio_bounds(
    values: FloatArray,
    *,
    covariance: FloatArray,
    degrees_of_freedom: ArrayLike,
    level: float,
    n_families: int = 1,
) -> Bounds:
    """Bounds within [0, 1] of min_g mu_g / max_g mu_g for values [G] that estimate non-negative mu_g.

    For an ordered pair the ratio rho = mu_i / mu_j satisfies (x_i - rho x_j)^2 <= t^2 (C_ii - 2 rho C_ij + rho^2 C_jj)
    with the t of alpha / (P n_families) and min(df_i, df_j) degrees of freedom (below Welch's for every rho). This
    event is the same for rho_ij and rho_ji, so P = G(G-1)/2 pairs suffice. On the joint event the true ratio, the least
    of all mu_i / mu_j, is at least the least lower and at most the least upper bound: coverage is at least `level`.

    | case | bounds |
    |---|---|
    | denominator not significantly above 0, no variance, a NaN | that pair says nothing: [0, no limit] |
    | no pair says anything | [0, 1] |
    | fewer than two groups | NaN |

    Measured coverage at level 0.95 in the settings of `simultaneous.simultaneous_differences`: 0.94 to 0.97 for two
    groups of equal units, 0.96 to 1.00 for 6 and 24 groups: cautious, and often [0, 1] at 24 groups of 8 units.

    Source: Fieller 1954; Dunn 1961 for the pairs.
    """
    n_groups = len(values)
    if n_groups < 2:
        return Bounds(np.array(np.nan), np.array(np.nan))
    alpha = alpha_of(level) / (n_groups * (n_groups - 1) / 2 * n_families)
    df = np.broadcast_to(np.asarray(degrees_of_freedom, dtype=np.float64), values.shape)
    critical = t_critical(alpha, np.minimum(df[:, None], df[None, :]))
    low, high = _fieller(values, covariance, critical)
    off_diagonal = ~np.eye(n_groups, dtype=bool)
    return Bounds(np.clip(low[off_diagonal].min(), 0, 1), np.clip(high[off_diagonal].min(), 0, 1))


def _fieller(values: FloatArray, covariance: FloatArray, critical: FloatArray) -> Bounds:
    """Roots of a rho^2 - 2 b rho + c = 0 for every ordered pair [G, G], numerator first; [0, inf] where unbounded."""
    squared = critical**2
    variance = np.diag(covariance)
    a = values[None, :] ** 2 - squared * variance[None, :]
    b = values[:, None] * values[None, :] - squared * covariance
    c = values[:, None] ** 2 - squared * variance[:, None]
    usable = (a > 0) & (values[None, :] > 0) & (variance[:, None] + variance[None, :] > 0) & ~np.isnan(b + c)
    a, b, c = (np.where(usable, part, np.nan) for part in (a, b, c))
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    return Bounds(np.where(usable, (b - root) / a, 0.0), np.where(usable, (b + root) / a, np.inf))
