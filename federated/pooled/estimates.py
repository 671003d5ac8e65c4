"""From sums to estimates: value, linearised standard error over patients, degrees of freedom, interval.

With gradient d at the group's sums S, second moments M, m patients and m_e = N^2 / sum n_u^2 effective ones (Kish 1965;
N rows, n_u those of a patient in the denominator):

    variance = (m - 1)/m (m_e / (m_e - 1))^2 d' M d

For patients of equal size that is m/(m - 1) d' M d, the linearised cluster variance and, for a ratio, the jackknife's;
for unequal ones the jackknife divides each patient's part by 1 - w_u, for which 1 - 1/m_e stands.
The interval is the logit t of m_e - 1 degrees of freedom (`affidavit.statistics.small_samples`), Wilson or
Clopper-Pearson where each patient has one row, and where no two patients differ Clopper-Pearson with the patient as the
observation. Bootstraps need patients, and are not pretended. Kish's m_e is the cautious twin of the main engine's
Satterthwaite: equal for equal patients, smaller for unequal ones.

Noise adds d' Sigma d, and, as it may hide as much of M, 1.645 standard deviations of d' (noise of M) d.

Source: Woodruff 1971 (linearisation); Binder 1983; Korn, Graubard 1999 (logit t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.intervals import FEW_UNITS
from affidavit.records import Interval
from affidavit.statistics.proportions import clopper_pearson_bounds, wilson_bounds
from affidavit.statistics.small_samples import (
    degenerate_rate_bounds,
    degenerate_standard_error,
    skew_logit_t_bounds,
)
from affidavit.statistics.types import Bounds
from federated.pooled.measures import BoolArray, Measure
from federated.pooled.sums import BlockSums

FloatArray = NDArray[np.float64]
ROUNDING: Final = 1e-12
"""Of d' |M| d: what double precision leaves of a variance of 0."""
UPPER: Final = 1.6448536269514722
"""Normal quantile of 0.95."""
METHOD: Final = "linearised logit t over patients"
Reason = str


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """A metric in every group of a block, [G] each; NaN is undefined and never leaves."""

    measure: Measure
    sums: BlockSums
    taking_part: BoolArray
    """`[G, T]`"""
    value: FloatArray
    gradient: FloatArray
    """`[G, C]`"""
    factor: FloatArray
    """What multiplies d' M d."""
    standard_error: FloatArray
    """0 where patients do not differ, NaN where there is none."""
    degrees_of_freedom: FloatArray
    n_rows: FloatArray
    """Rows in the denominator."""
    n_units: FloatArray
    """Patients in the denominator."""
    noisy: bool = False

    def believable_error(self) -> FloatArray:
        """Return standard errors in which patients that all agree are not taken for certainty."""
        floor = degenerate_standard_error(np.clip(self.value, 0, 1), n_units=self.n_units)
        return np.where(self.standard_error > 0, self.standard_error, np.where(self.standard_error == 0, floor, np.nan))

    def interval(self, group: int, level: float) -> Interval | Reason:
        """Return the interval of one group, or the reason why there is none."""
        value, error, units = self.value[group], self.standard_error[group], self.n_units[group]
        if np.isnan(value):
            return "undefined: no rows that the metric could be computed on"
        if units < 2:
            return "one patient alone says nothing of how patients differ"
        if self.measure.counts_rows and self.n_rows[group] == units and not self.noisy:
            small = units < 20
            bounds = (clopper_pearson_bounds if small else wilson_bounds)(value * units, units, level=level)
            return recorded(bounds, level, "Clopper-Pearson" if small else "Wilson")
        if np.isnan(error):
            return "one patient has so many of the rows that the others cannot say how patients differ"
        if error == 0:
            bounds = degenerate_rate_bounds(value, n_units=units, level=level)
            return recorded(bounds, level, "Clopper-Pearson with the patient as the observation")
        return recorded(self.bounds(np.array([group]), level), level, METHOD)

    def bounds(self, groups: NDArray[np.int64], level: float) -> Bounds:
        """Return bounds [len(groups)] as a group's own interval is made, for values that are compared."""
        value, error, df = self.value[groups], self.believable_error()[groups], self.degrees_of_freedom[groups]
        rate = np.clip(value, 0, 1)
        low, high = skew_logit_t_bounds(rate, error, degrees_of_freedom=df, level=level)
        agreeing = (self.standard_error[groups] == 0) | (rate <= 0) | (rate >= 1)
        low, high = low.copy(), high.copy()
        low[agreeing], high[agreeing] = degenerate_rate_bounds(
            rate[agreeing], n_units=np.maximum(self.n_units[groups][agreeing], 1), level=level
        )
        return Bounds(low, high)


def recorded(bounds: Bounds, level: float, method: str) -> Interval | Reason:
    """Return bounds as an interval within 0 and 1, or the reason why there is none."""
    low, high = float(np.squeeze(bounds.low)), float(np.squeeze(bounds.high))
    if np.isnan(low) or np.isnan(high):
        return "the patients give no interval"
    return Interval(low=max(low, 0.0), high=min(high, 1.0), level=level, method=method)


