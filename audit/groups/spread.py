"""How much do groups truly differ? The standard deviation between groups, less what sampling noise adds to it.

Takes the place of "the standard deviation across accents", which grows as groups shrink even where all are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from affidavit.case import Case
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
from affidavit.statistics.types import Bounds
from audit.claims import needs_groups, places
from audit.family_claims import TOO_FEW, FamilyNumber, chance_of, family_claim

NAME = "spread"
VERSION = "1"
SOURCE = "debiased between-group variance: Lum, Zhang, Bower 2022; methods 6.4"
METRICS: Final = ("accuracy_spread", "unweighted_average_recall_spread")
BELOW_NOISE: Final = "groups differ less than sampling noise alone would make them: the debiased variance is negative"


def examine(case: Case) -> Testimony:
    """Measure the spread of every family under every condition."""
    claims: list[Claim] = []
    steps = [place for place in places(case, examination=NAME, method_version=VERSION) if place.family]
    for done, place in enumerate(steps, start=1):
        evidence = case.book.evidence(place.run, place.condition, place.family)
        statistics = accuracy(len(case.runs[place.run].labels)), unweighted_average_recall()
        for metric, statistic in zip(METRICS, statistics, strict=True):
            claims.append(family_claim(place, evidence, spread(metric, evidence, statistic)))
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
    """Return the bounds at a level: the double correction where every group has the units for a bootstrap.

    Otherwise, and where the replicates do not resolve the level or groups share units, the least and largest over the
    box of simultaneous intervals: cautious, and right for few units.
    """

    def at(level: float) -> Interval | str:
        if len(comparison.compared) < 2:
            return TOO_FEW
        options = evidence.options
        many = comparison.measured.effective_units[comparison.compared].min() >= options.small_sample_units
        resolved = options.n_resamples * (1 - level) / 2 >= TAIL_REPLICATES
        if many and resolved and comparison.independent:
            return _interval(_doubly_corrected(evidence, comparison, level), level, "double correction over units")
        return _interval(_boxed(comparison, level), level, "box of simultaneous intervals over units")

    return at


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
        return "a compared group gives no standard error"
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
