"""How well a score tells members from non-members: the curve, its area, and what is found at few false alarms.

A higher score means member. Scores are of units; ties are decided against the attack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import rankdata

from affidavit.statistics.types import FloatArray

NEEDED: Final = 10
"""False alarms that a rate must be able to show: at a rate f, 10 / f non-members."""


def auroc(members: FloatArray, non_members: FloatArray) -> float:
    """Return P(member's score > non-member's) + P(equal) / 2, in [0, 1]; 0.5 is chance, NaN where either is empty.

    >>> auroc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    m, n = len(members), len(non_members)
    if not m or not n:
        return math.nan
    ranks = rankdata(np.concatenate([members, non_members]))
    return float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))


def non_members_needed(false_positive_rate: float) -> int:
    """Return how many non-members it takes to speak of this rate of false alarms.

    >>> non_members_needed(0.001)
    10000
    """
    return math.ceil(round(NEEDED / false_positive_rate, 6))


def threshold_at(non_members: FloatArray, false_positive_rate: float) -> float:
    """Return the least non-member's score that at most a share `false_positive_rate` of non-members exceed.

    >>> threshold_at(np.array([1.0, 2.0, 3.0, 4.0]), 0.25)
    3.0
    """
    falling = np.sort(non_members)[::-1]
    return float(falling[min(allowed_alarms(len(falling), false_positive_rate), len(falling) - 1)])


def allowed_alarms(n: int, false_positive_rate: float) -> int:
    """Return floor(rate x n), though 0.01 x 300 is a hair under 3 in binary."""
    return math.floor(round(false_positive_rate * n, 9))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Counts at every threshold, from the strictest: members and non-members with a score of at least it."""

    threshold: FloatArray
    true_positives: FloatArray
    false_positives: FloatArray


def curve(members: FloatArray, non_members: FloatArray) -> Curve:
    """Return the points of the ROC curve, one for each distinct score."""
    scores = np.concatenate([members, non_members])
    threshold = np.unique(scores)[::-1]
    found = [len(part) - np.searchsorted(np.sort(part), threshold, side="left") for part in (members, non_members)]
    return Curve(
        threshold=threshold, true_positives=found[0].astype(np.float64), false_positives=found[1].astype(np.float64)
    )
