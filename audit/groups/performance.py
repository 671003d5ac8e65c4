"""How well does the model do, for everybody, every group and every intersection, and how far are groups apart?

Accuracy, unweighted and weighted average recall, weighted and macro F1; each also as a mean over units, so that one
talkative patient does not stand for many. Gaps are printed beside what chance alone gives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.claims import (
    Place,
    claim_rows,
    gap_claim,
    group_claims,
    group_name,
    level_cells,
    places,
    under_other_labels,
)
from affidavit.confusion import Statistic, performance, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP, MATRIX
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.mislabelling import mislabelled_gap
from affidavit.plan import Task
from affidavit.tally import GroupedSums
from audit.family_claims import unshared_classes

NAME = "performance"
VERSION = "1"
WAR = "weighted_average_recall"
METRICS = tuple(statistic.name for statistic in performance(2))
GAP_SOURCE = "max-min and min/max over groups: Bird et al. 2020 (Fairlearn); null and bounds of docs/statistics.md"


def examine(case: Case) -> Testimony:
    """Measure every group of every family under every condition."""
    claims: list[Claim] = []
    gaps: list[Claim] = []
    matrices: dict[str, list[str | int | float | None]] = {column.name: [] for column in MATRIX}
    steps = places(case, examination=NAME, method_version=VERSION)
    for done, place in enumerate(steps, start=1):
        labels = case.runs[place.run].labels
        evidence = case.book.evidence(place.run, place.condition, place.family)
        found, apart = _family(place, evidence, labels)
        claims += found
        gaps += apart
        _add_matrices(matrices, place, case.book.matrices(place.run, place.condition, place.family), labels)
        case.progress("measuring performance", done, len(steps))
    return Testimony(claims=(*claims, *gaps), exhibits=_exhibits(claims, matrices))


def _family(place: Place, evidence: Evidence, labels: tuple[str, ...]) -> tuple[list[Claim], list[Claim]]:
    statistics = performance(len(labels))
    averaged = averaged_classes(evidence, labels)
    claims = []
    for s in statistics:
        measured = measure(evidence, s)
        plain = group_claims(place, measured, caveats=averaged.get(s.name, {}))
        claims += under_other_labels(plain, measured)
    if place.has_units:
        unit_means = evidence.per_unit(statistics)
        claims += [
            claim
            for i, s in enumerate(statistics)
            for claim in group_claims(place, measure(unit_means, _unit_mean(s, i, len(statistics))), caveats={})
        ]
    gaps = _gaps(place, evidence, statistics, labels) if place.family else []
    return claims, gaps


def _unit_mean(statistic: Statistic, position: int, n_statistics: int) -> Statistic:
    """Return the mean over units of a statistic, where it is defined in the unit."""
    columns = np.eye(2 * n_statistics)
    mean = ratio_statistic(
        f"{statistic.name}_per_unit",
        columns[2 * position],
        columns[2 * position + 1],
        source=f"mean over units; {statistic.source}",
    )
    return replace(mean, counts_rows=False)


def _gaps(place: Place, evidence: Evidence, statistics: tuple[Statistic, ...], labels: tuple[str, ...]) -> list[Claim]:
    claims = []
    for statistic in statistics:
        if statistic.name == WAR:  # its gap is that of accuracy, and a test counted twice costs every other one
            continue
        for scale in ("difference", "ratio"):
            gap = measure_gap(evidence, [statistic], GapKind(name=f"{statistic.name}_{scale}", scale=scale))
            compared = gap.components[0].compared if gap.components else np.zeros(0, dtype=np.int64)
            caveats = unshared_classes(evidence, statistic, compared, labels)
            claim = gap_claim(place, gap, source=GAP_SOURCE, caveats=caveats)
            claims.append(replace(claim, mislabelled=mislabelled_gap(gap)))
    return claims


def averaged_classes(evidence: Evidence, labels: tuple[str, ...]) -> dict[str, dict[int, tuple[str, ...]]]:
    """Return per metric and group the caveat that its average leaves classes out, or holds one that never occurs."""
    _, true, predicted = np.split(evidence.totals, 3, axis=1)
    recalls = {g: _over(labels, row > 0) for g, row in enumerate(true) if row.any()}
    f1 = {
        g: (*_over(labels, (row + called) > 0), *_counted_as_zero(labels, (row == 0) & (called > 0)))
        for g, (row, called) in enumerate(zip(true, predicted, strict=True))
        if row.any()
    }
    return {"unweighted_average_recall": recalls, "macro_f1": f1}


def _over(labels: tuple[str, ...], taken: NDArray[Any]) -> tuple[str, ...]:
    if taken.all():
        return ()
    return (f"averaged over {int(taken.sum())} of {len(labels)} classes; none of: {_names(labels, ~taken)}",)


def _counted_as_zero(labels: tuple[str, ...], called: NDArray[Any]) -> tuple[str, ...]:
    if not called.any():
        return ()
    return (f"a class that never occurs here but is predicted counts as 0 in the average: {_names(labels, called)}",)


def _names(labels: tuple[str, ...], chosen: NDArray[Any]) -> str:
    return ", ".join(label for label, is_chosen in zip(labels, chosen, strict=True) if is_chosen)


def _add_matrices(
    columns: dict[str, list[str | int | float | None]],
    place: Place,
    grouped: GroupedSums,
    labels: tuple[str, ...],
) -> None:
    counts = grouped.totals().reshape(len(grouped.groups), len(labels), len(labels))
    for group, matrix in zip(grouped.groups, counts, strict=True):
        place_cells = (
            place.run,
            place.condition,
            " x ".join(place.family),
            group_name(group),
            *level_cells(group).values(),
        )
        for truth, row in zip(labels, matrix, strict=True):
            total = float(row.sum())
            for prediction, count in zip(labels, row, strict=True):
                share = float(count) / total if total > 0 else None
                for column, cell in zip(columns, (*place_cells, truth, prediction, float(count), share), strict=True):
                    columns[column].append(cell)


def _exhibits(claims: list[Claim], matrices: dict[str, list[str | int | float | None]]) -> tuple[ExhibitTable, ...]:
    rows = claim_rows(claims)
    return (
        ExhibitTable(
            id="performance-by-group",
            title="Performance of every group",
            columns=BY_GROUP,
            values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
        ),
        ExhibitTable(id="confusion-matrices", title="Confusion matrix of every group", columns=MATRIX, values=matrices),
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Performance by group",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(
        [
            *METRICS,
            *(f"{m}_per_unit" for m in METRICS),
            *(f"{m}_{scale}" for m in METRICS if m != WAR for scale in ("difference", "ratio")),
        ]
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
)
