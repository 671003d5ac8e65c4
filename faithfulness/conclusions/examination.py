"""Does a rationale conclude with the emotion that was answered, and with the right one? Coherence, from a table alone.

A judge reads each rationale without the answer (`judge`). Told are EEA, EPC, FCR, how often a right answer has a wrong
explanation, which is the one to act upon, and how often the judge abstains; the other quadrants are in an exhibit. A
model can be coherent and wrong, and coherent about what it never perceived: none of this shows that a rationale caused
an answer.

Controls: the same rationales dealt anew, and the judge with the labels' own words masked, since one sentence that names
the label makes every number here 1.

The judge is the built-in one, or a served model (`judge: {url, model}`). With `gold: PATH`, what people concluded from
some of the rationales, its agreement with people is measured and rates are corrected for its errors, group by group;
without, or where it agrees too little, no number here can pass or fail a criterion. Of gaps between groups only the
corrected ones can: a judge that misreads one group more often makes a gap where there is none.

Findings are of the fullest condition that has rationales, of those that people read, and of those that the option
`conditions` names; every other one is in the exhibit. Conditions that only intervene (`TAV/hint=joy`) are left to the
examinations that are made of them.

Source: Rha et al. 2026 (ERV).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import model_validator

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn, ExplanationProperty, Record, Refusal
from affidavit.tally import Tally
from faithfulness.conclusions.corrections import CORRECTED, DRAWN, GAPS, KAPPA, corrected_statistics, cut, kappa
from faithfulness.conclusions.counting import Counted, Judgement, Judges, Reading
from faithfulness.conclusions.gold import Gold, read_gold
from faithfulness.conclusions.judge import LexiconJudge, Outcome
from faithfulness.conclusions.listing import Row, exhibit_of, listed
from faithfulness.conclusions.masking import MaskedJudge
from faithfulness.conclusions.reader_judge import reader_of, rewarded_by
from faithfulness.conclusions.replies import Replies
from faithfulness.conclusions.served_judge import ServedJudge, ServedOptions
from faithfulness.conclusions.sums import ABSTAINED, CONTROLS, EPC, TOLD, WRONG_REASON, Layout
from faithfulness.conclusions.told_conditions import ONLY_FULLEST, conditions_asked
from faithfulness.conclusions.trust import Agreement, agreement_of, held_back, left_to_corrected
from faithfulness.telling import Told, claims_of

NAME: Final = "coherence"
VERSION: Final = "3"
COMPARED: Final = frozenset({EPC, WRONG_REASON, ABSTAINED})
METRICS: Final = (
    TOLD
    | {f"{metric}_difference" for metric in COMPARED}
    | {KAPPA, *CORRECTED}
    | {f"{rate}_difference" for rate in GAPS}
)
LEFT_TO_CORRECTED: Final = {rate.replace("_corrected", "_difference"): f"{rate}_difference" for rate in GAPS}
"""Which gap decides in place of which."""
TITLE: Final = "Coherence: every rate, with what abstentions could hide"
JUDGEMENTS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="condition", type="text", description="what the reasoner was shown"),
    ExhibitColumn(name="utterance_id", type="text", description="the utterance"),
    ExhibitColumn(name="reasoner", type="text", description="who judged it"),
    ExhibitColumn(name="instruction", type="text", description="under which instruction"),
    ExhibitColumn(name="repeat", type="text", description="number of the repetition"),
    ExhibitColumn(name="concluded", type="text", description="what the judge concluded; empty where it abstained"),
    ExhibitColumn(name="outcome", type="text", description="what came of asking the judge"),
)


class CoherenceOptions(Record):
    """What the examination can be told in a plan."""

    gold: str | None = None
    """A table of what people concluded: `utterance_id` and `emotion`; relative to the plan."""
    judge: ServedOptions | None = None
    """A served model that judges; the built-in judge where absent."""
    reader: str | None = None
    """The folder of an emotion verifier that judges in its place, relative to the plan; a run whose explanations it
    rewarded is refused."""
    conditions: tuple[str, ...] = ()
    """Conditions that are told beside the fullest one."""

    @model_validator(mode="after")
    def _one_judge(self) -> CoherenceOptions:
        if self.judge is not None and self.reader is not None:
            raise ValueError("judge and reader both say who judges; name one of them")
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class _Study:
    """One run, and who reads its rationales."""

    case: Case
    predictions: Predictions
    judges: Judges
    caveats: tuple[str, ...]

    def told(self, tally: Tally, caveats: tuple[str, ...] = ()) -> Told:
        """Return what is told of one condition."""
        labelled = self.predictions.labelled
        return Told(
            examination=NAME,
            version=VERSION,
            run=self.predictions.run,
            tally=tally,
            statistics=self._layout.told(labelled=labelled),
            property=ExplanationProperty.COHERENCE,
            compared=COMPARED if labelled else COMPARED - {WRONG_REASON},
            controls=[s.name for s in self._layout.told(labelled=labelled) if s.name in CONTROLS],
            caveats=(f"judged by {self.judges.plain.name}", *caveats, *self.caveats),
        )

    def rows(self, counted: Counted, *, all_of_them: bool) -> list[Row]:
        """Return what the exhibit lists of one condition: what findings do not tell, or everything."""
        layout, labelled = self._layout, self.predictions.labelled
        chosen = layout.statistics(labelled=labelled) if all_of_them else layout.listed(labelled=labelled)
        return listed(self.case, self.told(counted.tally), chosen)

    def claims(self, counted: Counted, *, alone: bool) -> list[Claim]:
        """Return the claims of one condition."""
        silent = counted.outcomes[Outcome.EMPTY]
        told = self.told(
            counted.tally,
            (
                *_replies(counted).caveats(),
                *([f"{silent:,} judgements have no rationale and take no part"] if silent else []),
                *([] if alone else [ONLY_FULLEST]),
            ),
        )
        checks, agreement = self._checked(told, counted)
        held = held_back(claims_of(self.case, told), agreement)
        return [*left_to_corrected(held, checks, LEFT_TO_CORRECTED), *checks]

    def _checked(self, told: Told, counted: Counted) -> tuple[list[Claim], Agreement]:
        """Return agreement with people and the corrected rates, where people have read any of it."""
        if counted.checked is None or counted.corrected is None:
            return [], Agreement(metric=KAPPA)
        plain = replace(told, compared=frozenset(), controls=())
        n_labels, labelled = len(self.predictions.labels), self.predictions.labelled
        agreed = claims_of(self.case, replace(plain, tally=counted.checked, statistics=(kappa(n_labels),)))
        agreement = agreement_of(agreed, KAPPA)
        rates = corrected_statistics(labelled=labelled)
        remarks = {name: (DRAWN,) for rate in rates for name in (rate.name, f"{rate.name}_difference")}
        asked = replace(plain, tally=counted.corrected, statistics=rates, compared=GAPS, remarks=remarks)
        return [*agreed, *held_back(cut(claims_of(self.case, asked)), agreement)], agreement

    @property
    def _layout(self) -> Layout:
        return Layout(n_labels=len(self.predictions.labels))


def refuses(case: Case) -> Refusal | None:
    """Refuse nothing of its own; a gold file that cannot be used is an error before anything is judged."""
    _gold(case, _options(case))
    return None


def examine(case: Case) -> Testimony:
    """Answer for every run and every condition under which reasons were given."""
    options = _options(case)
    gold, judges = _gold(case, options), _judges(case, options)
    asked = conditions_asked(case, options.conditions, of=NAME)
    claims: list[Claim] = []
    refused: list[Refusal] = []
    rows: list[Row] = []
    judged: list[tuple[str, str, Judgement]] = []
    for run, predictions in case.runs.items():
        own = rewarded_by(judges.plain, predictions, examination=NAME)
        if own is not None:
            refused.append(own)
            continue
        reading = Reading(predictions=predictions, by=case.by, judges=judges, gold=gold)
        counted, caveats = reading.counted()
        study = _Study(case=case, predictions=predictions, judges=judges, caveats=caveats)
        silent = [condition for condition in reading.conditions.values() if condition not in counted]
        refused += [_nothing_said(run, silent)] if silent else []
        for done, (condition, found) in enumerate(counted.items(), start=1):
            judged += [(run, condition, judgement) for judgement in found.judgements]
            told = done == 1 or condition in asked or found.checked is not None
            rows += study.rows(found, all_of_them=not told)
            if _replies(found).useless:
                refused.append(_replies(found).refusal(NAME, run, condition))
            elif told:
                claims += study.claims(found, alone=len(counted) == 1)
            case.progress(f"judging what rationales conclude under {condition}", done, len(counted))
    exhibits = (*exhibit_of(rows, name="coherence-rates", title=TITLE), *_kept(judged))
    return Testimony(claims=tuple(claims), exhibits=exhibits, refusals=tuple(refused))


def _replies(counted: Counted) -> Replies:
    return Replies(
        asked=counted.spoken, failed=counted.outcomes[Outcome.FAILED], rubbish=counted.outcomes[Outcome.RUBBISH]
    )


def _options(case: Case) -> CoherenceOptions:
    return read_options(CoherenceOptions, case.options, of=f"examination {NAME}")


def _gold(case: Case, options: CoherenceOptions) -> Gold | None:
    return None if options.gold is None else read_gold(case.folder / options.gold, needs=("emotion",))


def _judges(case: Case, options: CoherenceOptions) -> Judges:
    if options.reader is not None:
        reader = reader_of(case.folder, options.reader)
        return Judges(plain=reader, masked=MaskedJudge(judge=reader))
    if options.judge is None:
        return Judges(plain=LexiconJudge(), masked=LexiconJudge(masked=True))
    served = ServedJudge(endpoint=options.judge.endpoint(case.folder))
    return Judges(plain=served, masked=MaskedJudge(judge=served), keep=True)


def _kept(judged: Sequence[tuple[str, str, Judgement]]) -> tuple[ExhibitTable, ...]:
    """Return what a served judge said, one by one: tomorrow it may say otherwise."""
    if not judged:
        return ()
    rows = [(run, condition, *judgement) for run, condition, judgement in judged]
    columns = zip(*rows, strict=True)
    values = {column.name: list(cells) for column, cells in zip(JUDGEMENTS, columns, strict=True)}
    return (
        ExhibitTable(id="coherence-judgements", title="What the judge concluded", columns=JUDGEMENTS, values=values),
    )


def _nothing_said(run: str, silent: Sequence[str]) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no row has a rationale under {', '.join(silent)}",
        remedy="ask for rationales under these conditions too, if they are to be assessed there",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="What rationales conclude",
    method_version=VERSION,
    access=("table", "rationales"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
