"""From sums to estimates: the value of a statistic in every group, its uncertainty, and which method was right for it.

The unit is independent, the row is not. Which interval a group gets:

| units in the group | statistic | interval |
|---|---|---|
| none or one | any | none, and why |
| one row a unit, fewer than `small_sample_units` | proportion | Clopper-Pearson (Clopper, Pearson 1934) |
| one row a unit, more | proportion | Wilson (Wilson 1927) |
| units without any spread | rate | Clopper-Pearson with the unit as the observation |
| fewer than `small_sample_units`, effectively | any | t on the jackknife: logit scale for rates, root for word errors |
| the same, where the plan says `small_samples: wild-cluster` | ratio | wild cluster bootstrap-t (Cameron et al. 2008) |
| more | any | BCa over the cluster bootstrap (Efron 1987), expanded (Hesterberg 2015) |

Of fewer than five units the spread is itself chance: t with one to three degrees of freedom keeps its level over many
tables, but where units happen to agree the interval is narrow and holds half of the time. There the standard error of
a rate is at least that of as many independent rows (the modification of Knapp, Hartung 2003, for a handful of studies;
Roever, Knapp, Friede 2015): units that agree more than their own rows allow agree by luck. Simulated at level 0.95,
macro F1 per unit of six classes, accuracies 0.17 to 0.8, intraclass correlation 0 to 0.3, 6 to 72 rows a unit: all
intervals 0.95 to 1.00 with and 0.94 to 1.00 without; the narrowest tenth of them 0.60 to 1.00 with, 0.38 to 0.99
without (`tests/affidavit/test_intervals.py`, `-k few_units`).

The last three lines count *effective* units: how many of equal size a group's are worth (Satterthwaite 1946; see
`affidavit.statistics.jackknife.effective_units`). Where one unit brings 200 rows and another one, 20 units are worth
about five; a bootstrap that believes in 20 covered 0.86 to 0.93 of the time instead of 0.95 (docs/validity.md). So they
are where a rate is near 0 or 1 and units are wholly right or wrong (`small_samples.inward_degrees_of_freedom`).
Deciding intervals at levels that the replicates cannot resolve use the t interval at every size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.records import Estimate, Interval
from affidavit.statistics.bootstrap_bounds import bca_bounds, percentile_bounds, undefined_share
from affidavit.statistics.jackknife import effective_units
from affidavit.statistics.proportions import clopper_pearson_bounds, wilson_bounds
from affidavit.statistics.small_samples import (
    degenerate_rate_bounds,
    degenerate_standard_error,
    inward_degrees_of_freedom,
    root_t_bounds,
    skew_logit_t_bounds,
    t_bounds,
)
from affidavit.statistics.types import Bounds
from affidavit.statistics.wild_cluster import wild_cluster_bounds

TAIL_REPLICATES: Final = 20
"""A quantile is read from replicates only if this many lie beyond it."""
FEW_UNITS: Final = 5
"""Under so many units a rate's standard error is at least that of independent rows."""
MAX_UNDEFINED: Final = 0.05
"""Above this share of undefined replicates the bootstrap does not speak."""
Reason = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A statistic in every group of a family, [G] each; NaN is undefined and never leaves."""

    statistic: Statistic
    evidence: Evidence
    reference: FloatArray
    value: FloatArray
    standard_error: FloatArray
    """Jackknife over units; 0 where units do not differ, NaN where one unit's absence leaves the value undefined. Of
    few units that agree more than their rows allow, that of independent rows."""
    degrees_of_freedom: FloatArray
    n_rows: NDArray[np.int64]
    n_units: NDArray[np.int64]
    leave_one_out: FloatArray
    """[R], NaN in rows that take no part."""
    taking_part: NDArray[np.bool_]
    """[R]"""

    @property
    def groups(self) -> tuple[Mapping[str, str], ...]:
        """Feature to level, per group."""
        return self.evidence.grouped.groups

    @property
    def effective_units(self) -> FloatArray:
        """How many units of equal size each group's are worth, [G]; at least two."""
        return np.asarray(self.degrees_of_freedom + 1)

    @property
    def bounded(self) -> bool:
        """Whether the statistic lies between 0 and 1."""
        return self.statistic.low == 0 and self.statistic.high == 1

    def believable_error(self) -> FloatArray:
        """Return standard errors in which units that all agree are not taken for certainty (rates only)."""
        floor = degenerate_standard_error(np.clip(self.value, 0, 1), n_units=self.n_units) if self.bounded else np.nan
        return np.where(self.standard_error > 0, self.standard_error, np.where(self.standard_error == 0, floor, np.nan))

    def interval(self, group: int, level: float) -> Interval | Reason:
        """Return the interval of one group, or the reason why there is none."""
        return self._refusal(group) or self._proportion(group, level) or self._general(group, level)

    def estimate(self, group: int, level: float, *, has_units: bool) -> Estimate:
        """Return the estimate of one group."""
        interval = self.interval(group, level)
        value = self.value[group]
        return estimate_of(
            None if np.isnan(value) else float(value),
            interval,
            n=int(self.n_rows[group]),
            n_units=int(self.n_units[group]) if has_units else None,
        )

    def _refusal(self, group: int) -> Reason | None:
        if np.isnan(self.value[group]):
            nothing = "undefined: no rows that the metric could be computed on"
            return "undefined on its rows: what it divides by is nothing" if self.n_rows[group] else nothing
        if self.n_units[group] < 2:
            return "one unit alone says nothing of how units differ"
        return None

    def _proportion(self, group: int, level: float) -> Interval | Reason | None:
        """One row a unit: the rows are independent and the textbook intervals hold."""
        ratio = self.statistic.ratio
        if ratio is None or not self.statistic.counts_rows or self.evidence.grouped.weighted:
            return None
        n, successes = self.n_rows[group], self.evidence.totals[group] @ ratio[0]
        if n != self.n_units[group]:
            return None
        if n < self.evidence.options.small_sample_units:
            return self._record(clopper_pearson_bounds(successes, n, level=level), level, "Clopper-Pearson")
        return self._record(wilson_bounds(successes, n, level=level), level, "Wilson")

    def _general(self, group: int, level: float) -> Interval | Reason:
        error = self.standard_error[group]
        if np.isnan(error):
            return "without one of its units the value is undefined: too few units per class"
        if error == 0:
            return self._without_spread(group, level)
        options = self.evidence.options
        resolves = options.n_resamples * (1 - level) / 2 >= TAIL_REPLICATES
        if self._worth(group) < options.small_sample_units or not resolves:
            return self._small_sample(group, level)
        return self._bootstrap(group, level)

    def _worth(self, group: int) -> float:
        """Return how many units the bootstrap can rely on: fewer where units near 0 or 1 are wholly so (rates only)."""
        value, df = self.value[group], self.degrees_of_freedom[group]
        if not self.bounded or not 0 < value < 1:
            return float(df + 1)
        return float(inward_degrees_of_freedom(value, self.standard_error[group], degrees_of_freedom=df) + 1)

    def _without_spread(self, group: int, level: float) -> Interval | Reason:
        if not self.bounded:
            return "the units do not differ at all: no spread to build an interval from"
        bounds = degenerate_rate_bounds(self.value[group], n_units=self.n_units[group], level=level)
        return self._record(bounds, level, "Clopper-Pearson over units")

    def _small_sample(self, group: int, level: float) -> Interval | Reason:
        if self.evidence.options.small_samples == "wild-cluster" and self.statistic.ratio is not None:
            return self._wild_cluster(group, self.statistic.ratio, level)
        value, error, df = self.value[group], self.standard_error[group], self.degrees_of_freedom[group]
        if self.bounded and 0 < value < 1:
            bounds = skew_logit_t_bounds(value, error, degrees_of_freedom=df, level=level)
            return self._record(bounds, level, "logit t over units")
        if self.statistic.low == 0 and value > 0:
            bounds = root_t_bounds(value, error, degrees_of_freedom=df, level=level)
            return self._record(bounds, level, "root t over units")
        return self._record(t_bounds(value, error, degrees_of_freedom=df, level=level), level, "t over units")

    def _wild_cluster(self, group: int, ratio: tuple[FloatArray, FloatArray], level: float) -> Interval | Reason:
        rows = self.taking_part & (self.evidence.grouped.group == group)
        sums = np.repeat(self.evidence.grouped.sums[rows], self.evidence.grouped.copies[rows], axis=0)
        rng = np.random.default_rng([self.evidence.seed, 3, group])
        bounds = wild_cluster_bounds(sums @ ratio[0], sums @ ratio[1], level=level, rng=rng)
        return self._record(bounds, level, "wild cluster bootstrap over units")

    def _bootstrap(self, group: int, level: float) -> Interval | Reason:
        replicates = self.statistic.value(self.evidence.replicates[:, group], self.reference[group])
        undefined = float(undefined_share(replicates))
        if undefined > MAX_UNDEFINED:
            return f"{undefined:.0%} of the resamples lack a class: too few units per class"
        rows = self.taking_part & (self.evidence.grouped.group == group)
        left_out = self.leave_one_out[rows]
        if self.evidence.grouped.multiplicity is not None:
            left_out = np.repeat(left_out, self.evidence.grouped.multiplicity[rows])
        units = self.effective_units[group]
        bounds = bca_bounds(self.value[group], replicates, leave_one_out=left_out, level=level, n_units=units)
        if not np.isnan(bounds.low):
            return self._record(bounds, level, "BCa bootstrap over units")
        return self._record(
            percentile_bounds(replicates, level=level, n_units=units),
            level,
            "percentile bootstrap over units",
        )

    def _record(self, bounds: Bounds, level: float, method: str) -> Interval | Reason:
        low, high = float(bounds.low), float(bounds.high)
        if np.isnan(low) or np.isnan(high):
            return "the units give no interval"
        top = np.inf if self.statistic.high is None else self.statistic.high
        return Interval(low=max(low, self.statistic.low), high=min(high, top), level=level, method=method)


