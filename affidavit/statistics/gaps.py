"""Two summaries of how far groups lie apart: largest minus smallest, and smallest over largest."""

from __future__ import annotations

import numpy as np

from affidavit.statistics.types import FloatArray


def max_min_gap(values: FloatArray) -> FloatArray:
    """max_g - min_g over the last axis of [..., G]; at least 0, and 0 for one group. NaN in, NaN out.

    Biased upwards: E[gap] is above the true gap, most of all when that is 0 (`equality_null`).

    >>> max_min_gap(np.array([0.6, 0.9, 0.7])).round(6).item()
    0.3
    """
    return np.asarray(values.max(axis=-1) - values.min(axis=-1))


def min_max_ratio(values: FloatArray) -> FloatArray:
    """min_g / max_g over the last axis of [..., G] non-negative values; range [0, 1].

    | case | ratio |
    |---|---|
    | all 0 | NaN: 0/0 says nothing |
    | a 0 among positives | 0 |
    | a NaN, a negative | NaN |

    >>> min_max_ratio(np.array([0.6, 0.8])).round(6).item()
    0.75
    """
    least, most = values.min(axis=-1), values.max(axis=-1)
    return np.asarray(least / np.where((most > 0) & (least >= 0), most, np.nan))
