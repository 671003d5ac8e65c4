"""How unequal groups are: gaps and ratios, their simultaneous bounds, what chance alone gives, and variance between.

The plug-in gap is biased upwards under equality, so it is printed beside `expected_gap_under_equality`,
and its interval comes from simultaneous pairwise bounds, never from percentiles of resampled gaps.
"""

from __future__ import annotations

from affidavit.statistics.between_group_variance import (
    debiased_between_group_variance,
    debiased_between_group_variance_bounds,
)
from affidavit.statistics.equality_null import (
    expected_gap_under_equality,
    expected_ratio_under_equality,
    gaussian_gap_null,
)
from affidavit.statistics.gaps import max_min_gap, min_max_ratio
from affidavit.statistics.ratio import ratio_bounds
from affidavit.statistics.simultaneous import (
    PairwiseBounds,
    gap_bounds,
    gap_bounds_max,
    gap_bounds_mean,
    simultaneous_differences,
)

__all__ = [
    "PairwiseBounds",
    "debiased_between_group_variance",
    "debiased_between_group_variance_bounds",
    "expected_gap_under_equality",
    "expected_ratio_under_equality",
    "gap_bounds",
    "gap_bounds_max",
    "gap_bounds_mean",
    "gaussian_gap_null",
    "max_min_gap",
    "min_max_ratio",
    "ratio_bounds",
    "simultaneous_differences",
]
