"""Does a rationale state the concepts that move the answer? Identity first: whose voice, whose face.

From a table with the same utterances rendered otherwise (`TAV/voice-accent=scottish`, `/voice-age=`, `/voice-sex=`,
`/face=`, `/transcript=neutral`, or a sensitive feature's own name). The chief number is how often identity moves the
answer and the rationale does not say so; beside it stand the share among changed answers, the same of shuffled
rationales and of mere repetition, and the slope of statement on effect over all concepts.

Source: Matton et al. 2025; Turpin et al. 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims
from affidavit.confusion import Statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Refusal
from affidavit.tally import Tally, tally_outcomes
from faithfulness.concepts.effects import Effects, read_effects
from faithfulness.concepts.interventions import Interventions, features_of, interventions
from faithfulness.concepts.measures import (
    EFFECT,
    FLIP,
    HIDDEN,
    INFLUENCE,
    NEEDLESS,
    STATED,
    hidden_identity,
    hidden_influence,
    of_concept,
    sums_over,
)
from faithfulness.concepts.slopes import BY_DIVERGENCE, BY_FLIPS, slope_claims, slopes
from faithfulness.telling import Told, claims_of
from faithfulness.twins import MatchingOptions, without_interventions

NAME: Final = "causal-concepts"
VERSION: Final = "1"
BY_LIST: Final = (
    "what a rationale states is told by word lists, English and Chinese: a paraphrase escapes them and is taken for "
    "hidden, a word said in passing is taken for stated"
)
TEMPLATE: Final = f"a rationale that names everything wins this number with 0; {NEEDLESS} tells, where that has 1"
NO_REPEATS: Final = "the table has no repetitions: how often the answer changes by chance alone is not known"
NOISY: Final = f"answers that change by mere repetition are among these: read it beside {HIDDEN}_beyond_noise"
BOTH: Final = "a concept counts as stated where the judgement's rationale or that of its rendering states it"
METRICS: Final = frozenset(
    {
        *(HIDDEN, f"{HIDDEN}_shuffled", f"{HIDDEN}_noise", f"{HIDDEN}_beyond_noise", f"{HIDDEN}_difference"),
        *(INFLUENCE, f"{INFLUENCE}_shuffled", NEEDLESS, FLIP, f"{FLIP}_noise", STATED),
        *(EFFECT, f"{EFFECT}_noise"),
        *(f"{stem}{ending}" for stem in (BY_DIVERGENCE, BY_FLIPS) for ending in ("", "_shuffled")),
    }
)


def _compiles(pattern: str) -> str:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise ValueError(f"not a regular expression of RE2: {error}") from None
    return pattern


class ConceptOptions(MatchingOptions):
    """The options of this examination in a plan."""

    words: Mapping[str, Annotated[str, AfterValidator(_compiles)]] = Field(default_factory=dict)
    """Concept to what states it as well, as a regular expression (RE2), read whatever the case."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One run beside one base condition."""

    case: Case
    effects: Effects
    caveats: tuple[str, ...]

    @property
    def predictions(self) -> Predictions:
        """The run."""
        return self.effects.judgements.predictions

    @property
    def base(self) -> str:
        """The condition that everything is compared with."""
        return self.effects.judgements.condition

    @property
    def repeated(self) -> bool:
        """Whether any judgement was repeated."""
        return bool(self.effects.judgements.repeated.any())

    @property
    def noisy(self) -> bool:
        """Whether any answer changed on mere repetition."""
        return bool(self.effects.judgements.changed_on_repetition.any())

    def tally(self, concepts: Sequence[str], name: str) -> Tally:
        """Return the sums over these concepts of the judgements that have any of them."""
        judgements = self.effects.judgements
        judged = sum((self.effects.of[concept].judged.astype(int) for concept in concepts), start=0) > 0
        return tally_outcomes(
            self.predictions,
            self.case.by,
            condition=f"{self.base}/{name}",
            rows={column: values[judged] for column, values in judgements.rows.items()},
            sums=sums_over(self.effects, concepts)[judged],
        )

    def told(
        self, tally: Tally, statistics: Sequence[Statistic], *, controls: Sequence[str] = (), compared: str = ""
    ) -> Told:
        """Return what is told of one tally."""
        return Told(
            examination=NAME,
            version=VERSION,
            run=self.predictions.run,
            tally=tally,
            statistics=statistics,
            property=ExplanationProperty.CAUSAL,
            compared=frozenset({compared} - {""}),
            controls=controls,
            caveats=self.caveats,
            remarks={HIDDEN: (TEMPLATE,), INFLUENCE: (TEMPLATE, *([NOISY] if self.noisy else []))},
        )


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without renderings beside their base, or too large to be matched."""
    options = read_options(ConceptOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if not interventions(run.conditions, case.by):
        return without_interventions(
            NAME,
            "ask the supplier to judge the same utterances in another voice (TAV/voice-accent=scottish, "
            "TAV/voice-age=75-and-over, TAV/voice-sex=female), with another face (TAV/face=female) and in plainer "
            "words (TAV/transcript=neutral), beside TAV, with rationales; the corpus clinic renders itself so",
        )
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run and every base condition that has renderings."""
    options = read_options(ConceptOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    refused: list[Refusal] = []
    shown: list[Claim] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        for found in interventions(predictions.conditions, case.by):
            effects = read_effects(predictions, case.by, found, options.words)
            if not any(effect.judged.any() for effect in effects.of.values()):
                refused.append(_without_twins(run, found))
                continue
            study = Study(case=case, effects=effects, caveats=_caveats(effects, case.by))
            for told, left in (_of_identity(study), _of_concepts(study)):
                claims += told
                shown += left
            sloping, flat = _of_slopes(study)
            claims += sloping
            refused += flat
        case.progress("comparing concepts with rationales", done, len(case.runs))
    rows = claim_rows(shown)
    exhibit = ExhibitTable(
        id="concepts-by-group",
        title="What each concept does to the answer, and how often the rationale states it",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,) if rows else (), refusals=tuple(refused))


