"""How far is each group from everybody? The largest deviation over groups and labels, as published speech tests ask it.

Per group and label the rate of the group less that of everybody, the group included (ser-tests, Derington et al. 2023):
selection rate, recall and precision; and unweighted average recall over the labels that every group has. The finding is
the largest absolute deviation over groups and labels of a family; the exhibit holds each with its sign. It is smaller
than a gap between two groups, and a bound that was published for it means nothing for a gap.

Precision is tested here; the other rates are those of demographic parity, equalized odds and performance, whose tests
are not made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, group_name, level_cells, needs_groups, places
from affidavit.comparisons import compare
from affidavit.confusion import (
    FloatArray,
    Statistic,
    ratio_statistic,
    recall,
    selection_rate,
    unweighted_average_recall,
)
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_CLASS
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import group_label
from affidavit.intervals import Reason
from affidavit.plan import Task
from affidavit.records import Interval
from audit.deviation.deviations import Deviations
from audit.family_claims import TOO_FEW, Chance, FamilyNumber, family_claim, unshared_classes, usable

NAME = "deviation"
VERSION = "2"
SOURCE: Final = "a group less everybody: ser-tests, Derington et al. 2023; Agarwal, Dudik, Wu 2019"
TESTED: Final = ("precision",)
EVERY_LABEL: Final = "every label"
Cells = dict[str, list[str | int | float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One rate, with a statistic for each label that it is taken of."""

    name: str
    statistics: tuple[Statistic, ...]

    @property
    def metric(self) -> str:
        """The name of its largest deviation."""
        return f"{self.name}_deviation"


def rates_of(labels: Sequence[str], *, labelled: bool) -> tuple[Rate, ...]:
    """Return the rates, as statistics of class sums (labelled) or of prediction counts."""
    n = len(labels)
    if not labelled:
        return (_rate("selection_rate", labels, lambda k: _plain_selection(k, n)),)
    return (
        _rate("selection_rate", labels, lambda k: selection_rate(k, n)),
        _rate("recall", labels, lambda k: recall(k, n)),
        _rate("precision", labels, lambda k: precision(k, n)),
        Rate(name="unweighted_average_recall", statistics=(unweighted_average_recall(),)),
    )


def precision(k: int, n_labels: int) -> Statistic:
    """Return P(true = k | predicted = k), as a statistic of class sums."""
    hits, _, predicted = np.eye(3)
    chosen = np.eye(n_labels)[k]
    return ratio_statistic("precision", np.kron(hits, chosen), np.kron(predicted, chosen), source="van Rijsbergen 1979")


def _plain_selection(k: int, n_labels: int) -> Statistic:
    return ratio_statistic(
        "selection_rate", np.eye(n_labels)[k], np.ones(n_labels), higher_is_better=None, source="share of answers"
    )


def _rate(name: str, labels: Sequence[str], statistic: Callable[[int], Statistic]) -> Rate:
    return Rate(name=name, statistics=tuple(replace(statistic(k), label=label) for k, label in enumerate(labels)))


def examine(case: Case) -> Testimony:
    """Measure the deviations of every family under every condition."""
    claims: list[Claim] = []
    cells: Cells = {column.name: [] for column in BY_CLASS}
    steps = [place for place in places(case, examination=NAME, method_version=VERSION) if place.family]
    for done, place in enumerate(steps, start=1):
        predictions = case.runs[place.run]
        evidence = case.book.evidence(place.run, place.condition, place.family)
        for rate in rates_of(predictions.labels, labelled=predictions.labelled):
            parts = [Deviations(comparison=compare(evidence, statistic)) for statistic in rate.statistics]
            number = largest_deviation(evidence, rate, parts)
            caveats = unshared_classes(evidence, rate.statistics[0], number.groups, predictions.labels)
            claims.append(family_claim(place, evidence, replace(number, caveats=caveats)))
            _add(cells, place, evidence, parts)
        case.progress("measuring deviations", done, len(steps))
    title = "Each group's rate less everybody's, the group included, for each label"
    return Testimony(
        claims=tuple(claims),
        exhibits=(ExhibitTable(id="deviations", title=title, columns=BY_CLASS, values=cells),),
    )


