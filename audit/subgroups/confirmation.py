"""What the held-out units say of one subgroup that was found on the others: nothing was chosen here.

The direction was found too, so the violation is signed (positive: as found) and its test is one-sided. The p-value is
twice the smaller of two: held-out units dealt anew to the subgroup and the rest, with a studentised difference (exact
where units can be exchanged, right in large samples where variances differ), and Welch's t, which does not end at
1 / (B + 1). Where a unit lies in several cells only t on the jackknife speaks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from scipy.special import stdtr

from affidavit.confusion import Statistic, Value, divide
from affidavit.gaps import MIN_LOG_P
from affidavit.intervals import Measured, measure
from affidavit.records import DetectableEffect, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.jackknife import effective_units
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.tally import FloatArray
from audit.subgroups.draws import Dealt, Draws
from audit.subgroups.halves import BoolArray, CellSums
from audit.subgroups.rates import Rate

KEARNS: Final = "P(g) |rate(g) - rate(all)|: Kearns, Neel, Roth, Wu 2018 (gamma-subgroup fairness)"
HYPOTHESIS: Final = "the subgroup fares as everybody does"
_COLUMNS: Final = 5
"""Sums of a unit: numerator and denominator in the subgroup, of everybody, and rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A subgroup and a rate, and the direction in which it was found."""

    cells: BoolArray
    """Which cells are in it, [C]."""
    rate: Rate
    sign: float
    """1 where its rate is above everybody's, -1 where below."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Confirmation:
    """A target measured on held-out units."""

    target: Target
    units: CellSums
    draws: Draws

    @cached_property
    def _inside(self) -> BoolArray:
        return np.asarray(self.target.cells[self.units.cell])

    @cached_property
    def _columns(self) -> FloatArray:
        sums, rate, inside = self.units.sums, self.target.rate, self._inside
        above, below = sums @ rate.numerator, sums @ rate.denominator
        return np.column_stack([above * inside, below * inside, above, below, sums.sum(axis=1)])

    @cached_property
    def n_units_inside(self) -> int:
        """Held-out units with a row in the subgroup."""
        units = self.units
        return int(units.copies[self._inside].sum()) if units.nested else len(np.unique(units.unit[self._inside]))

    def _measured(self, statistic: Statistic) -> Measured:
        evidence = self.draws.evidence(self.units.grouped(self._columns))
        measured = measure(evidence, statistic)
        if not self.units.nested:
            return measured
        return replace(measured, degrees_of_freedom=np.array([max(1.0, self._degrees_of_freedom)]))

    @cached_property
    def violation(self) -> Measured:
        """P(g) (rate(g) - rate(all)), positive in the direction found."""
        sign = self.target.sign

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            above_in, below_in, above, below, rows = np.moveaxis(sums, -1, 0)
            distance = divide(above_in - divide(above, below) * below_in, rows)
            return np.where(below_in > 0, sign * distance, np.nan)

        return self._measured(_signed("subgroup_violation", value, KEARNS))

    @cached_property
    def difference(self) -> Measured:
        """rate(g) - rate(rest), positive in the direction found."""
        sign = self.target.sign

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            above_in, below_in, above, below, _ = np.moveaxis(sums, -1, 0)
            return sign * (divide(above_in, below_in) - divide(above - above_in, below - below_in))

        return self._measured(_signed("subgroup_rate_difference", value, "rate(g) - rate(not g), found by search"))

    @cached_property
    def inside(self) -> Measured:
        """The rate in the subgroup."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            return divide(sums[..., 0], sums[..., 1])

        ratio = (np.eye(_COLUMNS)[0], np.eye(_COLUMNS)[1])
        statistic = Statistic(name="subgroup_rate", value=value, ratio=ratio, counts_rows=True, higher_is_better=None)
        evidence = self.draws.evidence(self.units.grouped(self._columns))
        return measure(evidence, statistic)

    @cached_property
    def _rate(self) -> float:
        above, below = self.units.copies @ self._columns[:, 2:4]
        return float(divide(above, below))

    @cached_property
    def _units(self) -> tuple[FloatArray, BoolArray, FloatArray]:
        """Return z and denominator of every unit [m], and whether it is inside; only where units lie in one cell."""
        _, _, above, below, _ = self._columns.T
        z = np.repeat(above - np.nan_to_num(self._rate) * below, self.units.copies)
        return z, np.repeat(self._inside, self.units.copies), np.repeat(below, self.units.copies)

    @cached_property
    def _degrees_of_freedom(self) -> float:
        """Welch's, with effective units in place of units (Satterthwaite 1946)."""
        z, inside, below = self._units
        parts = [(z[side], effective_units(below[side])) for side in (inside, ~inside) if below[side].any()]
        if len(parts) < 2 or min(len(values) for values, _ in parts) < 2:
            return 1.0
        variances = np.array([values.var(ddof=1) / len(values) for values, _ in parts])
        freedom = np.array([max(1.0, effective - 1) for _, effective in parts])
        below_ = float((variances**2 / freedom).sum())
        return float(variances.sum() ** 2 / below_) if below_ > 0 else 1.0

    @cached_property
    def _dealt(self) -> Dealt | None:
        """Sums of z and z^2 of the rest and the subgroup [B, 2, 2], held-out units dealt anew."""
        if not self.units.nested:
            return None
        _, _, above, below, _ = self._columns.T
        z = above - np.nan_to_num(self._rate) * below
        sides = replace(self.units, cell=self._inside.astype(np.int64), n_cells=2)
        return self.draws.dealt(sides, np.column_stack([z, z**2]))

    def chance(self) -> NullExpectation | None:
        """Return what chance alone gives for this subgroup: about 0, for nothing was chosen."""
        if self._dealt is None or np.isnan(self.violation.value[0]):
            return None
        total = float(self.units.copies @ self._columns[:, -1])
        draws = self.target.sign * self._dealt.sums[:, 1, 0] / total
        method = self._dealt.named("the held-out units")
        return NullExpectation(value=float(draws.mean()), high=float(np.quantile(draws, 0.95)), method=method)

    def test(self) -> SignificanceTest | None:
        """Test that the subgroup fares as everybody does; None where the violation is undefined or without spread."""
        error = float(self.violation.standard_error[0])
        if np.isnan(self.violation.value[0]) or not error > 0:
            return None
        if self._dealt is None:
            ratio = float(self.violation.value[0]) / error
            p_value = float(stdtr(float(self.violation.degrees_of_freedom[0]), -ratio))
            return _said(p_value, "t over held-out units")
        z, inside, _ = self._units
        m = np.array([int((~inside).sum()), int(inside.sum())])
        if m.min() < 2:
            return None
        observed = np.array([[[part.sum(), (part**2).sum()] for part in (z[~inside], z[inside])]])
        value = self.target.sign * float(_studentised(observed, m)[0])
        null = self.target.sign * _studentised(self._dealt.sums, m)
        p_value = permutation_p_value(value, null, exact=self._dealt.exact)
        if self._dealt.exact:
            return _said(p_value, "all arrangements of held-out units")
        by_t = float(stdtr(self._degrees_of_freedom, -value))
        how = f"{len(null)} permutations of held-out units and Welch's t, Bonferroni"
        return _said(2 * min(p_value, by_t), how)

    def detectable(self) -> DetectableEffect | None:
        """Return the smallest violation of this subgroup that the held-out units would find."""
        alpha, power = 1 - self.draws.options.level, self.draws.options.power
        df = float(self.violation.degrees_of_freedom[0])
        effect = float(
            minimum_detectable_effect(self.violation.standard_error[0], degrees_of_freedom=df, alpha=alpha, power=power)
        )
        if not 0 < effect < 1:
            return None
        return DetectableEffect(value=effect, power=power, alpha=alpha, method="t over held-out units, two-sided")


def _signed(name: str, value: Value, source: str) -> Statistic:
    return Statistic(name=name, value=value, low=-1.0, high=1.0, higher_is_better=False, source=source)


def _studentised(sums: FloatArray, m: FloatArray) -> FloatArray:
    """Return (mean inside - mean outside) / standard error [B] from sums [B, 2, 2] of z and z^2 (Janssen 1997)."""
    mean = sums[..., 0] / m
    variance = np.maximum(sums[..., 1] / m - mean**2, 0.0) / (m - 1)
    error = np.sqrt(variance.sum(axis=1))
    difference = mean[:, 1] - mean[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, difference / error, np.sign(difference) * np.inf)


def _said(p_value: float, method: str) -> SignificanceTest:
    printed = min(max(p_value, 10.0**MIN_LOG_P), 1.0)
    return SignificanceTest(null=HYPOTHESIS, p_value=printed, method=f"{method}; one-sided, in the direction found")


def interval_from_below(measured: Measured, level: float, *, at_most: float, method: str) -> Interval | str:
    """Return bounds of the greatest violation: from below by what was held out, from above by `at_most`."""
    own = measured.interval(0, level)
    if isinstance(own, str):
        return own
    return Interval(low=own.low, high=max(own.high, at_most), level=level, method=method)
