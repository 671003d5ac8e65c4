"""How far does the mean prediction of a group lie from everybody's? The largest distance over groups."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from affidavit.comparisons import compare
from affidavit.evidence import Evidence
from affidavit.gaps import group_label
from affidavit.records import Interval
from audit.deviation.deviations import Deviations
from audit.family_claims import TOO_FEW, Chance, FamilyNumber, usable
from audit.targets.paired_moments import mean_of

SOURCE: Final = "mean prediction of a group less everybody's: ser-tests, Derington et al. 2023"


def mean_shift(evidence: Evidence, dimension: str) -> FamilyNumber:
    """Return the largest absolute distance, in units of the scale; it is beside chance, and not tested."""
    part = Deviations(comparison=compare(evidence, mean_of(f"{dimension}_mean_prediction", "prediction")))
    compared = part.comparison.compared
    chance = _chance(evidence, part)
    high, low = _ends(evidence, part)
    return FamilyNumber(
        metric=f"{dimension}_mean_shift",
        value=part.largest,
        interval_at=partial(_bounds, part),
        higher_is_better=False,
        source=SOURCE,
        groups=compared,
        chance=None if chance is None else chance.expectation(bad_end=0.95),
        highest=high,
        lowest=low,
    )


def _chance(evidence: Evidence, part: Deviations) -> Chance | None:
    dealt = evidence.permuted
    if dealt is None or len(part.comparison.compared) < 2:
        return None
    return usable(Chance(draws=np.abs(part.of(dealt.sums)).max(axis=-1), exact=dealt.exact))


def _ends(evidence: Evidence, part: Deviations) -> tuple[str | None, str | None]:
    """Return the group that deviates most as the highest or the lowest, whichever it is."""
    if len(part.comparison.compared) < 2:
        return None, None
    place = int(np.abs(part.values).argmax())
    name = group_label(evidence, int(part.comparison.compared[place]))
    return (name, None) if part.values[place] > 0 else (None, name)


def _bounds(part: Deviations, level: float) -> Interval | str:
    """Return bounds of the largest distance: every distance lies in its own at once (Bonferroni)."""
    if len(part.comparison.compared) < 2:
        return TOO_FEW
    ends = part.bounds((1 - level) / len(part.values))
    low = float(np.maximum(np.maximum(ends.low, -ends.high), 0.0).max())
    high = float(np.maximum(np.abs(ends.low), np.abs(ends.high)).max())
    if np.isnan(low) or np.isnan(high):
        return "a compared group gives no standard error"
    how = "MOVER" if part.comparison.independent else "t"
    return Interval(low=low, high=high, level=level, method=f"simultaneous {how} over units")
