"""How far is each group's rate from everybody's? One statistic, compared over groups, with simultaneous bounds.

Everybody is the compared groups together, the group itself included, each with the weight that its rows have. The
bounds of a deviation hold those weights fixed: they are the table's, not an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from affidavit.comparisons import Comparison
from affidavit.statistics.small_samples import t_bounds
from affidavit.statistics.types import Bounds, FloatArray, IntArray


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

    def bounds(self, alpha: float) -> Bounds:
        """Return the bounds of each deviation, each at level 1 - alpha.

        A ratio over independent groups: MOVER for the linear function of their rates (Zou, Huang, Zhang 2009, with
        each group's own asymmetric bounds). Else t on the jackknife over units, stratified by group.
        """
        if self.comparison.independent and self.comparison.measured.statistic.ratio is not None:
            return self._mover(alpha)
        error, df = self._jackknife()
        return t_bounds(self.values, error, degrees_of_freedom=df, level=1 - alpha)

    def _mover(self, alpha: float) -> Bounds:
        rates, own = self.comparison.values, self.comparison.group_bounds(alpha)
        weights = np.eye(len(rates)) - self._shares()
        low, high = np.minimum(weights * own.low, weights * own.high), np.maximum(weights * own.low, weights * own.high)
        down = np.sqrt(((weights * rates - low) ** 2).sum(axis=1))
        up = np.sqrt(((high - weights * rates) ** 2).sum(axis=1))
        return Bounds(self.values - down, self.values + up)

    def _shares(self) -> FloatArray:
        """Return each group's share of the denominator, [C]."""
        measured = self.comparison.measured
        if measured.statistic.ratio is None:
            raise ValueError("only a ratio has a denominator")
        rows = measured.evidence.totals[self.comparison.compared] @ measured.statistic.ratio[1]
        return np.asarray(rows / rows.sum())

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
        variance = (by_unit**2).sum(axis=0)
        parts = np.zeros((len(compared), len(compared)))
        np.add.at(parts, column, moved**2 * copies[:, None])
        with np.errstate(invalid="ignore", divide="ignore"):
            df = parts.sum(axis=0) ** 2 / (parts**2 / self.comparison.degrees_of_freedom[:, None]).sum(axis=0)
        return np.where(variance > 0, np.sqrt(variance), np.nan), df

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
