"""How well are valence, arousal and other dimensions predicted in every group, and for whom are they shifted?

Per dimension that has a reference and a prediction: the concordance correlation coefficient (`<dimension>_ccc`, Lin
1989 with moments of the population; it sees scatter, scale and shift at once), mean absolute and root mean squared
error, and bias, which is prediction less reference. Errors and bias are in the units of the scale. Concordance depends
on how much a group's references vary: the same errors in a group whose references lie close together give less. Read
its gap beside that of the mean absolute error.

`<dimension>_mean_shift` is how far the mean prediction of a group lies from that of everybody, at most; where the mean
references differ alike it is no fault, so they are given beside it, and the gap in bias is what is tested.
`<dimension>_ccc_deviation` is how far a group's concordance lies from everybody's; its gap is what is tested.

References that nobody gave are unknown: such rows take no part, and are counted. Where all references of a group are
one value its concordance is undefined; where only the predictions are, it is 0. A table of labels is examined too, for
the dimensions that it has beside them: `intensity` is the prediction for `true_intensity`. A policy can bind the
metrics of valence, arousal, dominance and intensity; other dimensions are measured under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, places_under
from affidavit.dimensions import dimension_key
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.schema import DIMENSIONS
from affidavit.tally import GroupedSums, Tally, outcome_columns
from audit.deviation.mean_shift import concordance_deviation, mean_shift
from audit.family_claims import family_claim
from audit.targets.measured_families import Measures, family_claims, group_exhibit
from audit.targets.paired_moments import (
    COLUMNS,
    bias,
    concordance,
    mean_absolute_error,
    mean_of,
    pair_sums,
    root_mean_squared_error,
)
from audit.unit_sums import UnitSums, folded

NAME = "regression"
VERSION = "2"
WIDTH: Final = len(COLUMNS) + 1
"""Sums of one dimension: the moments, then the rows that have both values, unweighted."""
LARGEST: Final = 1e100
CCC_SOURCE: Final = "concordance correlation coefficient: Lin 1989, moments divided by n"


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without any dimension that has references and predictions."""
    (run,) = case.runs.values()
    if run.dimensions:
        return None
    return Refusal(
        examination=NAME,
        because="it needs a dimension with reference and prediction, and the table has none",
        remedy="add true_<dimension> beside pred_<dimension> (valence, arousal); what nobody rated may stay empty",
    )


def measures_of(dimension: str) -> Measures:
    """Return what is measured of one dimension."""
    key = dimension_key(dimension)
    ccc, error = concordance(f"{key}_ccc", source=CCC_SOURCE), mean_absolute_error(f"{key}_mean_absolute_error")
    shifted = bias(f"{key}_bias")
    squared = root_mean_squared_error(f"{key}_root_mean_squared_error")
    means = [mean_of(f"{key}_mean_{column}", column) for column in ("reference", "prediction")]
    return Measures(
        values=(ccc, error, squared, shifted, *means),
        per_unit=(error, shifted),
        gaps=(ccc, error, shifted),
        undefined={ccc.name: "all references are one value, and concordance is about how they differ"},
    )


def examine(case: Case) -> Testimony:
    """Measure every dimension in every group of every family under every condition."""
    claims: list[Claim] = []
    gaps: list[Claim] = []
    refusals: list[Refusal] = []
    for run, predictions in case.runs.items():
        centres = _centres(predictions)
        refusals += [_too_large(run, name) for name, centre in centres.items() if centre is None]
        measurable = {name: centre for name, centre in centres.items() if centre is not None}
        tallies = _counted(predictions, case.by, measurable)
        steps = [(name, condition) for name in measurable for condition in predictions.conditions_of_use]
        for done, (name, condition) in enumerate(steps, start=1):
            rated = _of_dimension(tallies[condition], list(measurable).index(name))
            if not len(rated.sums):
                refusals.append(_unrated(run, name, condition))
                continue
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                found, apart = _family(case, place, name, rated=rated, everything=tallies[condition])
                claims += found
                gaps += apart
            case.progress("measuring dimensions", done, len(steps))
    exhibits = (group_exhibit("regression-by-group", "Concordance, error and bias of every group", claims),)
    return Testimony(claims=(*claims, *gaps), exhibits=exhibits if claims else (), refusals=tuple(refusals))


def _unrated(run: str, dimension: str, condition: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"under {condition} no row has both a reference and a prediction of {dimension}",
        remedy=f"ask the supplier for true_{dimension} of the utterances that were judged under {condition}",
    )