def measure(evidence: Evidence, statistic: Statistic, reference: FloatArray | None = None) -> Measured:
    """Compute a statistic in every group with its jackknife over units.

    `reference` [G, S] fixes the classes that averages run over; each group's own where None.
    """
    grouped = evidence.grouped
    reference = evidence.totals if reference is None else reference
    taking_part = _taking_part(evidence, statistic)
    left_out = statistic.value(evidence.totals[grouped.group] - grouped.sums, reference[grouped.group])
    left_out = np.where(taking_part, left_out, np.nan)
    n_groups = len(grouped.groups)
    copies = np.where(taking_part, grouped.copies, 0)
    units = np.bincount(grouped.group, weights=copies, minlength=n_groups)
    value = statistic.value(evidence.totals, reference)
    error = _jackknife_errors(left_out, copies, grouped.group, units.astype(np.float64))
    lucky = (units < FEW_UNITS) & (error > 0)
    return Measured(
        statistic=statistic,
        evidence=evidence,
        reference=reference,
        value=value,
        standard_error=np.where(lucky, np.fmax(error, _row_errors(evidence, statistic, value, taking_part)), error),
        degrees_of_freedom=_degrees_of_freedom(evidence, statistic, taking_part),
        n_rows=_rows_behind(evidence, statistic),
        n_units=units.astype(np.int64),
        leave_one_out=left_out,
        taking_part=taking_part,
    )


