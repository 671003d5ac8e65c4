"""Gaps between groups from sums alone: the widest difference, simultaneous bounds, what chance gives, a test.

As `affidavit.gaps` does it from patients, with what sums allow: pairs are bounded at once (MOVER from each group's own
logit t interval; t with joint covariance where a patient is in several groups), the gap that chance gives is drawn from
the normal distribution of the estimates around equality, and the test is the level at which the bounds first exclude no
gap. A permutation deals patients to groups anew, which sums cannot: there is none. A group of which sites withheld
some is compared by all that it can be (`federated.pooled.gap_bounds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affidavit.gaps import BISECTIONS, MIN_LOG_P, TOO_FEW, gap_interval
from affidavit.plan import Statistics
from affidavit.records import DetectableEffect, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.gaps import max_min_gap
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.statistics.simultaneous import gap_bounds_max
from federated.pooled.estimates import covariance
from federated.pooled.gap_components import Component, GapSetting, component
from federated.pooled.measures import Measure
from federated.pooled.sums import BlockSums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledGap:
    """The widest difference between groups, of one metric or of one for each label."""

    name: str
    block: BlockSums
    components: tuple[Component, ...]
    left_out: tuple[str, ...]
    statistics: Statistics
    seed: int

    @property
    def defined(self) -> bool:
        """Whether two groups could be compared."""
        return bool(self.components)

    @cached_property
    def value(self) -> float:
        """The gap; NaN where fewer than two groups can be compared; the middle of `span` where sites withheld some."""
        return sum(self.span) / 2 if self.defined else float("nan")

    @cached_property
    def span(self) -> tuple[float, float]:
        """The smallest and the largest gap of any completion of what sites withheld; equal where all is told."""
        ends = [each.ends for each in self.components]
        return max(each.least for each in ends), max(each.most for each in ends)

    @cached_property
    def withheld_by(self) -> tuple[str, ...]:
        """Sites that withheld some of a compared group."""
        found = {
            site
            for each in self.components
            for i in each.withheld
            for site in each.between[int(each.compared[i])].sites
        }
        return tuple(sorted(found))

    @property
    def n_pairs(self) -> int:
        """Intervals that must hold together."""
        return sum(each.n_pairs for each in self.components)

    @cached_property
    def compared(self) -> tuple[int, ...]:
        """Groups that are in the gap."""
        return tuple(sorted({int(g) for each in self.components for g in each.compared}))

    def interval(self, level: float) -> Interval | str:
        """Return simultaneous bounds of the true gap, or the reason why there are none."""
        if not self.defined:
            return TOO_FEW
        alpha = (1 - level) / self.n_pairs
        bounds = gap_bounds_max([each.differences(alpha) for each in self.components], largest=1.0)
        kind = "t" if self.block.block.joint else "MOVER"
        method = f"simultaneous pairwise linearised {kind} over patients"
        if self.withheld_by:
            n = len(self.withheld_by)
            method = f"bounds over what {n} site{'s' if n > 1 else ''} withheld, widened by {method}"
        return gap_interval(float(bounds.low), float(bounds.high), level=level, method=method)

    def extremes(self) -> tuple[str, str] | None:
        """Return the groups with the highest and the lowest value of the decisive metric, where that is sure."""
        if not self.defined or self.value == 0:
            return None
        widest = self.decisive
        names = [group_name(self.block, int(g)) for g in widest.compared]
        outermost = widest.ends.outermost()
        return None if outermost is None else (names[outermost[0]], names[outermost[1]])

    @property
    def decisive(self) -> Component:
        """The metric that made the gap."""
        return max(self.components, key=lambda each: float(np.ptp(each.values)))

    def null_expectation(self) -> NullExpectation | None:
        """Return what chance alone gives where every group is the same.

        None where sites withheld some of a compared group: how well it is measured depends on what.
        """
        if not self.defined or self.withheld_by:
            return None
        rng = np.random.default_rng([self.seed, len(self.compared)])
        gaps = np.max(self._null_gaps(rng), axis=0)
        how = f"{len(gaps)} normal draws around equality, from second moments"
        return NullExpectation(value=float(gaps.mean()), high=float(np.quantile(gaps, 0.95)), method=how)

    def _null_gaps(self, rng: np.random.Generator) -> list[FloatArray]:
        """Return draws of each component's gap; components vary together within a group."""
        groups = np.array(self.compared)
        measured = [each.measured for each in self.components]
        whole = covariance(measured, groups, self.components[0].noise)
        whole = np.nan_to_num(whole)  # a group that a component does not compare has no error there, and is not read
        place = {int(g): i for i, g in enumerate(groups)}
        eigenvalues, vectors = np.linalg.eigh((whole + whole.T) / 2)
        root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
        drawn = rng.standard_normal((self.statistics.n_resamples, len(whole))) @ root.T
        drawn = drawn.reshape(len(drawn), len(measured), len(groups))
        return [
            max_min_gap(drawn[:, a, [place[int(g)] for g in each.compared]]) for a, each in enumerate(self.components)
        ]

    def test(self) -> SignificanceTest | None:
        """Test that every group is the same: the level at which the bounds first exclude it (Dunn 1961)."""
        if not self.defined:
            return None
        start, end = 0.0, float(MIN_LOG_P)
        if not self._excludes(start):
            p_value = 1.0
        elif self._excludes(end):
            p_value = 10.0**end
        else:
            for _ in range(BISECTIONS):
                middle = (start + end) / 2
                start, end = (middle, end) if self._excludes(middle) else (start, middle)
            p_value = 10.0**start
        return SignificanceTest(null="every group is the same", p_value=p_value, method="pairwise bounds")

    def _excludes(self, log_alpha: float) -> bool:
        alpha = min(10.0**log_alpha, 0.999) / self.n_pairs
        found = [each.differences(alpha) for each in self.components]
        return any(bool(np.any((pairs.low > 0) | (pairs.high < 0))) for pairs in found)

    def detectable(self, level: float) -> DetectableEffect | None:
        """Return the smallest difference between the two least measured groups that would be found.

        None where sites withheld some of a compared group: what would be found then depends on what.
        """
        if not self.defined or self.withheld_by:
            return None
        alpha, power, worst = (1 - level) / self.n_pairs, self.statistics.power, 0.0
        for each in self.components:
            pairs = each.differences(alpha)
            at = int(np.argmax(pairs.standard_error))
            df, error = pairs.degrees_of_freedom[at], pairs.standard_error[at]
            effect = minimum_detectable_effect(error, degrees_of_freedom=df, alpha=alpha, power=power)
            worst = max(worst, float(effect))
        if not 0.0 < worst < 1.0:
            return None
        return DetectableEffect(
            value=worst, power=power, alpha=1 - level, method="t, least measured pair, all pairs declared"
        )


def group_name(sums: BlockSums, group: int) -> str:
    """Return a group's name: its levels."""
    return ", ".join(sums.block.groups[group].values())


def measured_gap(name: str, measures: Sequence[Measure], setting: GapSetting) -> PooledGap:
    """Measure the gap of one metric, or the widest of one for each label, over the groups of a block."""
    block = setting.block
    found = [component(measure, setting) for measure in measures]
    kept = tuple(each for each in found if len(each.compared) > 1)
    spoken_for = {int(g) for each in kept for g in each.compared}
    hidden = {*setting.silent, *setting.remainders}
    there = [g for g in range(len(block.block.groups)) if block.n_units[g] > 0.5 or g in hidden]
    partly = [
        f"{group_name(block, g)} ({each.measured.measure.label})"
        for each in found
        if each.measured.measure.label is not None
        for g in sorted(spoken_for)
        if (each.measured.n_rows[g] > 0 or g in setting.remainders) and (each not in kept or g not in each.compared)
    ]
    return PooledGap(
        name=name,
        block=block,
        components=kept,
        left_out=(*(group_name(block, g) for g in there if g not in spoken_for), *dict.fromkeys(partly)),
        statistics=setting.statistics,
        seed=setting.seed,
    )
