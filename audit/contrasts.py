"""Signed differences between two groups, with bounds that hold for all pairs and parts at once.

A gap has lost its sign; a difference between two groups keeps it. Its bounds are made at level 1 - alpha over the
number of pairs and parts declared (Bonferroni), so a pair picked after looking is as well covered as any other.
Groups that share no unit are bounded by MOVER from each group's own bounds, others by t on their joint jackknife.

Where all units of a group have the very same value, its mean is bounded by how many units that differ could have been
missed (Clopper, Pearson 1934), each as far off as the statistic allows: no spread seen is not none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affidavit.comparisons import Comparison
from affidavit.confusion import FloatArray, Statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import DetectableEffect, Estimate, Interval
from affidavit.statistics.mover import mover_difference_bounds
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.statistics.simultaneous import simultaneous_differences
from affidavit.statistics.small_samples import degenerate_rate_bounds, t_bounds
from affidavit.statistics.types import Bounds
from affidavit.tally import GroupedSums

NO_ERROR = "a compared group gives no standard error"


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrasts:
    """One statistic in the groups that are compared, and the differences between them."""

    measured: Measured
    compared: NDArray[np.int64]
    """Indices of the groups."""
    n_parts: int = 1
    """Statistics whose differences must hold together with these."""

    @cached_property
    def n_intervals(self) -> int:
        """How many intervals hold together: all pairs of compared groups, for every part."""
        return len(self.compared) * (len(self.compared) - 1) // 2 * self.n_parts

    def difference(self, first: int, second: int) -> float:
        """Return the value of one compared group less that of another (positions among `compared`)."""
        values = self._comparison.values
        return float(values[first] - values[second])

    def interval(self, first: int, second: int, level: float) -> Interval | Reason:
        """Return the bounds of that difference, simultaneous over pairs and parts."""
        low, high = self._bounds((1 - level) / self.n_intervals)
        i, j = min(first, second), max(first, second)
        n = len(self.compared)
        pair = i * n - i * (i + 1) // 2 + j - i - 1
        ends = (low[pair], high[pair]) if first < second else (-high[pair], -low[pair])
        if np.isnan(ends).any():
            return NO_ERROR
        width = self._width
        over = f", simultaneous over {self.n_intervals}" if self.n_intervals > 1 else ""
        how = "MOVER over units" if self._comparison.independent else "t over units"
        return Interval(
            low=max(float(ends[0]), -width), high=min(float(ends[1]), width), level=level, method=f"{how}{over}"
        )

    def estimate(self, first: int, second: int, level: float, *, has_units: bool) -> Estimate:
        """Return the estimate of that difference; n and units are those of the two groups."""
        interval = self.interval(first, second, level)
        groups = self.compared[[first, second]]
        grouped = self.measured.evidence.grouped
        taking_part = np.isin(grouped.group, groups)
        n_units = int(grouped.units()[groups].sum()) if grouped.nested else len(np.unique(grouped.unit[taking_part]))
        return estimate_of(
            self.difference(first, second),
            interval,
            n=int(grouped.rows()[groups].sum()),
            n_units=n_units if has_units else None,
        )

    def detectable(self, first: int, second: int, level: float) -> DetectableEffect | None:
        """Return the smallest difference between the two that would be found, None where no errors are known."""
        covariance, pair = self._comparison.covariance, [first, second]
        variance = covariance[pair, pair]
        joint = float(variance.sum() - 2 * covariance[first, second])
        if not joint > 0:
            return None
        df = float(self._comparison.degrees_of_freedom[pair].min())
        alpha, power = (1 - level) / self.n_intervals, self.measured.evidence.options.power
        effect = float(minimum_detectable_effect(joint**0.5, degrees_of_freedom=df, alpha=alpha, power=power))
        if not 0 < effect < self._width:
            return None
        return DetectableEffect(value=effect, power=power, alpha=1 - level, method="t, all pairs and parts declared")

    @cached_property
    def _comparison(self) -> Comparison:
        return Comparison(measured=self.measured, compared=self.compared)

    @property
    def _width(self) -> float:
        statistic = self.measured.statistic
        return np.inf if statistic.high is None else statistic.high - statistic.low

    def _bounds(self, alpha: float) -> Bounds:
        comparison = self._comparison
        if comparison.independent:
            own = comparison.group_bounds(alpha) if self.measured.bounded else own_bounds(self, alpha)
            return mover_difference_bounds(comparison.values, own)
        pairs = simultaneous_differences(
            comparison.values,
            covariance=comparison.covariance,
            degrees_of_freedom=comparison.degrees_of_freedom,
            level=1 - min(alpha * self.n_intervals / self.n_parts, 0.999999),
        )
        return Bounds(pairs.low, pairs.high)


def own_bounds(contrasts: Contrasts, alpha: float) -> Bounds:
    """Return each compared group's bounds at level 1 - alpha: t, or how far units that were not met could move it."""
    measured, groups = contrasts.measured, contrasts.compared
    value, error = measured.value[groups], measured.standard_error[groups]
    spread = t_bounds(value, error, degrees_of_freedom=measured.degrees_of_freedom[groups], level=1 - alpha)
    agreeing = agreeing_bounds(measured, groups, 1 - alpha)
    return Bounds(
        np.where(error == 0, agreeing.low, spread.low),
        np.where(error == 0, agreeing.high, spread.high),
    )


