"""What the held-out units say of one subgroup and score bin that was found on the others: nothing was chosen here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import stdtr

from affidavit.confusion import Statistic, Value, divide
from affidavit.evidence import Evidence
from affidavit.gaps import MIN_LOG_P
from affidavit.intervals import Measured, measure
from affidavit.records import DetectableEffect, NullExpectation, SignificanceTest
from affidavit.seeds import seed_of
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.tally import FloatArray
from audit.multicalibration.scores import Bins
from audit.subgroups.claims import expectation_of
from audit.subgroups.draws import Draws
from audit.subgroups.halves import BoolArray, CellSums


@dataclass(frozen=True, kw_only=True, eq=False)
class CellCalibration:
    """One subgroup and bin on held-out units; `sign` is the direction found (1: outcomes above scores)."""

    units: CellSums
    bins: Bins
    cells: BoolArray
    """Which cells the subgroup is made of, [C]."""
    column: int
    sign: float
    draws: Draws
    seed: int
    has_units: bool
    """Where rows are the units, those outside of the bin say nothing and are left out."""

    @cached_property
    def _evidence(self) -> Evidence:
        residual, weight, rows = (part[:, self.column] for part in self.bins.parts(self.units.sums))
        inside = self.cells[self.units.cell]
        columns = np.column_stack([residual * inside, weight * inside, residual, weight, rows * inside])
        if self.has_units:
            return self.draws.evidence(self.units.grouped(columns))
        in_bin = replace(self.units, sums=columns).chosen((weight > 0).astype(np.int64))
        return self.draws.evidence(in_bin.grouped(in_bin.sums))

    @cached_property
    def violation(self) -> Measured:
        """Mean residual of the cell, positive in the direction found; its n are the rows of the cell."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            return self.sign * divide(sums[..., 0], sums[..., 1])

        ratio = (self.sign * np.eye(5)[0], np.eye(5)[1])
        return self._measured(_signed("multicalibration_violation", value, ratio))

    @cached_property
    def excess(self) -> Measured:
        """Mean residual of the cell less that of everybody in the bin, positive in the direction found."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            return self.sign * (divide(sums[..., 0], sums[..., 1]) - divide(sums[..., 2], sums[..., 3]))

        return self._measured(_signed("multicalibration_excess", value, None))

    def _measured(self, statistic: Statistic) -> Measured:
        measured = measure(self._evidence, statistic)
        inside = np.rint(self._evidence.totals[:, 4]).astype(np.int64)
        return replace(measured, n_rows=inside) if statistic.ratio is not None else measured

    def chance(self) -> NullExpectation | None:
        """Return what chance alone gives for this cell where its scores are right: about 0, for nothing was chosen."""
        sums = self._evidence.grouped.sums
        total = float(sums[:, 1].sum())
        if not total > 0:
            return None
        rng = np.random.default_rng(seed_of(self.seed, "chance"))
        taking_part = sums[:, 1] > 0
        error = float(np.sqrt((sums[taking_part, 0] ** 2).sum())) / total
        draws = rng.standard_normal(self.draws.options.n_permutations) * error
        return expectation_of(draws, f"{len(draws)} draws of multipliers of the held-out units")

    def test(self) -> SignificanceTest | None:
        """Test that the scores are right in the cell; None where there is no spread to test against."""
        value, error = float(self.violation.value[0]), float(self.violation.standard_error[0])
        if np.isnan(value) or not error > 0:
            return None
        p_value = float(stdtr(float(self.violation.degrees_of_freedom[0]), -value / error))
        return SignificanceTest(
            null="scores are right in the cell",
            p_value=min(max(p_value, 10.0**MIN_LOG_P), 1.0),
            method="t over held-out units; one-sided, in the direction found",
        )

    def detectable(self) -> DetectableEffect | None:
        """Return the smallest violation of this cell that the held-out units would find."""
        alpha, power = 1 - self.draws.options.level, self.draws.options.power
        error, freedom = self.violation.standard_error[0], self.violation.degrees_of_freedom[0]
        effect = float(minimum_detectable_effect(error, degrees_of_freedom=freedom, alpha=alpha, power=power))
        if not 0 < effect < 1:
            return None
        return DetectableEffect(value=effect, power=power, alpha=alpha, method="t over held-out units, two-sided")


def _signed(name: str, value: Value, ratio: tuple[FloatArray, FloatArray] | None) -> Statistic:
    return Statistic(name=name, value=value, low=-1.0, high=1.0, higher_is_better=False, ratio=ratio)
