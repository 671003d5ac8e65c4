"""What did people make of the rationales, do they agree, and does an automatic score say what they say?

Reviewers score rationales on EMER's four points, blinded, with shuffled rationales among them as controls
(`sampling`). What people find plausible need not be why the model answered: this is plausibility, and no faithfulness.

Each score has two intervals. That over units holds these reviewers fixed; `human_plausibility_other_reviewers` is for
other units and other reviewers (`crossed`). Gaps between groups are told with these reviewers, who read all groups.

Source: Lian et al. 2023 (EMER), human evaluation, K19.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, group_claims, place_finding
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Record, Refusal
from faithfulness.human_review.automatic import BUILT_IN, COHERENCE
from faithfulness.human_review.crossed import crossed_interval
from faithfulness.human_review.matching import match
from faithfulness.human_review.measures import (
    ALPHA,
    COMPARED,
    COMPLETION,
    FURTHER,
    LEAST,
    METRICS,
    MOST,
    OTHERS,
    SCORE,
    SCORES,
)
from faithfulness.human_review.reading import Material, read_material
from faithfulness.human_review.reviewers import PAIRS, REVIEWERS, Row, exhibit, pair_rows, reviewer_rows
from faithfulness.human_review.study import Study
from faithfulness.plausibility.explained import read_explained
from faithfulness.telling import Told, claims_of

NAME: Final = "human-review"
VERSION: Final = "1"
CROSSED: Final = "units crossed with reviewers: Owen 2007; scores: Lian et al. 2023 (EMER)"
FIXED: Final = f"the interval is over units, with these reviewers; {OTHERS} is for other reviewers too"


class HumanReviewOptions(Record):
    """What a plan may say of this examination."""

    reviews: str | None = None
    """The table of reviews (parquet, CSV, JSON lines), relative to the plan; there is no answer without it."""
    plan: str | None = None
    """The review plan (JSON) that the sample was drawn with; the table says itself what its cards are where absent."""
    automatic: str | None = COHERENCE
    """What is held against people: `coherence`, `citation`, a column of the reviews with numbers, or nothing."""


@dataclass(kw_only=True)
class _Said:
    """What comes of the runs."""

    claims: list[Claim] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    reviewers: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)


def refuses(case: Case) -> Refusal | None:
    """Refuse without reviews, and a run that none of them is of."""
    options = read_options(HumanReviewOptions, case.options, of=f"examination {NAME}")
    if options.reviews is None:
        return Refusal(
            examination=NAME,
            because="nobody's reviews were named",
            remedy="draw a sample with faithfulness.human_review.sampling.draw_reviews, let people score its cards, "
            "and name the table of reviews and the plan: options reviews and plan of this examination",
        )
    (run,) = case.runs.values()
    if "rationale" not in run.columns:
        return Refusal(
            examination=NAME,
            because="the table has no rationales that could have been reviewed",
            remedy="bring the table whose rationales were read",
        )
    if not _studies(case, run, _material(case, options), options):
        return Refusal(
            examination=NAME,
            because="none of the reviews is of a judgement of this run",
            remedy="name the reviews of this table's rationales: utterance, condition, instruction, repetition and "
            "rationale have to be those of the cards",
        )
    return None


def _material(case: Case, options: HumanReviewOptions) -> Material:
    automatic = None if options.automatic in BUILT_IN else options.automatic
    plan = None if options.plan is None else case.folder / options.plan
    return read_material(case.folder / str(options.reviews), plan, automatic=automatic)


def _studies(case: Case, predictions: Predictions, material: Material, options: HumanReviewOptions) -> list[Study]:
    found = []
    for condition in predictions.conditions:
        matched = match(material, read_explained(predictions, case.by, condition), run=predictions.run)
        if any(item.own for item in matched.scores):
            found.append(
                Study(
                    case=case,
                    predictions=predictions,
                    material=material,
                    matched=matched,
                    automatic=options.automatic,
                )
            )
    return found


def examine(case: Case) -> Testimony:
    """Answer for every run and every condition whose rationales were reviewed."""
    options = read_options(HumanReviewOptions, case.options, of=f"examination {NAME}")
    material = _material(case, options)
    said = _Said()
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        for study in _studies(case, predictions, material, options):
            _tell(study, said)
            said.reviewers += reviewer_rows(study.matched, run, case.statistics.level)
            said.pairs += pair_rows(study.matched, run, case.statistics.level)
        case.progress("comparing reviews", done, len(case.runs))
    tables = (
        exhibit("human-review-by-group", "Reviews of rationales, by group", BY_GROUP, said.rows),
        exhibit("human-review-reviewers", "How each reviewer scores", REVIEWERS, said.reviewers),
        exhibit("human-review-pairs", "How each two reviewers agree", PAIRS, said.pairs),
    )
    return Testimony(claims=tuple(said.claims), exhibits=tuple(t for t in tables if any(t.values.values())))


def _tell(study: Study, said: _Said) -> None:
    """Add claims of scores, agreement and comparison by group, and of the rest for everybody."""
    compared = COMPARED if any(value is not None for value in study.known) else ()
    automatic = f"the automatic score is {study.automatic}"
    unknown = f"it is unknown of {sum(value is None for value in study.known):,} judgements"
    told = Told(
        examination=NAME,
        version=VERSION,
        run=study.predictions.run,
        tally=study.tally,
        statistics=(*SCORES, ALPHA, *compared),
        property=ExplanationProperty.PLAUSIBILITY,
        compared=frozenset({SCORE}),
        controls=(SCORES[1].name,),
        caveats=study.caveats,
        remarks={SCORE: (FIXED,), **dict.fromkeys((s.name for s in COMPARED), (automatic, unknown))},
    )
    found = study.behind.counted(claims_of(study.case, told))
    said.claims += found
    said.rows += claim_rows([claim for claim in found if not claim.finding.compared])
    further = (*FURTHER, *([COMPLETION] if study.material.assigned is not None else []))
    for place in told.places(study.case):
        evidence = told.evidence(study.case, place)
        crossed = [_crossed(study, place, groups) for groups in evidence.grouped.groups]
        rest = [claim for s in further for claim in group_claims(place, measure(evidence, s), caveats={})]
        rest = study.behind.counted(rest)
        said.rows += claim_rows([*crossed, *rest])
        said.claims += [told.spoken(claim) for claim in crossed]
        said.claims += [told.spoken(claim) for claim in rest if not place.family]


def _crossed(study: Study, place: Place, groups: Mapping[str, str]) -> Claim:
    """Return the mean score of a group with its interval for other units and other reviewers."""
    inside = study.members(groups)
    reviews = study.reviews.chosen(inside)
    between = partial(crossed_interval, reviews, low=float(LEAST), high=float(MOST))
    units = len(np.unique(reviews.unit)) if place.has_units else None
    estimate = estimate_of(reviews.mean, between(place.level), n=len(set(study.rows[inside].tolist())), n_units=units)
    finding = place_finding(place, OTHERS, estimate, groups=groups, higher_is_better=True, source=CROSSED)
    return Claim(finding=finding, interval_at=between)


EXAMINATION: Final = FunctionExamination(
    name=NAME,
    title="What people made of the rationales",
    method_version=VERSION,
    access=("table", "rationales"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
