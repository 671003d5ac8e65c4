"""Was what a rationale says it saw and heard really there? Its cues against measured evidence, by group.

Four aspects: face and body, tone, content, scene. Evidence is a table that the plan names, what came with the corpus,
or the corpus's own sound and words; without any for an aspect, that aspect is refused and the rest is answered. Tone is
always relative to the speaker, so that neither sex nor accent enters the number. It reads the rationales of the fullest
condition of a run.

A grounded rationale need not be a faithful one: it may describe truly what the answer did not rest on. That is what
`citation` asks. An ungrounded one cannot have been faithful.

Controls, beside every number: rationales of other utterances with the same answer, as many cues at random, and a
rationale that mentions everything; it wins the recall and loses the precision.

Source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims
from affidavit.confusion import FloatArray
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.intervals import measure
from affidavit.measured_cues import ASPECTS
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Refusal
from affidavit.seeds import seed_of
from affidavit.tally import Tally, tally_outcomes
from faithfulness.citation.removals import fullest
from faithfulness.grounding import exhibits
from faithfulness.grounding.judged import Judged, read_judged, stand_ins, told_by
from faithfulness.grounding.matching import Scales, scales_of
from faithfulness.grounding.measures import (
    CONTROLS,
    METRICS,
    RECALL,
    UNSUPPORTED,
    main_statistics,
    of_aspect,
    precision,
)
from faithfulness.grounding.one_utterance import exhibit_of_one
from faithfulness.grounding.sources import GroundingOptions, Supply, evidence_file, sourced, supplied
from faithfulness.grounding.sums import OWN, PARTS, sums_of
from faithfulness.telling import Told, claims_of

NAME: Final = "cue-grounding"
VERSION: Final = "1"
WON_BY_TEMPLATE: Final = "a rationale that mentions everything has 1 here: read it beside the unsupported rate"
WITHOUT_WORDS: Final = (f"{UNSUPPORTED}_random", f"{UNSUPPORTED}_template")
NO_WORDS: Final = "of face, tone and scene alone: what was said cannot be drawn at random, or mentioned whole"
NOT_CAUSAL: Final = "what is there need not be what the answer rested on"
NOBODY_MEASURED: Final = {
    "face": "nobody measured the face",
    "tone": "nobody measured the voice",
    "content": "nobody wrote down what was said",
    "scene": "nobody described the scene",
}
REMEDIES: Final = {
    "face": "bring action units of each utterance (a detector's output or a coder's sheet) in the table of the option "
    "`evidence`: utterance_id, aspect (face), cue (AU15), present",
    "tone": "name a corpus with sound in the plan, of speakers with several clips each, or bring rows of the aspect "
    "tone in the table of the option `evidence`",
    "content": "name a corpus with transcripts in the plan, or bring rows of the aspect content with what was said in "
    "the table of the option `evidence`",
    "scene": "bring rows of the aspect scene (what is seen and heard around the speaker) in the table of the option "
    "`evidence`",
}
REMEDY: Final = (
    "ask the supplier for what was measured of each utterance (utterance_id, aspect, cue, present) and name that table "
    "in the option `evidence`, or name corpus and reasoner in the plan"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One run under one condition."""

    case: Case
    run: str
    condition: str
    scales: Scales
    tally: Tally
    caveats: tuple[str, ...]

    @property
    def sums(self) -> FloatArray:
        """The sums of everybody, [WIDTH]."""
        return np.asarray(self.tally.by(()).totals()[0])

    @property
    def totals(self) -> dict[str, dict[str, float]]:
        """Sums by aspect and part."""
        parts = self.sums[1:].reshape(len(ASPECTS), len(PARTS))
        return {aspect: dict(zip(PARTS, parts[a].tolist(), strict=True)) for a, aspect in enumerate(ASPECTS)}


