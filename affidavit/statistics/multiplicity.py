"""Adjusted p-values for a family of tests: Holm for claims, Benjamini-Hochberg or -Yekutieli for screening.

All take p-values [n] in any order and return adjusted ones in the same order, each at least its p-value and at most 1;
reject where the adjusted value is at most alpha. Empty in, empty out. The family is declared before looking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from affidavit.statistics.types import FloatArray


def holm(p: ArrayLike) -> FloatArray:
    """Step-down Bonferroni, max_{j<=i} min(1, (n-j+1) p_(j)): controls the family-wise error under any dependence.

    Raises:
        ValueError: if a p-value is NaN or outside [0, 1].

    Source: Holm 1979.

    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    values = _valid(p)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    return _in_original_order(np.maximum.accumulate(factors * values[order]), order)


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Step-up, min_{j>=i} min(1, n p_(j) / j): controls the false discovery rate under independence.

    Holds under positive regression dependence too; otherwise use `benjamini_yekutieli`.

    Raises:
        ValueError: if a p-value is NaN or outside [0, 1].

    Source: Benjamini, Hochberg 1995.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.04, 0.04]
    """
    return _step_up(_valid(p), 1.0)


def benjamini_yekutieli(p: ArrayLike) -> FloatArray:
    """Benjamini-Hochberg times sum_{j<=n} 1/j: controls the false discovery rate under any dependence.

    Raises:
        ValueError: if a p-value is NaN or outside [0, 1].

    Source: Benjamini, Yekutieli 2001, theorem 1.3.
    """
    values = _valid(p)
    return _step_up(values, float(np.sum(1.0 / np.arange(1, len(values) + 1))))


def _step_up(values: FloatArray, penalty: float) -> FloatArray:
    n = len(values)
    order = np.argsort(values, kind="stable")
    scaled = penalty * n / np.arange(1, n + 1) * values[order]
    return _in_original_order(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _in_original_order(adjusted: FloatArray, order: np.ndarray[tuple[int], np.dtype[np.intp]]) -> FloatArray:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result


def _valid(p: ArrayLike) -> FloatArray:
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("Expected every p-value in [0, 1] and none NaN; leave undefined tests out and say so.")
    return values
