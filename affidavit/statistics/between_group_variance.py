"""How much groups truly differ, as a variance: the plug-in, less what sampling noise adds to it."""

from __future__ import annotations

import numpy as np

from affidavit.statistics.bootstrap_bounds import percentile_bounds
from affidavit.statistics.types import Bounds, FloatArray


def debiased_between_group_variance(values: FloatArray, sampling_variances: FloatArray) -> float:
    """V1 = (1/(G-1)) sum_g (y_g - mean y)^2 - mean_g s_g^2, unbiased for the variance between true group values [G].

    Negative when the groups differ less than chance would make them (report sqrt(max(V1, 0)), keep the sign in bounds).
    s_g^2 is the variance of y_g (squared standard error; for independent rows p(1-p)/(n-1)); groups independent.
    NaN for fewer than two groups, or with a NaN.

    Source: Lum, Zhang, Bower 2022, eq. 5.

    >>> round(debiased_between_group_variance(np.array([0.5, 0.7]), np.array([0.004, 0.006])), 6)
    0.015
    """
    if len(values) < 2:
        return float("nan")
    return float(values.var(ddof=1) - sampling_variances.mean())


def debiased_between_group_variance_bounds(
    values: FloatArray, sampling_variances: FloatArray, replicates: FloatArray, *, level: float
) -> Bounds:
    """PLACEHOLDER"""
    if len(values) < 2:
        return Bounds(np.array(np.nan), np.array(np.nan))
    return percentile_bounds(replicates.var(axis=1, ddof=1) - 2 * sampling_variances.mean(), level=level)