def _of_identity(study: Study) -> tuple[list[Claim], list[Claim]]:
    """Return the chief number and what explains it, of everybody and single features with gaps; of others, shown."""
    concepts = study.effects.identity
    if not concepts:
        return [], []
    tally = study.tally(concepts, "identity")
    chief = hidden_identity(repeated=study.repeated)
    controls = [statistic.name for statistic in chief[1:]]
    influence = hidden_influence()
    beside = study.told(tally, influence, controls=[statistic.name for statistic in influence[1:]])
    every = claims_of(study.case, study.told(tally, chief, controls=controls, compared=HIDDEN))
    crossed = [claim for claim in every if len(claim.finding.groups) > 1]
    told = [claim for claim in every if len(claim.finding.groups) < 2]
    return [*told, *claims_of(_shallow(study.case), beside)], crossed


def _of_slopes(study: Study) -> tuple[list[Claim], list[Refusal]]:
    """Return the slopes by group; where there is none, of two concepts or more, the reason."""
    found = slopes(study.case, study.effects)
    if found is None:
        several = sum(bool(effect.judged.any()) for effect in study.effects.of.values()) > 1
        return [], [_without_slopes(study)] if several else []
    without = f"{found.without:,} judgements have no slope: their concepts move them alike or are stated alike"
    caveats = (*study.caveats, *([without] if found.without else []))
    return slope_claims(_shallow(study.case), found, examination=NAME, version=VERSION, caveats=caveats), []


def _of_concepts(study: Study) -> tuple[list[Claim], list[Claim]]:
    """Return claims of each concept over everybody, and over single features for the exhibit."""
    probabilities = study.effects.repeated is not None
    statistics = of_concept(probabilities=probabilities, repeated=study.repeated)
    controls = [statistic.name for statistic in statistics if statistic.name.endswith("_noise")]
    alone: list[Claim] = []
    by_group: list[Claim] = []
    for concept, effect in study.effects.of.items():
        if not effect.judged.any():
            continue
        told = study.told(study.tally([concept], concept), statistics, controls=controls)
        alone += claims_of(replace(study.case, by=()), told)
        for place in told.places(_shallow(study.case)):
            evidence = told.evidence(study.case, place)
            for statistic in statistics:
                by_group += group_claims(place, measure(evidence, statistic), caveats={})
    return alone, by_group


def _shallow(case: Case) -> Case:
    """Return the case without intersections: what explains a number need not be told of each of them."""
    return replace(case, depth=1)


def _caveats(effects: Effects, by: Sequence[str]) -> tuple[str, ...]:
    judgements = effects.judgements
    silent = int((~judgements.has_rationale).sum())
    unread = int((judgements.has_rationale & ~effects.readable).sum())
    named = ", ".join(f"{concept} ({len(levels)})" for concept, levels in effects.interventions.concepts.items())
    said = [f"compared with {judgements.condition}; concepts and their levels: {named}", BY_LIST, BOTH]
    if unknown := [c for c in effects.identity if not features_of(c, by)]:
        said.append(
            f"the table is not audited by what {', '.join(unknown)} renders: renderings at the speaker's own level "
            f"change nothing, and lower its shares"
        )
    if effects.own_level:
        said.append(f"{effects.own_level:,} renderings at the speaker's own level change nothing and take no part")
    if effects.unmatched:
        said.append(f"{effects.unmatched:,} renderings asked for were not judged")
    if silent:
        said.append(f"{silent:,} of {len(effects.readable):,} judgements have no rationale")
    if unread:
        said.append(f"{unread:,} rationales are in neither English nor Chinese: what they state is unknown")
    if not judgements.repeated.any():
        said.append(NO_REPEATS)
    return tuple(said)


def _without_twins(run: str, found: Interventions) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no utterance was judged under {found.base} and rendered at a level that is not the speaker's own",
        remedy=f"ask for the same utterances, instructions and repetitions under {found.base} and each rendering",
    )


def _without_slopes(study: Study) -> Refusal:
    return Refusal(
        examination=NAME,
        run=study.predictions.run,
        because=f"{study.base}: in no judgement do concepts differ both in what they do to the answer and in whether "
        f"the rationale states them, so {BY_DIVERGENCE} is undefined",
        remedy=f"read {NEEDLESS} and {STATED}: rationales that name every concept, or none, have no slope; concepts "
        "that move more answers may give some",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Concepts that move the answer, and whether rationales state them",
    method_version=VERSION,
    access=("table", "rationales", "several conditions"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