def largest_deviation(evidence: Evidence, rate: Rate, parts: Sequence[Deviations]) -> FamilyNumber:
    """Return the largest absolute deviation over the compared groups and the labels of a rate."""
    kept = [part for part in parts if not np.isnan(part.largest)]
    widest = max(kept, key=lambda part: part.largest, default=None)
    compared = sorted({int(group) for part in kept for group in part.comparison.compared})
    chance = _chance(evidence, kept)
    high, low = (None, None) if widest is None else _ends(evidence, widest)
    return FamilyNumber(
        metric=rate.metric,
        value=float("nan") if widest is None else widest.largest,
        interval_at=lambda level: _interval(kept, level),
        higher_is_better=False,
        source=SOURCE,
        groups=np.array(compared, dtype=np.int64),
        chance=None if chance is None else chance.expectation(bad_end=0.95),
        test=chance.test(widest.largest) if widest and chance and rate.name in TESTED else None,
        highest=high,
        lowest=low,
        label=None if widest is None else widest.comparison.measured.statistic.label,
        partly_left_out=_partly(evidence, parts, compared),
    )


def largest_over(parts: Sequence[Deviations], sums: FloatArray) -> FloatArray:
    """Return the largest absolute deviation over labels and groups for sums [..., G, S]."""
    return np.asarray(np.stack([np.abs(part.of(sums)).max(axis=-1) for part in parts]).max(axis=0))


def _chance(evidence: Evidence, parts: Sequence[Deviations]) -> Chance | None:
    dealt = evidence.permuted
    if dealt is None or not parts:
        return None
    return usable(Chance(draws=largest_over(parts, dealt.sums), exact=dealt.exact))


def _ends(evidence: Evidence, widest: Deviations) -> tuple[str | None, str | None]:
    """Return the group that deviates most as the highest or the lowest, whichever it is."""
    place = int(np.abs(widest.values).argmax())
    name = group_label(evidence, int(widest.comparison.compared[place]))
    return (name, None) if widest.values[place] > 0 else (None, name)


def _interval(parts: Sequence[Deviations], level: float) -> Interval | Reason:
    """Return bounds of the largest absolute deviation: every deviation lies in its own bounds at once (Bonferroni)."""
    if not parts:
        return TOO_FEW
    alpha = (1 - level) / sum(len(part.values) for part in parts)
    ends = [part.bounds(alpha) for part in parts]
    low = float(np.max([np.maximum(np.maximum(end.low, -end.high), 0.0).max() for end in ends]))
    high = float(np.max([np.maximum(np.abs(end.low), np.abs(end.high)).max() for end in ends]))
    if np.isnan(low) or np.isnan(high):
        return "a compared group gives no standard error"
    return Interval(
        low=low,
        high=min(high, *(_widest_possible(part) for part in parts)),
        level=level,
        method=f"simultaneous {parts[0].method} over units",
    )


def _widest_possible(part: Deviations) -> float:
    statistic = part.comparison.measured.statistic
    return float("inf") if statistic.high is None else statistic.high - statistic.low


def _partly(evidence: Evidence, parts: Sequence[Deviations], compared: Sequence[int]) -> tuple[str, ...]:
    """Return the groups that are compared for some labels only, with the label they have rows of and are not."""
    names = [
        f"{group_label(evidence, group)} ({part.comparison.measured.statistic.label})"
        for part in parts
        for group in compared
        if part.comparison.measured.n_rows[group] > 0
        and group not in part.comparison.compared
        and part.comparison.measured.statistic.label is not None
    ]
    return tuple(dict.fromkeys(names))


def _add(cells: Cells, place: Place, evidence: Evidence, parts: Sequence[Deviations]) -> None:
    for part in parts:
        bounds = part.bounds(1 - place.level) if len(part.comparison.compared) > 1 else None
        at = {int(group): i for i, group in enumerate(part.comparison.compared)} if bounds else {}
        for group in range(len(evidence.grouped.groups)):
            row = _row(place, part, group)
            if bounds is not None and group in at:
                i = at[group]
                row |= {"value": float(part.values[i]), "low": float(bounds.low[i]), "high": float(bounds.high[i])}
                row["method"] = f"{part.method} over units"
            for name, column in cells.items():
                column.append(row.get(name))


def _row(place: Place, part: Deviations, group: int) -> dict[str, str | int | float | None]:
    measured = part.comparison.measured
    groups = measured.groups[group]
    return {
        "run": place.run,
        "condition": place.condition,
        "features": " x ".join(place.family),
        "group": group_name(groups),
        **level_cells(groups),
        "class": measured.statistic.label or EVERY_LABEL,
        "rate": f"{measured.statistic.name} less everybody's",
        "n": int(measured.n_rows[group]),
        "n_clusters": int(measured.n_units[group]) if place.has_units else None,
    }


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Deviation of each group from everybody",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset(rate.metric for rate in rates_of(("a", "b"), labelled=True)),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=needs_groups(NAME),
)
