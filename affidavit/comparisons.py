"""One statistic compared over groups: bounds of every pairwise difference and ratio at a level given per pair.

Groups that share no unit are independent: their pairs are bounded by MOVER from each group's own asymmetric bounds, so
that a small group near 0 or 1 does not make a gap certain by luck. Groups that share units (a feature of the
utterance) take t with their joint jackknife covariance, and Fieller for ratios.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic
from affidavit.evidence import Evidence
from affidavit.intervals import Measured, measure
from affidavit.statistics.jackknife import coded_covariance
from affidavit.statistics.mover import mover_difference_bounds, mover_ratio_bounds, pairs_of
from affidavit.statistics.ratio import ratio_bounds
from affidavit.statistics.simultaneous import PairwiseBounds, simultaneous_differences
from affidavit.statistics.small_samples import degenerate_rate_bounds, root_t_bounds, skew_logit_t_bounds, t_bounds
from affidavit.statistics.types import Bounds, IntArray

_WIDEST = 0.999999


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """One statistic over the groups in which it can be compared."""

    measured: Measured
    compared: NDArray[np.int64]
    """Indices of the groups that are compared."""

    @property
    def n_pairs(self) -> int:
        """Pairs of compared groups."""
        return len(self.compared) * (len(self.compared) - 1) // 2

    @cached_property
    def values(self) -> FloatArray:
        """Values of the compared groups."""
        return self.measured.value[self.compared]

    @cached_property
    def errors(self) -> FloatArray:
        """Standard errors of the compared groups, units that all agree not taken for certainty."""
        return self.measured.believable_error()[self.compared]

    @cached_property
    def degrees_of_freedom(self) -> FloatArray:
        """Degrees of freedom of the compared groups."""
        return self.measured.degrees_of_freedom[self.compared]

    @cached_property
    def independent(self) -> bool:
        """Whether no unit is in two groups."""
        return self.measured.evidence.grouped.nested

    @cached_property
    def covariance(self) -> FloatArray:
        """Sampling covariance of the compared groups' values."""
        return np.diag(self.errors**2) if self.independent else self._joint_covariance()

    def differences(self, alpha: float) -> PairwiseBounds:
        """Return bounds of all pairwise differences, each at level 1 - alpha."""
        if self.independent:
            low, high = mover_difference_bounds(self.values, self.group_bounds(alpha))
            i, j = pairs_of(len(self.values))
            return PairwiseBounds(i, j, self.values[i] - self.values[j], low, high, *self._pair_errors(i, j))
        return simultaneous_differences(
            self.values,
            covariance=self.covariance,
            degrees_of_freedom=self.degrees_of_freedom,
            level=self._family_level(alpha),
        )

    def least_ratio(self, alpha: float) -> tuple[float, float]:
        """Return bounds of the least ratio between two groups, each pair bounded at level 1 - alpha."""
        if self.independent:
            low, high = mover_ratio_bounds(self.values, self.group_bounds(alpha))
        else:
            low, high = ratio_bounds(
                self.values,
                covariance=self.covariance,
                degrees_of_freedom=self.degrees_of_freedom,
                level=self._family_level(alpha),
            )
        return float(np.clip(np.nan_to_num(low).min(), 0, 1)), float(np.clip(np.nan_to_num(high, nan=1.0).min(), 0, 1))

    def group_bounds(self, alpha: float) -> Bounds:
        """Return the bounds of each compared group at level 1 - alpha, as its own interval would be made."""
        level, df = 1 - alpha, self.degrees_of_freedom
        if not self.measured.bounded:
            return self._unbounded(df, level)
        rates = np.clip(self.values, 0, 1)
        spread = (self.measured.standard_error[self.compared] > 0) & (rates > 0) & (rates < 1)
        low, high = skew_logit_t_bounds(rates, self.errors, degrees_of_freedom=df, level=level)
        units = self.measured.n_units[self.compared]
        agreeing = degenerate_rate_bounds(rates[~spread], n_units=units[~spread], level=level)
        low[~spread], high[~spread] = agreeing
        return Bounds(low, high)

    def _unbounded(self, df: FloatArray, level: float) -> Bounds:
        """Return t bounds; on the root scale where values cannot be negative: small rates of counts are skewed."""
        if self.measured.statistic.low < 0:
            return t_bounds(self.values, self.errors, degrees_of_freedom=df, level=level)
        return root_t_bounds(self.values, self.errors, degrees_of_freedom=df, level=level)

    def _pair_errors(self, i: IntArray, j: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return standard errors and Welch's degrees of freedom of independent pairs."""
        variance, df = self.errors**2, self.degrees_of_freedom
        total = variance[i] + variance[j]
        welch = total**2 / (variance[i] ** 2 / df[i] + variance[j] ** 2 / df[j])
        return np.sqrt(total), welch

    def _family_level(self, alpha: float) -> float:
        return 1 - min(alpha * self.n_pairs, _WIDEST)

    def _joint_covariance(self) -> FloatArray:
        grouped, measured, rows = self.measured.evidence.grouped, self.measured, self.measured.taking_part
        covariance = coded_covariance(
            measured.leave_one_out[rows],
            unit=grouped.unit[rows],
            group=grouped.group[rows],
            value=measured.value,
            n_units=grouped.n_units,
            among=self.compared,
        )
        diagonal = np.diag(covariance).copy()
        covariance[np.diag_indices_from(covariance)] = np.where(diagonal > 0, diagonal, self.errors**2)
        return covariance


def compare(evidence: Evidence, statistic: Statistic) -> Comparison:
    """Measure a statistic and pick the groups that can be compared, over classes that each of them has."""
    measured = measure(evidence, statistic)
    compared = _comparable(measured)
    if statistic.common is not None and len(compared):
        reference = np.zeros_like(evidence.totals)
        reference[compared] = statistic.common(evidence.totals[compared])
        measured = measure(evidence, statistic, reference)
        compared = _comparable(measured)
    return Comparison(measured=measured, compared=compared)


def _comparable(measured: Measured) -> NDArray[np.int64]:
    known = ~np.isnan(measured.value) & ~np.isnan(measured.believable_error())
    return np.flatnonzero(known & (measured.n_units >= measured.evidence.options.compared_units))