def _taking_part(evidence: Evidence, statistic: Statistic) -> NDArray[np.bool_]:
    """A unit without a row in the denominator says nothing of the ratio."""
    if statistic.ratio is None:
        return np.ones(len(evidence.grouped.group), dtype=bool)
    return np.asarray(evidence.grouped.sums @ statistic.ratio[1] > 0)


def _rows_behind(evidence: Evidence, statistic: Statistic) -> NDArray[np.int64]:
    if statistic.ratio is None or not statistic.counts_rows or evidence.grouped.weighted:
        return evidence.grouped.rows()
    return np.rint(evidence.totals @ statistic.ratio[1]).astype(np.int64)


def _jackknife_errors(
    left_out: FloatArray, copies: NDArray[np.int64], group: NDArray[np.int64], units: FloatArray
) -> FloatArray:
    """Return sqrt((m - 1)/m sum (x - mean)^2) per group over units (Efron 1982, 3.1), NaN under two units."""
    member = copies > 0
    weight, value, group = copies[member].astype(np.float64), left_out[member], group[member]
    n_groups = len(units)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, weights=weight * value, minlength=n_groups) / units
        deviation = value - mean[group]
        # units that agree must read as exactly 0, not as what subtraction leaves
        deviation[np.abs(deviation) < 1e-13 * np.maximum(np.abs(value), 1e-3)] = 0.0
        squares = np.bincount(group, weights=weight * deviation**2, minlength=n_groups)
        return np.where(units >= 2, np.sqrt((units - 1) / units * squares), np.nan)


def _row_errors(
    evidence: Evidence, statistic: Statistic, value: FloatArray, taking_part: NDArray[np.bool_]
) -> FloatArray:
    """Return per group the standard error of a rate if rows were independent, [G]; NaN for what is no rate of rows.

    sqrt(v (1 - v) / n); of a mean over units sqrt(v (1 - v) / m * mean(1 / n_i)).
    """
    grouped = evidence.grouped
    bounded = statistic.low == 0 and statistic.high == 1
    of_rows = statistic.counts_rows or statistic.averages_rates
    if grouped.weighted or not bounded or not (of_rows or evidence.of_unit_rates):
        return np.full(len(value), np.nan)
    n_groups = len(grouped.groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        if evidence.of_unit_rates:
            copies = np.where(taking_part, grouped.copies, 0)
            units = np.bincount(grouped.group, weights=copies, minlength=n_groups)
            per_row = np.bincount(grouped.group, weights=copies / grouped.n_rows, minlength=n_groups) / units**2
        else:
            per_row = 1 / _rows_behind(evidence, statistic)
        return np.asarray(np.sqrt(value * (1 - value) * per_row))


def _degrees_of_freedom(evidence: Evidence, statistic: Statistic, taking_part: NDArray[np.bool_]) -> FloatArray:
    """Return per group the effective number of units less one, at least one (Satterthwaite 1946)."""
    grouped = evidence.grouped
    units = np.bincount(grouped.group, weights=grouped.copies * taking_part, minlength=len(grouped.groups))
    if grouped.multiplicity is not None:
        return np.asarray(np.maximum(units - 1, 1.0))
    key = None if statistic.ratio is None else statistic.ratio[1].tobytes()
    if key not in evidence.effective_units:
        sizes = grouped.sums @ statistic.ratio[1] if statistic.ratio is not None else grouped.n_rows.astype(np.float64)
        order = np.argsort(grouped.group, kind="stable")
        pieces = np.split(sizes[order], np.cumsum(np.bincount(grouped.group, minlength=len(grouped.groups)))[:-1])
        evidence.effective_units[key] = np.array([effective_units(piece) for piece in pieces])
    return np.asarray(np.maximum(np.nan_to_num(evidence.effective_units[key], nan=1.0) - 1, 1.0))
