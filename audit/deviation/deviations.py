"""How far is each group's rate from everybody's? One statistic, compared over groups, with simultaneous bounds.

Everybody is the compared groups together, the group itself included, each with the weight that its rows have. The
bounds of a deviation hold those weights fixed: they are the table's, not an estimate.

Where groups share no unit, a deviation of a rate or of an average of recalls is a weighted sum of numbers that each
speak of one group (`audit.deviation.group_terms`), and is bounded by MOVER from their own bounds: they are asymmetric,
and a group whose units all agree is not taken for certain. Other deviations take t on the jackknife over units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from affidavit.comparisons import Comparison
from affidavit.statistics.small_samples import t_bounds
from affidavit.statistics.types import Bounds, FloatArray, IntArray
from audit.deviation.group_terms import GroupTerms, terms_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviations:
    """A statistic in each of the C compared groups, less its value in all of them together."""

    comparison: Comparison

    def of(self, sums: FloatArray) -> FloatArray:
        """Return deviations [..., C] for sums [..., G, S]; NaN where one of them is undefined."""
        compared, measured = self.comparison.compared, self.comparison.measured
        chosen, reference = sums[..., compared, :], measured.reference[compared]
        everybody = measured.statistic.value(chosen.sum(axis=-2), reference.sum(axis=0))
        return np.asarray(measured.statistic.value(chosen, reference) - everybody[..., None])

    @cached_property
    def values(self) -> FloatArray:
        """Deviations of the table, [C]."""
        return self.of(self.comparison.measured.evidence.totals)

    @property
    def largest(self) -> float:
        """The largest absolute deviation; NaN where fewer than two groups are compared."""
        return float(np.abs(self.values).max()) if len(self.comparison.compared) > 1 else float("nan")

    @property
    def method(self) -> str:
        """How the bounds are made."""
        return "t" if self._terms is None else "MOVER"

    @cached_property
    def _terms(self) -> GroupTerms | None:
        return terms_of(self.comparison)

    def bounds(self, alpha: float) -> Bounds:
        """Return the bounds of each deviation, each at level 1 - alpha.

        Source: MOVER for a linear function (Zou, Huang, Zhang 2009); the jackknife stratified by group.
        """
        if self._terms is not None:
            down, up = self._terms.reach(alpha)
            return Bounds(self.values - down, self.values + up)
        error, df = self._jackknife()
        return t_bounds(self.values, error, degrees_of_freedom=df, level=1 - alpha)

    def _jackknife(self) -> tuple[FloatArray, FloatArray]:
        """Return standard errors and Satterthwaite's degrees of freedom, [C]; a unit's rows count together."""
        measured, compared = self.comparison.measured, self.comparison.compared
        grouped = measured.evidence.grouped
        rows = np.flatnonzero(np.isin(grouped.group, compared) & measured.taking_part)
        column = np.searchsorted(compared, grouped.group[rows])
        left_out = np.tile(self.comparison.values, (len(rows), 1))
        left_out[np.arange(len(rows)), column] = measured.leave_one_out[rows]
        copies = grouped.copies[rows].astype(np.float64)
        moved = _within(left_out - self._everybody_without(rows)[:, None], column, copies)
        by_unit = np.zeros((int(grouped.unit[rows].max()) + 1, len(compared)))
        np.add.at(by_unit, grouped.unit[rows], moved * np.sqrt(copies)[:, None])
        unseen = self._unseen()
        variance = (by_unit**2).sum(axis=0) + unseen.sum(axis=0)
        parts = unseen.copy()
        np.add.at(parts, column, moved**2 * copies[:, None])
        with np.errstate(invalid="ignore", divide="ignore"):
            df = parts.sum(axis=0) ** 2 / (parts**2 / self.comparison.degrees_of_freedom[:, None]).sum(axis=0)
        return np.where(variance > 0, np.sqrt(variance), np.nan), df

    def _unseen(self) -> FloatArray:
        """Return the variance [C, C] that groups (rows) whose units all agree add to each deviation: not none."""
        measured, compared = self.comparison.measured, self.comparison.compared
        agreeing = measured.standard_error[compared] == 0
        shares = measured.n_rows[compared] / measured.n_rows[compared].sum()
        weights = np.eye(len(compared)) - shares[:, None]
        return np.where(agreeing[:, None], (weights * self.comparison.errors[:, None]) ** 2, 0.0)

    def _everybody_without(self, rows: IntArray) -> FloatArray:
        """Return the value of all compared groups together when each of these rows is left out, [R]."""
        measured, compared = self.comparison.measured, self.comparison.compared
        evidence = measured.evidence
        rest = evidence.totals[compared].sum(axis=0) - evidence.grouped.sums[rows]
        reference = np.broadcast_to(measured.reference[compared].sum(axis=0), rest.shape)
        return measured.statistic.value(rest, reference)


def _within(values: FloatArray, group: IntArray, copies: FloatArray) -> FloatArray:
    """Return values [R, C] less their group's mean, scaled so that squares sum to the stratified jackknife variance."""
    n_groups = int(group.max()) + 1
    units = np.bincount(group, weights=copies, minlength=n_groups)
    sums = np.zeros((n_groups, values.shape[1]))
    np.add.at(sums, group, values * copies[:, None])
    scale = np.sqrt((units - 1) / units)
    return np.asarray((values - (sums / units[:, None])[group]) * scale[group][:, None])
