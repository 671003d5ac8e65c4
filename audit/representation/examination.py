"""Who is in the table, and with which labels? Shares of groups, what is unknown, and how labels are balanced.

Of each group: its share of units and of rows; the distance of its label distribution from everybody's (total variation,
0 to 1), beside the distance that as many units at random would have; and the fewest units that it has for any label.
Of each feature: the share of units whose level is not known, and one test that labels are distributed alike in every
group. Shares are of a sample of units, and have intervals; a count of units is exact.

It reads the table at hand, under its fullest condition. Training data can be described only as a run of their own (a
table with predictions on them): no other table is read.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn, Refusal
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from audit.claims import claim_rows, group_name, places_under
from audit.columns import BY_GROUP
from audit.representation.claims import SOURCES, Sample, feature_claims, group_claims

NAME: Final = "representation"
VERSION: Final = "1"
COUNTS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="features", type="text", description="the features whose groups are listed"),
    ExhibitColumn(name="group", type="text", description="the group"),
    ExhibitColumn(name="label", type="text", description="the reference label"),
    ExhibitColumn(name="rows", type="number", unit="rows", description="rows (weighted where there are weights)"),
    ExhibitColumn(name="units", type="integer", unit="units", description="units with such a row"),
)
Row = dict[str, Cell]


def refuses(case: Case) -> Refusal | None:
    """Refuse where no feature is named."""
    if case.by:
        return None
    return Refusal(
        examination=NAME,
        because="no sensitive feature is named",
        remedy="name the columns of the groups: --by accent,age (plan: by)",
    )


def examine(case: Case) -> Testimony:
    """Describe every run under its fullest condition: features as findings, intersections in the exhibits."""
    claims: list[Claim] = []
    rows: list[Row] = []
    counts: list[Row] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        condition = predictions.conditions[0]
        tally = _tally(predictions, case.by, condition)
        for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
            if not place.family:
                continue
            evidence = case.book.evidence_of(run, tally, place.family)
            sample = Sample(place=place, evidence=evidence, labels=predictions.labels if predictions.labelled else ())
            of_groups = group_claims(sample)
            rows += claim_rows(of_groups)
            counts += _count_rows(sample)
            if len(place.family) == 1:
                claims += [*of_groups, *feature_claims(sample)]
        case.progress("describing who is in the table", done, len(case.runs))
    return Testimony(claims=tuple(claims), exhibits=_exhibits(rows, counts))


def _tally(predictions: Predictions, by: tuple[str, ...], condition: str) -> Tally:
    """Count rows under one condition by reference label, or all together."""
    counter = OutcomeCounter(predictions, by, condition=condition)
    label = ["y_true"] if predictions.labelled else []
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), *label]):
        chosen = batch["condition"] == 0  # the fullest condition has the first code
        n_rows = int(chosen.sum())
        sums = np.eye(len(predictions.labels))[batch["y_true"][chosen]] if label else np.ones((n_rows, 1))
        counter.add({name: values[chosen] for name, values in batch.items()}, sums)
    return counter.tally()


def _count_rows(sample: Sample) -> list[Row]:
    if not sample.labels:
        return []
    units, totals = sample.balance.units_by_label, sample.evidence.totals
    return [
        {
            "run": sample.place.run,
            "features": " x ".join(sample.place.family),
            "group": group_name(groups),
            "label": label,
            "rows": float(totals[g, k]),
            "units": int(units[g, k]),
        }
        for g, groups in enumerate(sample.grouped.groups)
        for k, label in enumerate(sample.labels)
    ]


def _exhibits(rows: list[Row], counts: list[Row]) -> tuple[ExhibitTable, ...]:
    tables = (
        ("representation-by-group", "Shares and label balance of every group", BY_GROUP, rows),
        ("label-counts", "Rows and units of every group by reference label", COUNTS, counts),
    )
    return tuple(
        ExhibitTable(
            id=name, title=title, columns=columns, values={c.name: [row[c.name] for row in found] for c in columns}
        )
        for name, title, columns, found in tables
        if found
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Representation of groups and labels",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset(SOURCES),
    tasks=frozenset({Task.MULTICLASS, Task.TRANSCRIPTION}),
    function=examine,
    refusal=refuses,
)
