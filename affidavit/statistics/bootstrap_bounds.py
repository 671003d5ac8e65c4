"""Intervals read from bootstrap replicates: percentile (optionally expanded) and BCa.

For 20 units a group and more. Neither is used for a max-min gap: its replicates are centred on an already biased value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from affidavit.statistics.levels import alpha_of, t_critical
from affidavit.statistics.types import Bounds, FloatArray

_TIE = 1e-12


def percentile_bounds(replicates: FloatArray, *, level: float, n_units: ArrayLike | None = None) -> Bounds:
    """The alpha/2 and 1 - alpha/2 quantiles of replicates [B, ...], NaN replicates ignored.

    With `n_units` (the units behind each estimate, broadcast to its shape) the quantiles are *expanded*: alpha/2
    becomes Phi(-sqrt(m/(m-1)) t_{alpha/2, m-1}), which undoes the narrowness of a with-replacement draw from m units.
    Measured coverage at level 0.95 for rates of beta-binomial units (plain, expanded): 20 equal units 0.94, 0.96 at
    rate 0.6 and 0.91 to 0.93, 0.92 to 0.95 at 0.9; 20 units of sizes 5 to 40: 0.91 to 0.93, 0.94 to 0.95 at rate 0.6
    and 0.89 to 0.92, 0.91 to 0.94 at 0.9; 50 units 0.92 to 0.95, 0.93 to 0.96. Prefer BCa for rates near 0 or 1.

    | case | bounds |
    |---|---|
    | all replicates NaN, or none | NaN |
    | n_units < 2 | NaN |
    | all replicates equal | that value twice: no width to believe |

    Source: Efron 1981; expansion Hesterberg 2015 (expanded percentile interval).
    """
    half = alpha_of(level) / 2
    tail = np.full(replicates.shape[1:], half)
    if n_units is not None:
        tail = np.broadcast_to(_expanded_tail(half, n_units), replicates.shape[1:])
    ordered = np.sort(replicates, axis=0)
    return Bounds(_quantile_of_sorted(ordered, tail), _quantile_of_sorted(ordered, 1 - tail))


def bca_bounds(
    estimate: ArrayLike,
    replicates: FloatArray,
    *,
    leave_one_out: FloatArray,
    level: float,
    n_units: ArrayLike | None = None,
) -> Bounds:
    """Bias-corrected and accelerated bounds of an estimate [...] from replicates [B, ...].

    z0 = Phi^-1(#{below}/B + #{ties}/2B); a = sum d^3 / (6 (sum d^2)^{3/2}) with d_i = mean - leave_one_out_i over
    leave_one_out [U, ...]; each end is the replicates' quantile at Phi(z0 + (z0 + z)/(1 - a (z0 + z))). z is expanded
    as in `percentile_bounds`, with m the units whose leaving moves the estimate unless `n_units` says otherwise.
    Measured coverage at level 0.95 for rates of beta-binomial units: 20 equal units 0.94 to 0.96, 20 units of sizes 5
    to 40 0.92 to 0.95 (0.92 at rate 0.9 with intraclass correlation 0.2; the misses are on the low side), 50 units 0.94
    to 0.96. Without the expansion 0.90 to 0.95 at 20 units.

    | case | bounds |
    |---|---|
    | all replicates equal, or all on one side of the estimate | NaN: the caller falls back |
    | a NaN among the leave-one-out values (a group of one unit, say) | NaN |
    | fewer than two units move the estimate | NaN |
    | some replicates NaN | ignored |

    Source: Efron 1987; Efron, Tibshirani 1993, eq. 14.10, 14.14 (z0), 14.15 (a).
    """
    value = np.asarray(estimate, dtype=np.float64)
    bias = _median_bias(value, replicates)
    acceleration = _acceleration(leave_one_out)
    units = _moving_units(value, leave_one_out) if n_units is None else n_units
    z = ndtri(_expanded_tail(alpha_of(level) / 2, units))
    ordered = np.sort(replicates, axis=0)
    degenerate = _is_degenerate(ordered)
    low, high = (_adjusted_quantile(ordered, bias, acceleration, side * z) for side in (1.0, -1.0))
    return Bounds(np.where(degenerate, np.nan, low), np.where(degenerate, np.nan, high))


def undefined_share(replicates: FloatArray) -> FloatArray:
    """The share of replicates [B, ...] that are NaN, per estimate: how often a draw left it undefined."""
    return np.asarray(np.isnan(replicates).mean(axis=0), dtype=np.float64)


def _expanded_tail(half_alpha: float, n_units: ArrayLike) -> FloatArray:
    """Hesterberg's tail probability Phi(-sqrt(m/(m-1)) t_{alpha/2, m-1}); NaN for m < 2."""
    m = np.asarray(n_units, dtype=np.float64)
    m = np.where(m >= 2, m, np.nan)
    return np.asarray(ndtr(-np.sqrt(m / (m - 1)) * t_critical(2 * half_alpha, m - 1)), dtype=np.float64)


def _moving_units(value: FloatArray, leave_one_out: FloatArray) -> FloatArray:
    moved = np.abs(leave_one_out - value) > _TIE * np.maximum(np.abs(value), _TIE)
    return np.asarray(moved.sum(axis=0), dtype=np.float64)


def _median_bias(value: FloatArray, replicates: FloatArray) -> FloatArray:
    """Efron's z0, ties counted half: discrete rates tie often, and counting them whole biases z0."""
    ties = np.abs(replicates - value) <= _TIE * np.abs(value)
    below = (replicates < value) & ~ties
    defined = np.isfinite(replicates).sum(axis=0)
    share = (below.sum(axis=0) + ties.sum(axis=0) / 2) / np.where(defined > 0, defined, np.nan)
    return np.asarray(ndtri(share), dtype=np.float64)


def _acceleration(leave_one_out: FloatArray) -> FloatArray:
    deviation = leave_one_out.mean(axis=0) - leave_one_out
    square = (deviation**2).sum(axis=0)
    return np.asarray((deviation**3).sum(axis=0) / (6 * np.where(square > 0, square, np.nan) ** 1.5))


def _adjusted_quantile(ordered: FloatArray, bias: FloatArray, acceleration: FloatArray, z: FloatArray) -> FloatArray:
    moved = np.where(np.isfinite(bias), bias, np.nan) + z
    shrink = 1 - acceleration * moved
    probability = ndtr(bias + moved / np.where(shrink > 0, shrink, np.nan))
    return _quantile_of_sorted(ordered, np.asarray(probability, dtype=np.float64))


def _is_degenerate(ordered: FloatArray) -> FloatArray:
    """True where all defined replicates are equal (up to rounding)."""
    low, high = (_quantile_of_sorted(ordered, np.full(ordered.shape[1:], q)) for q in (0.0, 1.0))
    return np.asarray(high - low <= _TIE * np.abs(high))


def _quantile_of_sorted(ordered: FloatArray, probability: FloatArray) -> FloatArray:
    """Linear quantiles (Hyndman, Fan 1996, type 7) of columns sorted NaN last; faster than nanquantile."""
    if len(ordered) == 0:
        return np.full(ordered.shape[1:], np.nan)
    last = np.isfinite(ordered).sum(axis=0) - 1
    undefined = (last < 0) | np.isnan(probability)
    place = np.where(undefined, 0.0, probability) * np.maximum(last, 0)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(last, 0))
    a, b = (np.take_along_axis(ordered, i[None], axis=0)[0] for i in (below, above))
    return np.where(undefined, np.nan, a + (place - below) * (b - a))