def refuses(case: Case) -> Refusal | None:
    """Refuse a run of which nothing was measured, or that is too large to be held.

    Raises:
        InputError: the table of evidence does not open.
    """
    options = read_options(GroundingOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if options.evidence is None and run.run not in case.live:
        because = "nothing was measured of the utterances: there is neither a corpus nor a table of evidence"
        return Refusal(examination=NAME, because=because, remedy=REMEDY)
    evidence_file(case, options)  # a table that does not open is told before anything is computed
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    options = read_options(GroundingOptions, case.options, of=f"examination {NAME}")
    supply = supplied(case, options)
    if options.utterance is not None:
        return Testimony(exhibits=(exhibit_of_one(case, options, supply),))
    claims: list[Claim] = []
    refused: list[Refusal] = []
    tables: dict[str, list[exhibits.Row]] = {"aspects": [], "controls": [], "cues": []}
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        study = _study(case, predictions, supply, options)
        if study is None:
            refused.append(_nothing_read(run))
            continue
        refused += _unmeasured(study)
        found, by_aspect = _told(study)
        claims += found
        tables["aspects"] += by_aspect
        tables["controls"] += exhibits.control_rows(study.sums, run, study.condition)
        tables["cues"] += exhibits.cue_rows(study.scales, run, study.condition)
        case.progress("holding cues against evidence", done, len(case.runs))
    shown = (
        exhibits.table("cue-grounding-by-aspect", "Cues by aspect and group", BY_GROUP, tables["aspects"]),
        exhibits.table("cue-grounding-controls", "Cues and their controls", exhibits.CONTROLS, tables["controls"]),
        exhibits.table("cue-grounding-cues", "Every cue, stated and seen", exhibits.CUES, tables["cues"]),
    )
    return Testimony(claims=tuple(claims), exhibits=shown if claims else (), refusals=tuple(refused))


def _study(case: Case, predictions: Predictions, supply: Supply, options: GroundingOptions) -> Study | None:
    """Hold the rationales of the fullest condition against evidence; None where none can be read."""
    condition = fullest(predictions.conditions) or predictions.conditions[0]
    judged = read_judged(predictions, case.by, condition)
    if not len(judged):
        return None
    live = case.live.get(predictions.run)
    found = sourced(judged, supply, None if live is None else live.corpus, options, case.progress)
    told = told_by(judged.texts, found.evidence.vocabulary, predictions.labels)
    scales = scales_of(found.evidence, judged, told, condition)
    rng = np.random.default_rng(seed_of("cue-grounding", case.book.seed, predictions.run))
    sums = sums_of(scales, stand_ins(judged, rng))
    tally = tally_outcomes(predictions, case.by, condition=condition, rows=judged.rows, sums=sums)
    caveats = (NOT_CAUSAL, *found.remarks, *_left_out(judged, scales))
    return Study(case=case, run=predictions.run, condition=condition, scales=scales, tally=tally, caveats=caveats)


def _left_out(judged: Judged, scales: Scales) -> list[str]:
    """Say what takes no part."""
    said = []
    if judged.n_silent:
        said.append(f"{judged.n_silent:,} judgements have no rationale")
    if judged.n_unreadable:
        said.append(
            f"{judged.n_unreadable:,} rationales are in neither English nor Chinese: what they state is unknown"
        )
    cut = sum(atoms.cut for atoms in scales.told.atoms)
    if cut:
        said.append(f"{cut:,} rationales are too long and were not read to their end")
    hedged = sum(scales.told.atoms[text].hedged for text in judged.text)
    return [*said, *([f"{hedged:,} cues are hedged and count like the others"] if hedged else [])]


def _unmeasured(study: Study) -> list[Refusal]:
    """Refuse the aspects that rationales speak of and nobody measured."""
    totals = study.totals
    return [
        Refusal(
            examination=NAME,
            run=study.run,
            because=f"{NOBODY_MEASURED[aspect]}: {_n_unknown(study, aspect):,} cues of it are unknown",
            remedy=REMEDIES[aspect],
        )
        for aspect in ASPECTS
        if not study.scales.evidence.looked_at(aspect) and totals[aspect]["unknown"] > 0
    ]


def _n_unknown(study: Study, aspect: str) -> int:
    """Return how many cues of an aspect are unknown, whatever rows weigh."""
    told, text = study.scales.told, study.scales.judged.text
    own = study.scales.evidence.vocabulary.of(aspect)
    named = (told.stated[text][:, own].sum() + told.denied[text][:, own].sum()) + told.unread[
        text, ASPECTS.index(aspect)
    ].sum()
    quoted = sum(len(told.atoms[place].quotes) for place in text) if aspect == "content" else 0
    return int(named + quoted)


def _told(study: Study) -> tuple[list[Claim], list[exhibits.Row]]:
    """Return claims over all families, and the rows of single aspects."""
    told = Told(
        examination=NAME,
        version=VERSION,
        run=study.run,
        tally=study.tally,
        statistics=main_statistics(),
        property=ExplanationProperty.GROUNDING,
        compared=frozenset({UNSUPPORTED}),
        controls=CONTROLS,
        caveats=study.caveats,
        remarks={RECALL: (WON_BY_TEMPLATE,), **dict.fromkeys(WITHOUT_WORDS, (NO_WORDS,))},
    )
    claims = claims_of(study.case, told)
    rows: list[exhibits.Row] = []
    totals = study.totals
    told_of = [aspect for aspect in ASPECTS if any(totals[aspect][part] for part in OWN)]
    statistics = [statistic for aspect in told_of for statistic in of_aspect(aspect)]
    for place in told.places(study.case):
        evidence = told.evidence(study.case, place)
        for statistic in (precision(), *statistics):
            found = group_claims(place, measure(evidence, statistic), caveats={})
            rows += claim_rows(found)
            claims += [told.spoken(claim) for claim in found if not place.family]
    return claims, rows


def _nothing_read(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="no judgement under the fullest condition has a rationale that can be read",
        remedy="ask for rationales in English or Chinese under the fullest condition",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Cues of rationales and what was there",
    method_version=VERSION,
    access=("table", "rationales"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
