"""Group means after regression on a covariate of the row: how far apart are groups beyond what the covariate explains?

The mean of an outcome D in group g, moved to everybody's mean of the covariate H along the slope within groups:

    adjusted_g = mean_g(D) - b (mean_g(H) - mean(H)),  b = sum_g S_DH,g / sum_g S_HH,g

(analysis of covariance with a common slope, Fisher 1932). Where groups have the same mean of H, the adjusted gap is
the raw gap; where H does not vary, b is 0. The slope is shared, so that adjusted means depend on each other: standard
errors and covariances are the jackknife's over units, each left out of every group and of the slope. A covariate that
is measured with noise (the entropy of few votes) explains too little, and so adjusts too little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from affidavit.claims import Place, gap_claim, group_claims
from affidavit.confusion import Statistic, ratio_statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, pending
from affidavit.gaps import GapKind, MeasuredGap, measure_gap
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import Interval, SignificanceTest
from affidavit.statistics.jackknife import jackknife_covariance
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.simultaneous import PairwiseBounds, gap_bounds, simultaneous_differences
from affidavit.statistics.small_samples import t_bounds

FloatArray = NDArray[np.float64]
METHOD: Final = "t over units, jackknife of means and slope"
_UNITS_AT_ONCE: Final = 4096
_FLAT: Final = 1e-12


def common_slope(totals: FloatArray) -> FloatArray:
    """Return the slope within groups [...] from sums [..., G, 5] of w, wD, wH, wHH, wDH; 0 where H does not vary."""
    w, d, h, hh, dh = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.where(w > 0, hh - h * h / w, 0.0).sum(axis=-1)
        joint = np.where(w > 0, dh - d * h / w, 0.0).sum(axis=-1)
        return np.where(spread > _FLAT * np.maximum(hh.sum(axis=-1), 1e-300), joint / spread, 0.0)


def adjusted_means(totals: FloatArray) -> FloatArray:
    """Return the adjusted means [..., G] from sums [..., G, 5] of w, wD, wH, wHH, wDH; NaN for a group without rows."""
    w, d, h, *_ = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        everybody = h.sum(axis=-1, keepdims=True) / w.sum(axis=-1, keepdims=True)
        return np.asarray(np.where(w > 0, d / w - common_slope(totals)[..., None] * (h / w - everybody), np.nan))


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjusted:
    """The adjusted means of one family of groups, measured."""

    measured: Measured
    """With the slope taken as known: values, null and what is left out; not its errors."""
    gap: MeasuredGap
    covariance: FloatArray
    """[G, G], jackknife."""

    def interval(self, group: int, level: float) -> Interval | Reason:
        """Return the interval of one group's adjusted mean."""
        if np.isnan(self.measured.value[group]) or self.measured.n_units[group] < 2:
            return self.measured.interval(group, level)
        error = np.sqrt(self.covariance[group, group])
        low, high = t_bounds(
            self.measured.value[group],
            error,
            degrees_of_freedom=self.measured.degrees_of_freedom[group],
            level=level,
        )
        if np.isnan(low):
            return "the units do not differ at all: no spread to build an interval from"
        return Interval(low=float(low), high=float(high), level=level, method=METHOD)

    def gap_interval(self, level: float) -> Interval | Reason:
        """Return simultaneous bounds of the adjusted gap."""
        if not self.gap.defined:
            return self.gap.interval(level)
        low, high = gap_bounds(self._pairs(level))
        if np.isnan(low) or np.isnan(high):
            return "a compared group gives no standard error"
        return Interval(low=float(low), high=float(high), level=level, method=f"simultaneous pairwise {METHOD}")

    def _pairs(self, level: float) -> PairwiseBounds:
        compared = self.gap.components[0].compared
        return simultaneous_differences(
            self.measured.value[compared],
            covariance=self.covariance[np.ix_(compared, compared)],
            degrees_of_freedom=self.measured.degrees_of_freedom[compared],
            level=level,
        )

    @cached_property
    def pairwise_p_value(self) -> float:
        """The level at which the simultaneous bounds first exclude no gap (Dunn 1961)."""
        pairs = self._pairs(0.95)
        t = np.abs(pairs.difference) / pairs.standard_error
        each = 2 * stdtr(pairs.degrees_of_freedom, -t)
        return float(min(1.0, np.nanmin(each, initial=1.0) * len(each)))

    def test(self) -> SignificanceTest | None:
        """Test that adjusted means are the same, as `MeasuredGap.test` does: residuals dealt anew, and the bounds."""
        if not self.gap.defined:
            return None
        null, p_value, how = self.gap.null, self.pairwise_p_value, "pairwise bounds"
        if null is not None and null.permuted:
            dealt = permutation_p_value(self.gap.value, null.gaps, exact=null.exact)
            p_value = dealt if null.exact else 2 * min(dealt, p_value)
            how = f"{null.how}, of their residuals" + ("" if null.exact else " and pairwise bounds, Bonferroni")
        return SignificanceTest(null="every group is the same", p_value=min(p_value, 1.0), method=how)


