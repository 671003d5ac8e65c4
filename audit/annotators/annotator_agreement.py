"""Do annotators agree about every group alike, beyond what the labels' frequencies alone would give?

Krippendorff's alpha from `soft_<label>` columns and the option `annotators`, how many labelled each row: 1 is full
agreement, 0 is chance, below 0 is worse than chance. Each group's chance is that of its own labels: a group of which
nearly always one label is given has a low alpha even where few disagree, so read it beside `annotator_agreement` of the
soft-labels examination. `scale: ordinal` takes the labels in the order of the label space (every finding names it; of
words that nobody ordered it is the alphabet), `scale: interval` as numbers; `nominal`, the default, as names.

What is measured is the reference, not the model: where alpha is low, every number that takes the labels for the truth
is less certain than its interval says. Annotations that are the same under every condition are measured once. Intervals
resample units; annotators may be shared between units, which no table says and no interval here knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, group_name, places_under
from affidavit.confusion import Statistic, divide
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Record, Refusal
from affidavit.statistics.divergence import distribution, expected_agreement
from affidavit.statistics.krippendorff import (
    Distance,
    coincidences,
    interval,
    krippendorff_alpha,
    nominal_alpha,
    ordinal,
)
from affidavit.tally import Tally, outcome_columns
from audit.annotators.soft_labels import annotator_caveats, refuses_without_soft_labels
from audit.annotators.soft_sums import Votes, soft_labels
from audit.unit_sums import UnitSums, distributions, folded

FloatArray = NDArray[np.float64]
NAME = "annotators"
VERSION = "1"
METRIC: Final = "krippendorff_alpha"
SOURCES: Final = {
    "nominal": "alpha of labels without order: Krippendorff 2011, section B",
    "ordinal": "alpha of ordered labels: Krippendorff 2011, section E; Krippendorff 2018, chapter 12",
    "interval": "alpha of labels that are numbers: Krippendorff 2011, section E; Krippendorff 2018, chapter 12",
}
MOST_ORDERED: Final = 20
"""Labels of an ordinal or interval alpha, at most: it counts every pair of them."""
ONE_LABEL: Final = "only one label was ever given, so agreement beyond chance has no meaning"
Scale = Literal["nominal", "ordinal", "interval"]


class AnnotatorOptions(Record):
    """The options of this examination in a plan."""

    annotators: int | None = Field(default=None, ge=2)
    """How many annotators labelled each row; there is no answer without it."""
    scale: Scale = "nominal"
    """What labels are: names, ordered as the label space is, or numbers."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without soft labels, without a number of annotators, or whose labels do not fit the scale."""
    options = read_options(AnnotatorOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if refusal := refuses_without_soft_labels(run, examination=NAME):
        return refusal
    if options.annotators is None:
        return Refusal(
            examination=NAME,
            because="it needs the number of annotators, and soft labels are shares",
            remedy="say how many annotators labelled each row: the option annotators of this examination in the plan",
        )
    return None if options.scale == "nominal" else _refuses_scale(run, options.scale)


def _refuses_scale(run: Predictions, scale: Scale) -> Refusal | None:
    labels = soft_labels(run)
    remedy = "leave the scale nominal"
    if len(labels) > MOST_ORDERED:
        return Refusal(
            examination=NAME, because=f"{len(labels)} labels are too many for the {scale} scale", remedy=remedy
        )
    strange = [label for label in labels if _number(label) is None]
    if scale == "interval" and strange:
        return Refusal(examination=NAME, because=f"labels that are no numbers: {', '.join(strange[:6])}", remedy=remedy)
    return None


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def examine(case: Case) -> Testimony:
    """Measure the agreement of annotators about every group."""
    options = read_options(AnnotatorOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    gaps: list[Claim] = []
    refusals: list[Refusal] = []
    for run, predictions in case.runs.items():
        labels = soft_labels(predictions)
        statistic = alpha(options.scale, labels)
        counted = _count(predictions, case.by, options, labels)
        if refusal := counted.votes.refuses(options.annotators, run=run, examination=NAME):
            refusals.append(refusal)
            continue
        once = _all_alike(counted.tallies)
        caveats = (
            *annotator_caveats(options.annotators, counted.votes.uneven, predictions.n_rows),
            *([f"labels in the order {' < '.join(labels)}"] if options.scale == "ordinal" else []),
            *(["the annotations are the same under every condition"] if once else []),
        )
        measured = predictions.conditions[:1] if once else predictions.conditions
        for done, condition in enumerate(measured, start=1):
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                evidence = case.book.evidence_of(run, counted.tallies[condition], place.family)
                found, apart = _family(place, evidence, statistic, caveats)
                claims += found
                gaps += apart
            case.progress("measuring the annotators' agreement", done, len(measured))
    rows = claim_rows(claims)
    exhibit = ExhibitTable(
        id="annotators-by-group",
        title="Agreement of annotators about every group",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
    exhibits = (exhibit,) if rows else ()
    return Testimony(claims=(*claims, *gaps), exhibits=exhibits, refusals=tuple(refusals))


def _family(
    place: Place, evidence: Evidence, statistic: Statistic, caveats: tuple[str, ...]
) -> tuple[list[Claim], list[Claim]]:
    measured = measure(evidence, statistic)
    claims = [
        _with_reason(claim)
        for claim in group_claims(place, measured, caveats=dict.fromkeys(range(len(measured.groups)), caveats))
    ]
    if not place.family:
        return claims, []
    alone = [group_name(claim.finding.groups) for claim in claims if claim.finding.because == ONE_LABEL]
    said = (*caveats, *([f"only one label was ever given about: {'; '.join(alone[:6])}"] if alone else []))
    gap = measure_gap(evidence, [statistic], GapKind(name=f"{METRIC}_difference", scale="difference"))
    return claims, [gap_claim(place, gap, source=statistic.source, caveats=said)]


def _with_reason(claim: Claim) -> Claim:
    """Return the claim, and where there are rows but no alpha, why not."""
    estimate = claim.finding.estimate
    if estimate.value is not None or estimate.n == 0:
        return claim
    update = {"estimate": estimate.model_copy(update={"why_no_interval": ONE_LABEL}), "because": ONE_LABEL}
    return replace(claim, finding=claim.finding.model_copy(update=update), interval_at=lambda _: ONE_LABEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    tallies: Mapping[str, Tally]
    votes: Votes


def _count(
    predictions: Predictions, by: tuple[str, ...], options: AnnotatorOptions, labels: tuple[str, ...]
) -> _Counted:
    counter, votes = UnitSums(predictions, by), Votes()
    annotators = float(options.annotators or 0)
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), *(f"soft_{label}" for label in labels)]):
        shares = distribution(distributions(predictions, batch, "soft_", labels))
        values, answers = _row_values(shares, annotators, options.scale), np.full((len(shares), 1), annotators)
        if "weight" in batch:
            values, answers = values * batch["weight"][:, None], answers * (batch["weight"][:, None] > 0)
        counter.add(batch, partial(folded, np.concatenate([answers, values], axis=1)))
        votes = votes.and_those_of(shares, options.annotators)
    return _Counted(tallies=counter.tallies(), votes=votes)


def _row_values(shares: FloatArray, votes: float, scale: Scale) -> FloatArray:
    """Return what each row adds: agreeing pairs and votes [N, 1 + K], or all coincidences [N, K * K]."""
    if scale == "nominal":
        agreeing = votes * expected_agreement(shares, annotators=int(votes))
        return np.concatenate([agreeing[:, None], votes * shares], axis=1)
    return coincidences(votes * shares).reshape(len(shares), -1)


def alpha(scale: Scale, labels: tuple[str, ...]) -> Statistic:
    """Return alpha as a function of sums [..., 1 + S]: how many answers there are, then what rows add, weighted.

    Weights are relative: what they add up to is not the number of answers, which the correction for few answers takes.
    """
    n_labels = len(labels)
    of_pairs: Distance = ordinal
    if scale == "interval":
        of_pairs = interval(np.array([_number(label) for label in labels], dtype=np.float64))

    def from_votes(sums: FloatArray, reference: FloatArray) -> FloatArray:
        values = scaled(sums, first=2)
        return nominal_alpha(values[..., 0], values[..., 1:])

    def from_pairs(sums: FloatArray, reference: FloatArray) -> FloatArray:
        values = scaled(sums, first=1)
        return krippendorff_alpha(values.reshape(*values.shape[:-1], n_labels, n_labels), of_pairs)

    def scaled(sums: FloatArray, *, first: int) -> FloatArray:
        given = sums[..., first:].sum(axis=-1, keepdims=True)
        return np.asarray(sums[..., 1:] * divide(sums[..., :1], given))

    value: Callable[[FloatArray, FloatArray], FloatArray] = from_votes if scale == "nominal" else from_pairs
    return Statistic(name=METRIC, value=value, low=-1.0, source=SOURCES[scale])


def _all_alike(tallies: Mapping[str, Tally]) -> bool:
    """Say whether what annotators answered is the same under every condition, of which there are several."""
    first, *others = tallies.values()
    return bool(others) and all(
        np.array_equal(first.unit, other.unit)
        and np.array_equal(first.n_rows, other.n_rows)
        and np.allclose(first.sums, other.sums, rtol=1e-12)
        for other in others
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Agreement of annotators",
    method_version=VERSION,
    access=("table", "soft labels"),
    metrics=frozenset({METRIC, f"{METRIC}_difference"}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
