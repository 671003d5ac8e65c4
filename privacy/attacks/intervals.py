"""Intervals of an attack's success over units: of the area under its curve, and of what it finds at few false alarms.

Members and non-members are two independent samples of units, one score each.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.stats import binom, rankdata

from affidavit.records import Interval
from affidavit.statistics.levels import alpha_of
from affidavit.statistics.proportions import clopper_pearson_bounds, wilson_bounds
from affidavit.statistics.types import FloatArray
from privacy.attacks.roc import auroc

WILSON: Final = "Wilson at the number of units that DeLong's variance is worth"
PAIRS: Final = "Clopper-Pearson over independent pairs of units"
ORDER: Final = "order statistics and Clopper-Pearson over units"
FIXED: Final = "Clopper-Pearson over units, threshold held fixed"
ONE_UNIT: Final = "one unit alone says nothing of how units differ"
WORST_UNITS: Final = 4
"""Units' worth of the largest spread that placements can have, beside the spread that was seen."""
NO_SPREAD: Final = "all units have the same score: no spread to build an interval from"


def auroc_interval(members: FloatArray, non_members: FloatArray, level: float) -> Interval | str:
    """Return the interval of the AUROC, or the reason why there is none.

    With V_i the share of non-members below member i, and V_j likewise, the variance is S_m / m + S_n / n. Of few units
    it is too small where the area is large, for those who would have shown the spread are rare: each S is taken
    together with `WORST_UNITS` units' worth of A (1 - A), more than which it cannot be. A (1 - A) over the variance is
    the number of coin flips that the area is worth, and Wilson's interval is theirs. Where all members lie above (or
    below) all non-members, min(m, n) pairs of different units are independent, and all of them agree.

    Simulated coverage at level 0.95 (500 draws; areas 0.5 to 0.99; 10 and 10 units, 10 and 1,000 either way, 15 and 60,
    30 and 200, 50 and 50): 0.95 to 1.00 of normal scores of equal spread; of members who are nearly all certain, with a
    few far below, down to 0.82, too high an area being told where none of those few was drawn.

    Source: variance, DeLong, DeLong, Clarke-Pearson 1988; interval, Wilson 1927.
    """
    m, n = len(members), len(non_members)
    if min(m, n) < 2:
        return ONE_UNIT
    area = auroc(members, non_members)
    if area in (0.0, 1.0):
        pairs = min(m, n)
        bounds = clopper_pearson_bounds(area * pairs, pairs, level=level)
        return Interval(low=float(bounds.low), high=float(bounds.high), level=level, method=PAIRS)
    parts = placements(members, non_members)
    if not any(np.ptp(part) > 0 for part in parts):
        return NO_SPREAD
    most = area * (1 - area)
    spreads = [
        (len(part) * min(float(part.var(ddof=1)), most) + WORST_UNITS * most) / (len(part) + WORST_UNITS)
        for part in parts
    ]
    worth = most / sum(spread / size for spread, size in zip(spreads, (m, n), strict=True))
    bounds = wilson_bounds(area * worth, worth, level=level)
    return Interval(low=float(bounds.low), high=float(bounds.high), level=level, method=WILSON)


def placements(members: FloatArray, non_members: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the share of non-members below each member, and of members above each non-member; ties count half."""
    m, n = len(members), len(non_members)
    together = rankdata(np.concatenate([members, non_members]))
    below = (together[:m] - rankdata(members)) / n
    above = 1 - (together[m:] - rankdata(non_members)) / m
    return np.asarray(below), np.asarray(above)


def tpr_interval(
    members: FloatArray, non_members: FloatArray, false_positive_rate: float, level: float
) -> Interval | str:
    """Return the interval of the share of members found where a share `false_positive_rate` of non-members is.

    The threshold is an estimate too: it lies between two of the non-members' scores (order statistics, exact), and of
    the members above either of them Clopper-Pearson; four tails of alpha / 4. Coverage is at least `level` whatever
    the distributions, and above it: 0.98 to 1.00 simulated at 0.95 (400 draws; 20 to 1,000 members, 1,000 to 3,000
    non-members).

    Source: Hilgers 1991.
    """
    m, n = len(members), len(non_members)
    if min(m, n) < 2:
        return ONE_UNIT
    tail = alpha_of(level) / 4
    falling = np.sort(non_members)[::-1]
    # ppf gives the least k with P(count <= k) >= its argument: below `fewest` and above `most` lies at most a tail
    fewest, most = int(binom.ppf(tail, n, false_positive_rate)), int(binom.ppf(1 - tail, n, false_positive_rate))
    sure = int((members > falling[fewest - 1]).sum()) if fewest > 0 else 0
    possible = int((members > falling[most]).sum()) if most < n else m
    inner = 1 - 2 * tail
    low = float(clopper_pearson_bounds(sure, m, level=inner).low)
    high = float(clopper_pearson_bounds(possible, m, level=inner).high)
    return Interval(low=low, high=high, level=level, method=ORDER)


def share_interval(found: int, n: int, level: float) -> Interval | str:
    """Return the interval of a share of units above a threshold that is held fixed."""
    if n < 2:
        return ONE_UNIT if n else "undefined: no units"
    bounds = clopper_pearson_bounds(found, n, level=level)
    return Interval(low=float(bounds.low), high=float(bounds.high), level=level, method=FIXED)
