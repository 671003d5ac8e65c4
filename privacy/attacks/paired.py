"""Did an attack on the same units become less successful? Two models, or one before and after it was protected.

With d_i the difference of a unit's placements under the two attacks (the share of the other side that it is ranked
right against), the change of the AUROC is the mean of d over members, and its variance S_m / m + S_n / n over members
and non-members, t with the degrees of freedom of Satterthwaite.

Source: DeLong, DeLong, Clarke-Pearson 1988, paired curves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.records import Interval
from affidavit.statistics.small_samples import t_bounds
from affidavit.statistics.types import FloatArray
from privacy.attacks.intervals import ONE_UNIT, placements
from privacy.attacks.roc import auroc
from privacy.attacks.units import Scored

METHOD: Final = "DeLong over units, paired, t"
NO_CHANGE: Final = "the two attacks rank every unit alike: no spread to build an interval from"
NO_PAIRS: Final = "no unit is known to both tables of losses with the same membership"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Scores of the same units under two attacks."""

    members_before: FloatArray
    members_after: FloatArray
    non_members_before: FloatArray
    non_members_after: FloatArray
    unit: tuple[str, ...] = ()
    """Names of the units, never told."""

    @property
    def change(self) -> float:
        """AUROC after less before, in [-1, 1]; NaN without members or without non-members."""
        before = auroc(self.members_before, self.non_members_before)
        return auroc(self.members_after, self.non_members_after) - before

    def interval(self, level: float) -> Interval | str:
        """Return the interval of the change, or the reason why there is none."""
        m, n = len(self.members_before), len(self.non_members_before)
        if min(m, n) < 2:
            return ONE_UNIT if min(m, n) else NO_PAIRS
        before = placements(self.members_before, self.non_members_before)
        after = placements(self.members_after, self.non_members_after)
        parts = [(a - b).var(ddof=1) / len(a) for a, b in zip(after, before, strict=True)]
        variance = sum(parts)
        if variance <= 0:
            return NO_CHANGE
        degrees = variance**2 / sum(part**2 / (size - 1) for part, size in zip(parts, (m, n), strict=True))
        bounds = t_bounds(self.change, np.sqrt(variance), degrees_of_freedom=degrees, level=level)
        return Interval(low=max(-1.0, float(bounds.low)), high=min(1.0, float(bounds.high)), level=level, method=METHOD)


def pairs_of_units(before: Scored, after: Scored) -> Pairs:
    """Return the scores of units that both know by their names, members or non-members in both."""
    names, there, here = np.intersect1d(np.array(before.unit), np.array(after.unit), return_indices=True)
    same = before.member[there] == after.member[here]
    there, here = there[same], here[same]
    member = after.member[here]
    return Pairs(
        members_before=before.score[there][member],
        members_after=after.score[here][member],
        non_members_before=before.score[there][~member],
        non_members_after=after.score[here][~member],
        unit=tuple(names[same].tolist()),
    )
