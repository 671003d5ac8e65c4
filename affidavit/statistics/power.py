"""What a comparison of this precision could have found: the minimum detectable effect."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from affidavit.statistics.levels import t_critical, t_quantile
from affidavit.statistics.types import FloatArray


def minimum_detectable_effect(
    standard_error: ArrayLike, *, degrees_of_freedom: ArrayLike, alpha: float, power: float = 0.8
) -> FloatArray:
    """(t_{1-alpha/2, df} + t_{power, df}) standard_error: what a two-sided test finds with `power`.

    In the unit of the standard error. Pass the family-adjusted alpha if the verdict uses one.
    NaN where standard_error is NaN or not above 0 (no spread says nothing about power), or df is not above 0.

    Raises:
        ValueError: if alpha is not in (0, 1) or power not in (alpha/2, 1).

    Source: Bloom 1995; with Student's t, Dong, Maynard 2013.

    >>> minimum_detectable_effect(0.03, degrees_of_freedom=18, alpha=0.05).round(4).item()
    0.0889
    """
    if not (0 < alpha < 1 and alpha / 2 < power < 1):
        raise ValueError(f"Expected 0 < alpha < 1 and alpha/2 < power < 1, got alpha={alpha}, power={power}.")
    error = np.asarray(standard_error, dtype=np.float64)
    critical = t_critical(alpha, degrees_of_freedom) + t_quantile(power, degrees_of_freedom)
    return np.asarray(critical * np.where(error > 0, error, np.nan))
