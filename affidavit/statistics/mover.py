"""Bounds of all pairwise differences and ratios of independent groups, recovered from each group's own bounds (MOVER).

A symmetric t interval of a difference believes the standard error of a small group near 0 or 1, which is tiny by luck.
MOVER takes the distances from each group's value to its own (asymmetric) bounds in place of standard errors, so the
difference is as cautious as the group's interval is.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from affidavit.statistics.simultaneous import PairwiseBounds, gap_bounds
from affidavit.statistics.types import Bounds, FloatArray, IntArray


@lru_cache(maxsize=64)
def pairs_of(n_groups: int) -> tuple[IntArray, IntArray]:
    """Indices i < j of all pairs of groups; not to be written to."""
    i, j = np.triu_indices(n_groups, k=1)
    i.flags.writeable = j.flags.writeable = False
    return i, j


def mover_difference_bounds(values: FloatArray, bounds: Bounds) -> Bounds:
    """Bounds [P, ...] of values[i] - values[j], i < j, from bounds [G, ...] of each value at the level of a pair.

    low = d - sqrt((x_i - l_i)^2 + (u_j - x_j)^2), high = d + sqrt((u_i - x_i)^2 + (x_j - l_j)^2), groups independent.
    With symmetric bounds this is Welch's interval but for the degrees of freedom. NaN in, NaN out for the pair.

    Source: Zou, Donner 2008, eq. 3 and 4; Newcombe 1998 is the case of Wilson bounds.

    >>> low, high = mover_difference_bounds(np.array([0.7, 0.5]), Bounds(np.array([0.6, 0.4]), np.array([0.8, 0.6])))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.059], [0.341])
    """
    i, j = pairs_of(len(values))
    down, up = values - bounds.low, bounds.high - values
    difference = values[i] - values[j]
    return Bounds(difference - np.hypot(down[i], up[j]), difference + np.hypot(up[i], down[j]))


def mover_gap_bounds(values: FloatArray, bounds: Bounds, *, largest: float | None = None) -> Bounds:
    """Bounds of the largest difference of any two of G values, from bounds [G] of each at the level of a pair.

    `simultaneous.gap_bounds` of the MOVER bounds of all pairs: they hold together where each group's bounds are at
    level 1 - alpha / P, P = G(G-1)/2 (Bonferroni), and then so do these, whichever pair is the widest. Fewer than two
    values give NaN; `largest` is the largest difference there can be.

    >>> low, high = mover_gap_bounds(np.array([0.7, 0.5]), Bounds(np.array([0.6, 0.4]), np.array([0.8, 0.6])))
    >>> round(float(low), 3), round(float(high), 3)
    (0.059, 0.341)
    """
    i, j = pairs_of(len(values))
    low, high = mover_difference_bounds(values, bounds)
    unknown = np.full(len(i), np.nan)
    return gap_bounds(PairwiseBounds(i, j, values[i] - values[j], low, high, unknown, unknown), largest=largest)


def mover_ratio_bounds(values: FloatArray, bounds: Bounds) -> Bounds:
    """Bounds [P, 2] of values[i]/values[j] and of values[j]/values[i], i < j, values not negative.

    On the log scale as for differences. Where a value or its lower bound is 0 the log is undefined, and the box
    [l_i / u_j, u_i / l_j] bounds the ratio (wider; no upper end where l_j = 0).

    Source: Donner, Zou 2012, on the log scale.
    """
    i, j = pairs_of(len(values))
    sides = [_ratio(values, bounds, i, j), _ratio(values, bounds, j, i)]
    return Bounds(np.stack([s.low for s in sides], axis=-1), np.stack([s.high for s in sides], axis=-1))


def _ratio(values: FloatArray, bounds: Bounds, top: IntArray, bottom: IntArray) -> Bounds:
    low, high = np.maximum(bounds.low, 0.0), bounds.high
    with np.errstate(divide="ignore", invalid="ignore"):
        log_value, log_low, log_high = np.log(values), np.log(low), np.log(high)
        d = log_value[top] - log_value[bottom]
        down = np.hypot(log_value[top] - log_low[top], log_high[bottom] - log_value[bottom])
        up = np.hypot(log_high[top] - log_value[top], log_value[bottom] - log_low[bottom])
        box = Bounds(low[top] / high[bottom], np.where(low[bottom] > 0, high[top] / low[bottom], np.inf))
        logs = Bounds(np.exp(d - down), np.exp(d + up))
    usable = (low[top] > 0) & (low[bottom] > 0)
    return Bounds(np.where(usable, logs.low, box.low), np.where(usable, logs.high, box.high))