def _too_large(run: str, dimension: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"{dimension} has numbers beyond {LARGEST:g}, which cannot be squared and added",
        remedy="correct them, or leave a value that nobody gave empty",
    )


def _counted(predictions: Predictions, by: tuple[str, ...], centres: Mapping[str, float]) -> dict[str, Tally]:
    """Return the sums of these dimensions side by side, by condition, counted from their centres."""
    counter, pairs = UnitSums(predictions, by), [predictions.dimensions[name] for name in centres]
    named = [column for pair in pairs for column in pair]
    for batch in predictions.coded_batches(list(dict.fromkeys([*outcome_columns(predictions, by), *named]))):
        weight = batch.get("weight", np.ones(len(batch["condition"])))
        parts = [np.zeros((len(weight), 0))]
        for (truth, value), centre in zip(pairs, centres.values(), strict=True):
            known = ~(np.isnan(batch[truth]) | np.isnan(batch[value]))
            parts += [pair_sums(batch[truth], batch[value], weight, centre=centre), known[:, None].astype(np.float64)]
        counter.add(batch, partial(folded, np.concatenate(parts, axis=1)))
    return counter.tallies()


def _centres(predictions: Predictions) -> dict[str, float | None]:
    """Return the middle of each dimension's references, from which its sums are counted: no order of rows moves it.

    None where a number is too large.
    """
    columns = [column for pair in predictions.dimensions.values() for column in pair]
    ends = dict.fromkeys(columns, (np.inf, -np.inf))
    for batch in predictions.coded_batches(list(dict.fromkeys(columns))):
        for column, (low, high) in ends.items():
            known = batch[column][~np.isnan(batch[column])]
            ends[column] = min(low, known.min(initial=np.inf)), max(high, known.max(initial=-np.inf))
    large = {column for column, (low, high) in ends.items() if low <= high and max(-low, high) > LARGEST}
    return {
        name: None if {truth, value} & large else _middle(*ends[truth])
        for name, (truth, value) in predictions.dimensions.items()
    }


def _middle(low: float, high: float) -> float:
    return float(low + (high - low) / 2) if low <= high else 0.0


def _of_dimension(tally: Tally, position: int) -> Tally:
    """Return the tally of one dimension: units and rows without it are not there."""
    sums = tally.sums[:, position * WIDTH : (position + 1) * WIDTH]
    rows = np.rint(sums[:, -1]).astype(np.int64)
    kept = (rows > 0) & (sums[:, 0] > 0)
    return replace(tally, sums=sums[kept, :-1], n_rows=rows[kept], unit=tally.unit[kept], cell=tally.cell[kept])


def _family(
    case: Case, place: Place, dimension: str, *, rated: Tally, everything: Tally
) -> tuple[list[Claim], list[Claim]]:
    evidence = case.book.evidence_of(place.run, rated, place.family)
    caveats = _caveats(evidence.grouped, everything.by(place.family), dimension)
    claims, gaps = family_claims(place, evidence, measures_of(dimension), caveats=caveats)
    if place.family:
        numbers = (number(evidence, dimension_key(dimension)) for number in (mean_shift, concordance_deviation))
        gaps += [family_claim(place, evidence, number) for number in numbers]
    return claims, gaps


def _caveats(rated: GroupedSums, everything: GroupedSums, dimension: str) -> dict[int, tuple[str, ...]]:
    """Return per group in how many rows the dimension is unknown."""
    there = {tuple(group.items()): n for group, n in zip(everything.groups, everything.rows(), strict=True)}
    lost = [there.get(tuple(g.items()), n) - n for g, n in zip(rated.groups, rated.rows(), strict=True)]
    return {
        position: (f"{n} of {n + known} rows have no reference or no prediction of {dimension}",)
        for position, (n, known) in enumerate(zip(lost, rated.rows(), strict=True))
        if n > 0
    }


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Dimensions by group",
    method_version=VERSION,
    access=("table", "dimensions"),
    metrics=frozenset(
        f"{key}_{ending}"
        for key in DIMENSIONS
        for ending in (
            *(s.name.removeprefix("x_") for s in measures_of("x").values),
            *(f"{s.name.removeprefix('x_')}_per_unit" for s in measures_of("x").per_unit),
            *(f"{s.name.removeprefix('x_')}_difference" for s in measures_of("x").gaps),
            "mean_shift",
            "ccc_deviation",
        )
    ),
    tasks=frozenset({Task.REGRESSION, Task.MULTICLASS, Task.ORDINAL}),
    function=examine,
    refusal=refuses,
)