def agreeing_bounds(measured: Measured, groups: NDArray[np.int64], level: float) -> Bounds:
    """Return bounds of means over units that all have one value v, in a statistic that is never outside [a, b].

    With m units alike, at most a share c = 1 - (alpha/2)^(1/m) differs; so the mean lies in v (1 - c) + c [a, b].

    Source: Clopper, Pearson 1934 for c; the rest is arithmetic.
    """
    low, high = measured.statistic.low, measured.statistic.high
    missed = degenerate_rate_bounds(0.0, n_units=measured.n_units[groups], level=level).high
    value = measured.value[groups]
    top = np.full(len(groups), np.nan) if high is None else value * (1 - missed) + missed * high
    return Bounds(value * (1 - missed) + missed * low, top)


def signed_interval(measured: Measured, group: int, level: float) -> Interval | Reason:
    """Return one group's own interval, also where its units all agree."""
    if measured.standard_error[group] != 0 or measured.n_units[group] < 2 or np.isnan(measured.value[group]):
        return measured.interval(group, level)
    bounds = agreeing_bounds(measured, np.array([group]), level)
    low, high = float(bounds.low[0]), float(bounds.high[0])
    if np.isnan([low, high]).any():
        return measured.interval(group, level)
    return Interval(low=low, high=high, level=level, method="Clopper-Pearson over units that all agree")


def signed_estimate(measured: Measured, group: int, level: float, *, has_units: bool) -> Estimate:
    """Return one group's estimate with `signed_interval`."""
    interval, value = signed_interval(measured, group, level), measured.value[group]
    return estimate_of(
        None if np.isnan(value) else float(value),
        interval,
        n=int(measured.n_rows[group]),
        n_units=int(measured.n_units[group]) if has_units else None,
    )


def contrasts_of(evidence: Evidence, statistics: tuple[Statistic, ...]) -> tuple[Contrasts, ...]:
    """Compare several statistics over one set of groups: those that have the units and the classes for every one.

    Averages of recalls run over the classes that each compared group has.
    """
    first = [measure(evidence, statistic) for statistic in statistics]
    compared = np.flatnonzero(np.all([_usable(m) for m in first], axis=0))
    common = statistics[0].common
    if common is not None and len(compared):
        reference = np.zeros_like(evidence.totals)
        reference[compared] = common(evidence.totals[compared])
        first = [measure(evidence, statistic, reference) for statistic in statistics]
        compared = np.flatnonzero(np.all([_usable(m) for m in first], axis=0))
    return tuple(Contrasts(measured=m, compared=compared, n_parts=len(statistics)) for m in first)


