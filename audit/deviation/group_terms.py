"""A deviation from everybody as a weighted sum of numbers that each speak of one group alone.

| statistic | the group less everybody |
|---|---|
| a ratio, with the group's share a_g of the denominator | (1 - a_c) x_c - sum over others of a_g x_g |
| the mean of K recalls, with shares a_gk of class k | sum_k (1 - a_ck) r_ck / K - sum over others, k of a_gk r_gk / K |

The second is no function of the groups' own averages: a group weighs in each class by what it holds of that class. So
each group has two weighted averages of its recalls, one for its own deviation and one for those of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affidavit.comparisons import Comparison
from affidavit.confusion import Statistic, divide, unweighted_average_recall
from affidavit.intervals import measure
from affidavit.statistics.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTerms:
    """What each of C groups brings to its own deviation, and to that of every other."""

    own: Comparison
    own_weight: FloatArray
    rest: Comparison
    rest_weight: FloatArray

    def reach(self, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Return how far below and above its value each deviation may lie, [C] each, at level 1 - alpha."""
        own, rest = self.own.group_bounds(alpha), self.rest.group_bounds(alpha)
        down = (self.own_weight * (self.own.values - own.low)) ** 2
        up = (self.own_weight * (own.high - self.own.values)) ** 2
        others_down = (self.rest_weight * (rest.high - self.rest.values)) ** 2
        others_up = (self.rest_weight * (self.rest.values - rest.low)) ** 2
        return (
            np.sqrt(down + others_down.sum() - others_down),
            np.sqrt(up + others_up.sum() - others_up),
        )


def terms_of(comparison: Comparison) -> GroupTerms | None:
    """Return the terms; None where groups share units, or the statistic is no such sum."""
    statistic = comparison.measured.statistic
    if not comparison.independent:
        return None
    if statistic.ratio is not None:
        rows = comparison.measured.evidence.totals[comparison.compared] @ statistic.ratio[1]
        share = rows / rows.sum()
        return GroupTerms(own=comparison, own_weight=1 - share, rest=comparison, rest_weight=share)
    if statistic.name == unweighted_average_recall().name:
        return _of_recalls(comparison)
    return None


def _of_recalls(comparison: Comparison) -> GroupTerms:
    evidence, compared = comparison.measured.evidence, comparison.compared
    averaged = np.split(comparison.measured.reference[compared], 3, axis=1)[1] > 0
    rows = np.split(evidence.totals[compared], 3, axis=1)[1]
    shares = np.where(averaged, divide(rows, rows.sum(axis=0)), 0.0)
    own = np.where(averaged, 1 - shares, 0.0)
    n_classes = averaged.sum(axis=1)
    return GroupTerms(
        own=_weighted(comparison, own),
        own_weight=own.sum(axis=1) / n_classes,
        rest=_weighted(comparison, shares),
        rest_weight=shares.sum(axis=1) / n_classes,
    )


def _weighted(comparison: Comparison, weights: FloatArray) -> Comparison:
    """Return the average of each group's recalls under weights [C, K], measured in the same groups."""
    reference = np.zeros_like(comparison.measured.reference)
    n_labels = weights.shape[1]
    reference[comparison.compared, n_labels : 2 * n_labels] = weights
    measured = measure(comparison.measured.evidence, weighted_average_of_recalls(), reference)
    return Comparison(measured=measured, compared=comparison.compared)


def weighted_average_of_recalls() -> Statistic:
    """Return sum_k w_k r_k / sum_k w_k of class sums; the weights stand where a reference has its true rows."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        hits, true, _ = np.split(sums, 3, axis=-1)
        weights = np.split(reference, 3, axis=-1)[1]
        parts = np.where(weights > 0, weights * divide(hits, true), 0.0)
        return divide(parts.sum(-1), weights.sum(-1))

    return Statistic(name="weighted_average_of_recalls", value=value, source="weights held fixed")
