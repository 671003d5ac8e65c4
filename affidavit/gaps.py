"""Gaps between groups, printed beside the gap that chance alone gives.

A gap is max - min over groups (or min / max), of one statistic or of one per class and combined by max or mean. Its
interval comes from simultaneous pairwise intervals, never from percentiles of the resampled gap, which are centred on
an already biased value (methods 6.4). Groups that cannot be compared are named, not dropped in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as t_distribution

from affidavit.confusion import FloatArray, Statistic
from affidavit.evidence import Evidence
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import DetectableEffect, Estimate, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.equality_null import gaussian_gap_null
from affidavit.statistics.gaps import max_min_gap, min_max_ratio
from affidavit.statistics.jackknife import jackknife_covariance
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.statistics.ratio import ratio_bounds
from affidavit.statistics.simultaneous import (
    PairwiseBounds,
    gap_bounds_max,
    gap_bounds_mean,
    simultaneous_differences,
)

GAUSSIAN_DRAWS: Final = 4000
MIN_P: Final = 1e-12
"""No p-value is printed smaller: the t distribution is no better known than that."""


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
class Component:
    """One statistic over the groups in which it can be compared."""

    measured: Measured
    compared: NDArray[np.int64]
    """Indices of the groups that are compared."""

    @property
    def covariance(self) -> FloatArray:
        """Sampling covariance of the compared groups' values."""
        errors = self.measured.believable_error()[self.compared]
        if self.measured.evidence.grouped.nested:
            return np.diag(errors**2)
        return _joint_covariance(self.measured, self.compared, errors)

    @property
    def degrees_of_freedom(self) -> FloatArray:
        """Degrees of freedom of the compared groups."""
        return self.measured.degrees_of_freedom[self.compared]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGap:
    """A gap over one family of groups."""

    kind: GapKind
    evidence: Evidence
    components: tuple[Component, ...]
    value: float
    left_out: tuple[str, ...]
    """Groups too small to be compared."""

    @property
    def defined(self) -> bool:
        """Whether two groups could be compared."""
        return not np.isnan(self.value)

    def interval(self, level: float) -> Interval | Reason:
        """Return simultaneous bounds of the true gap at this level, or the reason why there are none."""
        if not self.defined:
            return "fewer than two groups can be compared"
        if self.kind.scale == "ratio":
            return self._ratio_interval(level)
        bounded = all(component.measured.bounded for component in self.components)
        combine = gap_bounds_mean if self.kind.combine == "mean" else gap_bounds_max
        bounds = combine([self._pairwise(c, level) for c in self.components], largest=1.0 if bounded else None)
        if np.isnan(bounds.low) or np.isnan(bounds.high):
            return "a compared group gives no standard error"
        return Interval(
            low=float(bounds.low),
            high=float(bounds.high),
            level=level,
            method="simultaneous pairwise t over units",
        )

    def _pairwise(self, component: Component, level: float) -> PairwiseBounds:
        return simultaneous_differences(
            component.measured.value[component.compared],
            covariance=component.covariance,
            degrees_of_freedom=component.degrees_of_freedom,
            level=level,
            n_families=len(self.components),
        )

    def _ratio_interval(self, level: float) -> Interval:
        bounds = [
            ratio_bounds(
                component.measured.value[component.compared],
                covariance=component.covariance,
                degrees_of_freedom=component.degrees_of_freedom,
                level=level,
                n_families=len(self.components),
            )
            for component in self.components
        ]
        # The least of jointly covered ratios lies between the least of the lows and the least of the highs.
        return Interval(
            low=float(min(each.low for each in bounds)),
            high=float(min(each.high for each in bounds)),
            level=level,
            method="simultaneous pairwise Fieller over units",
        )

    def estimate(self, level: float, *, has_units: bool) -> Estimate:
        """Return the estimate of the gap; n and units are those of the compared groups."""
        interval = self.interval(level)
        compared = sorted({int(group) for component in self.components for group in component.compared})
        grouped = self.evidence.grouped
        taking_part = np.isin(grouped.group, compared)
        units = int(grouped.units()[compared].sum()) if grouped.nested else len(np.unique(grouped.unit[taking_part]))
        return Estimate(
            value=self.value if self.defined else None,
            interval=interval if isinstance(interval, Interval) else None,
            why_no_interval=interval if isinstance(interval, str) else None,
            n=int(grouped.rows()[compared].sum()),
            n_clusters=units if has_units else None,
        )

    def null_draws(self) -> tuple[FloatArray, bool, str] | None:
        """Return draws of the gap when all groups are equal, whether they are exhaustive, and how they were made."""
        if not self.defined:
            return None
        permuted = self.evidence.permuted
        if permuted is None:
            return self._gaussian_draws()
        gaps = [
            self.kind.over_groups(
                component.measured.statistic.value(permuted.sums, component.measured.reference)[:, component.compared]
            )
            for component in self.components
        ]
        how = "all arrangements of units" if permuted.exact else f"{len(permuted.sums)} permutations of units"
        return self.kind.combined(np.stack(gaps, axis=-1)), permuted.exact, how

    def _gaussian_draws(self) -> tuple[FloatArray, bool, str] | None:
        if self.kind.scale == "ratio":
            return None
        rng = np.random.default_rng([self.evidence.seed, 2])
        draws = [
            gaussian_gap_null(
                component.covariance,
                n_draws=GAUSSIAN_DRAWS,
                rng=rng,
                degrees_of_freedom=component.degrees_of_freedom,
            )
            for component in self.components
        ]
        return self.kind.combined(np.stack(draws, axis=-1)), False, f"{GAUSSIAN_DRAWS} Gaussian draws"

    def against_chance(self) -> tuple[NullExpectation, SignificanceTest | None] | tuple[None, None]:
        """Return what chance alone gives (mean, and 95 % quantile; 5 % for ratios) and the test of no gap at all.

        A ratio has no test of its own: its null hypothesis is that of the difference.
        """
        drawn = self.null_draws()
        if drawn is None or np.isnan(drawn[0]).all():
            return None, None
        gaps, exact, how = drawn
        known = gaps[~np.isnan(gaps)]
        tail = 0.95 if self.kind.scale == "difference" else 0.05
        expected = NullExpectation(value=float(known.mean()), high=float(np.quantile(known, tail)), method=how)
        return expected, None if self.kind.scale == "ratio" else self._test(gaps, how, exact=exact)

    def _test(self, gaps: FloatArray, how: str, *, exact: bool) -> SignificanceTest:
        """Test by all arrangements of units where they can be listed, else by permutation and pairwise t together.

        Random permutations of the plain gap end at 1 / (B + 1) and let small noisy groups hide a gap between large
        ones; the pairwise t behind the interval does neither, and is less exact. Twice the smaller of two valid
        p-values is valid (Bonferroni), whatever their dependence.
        """
        p_value = permutation_p_value(self.value, gaps, exact=exact)
        if not exact:
            p_value, how = 2 * min(p_value, self._pairwise_p_value()), f"{how}, and pairwise t, Bonferroni over both"
        return SignificanceTest(null="every group is the same", p_value=min(p_value, 1.0), method=how)

    def _pairwise_p_value(self) -> float:
        """Return the level at which the first simultaneous pairwise interval excludes zero (Dunn 1961)."""
        least = 1.0
        for component in self.components:
            pairs = self._pairwise(component, 0.95)
            df = component.degrees_of_freedom
            t_values = np.abs(pairs.difference) / pairs.standard_error
            p_values = 2 * t_distribution.sf(t_values, np.minimum(df[pairs.i], df[pairs.j]))
            least = min(least, float(np.nanmin(p_values, initial=1.0)) * len(pairs.i) * len(self.components))
        return max(least, MIN_P)

    def extremes(self) -> tuple[str, str] | None:
        """Return the names of the groups with the highest and the lowest value, of the component that made the gap."""
        if not self.defined or self.kind.combine == "mean":
            return None
        gaps = [float(self.kind.over_groups(c.measured.value[c.compared])) for c in self.components]
        decisive = self.components[gaps.index(max(gaps) if self.kind.scale == "difference" else min(gaps))]
        values = decisive.measured.value[decisive.compared]
        names = [", ".join(self.evidence.grouped.groups[g].values()) for g in decisive.compared]
        return names[int(values.argmax())], names[int(values.argmin())]

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
        options, worst = self.evidence.options, 0.0
        for component in self.components:
            pairs = self._pairwise(component, level)
            if len(pairs.i) == 0:
                continue
            widest = int(np.argmax(pairs.standard_error))
            df = min(component.degrees_of_freedom[pairs.i[widest]], component.degrees_of_freedom[pairs.j[widest]])
            alpha = (1 - level) / (len(pairs.i) * len(self.components))
            effect = minimum_detectable_effect(
                pairs.standard_error[widest], degrees_of_freedom=df, alpha=alpha, power=options.power
            )
            worst = max(worst, float(effect))
        largest = 1.0 if all(component.measured.bounded for component in self.components) else np.inf
        if not 0.0 < worst < largest:  # no gap there can be would be found: `undetectable` says so in words
            return None
        return DetectableEffect(
            value=worst,
            power=options.power,
            alpha=1 - level,
            method="t, least measured pair, all pairs declared",
        )


