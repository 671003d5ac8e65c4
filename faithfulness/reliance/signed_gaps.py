"""Gaps of numbers with a sign, in which a group whose units all agree is compared too.

A group that a modality never reaches rests on it by exactly nothing, in every unit: no spread, hence no standard error,
and `affidavit.comparisons` would leave out the very group that matters. Here such a group is bounded by how many units
that differ could have been missed (`agreeing_bounds`), and compared with the others by those bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.comparisons import Comparison
from affidavit.confusion import FloatArray, Statistic
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, MeasuredGap, group_label
from affidavit.intervals import Measured, measure
from affidavit.statistics.small_samples import degenerate_rate_bounds, t_bounds
from affidavit.statistics.types import Bounds

_NORMAL_95: Final = 1.959964
"""Half the width of a 95 % interval in standard errors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SignedComparison(Comparison):
    """A statistic within finite bounds below and above 0, over groups with or without spread.

    A `MeasuredGap` is made of comparisons, so this is one.
    """

    @cached_property
    def errors(self) -> FloatArray:
        """Standard errors of the compared groups; of units that all agree, that of their bounds at 95 %."""
        own = self.measured.standard_error[self.compared]
        low, high = agreeing_bounds(self.measured, self.compared, 0.95)
        return np.where(own > 0, own, (high - low) / (2 * _NORMAL_95))

    def group_bounds(self, alpha: float) -> Bounds:
        """Return the bounds of each compared group at level 1 - alpha."""
        own = self.measured.standard_error[self.compared]
        spread = t_bounds(self.values, self.errors, degrees_of_freedom=self.degrees_of_freedom, level=1 - alpha)
        agreeing = agreeing_bounds(self.measured, self.compared, 1 - alpha)
        return Bounds(np.where(own > 0, spread.low, agreeing.low), np.where(own > 0, spread.high, agreeing.high))


def signed_gap(evidence: Evidence, statistic: Statistic) -> MeasuredGap:
    """Measure the widest difference of a statistic within finite bounds, over the groups that have enough units."""
    measured = measure(evidence, statistic)
    known = ~np.isnan(measured.value) & ~np.isnan(measured.standard_error)
    compared = np.flatnonzero(known & (measured.n_units >= evidence.options.compared_units))
    kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
    comparison = SignedComparison(measured=measured, compared=compared)
    defined = len(compared) > 1
    others = np.setdiff1d(np.arange(len(evidence.grouped.groups)), compared) if defined else range(len(measured.groups))
    return MeasuredGap(
        kind=kind,
        evidence=evidence,
        components=(comparison,) if defined else (),
        value=float(kind.over_groups(comparison.values)) if defined else float("nan"),
        left_out=tuple(group_label(evidence, int(g)) for g in others),
    )


def agreeing_bounds(measured: Measured, groups: NDArray[np.int64], level: float) -> Bounds:
    """Return bounds of means over units that all have one value v, in a statistic that is never outside [a, b].

    With m units alike, at most a share c = 1 - (alpha / 2)^(1 / m) of units differs, so the mean lies in
    v (1 - c) + c [a, b].

    Source: Clopper, Pearson 1934 for c; the rest is arithmetic.
    """
    missed = degenerate_rate_bounds(0.0, n_units=measured.n_units[groups], level=level).high
    kept = measured.value[groups] * (1 - missed)
    high = np.inf if measured.statistic.high is None else measured.statistic.high
    return Bounds(kept + missed * measured.statistic.low, kept + missed * high)
