"""Do explanations point at the words that people marked as evidence? Plausibility, which is no faithfulness.

A rationale that quotes what people would quote persuades; whether its model used those words is another question, which
`citation`, `evidence-erasure` and their like ask. Told are the overlap of what rationales quote with the marked words,
and, where the reasoner itself is at hand and gives gradients, whether the words that move its answer are the marked.

Only turns with marked words are told of, each rationale counting once. Controls stand beside both. Of every group there
are F1 and its controls; the rest is told of everybody, and by group in the exhibit. Groups are compared in F1 corrected
for chance: where turns are short, any words overlap more, and F1 itself tells lengths apart.

Attributions ask the model itself again and take their time, so there are none unless the option `attributed` says of
how many turns.

Source: DeYoung et al. 2020 (ERASER), section 4.1; Poria et al. 2021 (RECCON).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import claim_rows, gap_claim, group_claims
from affidavit.confusion import Statistic
from affidavit.errors import MissingPartError
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.live import Live
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Record, Refusal
from affidavit.seeds import seed_of
from affidavit.tally import Tally
from faithfulness.plausibility import attributed, rationales
from faithfulness.plausibility.behind import Behind
from faithfulness.plausibility.explained import Explained, read_explained, text_cues, worded_conditions
from faithfulness.plausibility.marks import Marks, Scope
from faithfulness.telling import Told, claims_of

NAME: Final = "evidence-plausibility"
VERSION: Final = "1"
GRADIENTS: Final = "gradients"
UNASKED: Final = "attributions: they ask the model itself again, which takes its time, and none were asked for"
NOT_FAITHFUL: Final = "plausible is not faithful: nothing here shows that the answer rests on these words"
WON: Final = (
    "pointing at every word scores at least as high: this number does not tell a good explanation from a long one"
)
NAMED: Final = (*rationales.MAIN, *rationales.FURTHER, *attributed.MAIN, *attributed.FURTHER)
METRICS: Final = frozenset({statistic.name for statistic in NAMED} | {f"{rationales.CORRECTED}_difference"})


class PlausibilityOptions(Record):
    """What a plan may say of this examination."""

    scope: Scope = "marked"
    """Where evidence is looked for: `turn`, `dialogue` (the turns before too), or `marked`, as the corpus marks it."""
    attributed: int = Field(default=0, ge=0)
    """Turns whose answers are attributed to their words, at most; the model itself is asked again for each."""
    steps: int = Field(default=16, ge=2)
    """Of integrated gradients."""
    most_rows: int = Field(default=200_000, ge=1)
    """A run with more rows is refused: rationales are read one by one."""


@dataclass(kw_only=True)
class _Said:
    """What comes of the runs."""

    claims: list[Claim] = field(default_factory=list)
    rows: list[dict[str, str | int | float | None]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Study:
    """One run under one condition."""

    case: Case
    predictions: Predictions
    live: Live
    marks: Marks
    options: PlausibilityOptions
    explained: Explained

    def rng(self, what: str) -> np.random.Generator:
        """Return what draws, the same for every order of the table."""
        run, condition = self.predictions.run, self.explained.condition
        return np.random.default_rng(seed_of(self.case.book.seed, NAME, what, run, condition))


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without words, without marked words, without anything that points, or too large."""
    options = read_options(PlausibilityOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    live = case.live[run.run]
    if not worded_conditions(run.conditions):
        return _refusal("no condition shows the words as they are", "judge under T, or under TAV")
    if not Marks(corpus=live.corpus).any:
        because = "the corpus marks no words as evidence"
        return _refusal(because, "bring a corpus with cues in words, such as reccon or the clinic")
    if "rationale" not in run.columns and (GRADIENTS not in live.offers or not options.attributed):
        return _refusal("there are no rationales, and no attributions either: nothing points at words", _remedy(live))
    if run.n_rows > options.most_rows:
        because = f"the table has {run.n_rows:,} rows, and at most {options.most_rows:,} are read"
        return _refusal(because, "audit a sample, or set the option most_rows of this examination in the plan")
    return None


def _remedy(live: Live) -> str:
    if GRADIENTS in live.offers:
        return "ask for rationales, or set the option attributed of this examination to a number of turns, such as 60"
    return "ask for rationales, or name a reasoner whose gradients can be read and set the option attributed"


def _refusal(because: str, remedy: str, run: str | None = None) -> Refusal:
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)


def examine(case: Case) -> Testimony:
    """Answer for every run: of rationales under each condition that has some, of attributions under the fullest."""
    options = read_options(PlausibilityOptions, case.options, of=f"examination {NAME}")
    said = _Said()
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        live = case.live[run]
        marks = Marks(corpus=live.corpus, scope=options.scope)
        studies = [
            _Study(
                case=case,
                predictions=predictions,
                live=live,
                marks=marks,
                options=options,
                explained=read_explained(predictions, case.by, condition),
            )
            for condition in worded_conditions(predictions.conditions)
        ]
        heard = [_of_rationales(study, said) for study in studies]
        if not any(heard):
            because = "no turn with marked words has a rationale"
            said.refusals.append(_refusal(because, "ask for rationales where the words were shown", run))
        if GRADIENTS in live.offers:
            _of_attributions(studies[0], said)
        case.progress("comparing explanations with marked words", done, len(case.runs))
    return Testimony(
        claims=tuple(said.claims),
        exhibits=(_exhibit(said.rows),) if said.rows else (),
        refusals=tuple(said.refusals),
    )


