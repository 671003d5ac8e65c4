"""How a confidence level becomes critical values: one place that refuses a level outside (0, 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from affidavit.statistics.types import FloatArray


def alpha_of(level: float) -> float:
    """The error rate 1 - level.

    Raises:
        ValueError: if level is not strictly between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"Expected 0 < level < 1, got level={level}.")
    return 1.0 - level


def normal_critical(level: float) -> float:
    """The two-sided standard normal critical value z with P(|Z| <= z) = level."""
    return float(-ndtri(alpha_of(level) / 2))


def t_quantile(probability: ArrayLike, degrees_of_freedom: ArrayLike) -> FloatArray:
    """The quantile of Student's t; fractional degrees of freedom allowed, NaN where they are not above 0."""
    df = np.asarray(degrees_of_freedom, dtype=np.float64)
    usable = np.where(df > 0, df, np.nan)
    return np.asarray(stdtrit(usable, np.asarray(probability, dtype=np.float64)), dtype=np.float64)


def t_critical(alpha: float, degrees_of_freedom: ArrayLike) -> FloatArray:
    """The two-sided critical value of Student's t at error rate alpha (taken from the low tail, for precision)."""
    return -t_quantile(alpha / 2, degrees_of_freedom)
