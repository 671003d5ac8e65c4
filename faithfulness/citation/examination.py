"""Does citing a modality go with that modality mattering? The headline of this room, from a table alone.

A reasoner judged each utterance with all modalities, and again with one of them taken away. A faithful rationale cites
what the answer hung on, and does not cite what it did not hang on. Both ways of being wrong are told apart, for every
group: claiming too much (over-claim) and leaving out (omission).

Controls, beside every number: the same citations dealt anew among judgements with the same answer; a rationale that
cites everything; and how often the model changes its answer on mere repetition, where the table has repetitions.

Source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims
from affidavit.conditions import MODALITIES
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn, ExplanationProperty, Refusal
from affidavit.tally import Tally
from faithfulness.citation.measures import (
    MEASURES,
    METRICS,
    NOISE,
    OF_PROBABILITIES,
    OF_REPEATS,
    SHUFFLED,
    Measure,
    means,
    of_modality,
)
from faithfulness.citation.pairs import Pairs, read_pairs
from faithfulness.citation.removals import Removals, fullest, removals
from faithfulness.citation.statistics import Layout, informedness, omission, over_claim
from faithfulness.telling import Told, claims_of
from faithfulness.twins import MatchingOptions

NAME: Final = "citation"
VERSION: Final = "1"
NO_REPEATS: Final = "the table has no repetitions: how often the answer changes by chance alone is not known"
WON_BY_TEMPLATE: Final = "a rationale that cites everything has 0 here: read it beside the over-claim rate"
REMEDY: Final = (
    "ask the supplier to judge the same utterances without each modality as well (TAV, and TA, TV, AV; or with another "
    "utterance's in its place, as TAV/resampled=V), or judge with the conditions `seven`"
)
CONTROLS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="condition", type="text", description="the fullest condition, and how modalities were removed"),
    ExhibitColumn(name="control", type="text", description="what stands in the place of the rationales"),
    ExhibitColumn(name="modality", type="text", description="the modality"),
    ExhibitColumn(name="over_claim", type="number", description="P(cited given that it did not matter)"),
    ExhibitColumn(name="omission", type="number", description="P(not cited given that it mattered)"),
    ExhibitColumn(name="informedness", type="number", description="1 less both: 0 for a constant rationale"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One run under one operator of removal."""

    case: Case
    predictions: Predictions
    removals: Removals
    pairs: Pairs
    tally: Tally
    layout: Layout

    @property
    def letters(self) -> tuple[str, ...]:
        """The modalities that are taken away."""
        return tuple(self.removals.conditions)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """What the table allows to measure."""
        likely = self.pairs.judgements.has_probabilities
        return (*MEASURES, *([OF_PROBABILITIES] if likely else []), *(OF_REPEATS if self.repeated else ()))

    @cached_property
    def repeated(self) -> bool:
        """Whether any judgement that counts was repeated."""
        return bool(self.tally.sums[:, -2].sum() > 0)

    @cached_property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says."""
        shown = ", ".join(f"{MODALITIES[letter]} by {c}" for letter, c in self.removals.conditions.items())
        unasked = [
            name for letter, name in MODALITIES.items() if letter in self.removals.full and letter not in self.letters
        ]
        return (
            f"taken away: {shown}",
            *([f"never taken away: {', '.join(unasked)}"] if unasked else []),
            *([] if self.repeated else [NO_REPEATS]),
            *self.pairs.left_out(self.removals),
        )


def refuses(case: Case) -> Refusal | None:
    """Refuse a run that no modality was taken from, or that is too large to be matched."""
    options = read_options(MatchingOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    full = fullest(run.conditions)
    if full is None:
        return Refusal(examination=NAME, because="no condition says which modalities were shown", remedy=REMEDY)
    if not removals(run.conditions, full):
        return Refusal(examination=NAME, because=f"no condition takes one modality away from {full}", remedy=REMEDY)
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run and every operator of removal that it has."""
    claims: list[Claim] = []
    refused: list[Refusal] = []
    each: list[dict[str, str | int | float | None]] = []
    constant: list[dict[str, str | int | float | None]] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        studies = list(_studies(case, predictions))
        for study in studies:
            found, rows = _told(study)
            claims += found
            each += rows
            constant += _controls(study)
        if not studies:
            refused.append(_nothing_known(run))
        case.progress("matching citations with effects", done, len(case.runs))
    exhibits = (
        _table("citation-by-modality", "Citing and mattering of each modality, by group", BY_GROUP, each),
        _table("citation-controls", "What constant rationales would get", CONTROLS, constant),
    )
    return Testimony(claims=tuple(claims), exhibits=exhibits if claims else (), refusals=tuple(refused))


