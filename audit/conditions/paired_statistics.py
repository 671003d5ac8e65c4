"""Statistics of the same utterances under several conditions: weighted sums of accuracies or of average recalls.

Sums are [..., C + M C]: rows by class, then right answers by class in M blocks, one for each condition. C is the number
of labels for averages of recalls, and 1 for accuracy. A weighted sum over blocks is one number an utterance, so pairing
enters every variance by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.evidence import Evidence

Metric = Literal["accuracy", "unweighted_average_recall"]
METRICS: Final[tuple[Metric, ...]] = ("accuracy", "unweighted_average_recall")
SOURCES: Final[dict[Metric, str]] = {
    "accuracy": "accuracy",
    "unweighted_average_recall": "UAR: Schuller et al. 2009",
}


def sums_for(metric: Metric, sums: FloatArray, n_labels: int) -> FloatArray:
    """Return the sums that a metric needs of [..., K + M K]: the same for averages of recalls, [..., 1 + M] else."""
    if metric == "unweighted_average_recall":
        return sums
    return np.asarray(_blocks(sums, n_labels).sum(axis=-1))


def _blocks(sums: FloatArray, n_labels: int) -> FloatArray:
    """Return sums as [..., 1 + M, K]; there may be none at all, so no size is left to be inferred."""
    return sums.reshape(*sums.shape[:-1], sums.shape[-1] // n_labels, n_labels)


def evidence_for(metric: Metric, evidence: Evidence, n_labels: int) -> Evidence:
    """Return evidence over the sums that a metric needs, drawn from the same seeds."""
    return evidence.projected(lambda sums: sums_for(metric, sums, n_labels))


def weighted_conditions(  # noqa: PLR0913 - what it measures, and how the number is to be read
    name: str,
    metric: Metric,
    weights: FloatArray,
    *,
    n_labels: int,
    bounds: tuple[float, float],
    higher_is_better: bool | None = None,
    source: str = "",
) -> Statistic:
    """Return sum_m weights[m] x metric under condition m, within `bounds`.

    An average of recalls runs over the classes of the reference; where groups are compared, over those that each has.
    """
    low, high = bounds
    if metric == "accuracy":
        plain = ratio_statistic(
            name,
            np.concatenate([[0.0], weights]),
            np.eye(1 + len(weights))[0],
            source=source,
            higher_is_better=higher_is_better,
        )
        return replace(plain, low=low, high=high, counts_rows=False)

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        blocks = _blocks(sums, n_labels)
        gained = np.einsum("...mk,m->...k", blocks[..., 1:, :], weights)
        taking_part = np.broadcast_to(reference[..., :n_labels] > 0, gained.shape)
        recalls = np.where(taking_part, divide(gained, blocks[..., 0, :]), 0.0)
        return divide(recalls.sum(-1), taking_part.sum(-1).astype(np.float64))

    def common(totals: FloatArray) -> FloatArray:
        shared = (totals[:, :n_labels] > 0).all(axis=0)
        return np.where(np.tile(shared, totals.shape[1] // n_labels), totals, 0.0)

    return Statistic(
        name=name,
        value=value,
        low=low,
        high=high,
        higher_is_better=higher_is_better,
        common=common,
        source=source,
    )
