"""What simultaneous bounds of group values say of how far groups are apart: the least and largest over a box.

Each group's true value lies in its own interval, all of them at once with the stated probability; so a function of the
true values lies between its least and its largest value over the box. Needs no resampling, holds for groups of any
size, and is cautious.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

from affidavit.statistics.types import Bounds, FloatArray


def spread_bounds(bounds: Bounds, weights: FloatArray) -> Bounds:
    """Bounds of sum_g w_g (x_g - sum_h w_h x_h)^2 over low_g <= x_g <= high_g; weights [G] sum to one.

    The weighted variance is the least over c of S(c) = sum_g w_g (x_g - c)^2. So the least over the box is the least
    over c of the sum of w_g times the squared distance from c to group g's interval (exact: both are minima, and
    minima can change places); and the largest is at most the least over c of the sum of w_g times the squared distance
    to the further end (not always attained, never too small: a maximum of minima is at most the minimum of maxima).

    NaN bounds give NaN.

    >>> low, high = spread_bounds(Bounds(np.array([0.1, 0.6]), np.array([0.2, 0.8])), np.array([0.5, 0.5]))
    >>> float(low.round(3)), float(high.round(4))
    (0.04, 0.1225)
    """
    low, high = bounds
    if np.isnan(low).any() or np.isnan(high).any():
        return Bounds(np.array(np.nan), np.array(np.nan))
    overlapping = low.max() <= high.min()  # one value lies in every interval: exactly no spread
    least = 0.0 if overlapping else _least(lambda c: _weighted_squares(weights, low - c, c - high), low, high)
    largest = _least(lambda c: _weighted_squares(weights, c - low, high - c), low, high)
    return Bounds(np.array(least), np.array(largest))


def _weighted_squares(weights: FloatArray, a: FloatArray, b: FloatArray) -> float:
    """Return sum_g w_g max(a_g, b_g, 0)^2."""
    return float(weights @ np.maximum(np.maximum(a, b), 0.0) ** 2)


def _least(function: Callable[[float], float], low: FloatArray, high: FloatArray) -> float:
    """Return the minimum of a convex function of one number that lies between the least low and the largest high."""
    start, stop = float(low.min()), float(high.max())
    if start == stop:
        return float(function(start))
    found = minimize_scalar(function, bounds=(start, stop), method="bounded", options={"xatol": 1e-10})
    return float(found.fun)
