"""Are labels distributed in a group as they are in everybody? Total variation distance, its bounds, and chance.

The distance of two distributions is the largest difference between the probabilities that they give to any set of
labels, 0 (the same) to 1. It is never 0 in a sample, and the less so the smaller the group: it stands beside what it
comes to when units are dealt to groups at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, divide
from affidavit.evidence import Evidence
from affidavit.grouped_sums import IntArray, summed
from affidavit.intervals import Reason
from affidavit.records import Interval, NullExpectation, SignificanceTest
from affidavit.statistics.jackknife import effective_units
from affidavit.statistics.levels import t_critical
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.small_samples import degenerate_rate_bounds

ALONE: Final = "everybody is in this one group: there is nobody else to differ from"
MOST_LABELS: Final = 8
"""Beyond it there are too many sets of labels to bound: 127 at eight."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelBalance:
    """Label counts [R, K] of one family, a row for each unit and group."""

    evidence: Evidence

    @cached_property
    def distances(self) -> FloatArray:
        """Distance of each group from everybody, [G]; NaN for a group without rows, and for one that is everybody."""
        rows = self.evidence.totals.sum(axis=1)
        return np.where(rows < rows.sum(), _distances(self.evidence.totals), np.nan)

    @cached_property
    def mean(self) -> float:
        """The mean distance over rows; NaN where one group is everybody."""
        rows = self.evidence.totals.sum(axis=1)
        return float("nan") if rows.max(initial=0.0) == rows.sum() else float(_mean(self.distances, rows))

    @cached_property
    def units_by_label(self) -> FloatArray:
        """Units with at least one row, [G, K]."""
        grouped = self.evidence.grouped
        units = np.zeros((len(grouped.groups), grouped.sums.shape[1]))
        np.add.at(units, grouped.group, (grouped.sums > 0) * grouped.copies[:, None])
        return units

    def interval(self, group: int, level: float) -> Interval | Reason:
        """Return bounds of a group's distance from t bounds of every set of labels at once (Dunn 1961).

        Standard errors are jackknifed over all units: everybody's distribution moves too. Units that all agree leave no
        spread; then a set's difference is off by at most the share of units that could differ unseen.
        """
        present = np.flatnonzero(self.evidence.totals.sum(axis=0) > 0)
        units = int(self.evidence.grouped.units()[group])
        if np.isnan(self.distances[group]):
            return ALONE if units else "undefined: no rows that the metric could be computed on"
        if units < 2:
            return "one unit alone says nothing of how units differ"
        if not 2 <= len(present) <= MOST_LABELS:
            return f"bounds are made over sets of 2 to {MOST_LABELS} labels"
        sets = _label_sets(len(present))
        own, everybody, copies = self._counts(group)
        all_own, all_of_them = copies @ own, copies @ everybody
        left_out = _shares(all_own - own) - _shares(all_of_them - everybody)
        if np.isnan(left_out).any():
            return "without one of its units the group has no rows"
        error = _jackknife(left_out[:, present] @ sets.T, copies)
        difference = (_shares(all_own) - _shares(all_of_them))[present] @ sets.T
        df = max(self._effective_units(own.sum(axis=1), copies) - 1, 1.0)
        alpha = (1 - level) / len(sets)
        unseen = float(degenerate_rate_bounds(0.0, n_units=units, level=1 - alpha).high)
        half = np.where(error > 0, t_critical(alpha, df) * error, unseen)
        return Interval(
            low=min(max(0.0, float((np.abs(difference) - half).max())), 1.0),
            high=min(1.0, float((np.abs(difference) + half).max())),
            level=level,
            method=f"t over units, simultaneous over {len(sets)} sets of labels",
        )

    def interval_of_mean(self, level: float) -> Interval | Reason:
        """Return bounds of the mean distance over rows: those of every group at once, weighted as they are here."""
        rows = self.evidence.totals.sum(axis=1)
        there = np.flatnonzero(rows > 0)
        if len(there) == 1:
            return ALONE
        each = [self.interval(int(group), 1 - (1 - level) / max(len(there), 1)) for group in there]
        weights = rows[there] / rows.sum()
        known = [interval for interval in each if isinstance(interval, Interval)]
        if not known or len(known) < len(each):
            return next((interval for interval in each if isinstance(interval, str)), "there are no rows")
        low, high = (float(weights @ np.array([getattr(i, end) for i in known])) for end in ("low", "high"))
        return Interval(low=low, high=high, level=level, method=f"{known[0].method}, over {len(known)} groups")

    def _counts(self, group: int) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return what each unit adds to the group, and to everybody, [U, K], and how many units are just like it."""
        grouped = self.evidence.grouped
        inside = grouped.sums * (grouped.group == group)[:, None]
        if grouped.multiplicity is not None:
            return inside, grouped.sums, grouped.copies
        unit = np.unique(grouped.unit, return_inverse=True)[1]
        n_units = int(unit.max()) + 1
        own, everybody = summed(inside, unit, n_units), summed(grouped.sums, unit, n_units)
        return own, everybody, np.ones(n_units, dtype=np.int64)

    def _effective_units(self, sizes: FloatArray, copies: IntArray) -> float:
        """Return what the group's units are worth; units that are alike have one row each, or one weight."""
        if self.evidence.grouped.multiplicity is not None and len(np.unique(sizes[sizes > 0])) == 1:
            return float(copies[sizes > 0].sum())
        return effective_units(np.repeat(sizes, copies))

    @cached_property
    def _dealt(self) -> FloatArray | None:
        """Distances [B, G] when units are dealt to groups at random; None where they cannot be."""
        dealt = self.evidence.permuted
        return None if dealt is None else _distances(dealt.sums)

    @cached_property
    def _dealt_means(self) -> FloatArray | None:
        dealt = self.evidence.permuted
        return None if dealt is None or self._dealt is None else _mean(self._dealt, dealt.sums.sum(axis=-1))

    def chance(self, group: int) -> NullExpectation | None:
        """Return the distance of a group that so many units at random would have."""
        if self._dealt is None or np.isnan(self.distances[group]):
            return None
        return self._expectation(self._dealt[:, group])

    def chance_of_mean(self) -> NullExpectation | None:
        """Return the mean distance when units are dealt to groups at random."""
        if self._dealt_means is None or np.isnan(self.mean):
            return None
        return self._expectation(self._dealt_means)

    def _expectation(self, draws: FloatArray) -> NullExpectation | None:
        known = draws[~np.isnan(draws)]
        if not len(known):
            return None
        how = f"{len(draws)} permutations of units"
        return NullExpectation(value=float(known.mean()), high=float(np.quantile(known, 0.95)), method=how)

    def test(self) -> SignificanceTest | None:
        """Test that labels are distributed alike in every group, by the mean distance."""
        dealt = self.evidence.permuted
        if dealt is None or self._dealt_means is None or np.isnan(self.mean) or len(self.distances) < 2:
            return None
        p_value = permutation_p_value(self.mean, self._dealt_means, exact=dealt.exact)
        how = f"{'all' if dealt.exact else 'random'} permutations of units, mean distance over rows"
        return SignificanceTest(null="labels are distributed alike in every group", p_value=p_value, method=how)


