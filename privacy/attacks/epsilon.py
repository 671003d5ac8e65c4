"""What the attack's success on units would show of epsilon, with the threshold chosen on other units.

It takes the units of one training for independent trials of the mechanism. They share one model, so they are not quite;
the one-run audit, whose canaries were put in by coins of their own, needs no such leave. And it takes members and
non-members for draws from one distribution: where they are told apart without the model, it bounds nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from privacy.attacks.units import Scored
from privacy.bounds.counts import clopper_pearson_epsilon
from privacy.bounds.records import EpsilonBound
from privacy.bounds.thresholds import AttackCounts, split_counts

LEAST_UNITS: Final = 4
"""Members, and non-members: two of each choose the threshold, two are counted."""
ASSUMED: Final = (
    "takes the units of one training for independent trials of it, half of them chose the threshold; a lower bound of "
    "what this attack shows, and no upper bound of anything"
)


def epsilon_bound(scored: Scored, *, delta: float, confidence: float, seed: int) -> EpsilonBound | str:
    """Return the lower bound of epsilon with its ceiling, or the reason why there is none."""
    if min(len(scored.members), len(scored.non_members)) < LEAST_UNITS:
        return f"fewer than {LEAST_UNITS} members or non-members: none are left to choose a threshold on"
    value = partial(_bound_of, delta=delta, confidence=confidence)
    counts = split_counts(
        scored.score, scored.member, value=lambda c: value(c).epsilon, rng=np.random.default_rng(seed)
    )
    return value(counts)


def _bound_of(counts: AttackCounts, *, delta: float, confidence: float) -> EpsilonBound:
    return clopper_pearson_epsilon(
        counts.tp, counts.n_members, counts.fp, counts.n_non_members, delta=delta, confidence=confidence
    )
