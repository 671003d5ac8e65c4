"""What accuracy is lost under each smaller set of modalities, with bounds that hold for all sets of a group together.

The loss of a set is the accuracy under the full set less that under the set, on the same judgements, paired by unit. Of
k sets each gets an interval at level 1 - (1 - level) / k (Bonferroni). A set is *enough* where its upper bound is not
above the tolerance, and *too little* where its lower bound is above it; with the chance of the level or more no set is
wrongly called either. So the size of the smallest set that is truly enough lies between the size of the smallest that
is not too little and that of the smallest that is enough; the full set is always enough.

A t interval or a bootstrap trusts the units that it saw, and a modality may be needed by few: of 100 units, each with a
chance of 0.052 to lose everything, the t interval ended at or below 0.05 in 0.13 of simulated tables, nominally 0.025
(0.01 with what follows). So no bound is nearer than the one that takes the share of units that lose (for the lower end:
gain) at its Clopper-Pearson end, each at the mean of those that did. Where no unit's accuracy changed it is the only
one, each at 1: a set that was never seen to lose anything may still lose something in other units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from scipy.stats import binom

from affidavit.conditions import Condition
from affidavit.confusion import Statistic, ratio_statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.intervals import Measured, measure
from affidavit.records import Estimate, Interval
from affidavit.statistics.proportions import clopper_pearson_bounds

LOSS: Final = "modality_set_accuracy_loss"
SIZE: Final = "smallest_modality_set_size"
SOURCE: Final = "non-inferiority within a margin: Schuirmann 1987; jointly over sets: Dunn 1961"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Units that lose, or that gain."""

    n: int
    """All units."""
    k: int
    """Those that do."""
    mean: float
    """What they lose, over all judgements."""

    @property
    def each(self) -> float:
        """What one that does loses; all where none was seen."""
        return self.mean * self.n / self.k if self.k else 1.0

    def most(self, level: float) -> float:
        """Return the mean at the upper Clopper-Pearson end of their share."""
        return float(clopper_pearson_bounds(self.k, self.n, level=level).high) * self.each


@dataclass(frozen=True, kw_only=True, eq=False)
class Losses:
    """The losses of smaller sets in every group of one family."""

    evidence: Evidence
    """Over sums: judgements, right under the full set, right under each of `sets`."""
    full: str
    sets: tuple[str, ...]
    tolerance: float

    @cached_property
    def measured(self) -> tuple[Measured, ...]:
        """The loss of each set."""
        return tuple(measure(self.evidence, loss_statistic(i, len(self.sets))) for i in range(len(self.sets)))

    def interval(self, i: int, group: int, level: float) -> Interval | str:
        """Return the bounds of one set's loss in one group that hold together with those of the other sets."""
        own = 1 - (1 - level) / len(self.sets)
        one = self.measured[i]
        found = one.interval(group, own)
        if isinstance(found, str) and (one.value[group] != 0 or one.standard_error[group] != 0):
            return found
        few_low, few_high = self._of_few(i, group, own)
        if isinstance(found, str):
            method = "Clopper-Pearson over units that do not change"
            return Interval(low=few_low, high=few_high, level=level, method=method)
        together = f", {len(self.sets)} sets together" if len(self.sets) > 1 else ""
        method = f"{found.method}, at least Clopper-Pearson over units that change{together}"
        low, high = min(found.low, few_low), max(found.high, few_high)
        return Interval(low=max(low, -1.0), high=min(high, 1.0), level=level, method=method)

    def _of_few(self, i: int, group: int, level: float) -> tuple[float, float]:
        """Return the bounds that the shares of units that lose and that gain leave open, each at the mean of those."""
        losing, gaining = self._sides(i, group)
        return losing.mean - gaining.most(level), losing.most(level) - gaining.mean

    def p_value_of_few(self, i: int, group: int) -> float:
        """Return how probable so few units that lose are where the loss is the tolerance, each at the mean of those."""
        losing, gaining = self._sides(i, group)
        share = (self.tolerance + gaining.mean) / losing.each
        return float(binom.cdf(losing.k, losing.n, share)) if share < 1 else 0.0

    def _sides(self, i: int, group: int) -> tuple[_Side, _Side]:
        """Return the units of a group that lose, and those that gain."""
        grouped = self.evidence.grouped
        rows = (grouped.group == group) & (grouped.sums[:, 0] > 0)
        sums, copies = grouped.sums[rows], grouped.copies[rows]
        lost = sums[:, 1] - sums[:, 2 + i]
        n, total = int(copies.sum()), float(copies @ sums[:, 0])
        losing, gaining = (
            _Side(n=n, k=int(copies[side > 0].sum()), mean=float(copies @ np.clip(side, 0, None)) / total)
            for side in (lost, -lost)
        )
        return losing, gaining

    def enough(self, group: int, level: float) -> tuple[str, ...]:
        """Return the sets that are enough."""
        bounds = [self.interval(i, group, level) for i in range(len(self.sets))]
        pairs = zip(self.sets, bounds, strict=True)
        return tuple(name for name, found in pairs if isinstance(found, Interval) and found.high <= self.tolerance)

    def size(self, group: int, level: float, *, has_units: bool) -> Estimate:
        """Return how many modalities the smallest set has that is enough."""
        one, interval = self.measured[0], self.size_interval(group, level)
        value = None if isinstance(interval, str) else float(self._value(group))
        units = int(one.n_units[group]) if has_units else None
        return estimate_of(value, interval, n=int(one.n_rows[group]), n_units=units)

    def size_interval(self, group: int, level: float) -> Interval | str:
        """Return between which sizes the smallest set lies that is truly enough."""
        if np.isnan(self.measured[0].value[group]):
            return "undefined: no judgement was made under every set"
        bounds = [self.interval(i, group, level) for i in range(len(self.sets))]
        possible, proved = [size_of(self.full)], [size_of(self.full)]
        for name, found in zip(self.sets, bounds, strict=True):
            if isinstance(found, str) or found.low <= self.tolerance:
                possible.append(size_of(name))
            if isinstance(found, Interval) and found.high <= self.tolerance:
                proved.append(size_of(name))
        return Interval(low=min(possible), high=min(proved), level=level, method="joint bounds of all sets' losses")

    def _value(self, group: int) -> int:
        small = [
            size_of(name)
            for name, one in zip(self.sets, self.measured, strict=True)
            if one.value[group] <= self.tolerance
        ]
        return min(small, default=size_of(self.full))


def size_of(name: str) -> int:
    """Return how many modalities a condition shows."""
    return len(Condition.parse(name).modalities)


def loss_statistic(i: int, n_sets: int) -> Statistic:
    """Return the loss of the i-th of so many sets: right under the full set less right under it, over judgements."""
    one = np.eye(2 + n_sets)
    plain = ratio_statistic(LOSS, one[1] - one[2 + i], one[0], source=SOURCE, higher_is_better=False)
    return replace(plain, low=-1.0, counts_rows=False)