def _jackknife(left_out: FloatArray, copies: IntArray) -> FloatArray:
    """Return sqrt((m - 1)/m sum (x - mean)^2) over m units from leave-one-out values [U, ...], each `copies` times."""
    n_units = copies.sum()
    deviation = left_out - copies @ left_out / n_units
    deviation[np.abs(deviation) < 1e-13] = 0.0  # units that agree must read as exactly 0
    return np.asarray(np.sqrt((n_units - 1) / n_units * (copies @ deviation**2)))


def _shares(counts: FloatArray) -> FloatArray:
    return divide(counts, counts.sum(axis=-1, keepdims=True))


def _distances(counts: FloatArray) -> FloatArray:
    """Return [..., G]: half the sum of absolute differences from everybody, of counts [..., G, K]."""
    everybody = _shares(counts.sum(axis=-2, keepdims=True))
    return np.asarray(np.abs(_shares(counts) - everybody).sum(axis=-1) / 2)


def _mean(distances: FloatArray, rows: FloatArray) -> FloatArray:
    """Return [...]: distances [..., G] averaged over rows [..., G]; groups without rows weigh nothing."""
    return divide((np.nan_to_num(distances) * rows).sum(axis=-1), rows.sum(axis=-1))


def _label_sets(n_labels: int) -> FloatArray:
    """Return indicators [2^(K-1) - 1, K] of the sets of labels without the first: of each pair of complements one."""
    codes = np.arange(1, 1 << (n_labels - 1))
    return np.column_stack([np.zeros(len(codes)), (codes[:, None] >> np.arange(n_labels - 1)) & 1])