def pooled(
    measure: Measure, sums: BlockSums, *, reference: FloatArray | None = None, noise: BlockSums | None = None
) -> Pooled:
    """Measure a metric in every group; `reference` [G, C] fixes which labels count, each group's own where None."""
    totals = sums.sums.astype(np.float64)
    if noise is not None:
        totals = np.maximum(totals, 0.0)
    taking_part = measure.taking_part(totals if reference is None else reference)
    value = measure.value(totals, taking_part)
    gradient = np.stack([measure.gradient(s, t) for s, t in zip(totals, taking_part, strict=True)])
    gradient[np.isnan(value)] = np.nan
    n_units = sums.n_units if measure.label_at is None else sums.present[:, measure.label_at]
    n_units = np.maximum(np.rint(n_units.astype(np.float64)), 0.0)
    n_rows, worth = totals @ measure.sizes, _effective(measure, sums, totals, n_units)
    factor = _factor(n_units, worth)
    variance = _variance(sums, gradient, factor)
    error = np.sqrt(variance if noise is None else variance + _noise_variance(noise, gradient, factor))
    if noise is None:
        by_rows = np.sqrt(np.clip(value * (1 - value), 0, None) / np.where(n_rows > 0, n_rows, np.nan))
        error = np.where((n_units < FEW_UNITS) & (error > 0), np.fmax(error, by_rows), error)
    return Pooled(
        measure=measure,
        sums=sums,
        taking_part=taking_part,
        value=value if noise is None else np.clip(value, 0, 1),
        gradient=gradient,
        factor=factor,
        standard_error=error,
        degrees_of_freedom=np.maximum(worth - 1, 1.0),
        n_rows=n_rows,
        n_units=n_units,
        noisy=noise is not None,
    )


def _effective(measure: Measure, sums: BlockSums, totals: FloatArray, n_units: FloatArray) -> FloatArray:
    """Return Kish's number of patients of equal size, at most as many as there are; NaN of nobody."""
    squares = np.einsum("c,gcd,d->g", measure.sizes, sums.moments.astype(np.float64), measure.sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        worth = np.where(squares > 0, (totals @ measure.sizes) ** 2 / squares, np.nan)
    return np.where(n_units > 0, np.fmin(worth, n_units), np.nan)


def _factor(n_units: FloatArray, worth: FloatArray) -> FloatArray:
    enough = (n_units >= 2) & (worth > 1 + 1e-9)
    m, e = np.where(enough, n_units, np.nan), np.where(enough, worth, np.nan)
    return np.asarray((m - 1) / m * (e / (e - 1)) ** 2)


def _variance(sums: BlockSums, gradient: FloatArray, factor: FloatArray) -> FloatArray:
    moments = sums.moments.astype(np.float64)
    found = np.einsum("gc,gcd,gd->g", gradient, moments, gradient)
    scale = np.einsum("gc,gcd,gd->g", np.abs(gradient), np.abs(moments), np.abs(gradient))
    return np.where(np.isnan(found), np.nan, factor * np.where(found > ROUNDING * scale, found, 0.0))


def _noise_variance(noise: BlockSums, gradient: FloatArray, factor: FloatArray) -> FloatArray:
    first = np.einsum("gc,gc->g", gradient**2, noise.sums)
    weights = 2.0 - np.eye(gradient.shape[1])  # an off-diagonal product was noised once and counts twice
    squares = np.einsum("gc,gd,gcd->g", gradient**2, gradient**2, noise.moments * weights**2)
    # each pair stands twice in the sum over c and d, and its noise is one number
    diagonal = np.einsum("gc,gcc->g", gradient**4, noise.moments)
    hidden = np.sqrt(diagonal + (squares - diagonal) / 2)
    return np.asarray(first + factor * UPPER * hidden)


def covariance(measured: Sequence[Pooled], groups: NDArray[np.int64], noise: BlockSums | None = None) -> FloatArray:
    """Return the covariance of several metrics in several groups, [A * G, A * G], the metric the slower index.

    Between groups that share no patient it is 0; between those that do, the root of both factors times d_g' X_gh d_h.
    """
    sums, n = measured[0].sums, len(groups)
    whole = np.zeros((len(measured) * n, len(measured) * n))
    for i, g in enumerate(groups):
        for j, h in enumerate(groups):
            if i != j and not sums.block.joint:
                continue
            between = sums.covered(int(g), int(h)).astype(np.float64)
            for a, one in enumerate(measured):
                for b, other in enumerate(measured):
                    scale = np.sqrt(one.factor[g] * other.factor[h])
                    entry = scale * (one.gradient[g] @ between @ other.gradient[h])
                    if noise is not None and i == j:
                        entry += one.gradient[g] @ (noise.sums[g] * other.gradient[h])
                    whole[a * n + i, b * n + j] = entry
    errors = np.concatenate([each.believable_error()[groups] for each in measured])
    np.fill_diagonal(whole, errors**2)
    return whole
