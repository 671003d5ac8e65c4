"""The statistics of calibration as functions of sums, and what each projects out of the sums of bins."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import Statistic, ratio_statistic
from affidavit.statistics.calibration import bin_moments, bins_taking_part, debiased_squared_error
from audit.calibration.sums import Layout

FloatArray = NDArray[np.float64]
OVERCONFIDENCE: Final = replace(
    ratio_statistic(
        "overconfidence",
        np.array([1.0, 0.0]),
        np.array([0.0, 1.0]),
        higher_is_better=None,
        source="mean confidence less accuracy: calibration-in-the-large, Yates 1982",
    ),
    low=-1.0,
    counts_rows=False,
)


def _squared(moments: FloatArray, reference: FloatArray) -> FloatArray:
    return debiased_squared_error(moments, bins_taking_part(reference))


SQUARED_ERROR: Final = Statistic(
    name="squared_calibration_error",
    value=_squared,
    low=-1.0,
    higher_is_better=False,
    source="debiased squared calibration error of the predicted label: Kumar, Liang, Ma 2019; over units",
)


def classwise_squared_error(n_labels: int) -> Statistic:
    """Return the mean over classes of each class's debiased squared calibration error."""

    def value(moments: FloatArray, reference: FloatArray) -> FloatArray:
        by_class, fixed = (sums.reshape(*sums.shape[:-1], n_labels, -1) for sums in (moments, reference))
        return np.asarray(_squared(by_class, fixed).mean(axis=-1))

    return Statistic(
        name="classwise_squared_calibration_error",
        value=value,
        low=-1.0,
        higher_is_better=False,
        source="debiased squared calibration error, mean over classes: Kumar, Liang, Ma 2019; Kull et al. 2019",
    )


def overall_residual(places: Layout, sums: FloatArray) -> FloatArray:
    """Return [..., 2]: confidence less right answers, and rows."""
    rows, residual, *_ = places.top(sums)
    return np.stack([residual.sum(axis=-1), rows.sum(axis=-1)], axis=-1)


def top_moments(places: Layout, sums: FloatArray) -> FloatArray:
    """Return the moments of the predicted label's bins, of units' sums."""
    rows, residual, *_ = places.top(sums)
    return bin_moments(rows, residual)


def class_moments(places: Layout, sums: FloatArray) -> FloatArray:
    """Return the moments of every class's bins, of units' sums, class by class."""
    rows, residuals = places.classwise(sums)
    split = (*sums.shape[:-1], places.n_labels, places.n_class_bins)
    return bin_moments(rows.reshape(split), residuals.reshape(split)).reshape(*sums.shape[:-1], -1)
