"""Which threshold tells members best, without paying for having looked?

One part of the trials chooses the threshold, the other is counted. Above the threshold means "member".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
MOST_THRESHOLDS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackCounts:
    """What an attack told of members and non-members at one threshold."""

    tp: int
    n_members: int
    fp: int
    n_non_members: int


def counts_above(scores: FloatArray, member: BoolArray, *, threshold: float) -> AttackCounts:
    """Return the counts of scores above a threshold, among members and among the others."""
    above = scores > threshold
    return AttackCounts(
        tp=int((above & member).sum()),
        n_members=int(member.sum()),
        fp=int((above & ~member).sum()),
        n_non_members=int((~member).sum()),
    )


def best_threshold(scores: FloatArray, member: BoolArray, *, value: Callable[[AttackCounts], float]) -> float:
    """Return the threshold whose counts have the largest value; the lowest of equals.

    Looks midway between neighbouring scores, at `MOST_THRESHOLDS` of them spread evenly where there are more; beside an
    infinite score at the lower of the two, so that what is infinite can be told from what is not.

    Raises:
        ValueError: a score is NaN, which lies on neither side of any threshold.
    """
    if bool(np.isnan(scores).any()):
        raise ValueError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN: leave them out, and say so")
    distinct = np.unique(scores)
    between = _between(distinct) if len(distinct) > 1 else distinct
    places = np.unique(np.linspace(0, len(between) - 1, min(len(between), MOST_THRESHOLDS)).round().astype(int))
    thresholds = between[places]
    values = [value(counts_above(scores, member, threshold=float(at))) for at in thresholds]
    return float(thresholds[int(np.argmax(values))])


def _between(distinct: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):  # the two infinities
        midway = (distinct[1:] + distinct[:-1]) / 2
    return np.where(np.isfinite(midway), midway, distinct[:-1])


def split_counts(
    scores: FloatArray, member: BoolArray, *, value: Callable[[AttackCounts], float], rng: np.random.Generator
) -> AttackCounts:
    """Return the counts of one half of the trials at the threshold that is best for the other half.

    Raises:
        ValueError: fewer than two members or two non-members, or a score is NaN.
    """
    return held_out_counts(scores, member, choose=partial(best_threshold, value=value), share=0.5, rng=rng)


def held_out_counts(
    scores: FloatArray,
    member: BoolArray,
    *,
    choose: Callable[[FloatArray, BoolArray], float],
    share: float,
    rng: np.random.Generator,
) -> AttackCounts:
    """Return the counts at a threshold that was chosen on a share of the trials, over all the others.

    The share is drawn among members and among the others, at least one of each, so that both parts have both.

    Raises:
        ValueError: fewer than two members or two non-members.
    """
    if min(int(member.sum()), int((~member).sum())) < 2:
        raise ValueError("a threshold is chosen on other trials: two members and two non-members are needed at least")
    choosing = np.zeros(len(scores), dtype=bool)
    for part in (np.flatnonzero(member), np.flatnonzero(~member)):
        choosing[rng.permutation(part)[: max(1, int(share * len(part)))]] = True
    threshold = choose(scores[choosing], member[choosing])
    return counts_above(scores[~choosing], member[~choosing], threshold=threshold)