def _usable(measured: Measured) -> NDArray[np.bool_]:
    known = ~np.isnan(measured.value) & ~np.isnan(measured.standard_error)
    return np.asarray(known & (measured.n_units >= measured.evidence.options.compared_units))


def against_others(evidence: Evidence, group: int) -> Evidence:
    """Return evidence of two groups, one and everybody else, from the same sums."""
    grouped = evidence.grouped
    side = (grouped.group != group).astype(np.int64)
    groups = (grouped.groups[group], dict.fromkeys(grouped.groups[group], "everybody else"))
    if grouped.nested:
        return regrouped(evidence, replace(grouped, group=side, groups=groups))
    pair, row = np.unique(grouped.unit * 2 + side, return_inverse=True)
    sums = np.zeros((len(pair), grouped.sums.shape[1]))
    np.add.at(sums, row, grouped.sums)
    n_rows = np.bincount(row, weights=grouped.n_rows, minlength=len(pair)).astype(np.int64)
    folded = GroupedSums(
        sums=sums,
        n_rows=n_rows,
        unit=pair // 2,
        group=pair % 2,
        n_units=grouped.n_units,
        groups=groups,
        weighted=grouped.weighted,
    )
    return regrouped(evidence, folded)


def regrouped(evidence: Evidence, grouped: GroupedSums) -> Evidence:
    """Return evidence of other groups over the same units."""
    return Evidence(
        grouped=grouped,
        options=evidence.options,
        resampler=evidence.resampler,
        seed=evidence.seed,
        shufflers=evidence.shufflers,
    )


def selected_pair_null(contrasts: tuple[Contrasts, ...], decisive: Contrasts) -> tuple[FloatArray, str] | None:
    """Return draws [B, P] of the parts' differences between the extreme groups when every group is the same, and how.

    In each draw the pair is chosen anew, highest and lowest of `decisive`, as it was in the table. Units are dealt anew
    to groups; where they cannot be, replicates are moved to a common value (Davison, Hinkley 1997, section 4.4).
    """
    evidence, compared = decisive.measured.evidence, decisive.compared
    dealt = evidence.permuted
    if dealt is not None:
        sums = dealt.sums[:, compared]
        totals = _values(decisive, sums)
        if np.isnan(totals).any(axis=1).mean() <= 0.01:
            how = "all arrangements of units" if dealt.exact else f"{len(totals)} permutations of units"
            return _between_extremes([_values(c, sums) for c in contrasts], totals), how
    sums = evidence.replicates[:, compared]
    draws = _between_extremes([_moved(c, sums) for c in contrasts], _moved(decisive, sums))
    if len(draws) < len(sums) / 2:
        return None
    return draws, f"{len(draws)} bootstrap draws around equality"


def _values(contrasts: Contrasts, sums: FloatArray) -> FloatArray:
    measured = contrasts.measured
    return measured.statistic.value(sums, measured.reference[contrasts.compared])


def _moved(contrasts: Contrasts, sums: FloatArray) -> FloatArray:
    units = contrasts.measured.n_units[contrasts.compared]
    centred = _values(contrasts, sums) - contrasts.measured.value[contrasts.compared]
    return np.asarray(centred * np.sqrt(units / (units - 1)))


def _between_extremes(parts: list[FloatArray], totals: FloatArray) -> FloatArray:
    """Return [B', P]: each part at the group with the highest total less at the lowest; draws without totals left."""
    known = ~np.isnan(totals).any(axis=1)
    rows = np.arange(int(known.sum()))
    highest, lowest = totals[known].argmax(axis=1), totals[known].argmin(axis=1)
    draws = np.stack([part[known][rows, highest] - part[known][rows, lowest] for part in parts], axis=1)
    return np.asarray(draws[~np.isnan(draws).any(axis=1)])
