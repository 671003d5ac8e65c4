"""Are rationales alike for everybody whom the model serves equally well? Compared at equal accuracy, group by group.

A model that is wrong more often for a group hedges more there, and that is a difference of accuracy, not of rationales.
So right and wrong answers are compared apart, and group means are standardised to everybody's share of right answers
and predicted labels before they are compared. Measured are: length in words; hedging; modalities cited; emotion words,
and whether they name the predicted and the true label; words of identity, and of the speaker's own groups; emotion
stereotypes; and words of character (warmth, competence).

English word lists do the reading (`affidavit/lexicons`), so each share is a floor. A rationale that is not English, or
nothing but a quotation, is unread: it is counted (`unread_rate`) and enters no mean. Only the fullest condition is
examined. Tested are length, hedging, identity and stereotypes, the rest has intervals; chance is by resampling. No unit
is dealt anew to another group: where one group is right less often, its units are no draw from everybody's, and a test
by permutation would take the difference of accuracy for one of rationales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places_under
from affidavit.comparisons import compare
from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.tally import Tally, outcome_columns
from audit.rationales.plain import UNREAD as UNREADABLE
from audit.rationales.plain import plain, readable
from audit.rationales.reading import MEASURES, Measure, Read, Rows, read
from audit.rationales.standardised import (
    RIGHT,
    SUPPORT,
    WRONG,
    comparable_part,
    halves,
    mean_in,
    standardised,
    strata_of,
    undealt,
)
from audit.unit_sums import UnitSums

NAME = "rationale-equity"
VERSION = "2"
TESTED: Final = ("rationale_words", "hedging_rate", "identity_rate", "stereotype_rate")
FLOOR: Final = "a word list finds words and no meaning: the share is a floor"
ExhibitRow = dict[str, str | int | float | None]
FIRST: Final = 1000
"""Rationales looked at before more are."""
TOO_FEW: Final = f"not standardised: fewer than {SUPPORT} units with right answers, or with wrong ones"
UNREAD: Final = ratio_statistic(
    "unread_rate",
    np.array([0.0, 1.0]),
    np.array([1.0, 0.0]),
    higher_is_better=False,
    source=f"share of rationales that cannot be read ({UNREADABLE}): affidavit/lexicons/english.py",
)


def examine(case: Case) -> Testimony:
    """Compare the rationales of every family under the fullest condition of each run."""
    claims: list[Claim] = []
    rows: list[ExhibitRow] = []
    for run, predictions in case.runs.items():
        said, unread = _tallies(predictions, case.by)
        places = places_under(case, run, predictions.conditions[0], examination=NAME, method_version=VERSION)
        for done, place in enumerate(places, start=1):
            evidence = case.book.evidence_of(run, said, place.family)
            found, shown = _family(place, evidence)
            counted = case.book.evidence_of(run, unread, place.family)
            claims += [*found, *_unread(place, undealt(counted, counted.grouped))]
            rows += shown
            case.progress("comparing rationales", done, len(places))
    values = {column.name: [row[column.name] for row in rows] for column in BY_GROUP}
    title = "What the rationales of every group say: over all, right and wrong answers, and standardised"
    return Testimony(
        claims=tuple(claims),
        exhibits=(ExhibitTable(id="rationale-equity-by-group", title=title, columns=BY_GROUP, values=values),),
    )


def _family(place: Place, evidence: Evidence) -> tuple[list[Claim], list[ExhibitRow]]:
    answered = halves(evidence)
    claims: list[Claim] = []
    shown: list[ExhibitRow] = []
    for position, measured in enumerate(MEASURES):
        plain = [mean_in(position, measured, answers) for answers in (None, RIGHT, WRONG)]
        shown += claim_rows([c for s in plain for c in group_claims(place, measure(answered, s), caveats={})])
        if not place.family:
            claims += group_claims(place, measure(answered, plain[0]), caveats={0: _floor(measured)})
            continue
        claims += [_gap(place, answered, statistic, tested=False, caveats=()) for statistic in plain[1:]]
    if place.family:
        found = _standardised(place, evidence)
        claims = [*found, *claims]
        shown += claim_rows([claim for claim in found if claim.finding.groups])
    return claims, [row | {"features": " x ".join(place.family)} for row in shown]


def _standardised(place: Place, evidence: Evidence) -> list[Claim]:
    """Return the standardised means of every group and their gaps."""
    part, compared = comparable_part(evidence)
    strata = strata_of(part, compared)
    apart = set(range(len(part.grouped.groups))) - set(compared.tolist())
    claims: list[Claim] = []
    for position, measured in enumerate(MEASURES):
        statistic, tested = standardised(position, measured, strata), measured.name in TESTED
        means = compare(part, statistic).measured
        claims += group_claims(place, means, caveats=dict.fromkeys(apart, (TOO_FEW,)))
        claims.append(_gap(place, part, statistic, tested=tested, caveats=(strata.caveat, *_floor(measured))))
    return claims


def _gap(place: Place, evidence: Evidence, statistic: Statistic, *, tested: bool, caveats: Sequence[str]) -> Claim:
    gap = measure_gap(evidence, [statistic], GapKind(name=f"{statistic.name}_difference", scale="difference"))
    claim = gap_claim(place, gap, source=statistic.source, caveats=tuple(caveats))
    return claim if tested else replace(claim, finding=claim.finding.model_copy(update={"test": None}))


def _floor(measured: Measure) -> tuple[str, ...]:
    return () if measured.name == "rationale_words" else (FLOOR,)


def _unread(place: Place, evidence: Evidence) -> list[Claim]:
    claims = group_claims(place, measure(evidence, UNREAD), caveats={})
    return [*claims, _gap(place, evidence, UNREAD, tested=False, caveats=())] if place.family else claims


def _tallies(predictions: Predictions, by: tuple[str, ...]) -> tuple[Tally, Tally]:
    """Read the rationales once: the sums of those that can be read, and how many there are and cannot be."""
    fullest = replace(predictions, levels={**predictions.levels, "condition": predictions.conditions[:1]})
    said, unread = UnitSums(fullest, by), UnitSums(fullest, by)
    for batch in _fullest_batches(predictions, by):
        answers = _read(predictions, by, batch)
        weight = batch.get("weight", np.ones(len(answers.present)))
        right = batch["y_true"] == batch["y_pred"]
        stratum = np.where(right, RIGHT, WRONG) * len(predictions.labels) + batch["y_pred"]
        values = np.column_stack([answers.english, answers.values]) * weight[:, None]
        some = answers.english
        if some.any():
            chosen = {name: column[some] for name, column in batch.items()}
            said.add(chosen, partial(_fold, values[some], stratum[some], 2 * len(predictions.labels)))
        counted = np.column_stack([answers.present, answers.present & ~answers.english]) * weight[:, None]
        unread.add(batch, partial(_fold, counted, np.zeros(len(stratum), dtype=np.int64), 1))
    condition = predictions.conditions[0]
    return said.tallies()[condition], unread.tallies()[condition]


def _fullest_batches(predictions: Predictions, by: tuple[str, ...]) -> Any:  # noqa: ANN401 - batches of arrays
    columns = dict.fromkeys([*outcome_columns(predictions, by), "y_true", "y_pred", "rationale"])
    for batch in predictions.coded_batches([*columns]):
        chosen = batch["condition"] == 0
        if chosen.any():
            yield {name: values[chosen] for name, values in batch.items()}


def _read(predictions: Predictions, by: tuple[str, ...], batch: dict[str, NDArray[Any]]) -> Read:
    rows = Rows(
        predicted=batch["y_pred"],
        truth=batch["y_true"],
        groups={feature: batch[f"group_{feature}"] for feature in by},
    )
    levels = {feature: predictions.levels[f"group_{feature}"] for feature in by}
    return read(pa.array(batch["rationale"], pa.string()), rows, labels=predictions.labels, levels=levels)


def _fold(
    values: FloatArray, stratum: NDArray[np.int64], n_strata: int, row: NDArray[np.int64], n_keys: int
) -> FloatArray:
    """Return sums [M, columns x strata] of values [N, columns] by key and stratum."""
    place = row * n_strata + stratum
    chosen = csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))), (n_keys * n_strata, len(place)))
    return np.asarray(chosen @ values).reshape(n_keys, n_strata, -1).swapaxes(1, 2).reshape(n_keys, -1)


def _refusal(case: Case) -> Refusal | None:
    (run,) = case.runs.values()
    for batch in _fullest_batches(run, ()):
        texts = pa.array(batch["rationale"], pa.string())
        if any(readable(plain(texts[start : start + FIRST])).any() for start in range(0, len(texts), FIRST)):
            return None
    return Refusal(
        examination=NAME,
        because=f"no rationale under {run.conditions[0]} can be read: each is {UNREADABLE}",
        remedy="bring rationales in English, or translate them first and say so; take away quotation marks or JSON "
        "that stand around the whole",
    )


def _metrics() -> frozenset[str]:
    endings = ("", "_standardised", "_standardised_difference", "_right_difference", "_wrong_difference")
    return frozenset(
        [*(f"{m.name}{ending}" for m in MEASURES for ending in endings), "unread_rate", "unread_rate_difference"]
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Rationales at equal accuracy",
    method_version=VERSION,
    access=("table", "labels", "rationales"),
    metrics=_metrics(),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=_refusal,
)
