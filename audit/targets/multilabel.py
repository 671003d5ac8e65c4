"""Several emotions at once: how well are sets of labels predicted in every group, and which label for whom?

Subset accuracy (the whole set is right), Hamming loss (the share of labels that are wrong), the Jaccard index (mean
over rows; a row with no label, true or predicted, is right and counts 1), micro and macro F1. Macro F1 is the mean over
labels that occur; between groups, over those that each group has.

Each label is a yes or no of its own, so equalized odds are asked label by label: the gap of recall and that of the
false positive rate over groups, the greatest and the mean over labels; equal opportunity is recall alone. A label that
no row has is named: it has a false positive rate, and no recall. A group without a label is not compared for its
recall; nothing is imputed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places_under
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_CLASS
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.gaps import GapKind, MeasuredGap, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.tally import Tally, outcome_columns
from audit.targets.label_sets import (
    LEADING,
    hamming_loss,
    jaccard_index,
    label_false_positive_rate,
    label_recall,
    macro_f1_of_labels,
    micro_f1,
    set_sums,
    subset_accuracy,
)
from audit.targets.measured_families import Measures, family_claims, group_exhibit
from audit.unit_sums import UnitSums, folded

NAME = "multilabel"
VERSION = "1"
SOURCE: Final = "Hardt, Price, Srebro 2016, each label for itself"
GAPS: Final = ("equalized_odds", "equal_opportunity")
NAMED: Final = 6
Cells = dict[str, list[Cell]]


def measures_of(n_labels: int) -> Measures:
    """Return what is measured of sets of so many labels."""
    exact, loss, jaccard = subset_accuracy(n_labels), hamming_loss(n_labels), jaccard_index(n_labels)
    micro, macro = micro_f1(n_labels), macro_f1_of_labels()
    return Measures(
        values=(exact, loss, jaccard, micro, macro),
        per_unit=(exact, loss, jaccard),
        gaps=(exact, loss, macro),
        undefined={macro.name: "no row has a label that it could be averaged over"},
    )


def examine(case: Case) -> Testimony:
    """Measure every group of every family under every condition."""
    claims: list[Claim] = []
    gaps: list[Claim] = []
    cells: Cells = {column.name: [] for column in BY_CLASS}
    for run, predictions in case.runs.items():
        tallies = _counted(predictions, case.by)
        for done, condition in enumerate(predictions.conditions_of_use, start=1):
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                found, apart = _family(case, place, tallies[condition], cells)
                claims += found
                gaps += apart
            case.progress("measuring sets of labels", done, len(predictions.conditions_of_use))
    title = "Recall and false positive rate of each label in every group"
    exhibits = (
        group_exhibit("multilabel-by-group", "Sets of labels in every group", claims),
        ExhibitTable(id="label-rates", title=title, columns=BY_CLASS, values=cells),
    )
    return Testimony(claims=(*claims, *gaps), exhibits=exhibits)


def _counted(predictions: Predictions, by: tuple[str, ...]) -> dict[str, Tally]:
    """Return the sums of sets and labels by condition."""
    counter, labels = UnitSums(predictions, by), predictions.labels
    columns = [f"{prefix}{label}" for prefix in ("true_", "pred_") for label in labels]
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), *columns]):
        weight = batch.get("weight", np.ones(len(batch["condition"])))
        truth, predicted = (
            np.stack([batch[f"{prefix}{label}"] for label in labels], axis=1).astype(np.float64)
            for prefix in ("true_", "pred_")
        )
        counter.add(batch, partial(folded, set_sums(truth, predicted, weight)))
    return counter.tallies()


def _family(case: Case, place: Place, tally: Tally, cells: Cells) -> tuple[list[Claim], list[Claim]]:
    labels = case.runs[place.run].labels
    evidence = case.book.evidence_of(place.run, tally, place.family)
    absent = _absent(evidence, labels)
    claims, gaps = family_claims(place, evidence, measures_of(len(labels)), caveats=absent)
    recalls = [label_recall(k, len(labels), label) for k, label in enumerate(labels)]
    alarms = [label_false_positive_rate(k, len(labels), label) for k, label in enumerate(labels)]
    _add_rates(cells, place, evidence, [*recalls, *alarms])
    if place.family:
        for name, rates in zip(GAPS, ([*recalls, *alarms], recalls), strict=True):
            gaps += _label_gaps(place, evidence, name, rates)
    return claims, gaps


def _label_gaps(place: Place, evidence: Evidence, name: str, rates: Sequence[Statistic]) -> list[Claim]:
    claims = []
    for ending, combine in (("max", "max"), ("macro", "mean")):
        kind = GapKind(
            name=f"{name}_difference_{ending}", scale="difference", combine="max" if combine == "max" else "mean"
        )
        gap = measure_gap(evidence, rates, kind)
        claims.append(gap_claim(place, gap, source=SOURCE, caveats=_missing(gap, rates)))
    return claims


def _missing(gap: MeasuredGap, rates: Sequence[Statistic]) -> tuple[str, ...]:
    """Return the caveat that names the rates which fewer than two groups have the units to be compared on."""
    there = {(c.measured.statistic.name, c.measured.statistic.label) for c in gap.components}
    few = [rate for rate in rates if (rate.name, rate.label) not in there]
    if not few or not gap.defined:
        return ()
    names = _listed([f"{rate.name.replace('_', ' ')} of {rate.label}" for rate in few])
    return (f"left out, for fewer than two groups have the units to compare: {names}",)


def _absent(evidence: Evidence, labels: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Return per group the caveat that some labels are never true there."""
    start = len(LEADING) + len(labels)
    true = evidence.totals[:, start : start + len(labels)]
    return {
        group: (f"labels that no row has: {_listed([name for name, n in zip(labels, row, strict=True) if n == 0])}",)
        for group, row in enumerate(true)
        if (row == 0).any() and evidence.totals[group, 0] > 0
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _add_rates(cells: Cells, place: Place, evidence: Evidence, rates: Sequence[Statistic]) -> None:
    for rate in rates:
        for row in claim_rows(group_claims(place, measure(evidence, rate), caveats={})):
            row |= {"class": rate.label, "rate": rate.name, "features": " x ".join(place.family)}
            for name, column in cells.items():
                column.append(row[name])


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Sets of labels by group",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(
        {
            *(statistic.name for statistic in measures_of(2).values),
            *(f"{statistic.name}_per_unit" for statistic in measures_of(2).per_unit),
            *(f"{statistic.name}_difference" for statistic in measures_of(2).gaps),
            *(f"{name}_difference_{ending}" for name in GAPS for ending in ("max", "macro")),
        }
    ),
    tasks=frozenset({Task.MULTILABEL}),
    function=examine,
)
