"""What can a gap be, where sites withheld some of the compared groups? Bounds that hold whatever they withheld.

Each compared group has a value between two ends (equal where all is told) and, at a level, at most so much interval
below and above it. Then, whatever completion is the true one,

    v_i - v_j  >=  low_i - high_j - sqrt(below_i^2 + above_j^2)        (MOVER with the widest parts of both)
    gap        in  [max(0, max low - min high),  max over pairs of high_i - low_j]

A value of such a gap is the middle of the second line, and no more than that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.statistics.levels import t_critical
from affidavit.statistics.mover import pairs_of
from affidavit.statistics.simultaneous import PairwiseBounds
from affidavit.statistics.types import Bounds

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ends:
    """Between which values each compared group lies, [G] each, and how well it is measured at the worst."""

    low: FloatArray
    high: FloatArray
    standard_error: FloatArray
    degrees_of_freedom: FloatArray

    @property
    def middle(self) -> FloatArray:
        """Half way between the ends; the value itself where all is told."""
        return (self.low + self.high) / 2

    @property
    def least(self) -> float:
        """The smallest gap of any completion."""
        return max(0.0, float(self.low.max() - self.high.min()))

    @property
    def most(self) -> float:
        """No completion has a larger gap."""
        i, j = pairs_of(len(self.low))
        return float(np.max(np.concatenate([self.high[i] - self.low[j], self.high[j] - self.low[i]])))

    def outermost(self) -> tuple[int, int] | None:
        """Return which group is surely the highest and which the lowest; None where that is open."""
        top, bottom = int(self.low.argmax()), int(self.high.argmin())
        others = np.arange(len(self.low))
        highest = bool((self.low[top] >= self.high[others != top]).all())
        lowest = bool((self.high[bottom] <= self.low[others != bottom]).all())
        return (top, bottom) if highest and lowest else None

    def differences(self, alpha: float, told: Bounds) -> PairwiseBounds:
        """Return bounds of all pairwise differences, each at level 1 - alpha.

        `told` are a group's own bounds at that level where all of it is told, NaN where sites withheld some.
        """
        reach = t_critical(alpha, self.degrees_of_freedom) * self.standard_error
        below = np.where(np.isnan(told.low), reach, self.low - told.low)
        above = np.where(np.isnan(told.high), reach, told.high - self.high)
        i, j = pairs_of(len(self.low))
        variance = self.standard_error**2
        total = variance[i] + variance[j]
        welch = total**2 / (
            variance[i] ** 2 / self.degrees_of_freedom[i] + variance[j] ** 2 / self.degrees_of_freedom[j]
        )
        return PairwiseBounds(
            i,
            j,
            self.middle[i] - self.middle[j],
            self.low[i] - self.high[j] - np.hypot(below[i], above[j]),
            self.high[i] - self.low[j] + np.hypot(above[i], below[j]),
            np.sqrt(total),
            welch,
        )
