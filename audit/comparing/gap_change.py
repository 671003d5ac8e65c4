"""Is the gap between groups wider with the second run than with the first? The change of a gap, with its bounds.

The change of max - min is a difference in differences between groups that nobody knows beforehand: those furthest
apart with the first run, and those with the second. Its bounds let every pair be either that the data do not exclude.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affidavit.comparisons import Comparison
from affidavit.confusion import FloatArray
from affidavit.evidence import Evidence
from affidavit.intervals import Reason
from affidavit.records import Interval
from affidavit.statistics.mover import mover_difference_bounds
from affidavit.statistics.simultaneous import simultaneous_differences
from affidavit.statistics.types import Bounds
from audit.comparing.statistics import Metric
from audit.contrasts import Contrasts, contrasts_of, own_bounds

SOURCE = "change of max - min over groups, simultaneous over pairs and runs: Dunn 1961; MOVER: Zou, Donner 2008"
TOO_FEW = "fewer than two groups can be compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapChange:
    """The gap with the second run less the gap with the first."""

    parts: tuple[Contrasts, ...]
    """First run, second run, second less first; over the same groups."""

    @property
    def value(self) -> float:
        """Return the change, NaN where fewer than two groups can be compared."""
        if len(self.parts[0].compared) < 2:
            return float("nan")
        first, second, _ = (part.measured.value[part.compared] for part in self.parts)
        return float(np.ptp(second) - np.ptp(first))

    def interval(self, level: float) -> Interval | Reason:
        """Return bounds of the true change that hold whichever pairs make the gaps.

        All pairs' differences with each run and their changes are bounded at once (Bonferroni over 3 P). Where these
        hold: the pair that makes the second gap is one whose upper end reaches the second gap's lower end, and the
        first gap is at least that pair's; so the change is at most the greatest change among such pairs. Likewise
        downwards with the pairs that may make the first gap, and by the bounds of both gaps.
        """
        if np.isnan(self.value):
            return TOO_FEW
        n_pairs = len(self.parts[0].compared) * (len(self.parts[0].compared) - 1) // 2
        low, high = (
            np.stack(ends)
            for ends in zip(*(_ordered(part, (1 - level) / (3 * n_pairs)) for part in self.parts), strict=True)
        )
        if np.isnan(low).any() or np.isnan(high).any():
            return "a compared group gives no standard error"
        least, most = np.maximum(low.max(axis=1), 0.0), high.max(axis=1)
        may_be_widest = high >= least[:, None]
        lower = max(low[2][may_be_widest[0]].min(), least[1] - most[0])
        upper = min(high[2][may_be_widest[1]].max(), most[1] - least[0])
        method = f"difference in differences, simultaneous over {3 * n_pairs}"
        return Interval(low=max(float(lower), -1.0), high=min(float(upper), 1.0), level=level, method=method)


def gap_change(evidence: Evidence, metric: Metric) -> GapChange:
    """Return the change of a metric's gap over the groups of a family."""
    return GapChange(parts=contrasts_of(evidence, (metric.first, metric.second, metric.change)))


def _ordered(part: Contrasts, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the differences of all ordered pairs, each unordered one at level 1 - alpha."""
    low, high = _pair_bounds(part, alpha)
    return np.concatenate([low, -high]), np.concatenate([high, -low])


def _pair_bounds(part: Contrasts, alpha: float) -> Bounds:
    comparison = Comparison(measured=part.measured, compared=part.compared)
    if comparison.independent:
        own = comparison.group_bounds(alpha) if part.measured.bounded else own_bounds(part, alpha)
        return mover_difference_bounds(comparison.values, own)
    pairs = simultaneous_differences(
        comparison.values,
        covariance=comparison.covariance,
        degrees_of_freedom=comparison.degrees_of_freedom,
        level=1 - min(alpha * comparison.n_pairs, 0.999999),
    )
    return Bounds(pairs.low, pairs.high)
