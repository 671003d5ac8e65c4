"""How well is the worst served group served? The least value over the groups of a family, with a bound that holds.

The least of many noisy values is too low: it is printed beside the least that chance alone gives when every group is
the same. Its interval is made of simultaneous intervals of all groups, so that no group is picked by looking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from affidavit.case import Case
from affidavit.claims import needs_groups, places
from affidavit.comparisons import Comparison, compare
from affidavit.confusion import Statistic, accuracy, macro_f1, unweighted_average_recall
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.gaps import group_label
from affidavit.plan import Task
from affidavit.records import Interval
from audit.family_claims import TOO_FEW, FamilyNumber, chance_of, family_claim, unshared_classes

NAME = "worst-group"
VERSION = "1"
SOURCE = "least value over groups: Sagawa et al. 2020; simultaneous bounds: Dunn 1961; null of docs/statistics.md"
METRICS = ("worst_group_accuracy", "worst_group_unweighted_average_recall", "worst_group_macro_f1")


def examine(case: Case) -> Testimony:
    """Find the worst value of every family under every condition."""
    claims: list[Claim] = []
    steps = [place for place in places(case, examination=NAME, method_version=VERSION) if place.family]
    for done, place in enumerate(steps, start=1):
        evidence = case.book.evidence(place.run, place.condition, place.family)
        labels = case.runs[place.run].labels
        for metric, statistic in zip(METRICS, _statistics(len(labels)), strict=True):
            number = worst(metric, evidence, statistic)
            caveats = unshared_classes(evidence, statistic, number.groups, labels)
            claims.append(family_claim(place, evidence, replace(number, caveats=caveats)))
        case.progress("looking for the worst group", done, len(steps))
    return Testimony(claims=tuple(claims))


def _statistics(n_labels: int) -> tuple[Statistic, ...]:
    return accuracy(n_labels), unweighted_average_recall(), macro_f1()


def worst(metric: str, evidence: Evidence, statistic: Statistic) -> FamilyNumber:
    """Return the least value over the groups that can be compared, over classes that each of them has."""
    comparison = compare(evidence, statistic)
    if len(comparison.compared) < 2:
        value, lowest, chance = float("nan"), None, None
    else:
        value = float(comparison.values.min())
        lowest = group_label(evidence, int(comparison.compared[int(comparison.values.argmin())]))
        chance = chance_of(evidence, comparison, lambda values: values.min(axis=-1))
    return FamilyNumber(
        metric=metric,
        value=value,
        interval_at=least_bounds(comparison),
        higher_is_better=True,
        source=SOURCE,
        groups=comparison.compared,
        chance=None if chance is None else chance.expectation(bad_end=0.05),
        lowest=lowest,
    )


def least_bounds(comparison: Comparison) -> Callable[[float], Interval | str]:
    """Return the bounds of the least true value at a level: the least of both ends, each group at 1 - alpha / G.

    On the event that every group's interval holds, the least true value lies at or above the least lower end, and at
    or below every upper end. The event has probability at least the level, whatever the groups share.
    """

    def at(level: float) -> Interval | str:
        n_groups = len(comparison.compared)
        if n_groups < 2:
            return TOO_FEW
        bounds = comparison.group_bounds((1 - level) / n_groups)
        if np.isnan(bounds.low).any() or np.isnan(bounds.high).any():
            return "a compared group gives no standard error"
        low, high = float(bounds.low.min()), float(bounds.high.min())
        return Interval(
            low=max(low, 0.0), high=min(high, 1.0), level=level, method="simultaneous intervals of all groups"
        )

    return at


EXAMINATION = FunctionExamination(
    name=NAME,
    title="The worst served group",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(METRICS),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=needs_groups(NAME),
)