def measure_gap(evidence: Evidence, statistics: Sequence[Statistic], kind: GapKind) -> MeasuredGap:
    """Measure the gap of one statistic, or of one per class, over the groups of a family."""
    components = [component for s in statistics if (component := _component(evidence, s)) is not None]
    left_out = tuple(
        ", ".join(group.values())
        for g, group in enumerate(evidence.grouped.groups)
        if not any(g in component.compared for component in components)
    )
    gaps = [kind.over_groups(component.measured.value[component.compared]) for component in components]
    known = [float(gap) for gap in gaps if not np.isnan(gap)]
    value = float(kind.combined(np.array(known))) if known else float("nan")
    kept = tuple(c for c, gap in zip(components, gaps, strict=True) if not np.isnan(gap))
    return MeasuredGap(kind=kind, evidence=evidence, components=kept, value=value, left_out=left_out)


def _component(evidence: Evidence, statistic: Statistic) -> Component | None:
    measured = measure(evidence, statistic)
    compared = _comparable(measured)
    if statistic.common is not None and len(compared):
        reference = np.zeros_like(evidence.totals)
        reference[compared] = statistic.common(evidence.totals[compared])
        measured = measure(evidence, statistic, reference)
        compared = _comparable(measured)
    return Component(measured=measured, compared=compared) if len(compared) >= 2 else None


def _comparable(measured: Measured) -> NDArray[np.int64]:
    known = ~np.isnan(measured.value) & ~np.isnan(measured.believable_error())
    return np.flatnonzero(known & (measured.n_units >= measured.evidence.options.compared_units))


def _joint_covariance(measured: Measured, compared: NDArray[np.int64], errors: FloatArray) -> FloatArray:
    """Return the covariance where a unit may be in several groups."""
    grouped = measured.evidence.grouped
    left_out = np.tile(measured.value, (grouped.n_units, 1))
    member = np.zeros(left_out.shape, dtype=bool)
    rows = measured.taking_part
    left_out[grouped.unit[rows], grouped.group[rows]] = measured.leave_one_out[rows]
    member[grouped.unit[rows], grouped.group[rows]] = True
    covariance = jackknife_covariance(left_out[:, compared], member[:, compared])
    diagonal = np.diag(covariance).copy()
    covariance[np.diag_indices_from(covariance)] = np.where(diagonal > 0, diagonal, errors**2)
    return covariance
