"""How like the truth is what was found: peak signal-to-noise ratio, structural similarity, and whose it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.optimize import linear_sum_assignment

FloatArray = NDArray[np.float64]
MOST_PSNR: Final = 100.0
"""Decibels; what is told of an input that was found to the last digit."""
_WINDOW: Final = 7


def psnr(truth: FloatArray, found: FloatArray, *, peak: float) -> float:
    """Return 10 log10(peak^2 / mean squared error) in dB, at most `MOST_PSNR`; `peak` is the range of values.

    >>> round(psnr(np.zeros(4), np.full(4, 0.1), peak=1.0), 6)
    20.0
    """
    error = float(((truth - found) ** 2).mean())
    if error <= 0:
        return MOST_PSNR
    return min(MOST_PSNR, float(10 * np.log10(peak**2 / error)))


def ssim(truth: FloatArray, found: FloatArray, *, peak: float) -> float | None:
    """Return the mean structural similarity over 7 x 7 windows of the last two axes, in [-1, 1].

    None for inputs without two axes of seven values or more. Source: Wang et al. 2004, equation 13.
    """
    if truth.ndim < 2 or min(truth.shape[-2:]) < _WINDOW:
        return None
    pictures = zip(truth.reshape(-1, *truth.shape[-2:]), found.reshape(-1, *truth.shape[-2:]), strict=True)
    return float(np.mean([_similarity(x, y, peak) for x, y in pictures]))


def _similarity(x: FloatArray, y: FloatArray, peak: float) -> float:
    edge = _WINDOW // 2
    n = _WINDOW**2
    mean_x, mean_y = uniform_filter(x, _WINDOW), uniform_filter(y, _WINDOW)
    share = n / (n - 1)
    var_x = share * (uniform_filter(x * x, _WINDOW) - mean_x**2)
    var_y = share * (uniform_filter(y * y, _WINDOW) - mean_y**2)
    both = share * (uniform_filter(x * y, _WINDOW) - mean_x * mean_y)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    map_ = (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(map_[edge:-edge, edge:-edge].mean() if min(x.shape) > 2 * edge else map_.mean())


def assigned(truths: Sequence[FloatArray], found: Sequence[FloatArray]) -> tuple[int, ...]:
    """Return for each truth which of the findings is taken for it: the least total squared error.

    A batch has no order, so the attacker is given the best one; what that alone is worth, the control shows.
    """
    cost = np.array([[_error(a, b) for b in found] for a in truths])
    return tuple(int(j) for j in linear_sum_assignment(cost)[1])


def _error(a: FloatArray, b: FloatArray) -> float:
    if a.shape != b.shape:
        return 1e30
    return float(((a - b) ** 2).mean())


def nearest_unit(vector: FloatArray, gallery: FloatArray, units: Sequence[int]) -> int:
    """Return whose vector of the gallery [G, R] is nearest; the gallery is on one scale."""
    return int(units[int(((gallery - vector) ** 2).sum(axis=1).argmin())])
