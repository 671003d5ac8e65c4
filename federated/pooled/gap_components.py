"""One metric over the groups in which it can be compared: what a gap is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.plan import Statistics
from affidavit.statistics.mover import mover_difference_bounds, pairs_of
from affidavit.statistics.simultaneous import PairwiseBounds, simultaneous_differences
from affidavit.statistics.types import Bounds
from federated.pooled.bounds import Between, ToldPart, between
from federated.pooled.estimates import Pooled, covariance, pooled
from federated.pooled.gap_bounds import Ends
from federated.pooled.measures import Measure
from federated.pooled.sums import BlockSums
from federated.pooled.totals import Remainder

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_WIDEST: Final = 0.999999


@dataclass(frozen=True, kw_only=True, eq=False)
class GapSetting:
    """Over what and how gaps of a block are measured."""

    block: BlockSums
    statistics: Statistics
    seed: int
    noise: BlockSums | None = None
    silent: frozenset[int] = frozenset()
    """Groups that are not compared: too small to be told, or of nobody."""
    remainders: Mapping[int, Remainder] = field(default_factory=dict)
    """By group that sites withheld: what it is some part of."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Component:
    """One metric over the groups in which it can be compared."""

    measured: Pooled
    compared: IntArray
    noise: BlockSums | None = None
    between: Mapping[int, Between] = field(default_factory=dict)
    """By group that sites withheld."""

    @property
    def withheld(self) -> tuple[int, ...]:
        """Places among the compared groups of those that sites withheld."""
        return tuple(i for i, g in enumerate(self.compared) if int(g) in self.between)

    @cached_property
    def ends(self) -> Ends:
        """Between which values each compared group lies: its own, where all of it is told."""
        value, error = self.measured.value[self.compared], self.measured.believable_error()[self.compared]
        low, high, df = value.copy(), value.copy(), self.measured.degrees_of_freedom[self.compared].copy()
        error = error.copy()
        for i in self.withheld:
            own = self.between[int(self.compared[i])]
            low[i], high[i], error[i], df[i] = own.low, own.high, own.standard_error, own.degrees_of_freedom
        return Ends(low=low, high=high, standard_error=error, degrees_of_freedom=df)

    @property
    def values(self) -> FloatArray:
        """Values of the compared groups; of those that sites withheld the middle of what they can be."""
        return self.ends.middle

    @property
    def n_pairs(self) -> int:
        """Pairs of compared groups."""
        return len(self.compared) * (len(self.compared) - 1) // 2

    def differences(self, alpha: float) -> PairwiseBounds:
        """Return bounds of all pairwise differences, each at level 1 - alpha."""
        df = self.measured.degrees_of_freedom[self.compared]
        if self.measured.sums.block.joint:
            return simultaneous_differences(
                self.values,
                covariance=covariance([self.measured], self.compared, self.noise),
                degrees_of_freedom=df,
                level=1 - min(alpha * self.n_pairs, _WIDEST),
            )
        own = self.measured.bounds(self.compared, 1 - alpha)
        if self.withheld:
            known = ~np.isin(np.arange(len(self.compared)), self.withheld)
            return self.ends.differences(alpha, Bounds(*(np.where(known, end, np.nan) for end in own)))
        low, high = mover_difference_bounds(self.values, own)
        i, j = pairs_of(len(self.values))
        variance = self.measured.believable_error()[self.compared] ** 2
        total = variance[i] + variance[j]
        welch = total**2 / (variance[i] ** 2 / df[i] + variance[j] ** 2 / df[j])
        return PairwiseBounds(i, j, self.values[i] - self.values[j], low, high, np.sqrt(total), welch)


def component(measure: Measure, setting: GapSetting) -> Component:
    """Measure every group over the labels that all compared ones have; a label that one lacks is left out for all."""
    block, noise = setting.block, setting.noise
    found = Component(measured=pooled(measure, block, noise=noise), compared=np.array([], dtype=np.int64), noise=noise)
    ends = {g: _between(measure, g, setting) for g in setting.remainders}
    compared = _comparable(found.measured, ends, setting)
    if measure.takes == "all" or not len(compared):
        return replace(found, compared=compared, between=ends)
    k = block.block.n_labels
    totals = np.maximum(block.sums.astype(np.float64), 0.0)
    shared = np.tile((totals[compared, k : 2 * k] > 0).all(axis=0), 3)
    reference = np.zeros_like(totals)
    reference[compared] = np.where(shared, totals[compared], 0.0)
    measured = pooled(measure, block, reference=reference, noise=noise)
    ends = {g: _between(measure, g, setting, reference[g]) for g in setting.remainders if g in compared}
    return Component(measured=measured, compared=_comparable(measured, ends, setting), noise=noise, between=ends)


def _between(measure: Measure, g: int, setting: GapSetting, reference: FloatArray | None = None) -> Between:
    block = setting.block
    told = ToldPart(sums=block.sums[g], moments=block.moments[g], n_units=float(block.n_units[g]))
    return between(measure, told, setting.remainders[g], reference=reference)


def _comparable(measured: Pooled, ends: Mapping[int, Between], setting: GapSetting) -> IntArray:
    """Return the groups with a value and an error; of a withheld one, with labels that are sure and an upper error."""
    known = ~np.isnan(measured.value) & ~np.isnan(measured.believable_error())
    for g in setting.remainders:
        known[g] = g in ends and not np.isnan(ends[g].standard_error)
    enough = measured.n_units >= setting.statistics.compared_units
    loud = ~np.isin(np.arange(len(known)), sorted(setting.silent))
    return np.flatnonzero(known & enough & loud)