def _of_rationales(study: _Study, said: _Said) -> bool:
    """Tell of the rationales of one condition; False where there is none."""
    explained = study.explained
    if not any(explained.rationale):
        return False
    cues = text_cues(study.predictions, explained.condition)
    pointing = rationales.read_pointing(explained, study.marks, cues, labels=study.predictions.labels)
    if not pointing.chosen:
        return False
    counted = rationales.count_pointing(pointing, study.predictions, study.case.by, rng=study.rng("rationales"))
    caveats = (*_scope(study), *_left_out(pointing.left_out, len(explained)), NOT_FAITHFUL)
    told = _told(study, counted.tally, rationales.MAIN, rationales.CONTROLS, caveats)
    by_group = frozenset(statistic.name for statistic in rationales.MAIN)
    _tell(study, told, rationales.FURTHER, said, behind=counted.behind, groups=by_group)
    return True


def _of_attributions(study: _Study, said: _Said) -> None:
    """Tell of the attributions of a sample of turns, where the plan wants some."""
    run = study.predictions.run
    if not study.options.attributed:
        said.refusals.append(_refusal(UNASKED, "set the option attributed to a number of turns, such as 60", run))
        return
    among = attributed.candidates(study.explained, study.marks)
    try:
        tally = _attributed(study, among) if among else None
    except MissingPartError as error:
        said.refusals.append(_refusal(f"attributions: {error.what}", error.remedy or "install the extra", run))
        return
    if tally is None:
        because = "attributions: in no judged turn are some words marked and some not"
        said.refusals.append(_refusal(because, "bring a corpus that marks words within its turns", run))
        return
    caveats = (
        f"{int(tally.n_rows.sum()):,} of {len(among):,} turns in which some words are marked and some are not",
        f"integrated gradients of the answer's score in {study.options.steps} steps, of the turn's own words",
        NOT_FAITHFUL,
    )
    told = _told(study, tally, attributed.MAIN, attributed.CONTROLS, caveats)
    _tell(study, told, attributed.FURTHER, said)


def _attributed(study: _Study, among: Sequence[attributed.Candidate]) -> Tally | None:
    """Ask the reasoner about a sample, as it is and drawn anew."""
    chosen = attributed.sampled(among, study.options.attributed, rng=study.rng("sample"))
    asking = attributed.Asking(
        reasoner=study.live.reasoner(),
        condition=study.explained.condition,
        n_steps=study.options.steps,
        progress=study.case.progress,
    )
    return attributed.tally_attributed(
        (study.explained, chosen),
        (asking.plain(chosen), asking.randomised(chosen, rng=study.rng("drawn anew"))),
        predictions=study.predictions,
        by=study.case.by,
        rng=study.rng("attributions"),
    )


def _told(
    study: _Study, tally: Tally, main: Sequence[Statistic], controls: Sequence[str], caveats: tuple[str, ...]
) -> Told:
    first = main[0].name
    totals = tally.sums.sum(axis=0)
    values = {statistic.name: float(statistic.value(totals, totals)) for statistic in main}
    won = values.get(f"{first}_template", -1.0) >= values[first]
    return Told(
        examination=NAME,
        version=VERSION,
        run=study.predictions.run,
        tally=tally,
        statistics=main,
        property=ExplanationProperty.PLAUSIBILITY,
        controls=controls,
        caveats=caveats,
        remarks={first: (WON,)} if won else {},
    )


def _tell(
    study: _Study,
    told: Told,
    further: Sequence[Statistic],
    said: _Said,
    *,
    behind: Behind | None = None,
    groups: frozenset[str] = frozenset(),
) -> None:
    """Add claims for everybody, of metrics `groups` for every group too, and all of them to the exhibit."""
    claims = claims_of(study.case, told)
    for place in told.places(study.case):
        evidence = told.evidence(study.case, place)
        for statistic in further:
            claims += [told.spoken(claim) for claim in group_claims(place, measure(evidence, statistic), caveats={})]
            if statistic.name == rationales.CORRECTED and place.family:
                kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
                gap = gap_claim(place, measure_gap(evidence, [statistic], kind), source=statistic.source)
                said.claims.append(told.spoken(gap))
    claims = claims if behind is None else behind.counted(claims)
    said.rows += claim_rows(claims)
    said.claims += [c for c in claims if not c.finding.groups or c.finding.metric in groups]


def _scope(study: _Study) -> list[str]:
    where = "the turn and the turns before it" if study.marks.beyond_the_turn else "the turn alone"
    return [f"words are those of {where}"]


def _left_out(counts: dict[str, int], total: int) -> list[str]:
    words = {
        "unmarked": f"of {total:,} judgements are of turns without marked words, or unknown to the corpus",
        "silent": "judgements of turns with marked words have no rationale",
        "lost": "marks lie in later turns or in none, and are not looked for",
    }
    return [f"{counts[name]:,} {said}" for name, said in words.items() if counts.get(name)]


def _exhibit(rows: Sequence[dict[str, str | int | float | None]]) -> ExhibitTable:
    return ExhibitTable(
        id="evidence-plausibility",
        title="Explanations beside the words that people marked, by group",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )


EXAMINATION: Final = FunctionExamination(
    name=NAME,
    title="Explanations beside marked evidence",
    method_version=VERSION,
    access=("table", "corpus"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
