"""Gaps between groups, printed beside the gap that chance alone gives.

A gap is max - min over groups (or min / max), of one statistic or of one per class and combined by max or mean. Its
interval comes from simultaneous pairwise intervals, never from percentiles of the resampled gap, which are centred on
an already biased value. Its p-value is the level at which that interval first excludes no gap, together
with a permutation of units. Groups that cannot be compared are named, not dropped in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from affidavit.comparisons import Comparison, compare
from affidavit.confusion import FloatArray, Statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums, IntArray
from affidavit.intervals import Reason
from affidavit.records import DetectableEffect, Estimate, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.gaps import max_min_gap, min_max_ratio
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.statistics.simultaneous import gap_bounds_max, gap_bounds_mean

MIN_LOG_P: Final = -12
"""No p-value is printed below ten to this power: the t distribution is no better known than that."""
BISECTIONS: Final = 14
"""Steps from 1 down to the least p-value: a resolution of a thousandth of a decade."""
LOST_PERMUTATIONS: Final = 0.01
"""Above this share of permutations that leave a group without a class, permutations do not speak."""
LOST_RESAMPLES: Final = 0.5
TOO_FEW: Final = "fewer than two groups can be compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapKind:
    """How a gap is made of its components."""

    name: str
    scale: Literal["difference", "ratio"]
    combine: Literal["max", "mean"] = "max"

    def over_groups(self, values: FloatArray) -> FloatArray:
        """Return the gap over the last axis."""
        return max_min_gap(values) if self.scale == "difference" else min_max_ratio(values)

    def combined(self, gaps: FloatArray) -> FloatArray:
        """Combine components (last axis) into one number; the worst of ratios is the least."""
        if self.combine == "mean":
            return np.asarray(gaps.mean(axis=-1))
        return np.asarray(gaps.max(axis=-1) if self.scale == "difference" else gaps.min(axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """Draws of the gap when every group is the same."""

    gaps: FloatArray
    how: str
    permuted: bool
    exact: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredGap:
    """A gap over one family of groups."""

    kind: GapKind
    evidence: Evidence
    components: tuple[Comparison, ...]
    value: float
    left_out: tuple[str, ...]
    """Groups that the gap cannot speak for, with the class in brackets where it is only one."""

    @property
    def defined(self) -> bool:
        """Whether two groups could be compared."""
        return not np.isnan(self.value)

    @property
    def n_pairs(self) -> int:
        """Pairs over all components: the intervals that must hold together."""
        return sum(component.n_pairs for component in self.components)

    def interval(self, level: float) -> Interval | Reason:
        """Return simultaneous bounds of the true gap at this level, or the reason why there are none."""
        if not self.defined:
            return TOO_FEW
        method = "simultaneous pairwise MOVER over units" if self._independent else "simultaneous pairwise t over units"
        low, high = self._bounds((1 - level) / self.n_pairs)
        return gap_interval(low, high, level=level, method=method)

    def _bounds(self, alpha: float) -> tuple[float, float]:
        """Return bounds of the gap from pairs each bounded at level 1 - alpha."""
        if self.kind.scale == "ratio":  # the least of ratios lies between the least low and the least high
            ends = [component.least_ratio(alpha) for component in self.components]
            return min(low for low, _ in ends), min(high for _, high in ends)
        combine = gap_bounds_mean if self.kind.combine == "mean" else gap_bounds_max
        bounds = combine([c.differences(alpha) for c in self.components], largest=1.0 if self._bounded else None)
        return float(bounds.low), float(bounds.high)

    @property
    def _bounded(self) -> bool:
        return all(component.measured.bounded for component in self.components)

    @property
    def _independent(self) -> bool:
        return all(component.independent for component in self.components)

    def estimate(self, level: float, *, has_units: bool) -> Estimate:
        """Return the estimate of the gap; n and units are those of the compared groups."""
        compared = sorted({int(group) for component in self.components for group in component.compared})
        return gap_estimate(self.value, self.interval(level), self.evidence.grouped, compared, has_units=has_units)

    @cached_property
    def null(self) -> Null | None:
        """The gap when every group is the same: units dealt anew, or resampled around equality where they cannot be."""
        if not self.defined:
            return None
        permuted = self._permuted()
        return permuted if permuted is not None else self._resampled()

    def _permuted(self) -> Null | None:
        dealt = self.evidence.permuted
        if dealt is None:
            return None
        gaps = self.kind.combined(
            np.stack([self.kind.over_groups(self._values(c, dealt.sums)) for c in self.components], axis=-1)
        )
        if np.isnan(gaps).mean() > LOST_PERMUTATIONS:
            return None
        how = "all arrangements of units" if dealt.exact else f"{len(gaps)} permutations of units"
        return Null(gaps=gaps, how=how, permuted=True, exact=dealt.exact)

    def _resampled(self) -> Null | None:
        """Return replicates moved to a common value, jointly over classes (Davison, Hinkley 1997, section 4.4)."""
        draws = []
        for component in self.components:
            units = component.measured.n_units[component.compared]
            moved = (self._values(component, self.evidence.replicates) - component.values) * np.sqrt(
                units / (units - 1)
            )
            common = np.average(component.values, weights=units) if self.kind.scale == "ratio" else 0.0
            draws.append(self.kind.over_groups(np.maximum(common + moved, 0.0) if common else moved))
        gaps = self.kind.combined(np.stack(draws, axis=-1))
        known = gaps[~np.isnan(gaps)]
        if len(known) < (1 - LOST_RESAMPLES) * len(gaps):
            return None
        return Null(gaps=known, how=f"{len(known)} bootstrap draws around equality", permuted=False)

    @staticmethod
    def _values(component: Comparison, sums: FloatArray) -> FloatArray:
        reference = component.measured.reference[component.compared]
        return component.measured.statistic.value(sums[:, component.compared], reference)

    def null_expectation(self) -> NullExpectation | None:
        """Return what chance alone gives: the mean, and the 95 % quantile (for ratios 5 %)."""
        if self.null is None:
            return None
        known = self.null.gaps[~np.isnan(self.null.gaps)]
        tail = 0.95 if self.kind.scale == "difference" else 0.05
        return NullExpectation(value=float(known.mean()), high=float(np.quantile(known, tail)), method=self.null.how)

    def test(self) -> SignificanceTest | None:
        """Test that every group is the same; None for a ratio, whose null hypothesis is that of the difference.

        All arrangements of units where they can be listed. Else twice the smaller of two valid p-values, which is valid
        whatever their dependence (Bonferroni): random permutations of the plain gap, which end at 1 / (B + 1) and let
        small noisy groups hide a gap between large ones; and the pairwise bounds, which do neither. Where units cannot
        be dealt anew, or that leaves groups without a class, the pairwise bounds alone.
        """
        if not self.defined or self.kind.scale == "ratio":
            return None
        null = self.null
        if null is None or not null.permuted:
            p_value, how = self.pairwise_p_value(), "pairwise bounds"
        else:
            p_value, how = permutation_p_value(self.value, null.gaps, exact=null.exact), null.how
            if not null.exact:
                p_value, how = 2 * self.pairwise_p_value(below=p_value), f"{how} and pairwise bounds, Bonferroni"
        return SignificanceTest(null="every group is the same", p_value=min(p_value, 1.0), method=how)

    def pairwise_p_value(self, *, below: float = 1.0) -> float:
        """Return the level at which the simultaneous pairwise bounds first exclude no gap (Dunn 1961), by bisection.

        Only a level under `below` is looked for; where there is none, `below` itself comes back.
        """
        start = max(float(np.log10(below)), float(MIN_LOG_P))
        if not self._excludes_none(start):
            return below
        if self._excludes_none(MIN_LOG_P):
            return float(10.0**MIN_LOG_P)
        excluded, included = start, float(MIN_LOG_P)
        for _ in range(BISECTIONS):
            middle = (excluded + included) / 2
            excluded, included = (middle, included) if self._excludes_none(middle) else (excluded, middle)
        return float(10.0**excluded)

    def _excludes_none(self, log_alpha: float) -> bool:
        alpha = min(10.0**log_alpha, 0.999) / self.n_pairs
        return any(bool(np.any((p.low > 0) | (p.high < 0))) for c in self.components for p in [c.differences(alpha)])

    def decisive(self) -> Comparison | None:
        """Return the component that made the gap; None for a mean over classes, which all of them made."""
        if not self.defined or self.kind.combine == "mean":
            return None
        gaps = [float(self.kind.over_groups(component.values)) for component in self.components]
        return self.components[gaps.index(max(gaps) if self.kind.scale == "difference" else min(gaps))]

    def extremes(self) -> tuple[str, str] | None:
        """Return the names of the groups with the highest and the lowest value of the decisive component."""
        if (decisive := self.decisive()) is None or np.ptp(decisive.values) == 0:
            return None
        return extreme_groups(self.evidence, decisive.compared, decisive.values)

    @property
    def undetectable(self) -> str | None:
        """Say that even the largest gap could not be found between the least measured groups, where that is so."""
        if not self.defined or self.kind.scale == "ratio" or self.detectable(self.evidence.options.level) is not None:
            return None
        return "the least measured groups are too few units for any gap between them to be found"

    def detectable(self, level: float) -> DetectableEffect | None:
        """Return the smallest difference between the two least measured groups that would be found."""
        if not self.defined or self.kind.scale == "ratio":
            return None
        alpha, power = (1 - level) / self.n_pairs, self.evidence.options.power
        worst = max(_worst_effect(component, alpha, power) for component in self.components)
        if not 0.0 < worst < (1.0 if self._bounded else np.inf):  # `undetectable` says so in words
            return None
        return DetectableEffect(
            value=worst, power=power, alpha=1 - level, method="t, least measured pair, all pairs declared"
        )


def gap_interval(low: float, high: float, *, level: float, method: str) -> Interval | Reason:
    """Return bounds of a gap as an interval; a reason where there are none, NaN."""
    if np.isnan(low) or np.isnan(high):
        return "a compared group gives no standard error"
    return Interval(low=float(low), high=float(high), level=level, method=method)


def gap_estimate(
    value: float, interval: Interval | Reason, grouped: GroupedSums, compared: Sequence[int], *, has_units: bool
) -> Estimate:
    """Return the estimate of a gap, NaN where it is undefined; n and units are those of the compared groups."""
    compared = list(compared)
    taking_part = np.isin(grouped.group, compared)
    units = int(grouped.units()[compared].sum()) if grouped.nested else len(np.unique(grouped.unit[taking_part]))
    n = int(grouped.rows()[compared].sum())
    return estimate_of(value, interval, n=n, n_units=units if has_units else None)


def extreme_groups(evidence: Evidence, compared: Sequence[int] | IntArray, values: FloatArray) -> tuple[str, str]:
    """Return the names of the groups with the highest and the lowest of the compared values."""
    return (
        group_label(evidence, int(compared[int(values.argmax())])),
        group_label(evidence, int(compared[int(values.argmin())])),
    )


def _worst_effect(component: Comparison, alpha: float, power: float) -> float:
    pairs = component.differences(alpha)
    widest = int(np.argmax(pairs.standard_error))
    df = pairs.degrees_of_freedom[widest]
    error = pairs.standard_error[widest]
    return float(minimum_detectable_effect(error, degrees_of_freedom=df, alpha=alpha, power=power))


def measure_gap(evidence: Evidence, statistics: Sequence[Statistic], kind: GapKind) -> MeasuredGap:
    """Measure the gap of one statistic, or of one per class, over the groups of a family."""
    comparisons = [compare(evidence, statistic) for statistic in statistics]
    gaps = [float(kind.over_groups(c.values)) if len(c.compared) > 1 else float("nan") for c in comparisons]
    kept = [(c, gap) for c, gap in zip(comparisons, gaps, strict=True) if not np.isnan(gap)]
    value = float(kind.combined(np.array([gap for _, gap in kept]))) if kept else float("nan")
    components = tuple(component for component, _ in kept)
    return MeasuredGap(
        kind=kind,
        evidence=evidence,
        components=components,
        value=value,
        left_out=_left_out(evidence, comparisons, components),
    )


def _left_out(evidence: Evidence, comparisons: Sequence[Comparison], kept: Sequence[Comparison]) -> tuple[str, ...]:
    """Return the groups in no component, then the pairs of group and class that have rows and are not compared."""
    names = [group_label(evidence, g) for g in range(len(evidence.grouped.groups))]
    spoken_for = {int(group) for component in kept for group in component.compared}
    wholly = [name for g, name in enumerate(names) if g not in spoken_for]
    partly = [
        f"{names[g]} ({comparison.measured.statistic.label})"
        for comparison in comparisons
        if comparison.measured.statistic.label is not None
        for g in sorted(spoken_for)
        if comparison.measured.n_rows[g] > 0 and (comparison not in kept or g not in comparison.compared)
    ]
    return (*wholly, *dict.fromkeys(partly))


def group_label(evidence: Evidence, group: int) -> str:
    """Return a group's name: its levels."""
    return ", ".join(evidence.grouped.groups[group].values())