def _studies(case: Case, predictions: Predictions) -> list[Study]:
    full = fullest(predictions.conditions)
    if full is None:
        return []
    operators = removals(predictions.conditions, full)
    others = [condition for operator in operators for condition in operator.conditions.values()]
    pairs = read_pairs(predictions, case.by, full, others)
    studies = []
    for operator in operators:
        layout = Layout(n_modalities=len(operator.conditions), n_labels=len(predictions.labels))
        tally = pairs.tally(operator, layout)
        if tally is not None:
            studies.append(
                Study(case=case, predictions=predictions, removals=operator, pairs=pairs, tally=tally, layout=layout)
            )
    return studies


def _told(study: Study) -> tuple[list[Claim], list[dict[str, str | int | float | None]]]:
    """Return claims of all measures over all families, and the rows of single modalities."""
    told = Told(
        examination=NAME,
        version=VERSION,
        run=study.predictions.run,
        tally=study.tally,
        statistics=means(study.layout, study.measures),
        property=ExplanationProperty.CAUSAL,
        compared=frozenset(measure.metric for measure in study.measures if measure.compared),
        controls=(SHUFFLED, *([NOISE] if study.repeated else [])),
        caveats=study.caveats,
        remarks={"omission_rate": (WON_BY_TEMPLATE,)},
    )
    claims = claims_of(study.case, told)
    rows: list[dict[str, str | int | float | None]] = []
    for place in told.places(study.case):
        evidence = told.evidence(study.case, place)
        for modality in range(len(study.letters)):
            for statistic in of_modality(study.layout, study.letters, modality):
                singles = group_claims(place, measure(evidence, statistic), caveats={})
                rows += claim_rows(singles)
                claims += [told.spoken(claim) for claim in singles if not place.family]
    return claims, rows


def _controls(study: Study) -> list[dict[str, str | int | float | None]]:
    """Return what the rationales get, and what ones would get that cite everything."""
    own = study.tally.by(()).totals()[0]  # not the sums: without ids alike rows are kept once, with how many there are
    rows: list[dict[str, str | int | float | None]] = []
    for name, sums in (("the rationales", own), ("a rationale that cites everything", study.layout.template(own))):
        counts = study.layout.counts(sums)
        numbers = [formula(counts) for formula in (over_claim, omission, informedness)]
        for modality, letter in enumerate(study.letters):
            values = [None if np.isnan(number[modality]) else float(number[modality]) for number in numbers]
            rows.append(
                {
                    "run": study.predictions.run,
                    "condition": study.removals.name,
                    "control": name,
                    "modality": MODALITIES[letter],
                    **dict(zip(("over_claim", "omission", "informedness"), values, strict=True)),
                }
            )
    return rows


def _table(
    name: str, title: str, columns: tuple[ExhibitColumn, ...], rows: Sequence[dict[str, str | int | float | None]]
) -> ExhibitTable:
    values = {column.name: [row[column.name] for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=columns, values=values)


def _nothing_known(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="no judgement has both a rationale that can be read and a twin without one of its modalities",
        remedy="ask for rationales in English or Chinese under the fullest condition, of the utterances that were "
        "judged without a modality too",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Citing a modality and its mattering",
    method_version=VERSION,
    access=("table", "rationales", "several conditions"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
