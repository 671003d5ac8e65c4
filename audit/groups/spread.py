"""How much do groups truly differ? The standard deviation between groups, less what sampling noise adds to it.

Takes the place of "the standard deviation across accents", which grows as groups shrink even where all are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import needs_groups, places
from affidavit.comparisons import Comparison, compare
from affidavit.confusion import Statistic, accuracy, unweighted_average_recall
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.intervals import TAIL_REPLICATES
from affidavit.plan import Task
from affidavit.records import Interval
from affidavit.statistics.between_group_variance import (
    debiased_between_group_variance,
    debiased_between_group_variance_bounds,
)
from affidavit.statistics.boxes import spread_bounds
from affidavit.statistics.small_samples import inward_degrees_of_freedom
from affidavit.statistics.types import Bounds
from audit.contrasts import NO_ERROR
from audit.family_claims import TOO_FEW, FamilyNumber, chance_of, family_claim, unshared_classes

NAME = "spread"
VERSION = "2"
SOURCE = "debiased between-group variance: Lum, Zhang, Bower 2022"
METRICS: Final = ("accuracy_spread", "unweighted_average_recall_spread")
BELOW_NOISE: Final = "groups differ less than sampling noise alone would make them: the debiased variance is negative"


def examine(case: Case) -> Testimony:
    """Measure the spread of every family under every condition."""
    claims: list[Claim] = []
    steps = [place for place in places(case, examination=NAME, method_version=VERSION) if place.family]
    for done, place in enumerate(steps, start=1):
        evidence = case.book.evidence(place.run, place.condition, place.family)
        labels = case.runs[place.run].labels
        for metric, statistic in zip(METRICS, (accuracy(len(labels)), unweighted_average_recall()), strict=True):
            number = spread(metric, evidence, statistic)
            caveats = (*number.caveats, *unshared_classes(evidence, statistic, number.groups, labels))
            claims.append(family_claim(place, evidence, replace(number, caveats=caveats)))
        case.progress("measuring the spread between groups", done, len(steps))
    return Testimony(claims=tuple(claims))


def spread(metric: str, evidence: Evidence, statistic: Statistic) -> FamilyNumber:
    """Return sqrt(max(V1, 0)) over the compared groups, V1 the debiased between-group variance; 0 is below noise."""
    comparison = compare(evidence, statistic)
    enough = len(comparison.compared) > 1
    variance = debiased_between_group_variance(comparison.values, comparison.errors**2) if enough else float("nan")
    errors = comparison.errors**2
    chance = chance_of(
        evidence, comparison, lambda values: np.sqrt(np.maximum(values.var(axis=-1, ddof=1) - errors.mean(), 0.0))
    )
    return FamilyNumber(
        metric=metric,
        value=float(np.sqrt(max(variance, 0.0))) if enough else float("nan"),
        interval_at=_bounds(evidence, comparison),
        higher_is_better=False,
        source=SOURCE,
        groups=comparison.compared,
        chance=None if chance is None else chance.expectation(bad_end=0.95),
        caveats=(BELOW_NOISE,) if variance < 0 else (),
    )


def _bounds(evidence: Evidence, comparison: Comparison) -> Callable[[float], Interval | str]:
    """Return the bounds at a level, by how many groups there are and what their units are worth.

    | groups | bounds |
    |---|---|
    | two | those of their difference over sqrt(2), which is exactly the standard deviation of two values |
    | more, each with the units for a bootstrap | the double correction |
    | more, few units or shared ones, or a level that the replicates do not resolve | the least and largest over a box |

    The box is of simultaneous intervals: cautious, and right for few units. Units are counted as for a group's own
    interval (`affidavit.intervals`): unlike ones, and near 0 or 1 those that are wholly right or wrong, are worth less.
    """

    def at(level: float) -> Interval | str:
        n_groups, options = len(comparison.compared), evidence.options
        if n_groups < 2:
            return TOO_FEW
        if n_groups == 2:
            return _of_two(comparison, level)
        resolved = options.n_resamples * (1 - level) / 2 >= TAIL_REPLICATES
        if resolved and comparison.independent and _worth(comparison) >= options.small_sample_units:
            return _interval(_doubly_corrected(evidence, comparison, level), level, "double correction over units")
        return _interval(_boxed(comparison, level), level, "box of simultaneous intervals over units")

    return at


def _worth(comparison: Comparison) -> float:
    """Return how many units the bootstrap can rely on in the group that has fewest."""
    values, error = comparison.values, comparison.measured.standard_error[comparison.compared]
    df = comparison.degrees_of_freedom
    inward = inward_degrees_of_freedom(values, error, degrees_of_freedom=df)
    return float(np.where(np.isnan(inward), df, inward).min() + 1)


def _of_two(comparison: Comparison, level: float) -> Interval | str:
    pair = comparison.differences(1 - level)
    low, high = float(pair.low[0]), float(pair.high[0])
    if np.isnan(low) or np.isnan(high):
        return NO_ERROR
    least, largest = max(low, -high, 0.0), min(max(-low, high), 1.0)
    how = "MOVER" if comparison.independent else "t"
    root = float(np.sqrt(2))
    return Interval(low=least / root, high=largest / root, level=level, method=f"{how} over units, of the difference")


def _doubly_corrected(evidence: Evidence, comparison: Comparison, level: float) -> Bounds:
    reference = comparison.measured.reference[comparison.compared]
    replicates = comparison.measured.statistic.value(evidence.replicates[:, comparison.compared], reference)
    return debiased_between_group_variance_bounds(comparison.values, comparison.errors**2, replicates, level=level)


def _boxed(comparison: Comparison, level: float) -> Bounds:
    n_groups = len(comparison.compared)
    bounds = spread_bounds(comparison.group_bounds((1 - level) / n_groups), np.full(n_groups, 1 / n_groups))
    return Bounds(bounds.low * n_groups / (n_groups - 1), bounds.high * n_groups / (n_groups - 1))


def _interval(variance: Bounds, level: float, method: str) -> Interval | str:
    if np.isnan(variance.low) or np.isnan(variance.high):
        return NO_ERROR
    low, high = np.sqrt(np.maximum(variance, 0.0))
    return Interval(low=float(low), high=float(high), level=level, method=method)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Spread between groups",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(METRICS),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=needs_groups(NAME),
)
