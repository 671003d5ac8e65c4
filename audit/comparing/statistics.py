"""Metrics of two runs over the same items, and how much they change from the first run to the second.

Sums are class sums of the first run and then of the second, [..., 6K]; the items are the same, so the reference labels
are too. A run's macro F1 runs over the labels that it predicts or that are true, as in the examination `performance`:
a change is the difference of two numbers that stand there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from affidavit.confusion import (
    FloatArray,
    Statistic,
    accuracy,
    macro_f1,
    ratio_statistic,
    unweighted_average_recall,
)
from affidavit.evidence import Evidence

PAIRED = "difference of two runs on the same items, by unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of the first run, of the second, and second less first."""

    name: str
    first: Statistic
    second: Statistic
    change: Statistic


def metrics(n_labels: int) -> tuple[Metric, ...]:
    """Return accuracy, unweighted average recall and macro F1."""
    return tuple(_metric(base, n_labels) for base in (accuracy(n_labels), unweighted_average_recall(), macro_f1()))


def _metric(base: Statistic, n_labels: int) -> Metric:
    first, second = (_of_run(base, position, n_labels) for position in (0, 1))

    def change(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return second.value(sums, reference) - first.value(sums, reference)

    ratio = None
    if first.ratio is not None and second.ratio is not None:  # both have one denominator: the items
        ratio = (second.ratio[0] - first.ratio[0], second.ratio[1])
    source = f"{PAIRED}; {base.source}"
    changed = replace(
        first, name=f"{base.name}_change", value=change, low=-1.0, ratio=ratio, counts_rows=False, source=source
    )
    return Metric(name=base.name, first=first, second=second, change=changed)


def _of_run(base: Statistic, position: int, n_labels: int) -> Statistic:
    """Return the statistic read from the sums of one run."""
    own = slice(3 * n_labels * position, 3 * n_labels * (position + 1))

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return base.value(sums[..., own], reference[..., own])

    ratio = None
    if base.ratio is not None:
        weights = [np.zeros(6 * n_labels), np.zeros(6 * n_labels)]
        for weight, part in zip(weights, base.ratio, strict=True):
            weight[own] = part
        ratio = (weights[0], weights[1])
    return replace(base, value=value, ratio=ratio, common=_common if base.common is not None else None)


def _common(totals: FloatArray) -> FloatArray:
    """Return sums in which a class that some group lacks is empty for all, in both runs."""
    n_labels = totals.shape[1] // 6
    shared = (totals[:, n_labels : 2 * n_labels] > 0).all(axis=0)
    return np.where(np.tile(shared, 6), totals, 0.0)


def gains(evidence: Evidence, metric: Metric) -> tuple[Evidence, Statistic]:
    """Return evidence of two sums, items gained less lost and items, and the change as their ratio: quick to permute.

    Raises:
        ValueError: the metric is no ratio of sums.
    """
    ratio = metric.change.ratio
    if ratio is None:
        raise ValueError(f"{metric.name} is no ratio of sums")
    weights = np.stack(ratio, axis=1)
    slim = ratio_statistic(metric.change.name, np.array([1.0, 0.0]), np.array([0.0, 1.0]), source=metric.change.source)
    return evidence.projected(lambda sums: sums @ weights), replace(slim, low=-1.0, counts_rows=False)