def adjust(evidence: Evidence, name: str, *, source: str) -> Adjusted:
    """Measure the adjusted means of a family from evidence over sums w, wD, wH, wHH, wDH.

    Permutations deal residuals D - b H of whole units anew (Freedman, Lane 1983).
    """
    totals = evidence.totals
    slope = float(common_slope(totals))
    centre = float(totals[:, 2].sum() / max(totals[:, 0].sum(), 1e-300))
    residuals = evidence.projected(partial(_residuals, slope, centre))
    statistic = _mean(name, source)
    return Adjusted(
        measured=measure(residuals, statistic),
        gap=measure_gap(residuals, [statistic], GapKind(name=f"{name}_difference", scale="difference")),
        covariance=_covariance(evidence),
    )


def _residuals(slope: float, centre: float, sums: FloatArray) -> FloatArray:
    return np.stack([sums[..., 1] - slope * (sums[..., 2] - centre * sums[..., 0]), sums[..., 0]], axis=-1)


def _mean(name: str, source: str) -> Statistic:
    mean = ratio_statistic(name, np.array([1.0, 0.0]), np.array([0.0, 1.0]), higher_is_better=False, source=source)
    return replace(mean, low=-1.0, high=None, counts_rows=False)


def _covariance(evidence: Evidence) -> FloatArray:
    """Return the jackknife covariance [G, G] of adjusted means, every unit left out of all groups at once."""
    grouped, totals = evidence.grouped, evidence.totals
    units, place = np.unique(grouped.unit, return_inverse=True)
    order = np.argsort(place, kind="stable")
    left_out = np.empty((len(units), len(totals)))
    starts = np.searchsorted(place[order], np.arange(len(units) + 1))
    for start in range(0, len(units), _UNITS_AT_ONCE):
        stop = min(start + _UNITS_AT_ONCE, len(units))
        rows = order[starts[start] : starts[stop]]
        without = np.repeat(totals[None], stop - start, axis=0)
        np.add.at(without, (place[rows] - start, grouped.group[rows]), -grouped.sums[rows])
        without[..., 0][np.abs(without[..., 0]) < _FLAT * totals[:, 0]] = 0.0  # what subtraction leaves of a lone unit
        left_out[start:stop] = adjusted_means(without)
    return jackknife_covariance(left_out)


def adjusted_claims(place: Place, evidence: Evidence, name: str, *, source: str) -> tuple[list[Claim], Claim]:
    """Return one claim a group and the claim of the gap."""
    adjusted = adjust(evidence, name, source=source)
    claims = [
        _with_interval(claim, partial(adjusted.interval, group), place.level)
        for group, claim in enumerate(group_claims(place, adjusted.measured, caveats={}))
    ]
    gap = _with_interval(gap_claim(place, adjusted.gap, source=source), adjusted.gap_interval, place.level)
    finding = gap.finding.model_copy(update={"test": adjusted.test(), "minimum_detectable_effect": None})
    return claims, replace(gap, finding=finding)


def _with_interval(claim: Claim, interval_at: Callable[[float], Interval | Reason], level: float) -> Claim:
    found = interval_at(level)
    estimate = estimate_of(
        claim.finding.estimate.value, found, n=claim.finding.estimate.n, n_units=claim.finding.estimate.n_clusters
    )
    verdict, because = pending(estimate)
    update = {"estimate": estimate, "verdict": verdict, "because": because}
    return Claim(finding=claim.finding.model_copy(update=update), interval_at=interval_at, unassessed=claim.unassessed)
