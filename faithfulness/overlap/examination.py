"""How much does a rationale share with what people wrote of the same utterance? EMER's two scores, by group.

Clue overlap compares observations: the words of a rationale per aspect (what was said, the voice, the face, the
surroundings) with those of the reference, words of emotions left out; EMER's own score of that name compares emotional
states. Label overlap compares the emotions that the two assert. Both are from 0 to 10.

The judge is the built-in one, or a served model (`judge: {url, model}`). With `gold: PATH` (columns `score` and
`label_score`, what people gave the same pairs), its agreement with people stands beside; without, or where it agrees
too little, no number here can pass or fail a criterion; of gaps only those without the judge's errors can. It is
plausibility: none of it shows that the clues were used.

Findings are of the fullest condition, of those that people scored, and of those that the option `conditions` names;
every other one is in the exhibit.

Source.1 to 2.3; Lian et al. 2023 (EMER).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExhibitColumn, Record, Refusal
from affidavit.seeds import seed_of
from faithfulness.conclusions.gold import SCORES, Gold, read_gold
from faithfulness.conclusions.listing import Row, exhibit_of
from faithfulness.conclusions.served_judge import ServedOptions
from faithfulness.conclusions.told_conditions import conditions_asked
from faithfulness.overlap.judge import KINDS, LexiconOverlapJudge, Outcome, Overlap, OverlapJudge
from faithfulness.overlap.layout import REPEAT, TOLD, Scored
from faithfulness.overlap.pairs import Pairs, has_references, read_pairs
from faithfulness.overlap.served import ServedOverlapJudge
from faithfulness.overlap.study import COMPARED, CORRECTED, NAME, VERSION, Study
from faithfulness.overlap.templates import CHINESE, ENGLISH

OF_GOLD: Final = tuple(
    name
    for kind in KINDS
    for name in (f"{kind}_judge_kappa", f"{kind}_overlap_half_rate", f"{kind}_overlap_half_rate_corrected")
)
METRICS: Final = frozenset({*TOLD, REPEAT, *OF_GOLD, *(f"{metric}_difference" for metric in COMPARED | CORRECTED)})
SCORES_KEPT: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="condition", type="text", description="what the reasoner was shown"),
    ExhibitColumn(name="utterance_id", type="text", description="the utterance"),
    ExhibitColumn(name="reasoner", type="text", description="who judged it"),
    ExhibitColumn(name="instruction", type="text", description="under which instruction"),
    ExhibitColumn(name="repeat", type="text", description="number of the repetition"),
    ExhibitColumn(name="clue_score", type="number", description="overlap of clues, 0 to 10; empty where none"),
    ExhibitColumn(name="label_score", type="number", description="overlap of emotions, 0 to 10; empty where none"),
    ExhibitColumn(name="outcome", type="text", description="what came of judging the clues"),
)


class ClueOverlapOptions(Record):
    """What the examination can be told in a plan."""

    gold: str | None = None
    """A table of people's scores: `utterance_id`, `score`, `label_score`; relative to the plan."""
    judge: ServedOptions | None = None
    """A served model that judges; the built-in judge where absent."""
    conditions: tuple[str, ...] = ()
    """Conditions that are told beside the fullest one."""
    most_rows: int = Field(default=500_000, ge=1)
    """A run with more rows is refused: texts are read one by one."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without references, or too large; a gold file that cannot be used is an error."""
    options = _options(case)
    _gold(case, options)
    (run,) = case.runs.values()
    if not has_references(case, run.run):
        return Refusal(
            examination=NAME,
            because="there is nothing to hold rationales against: no reference rationale of any utterance",
            remedy="add what people wrote of each utterance in a column `reference_rationale`, or judge a corpus that "
            "has reference rationales",
        )
    if run.n_rows > options.most_rows:
        return Refusal(
            examination=NAME,
            because=f"the table has {run.n_rows:,} rows, and at most {options.most_rows:,} are compared text by text",
            remedy="audit a sample of the utterances, or set the option most_rows of this examination in the plan",
        )
    return None


def examine(case: Case) -> Testimony:
    """Answer for every run and every condition under which rationales have a reference."""
    options = _options(case)
    gold, judge = _gold(case, options), _judge(case, options)
    wanted = conditions_asked(case, options.conditions, of=NAME)
    claims: list[Claim] = []
    refused: list[Refusal] = []
    rows: list[Row] = []
    kept: list[tuple[Cell, ...]] = []
    for done, run in enumerate(case.runs, start=1):
        pairs = read_pairs(case, run, gold)
        if not len(pairs):
            refused.append(_nothing_said(run))
            continue
        study = _judged(case, run, pairs, judge, gold)
        conditions = study.conditions()
        for place, (condition, at) in enumerate(conditions):
            told = place == 0 or condition in wanted or study.is_read(at)
            rows += study.rows(condition, at, all_of_them=not told)
            if study.replies(at).useless:
                refused.append(study.replies(at).refusal(NAME, run, condition))
            elif told:
                claims += study.claims(condition, at, alone=len(conditions) == 1)
        kept += _scores(study) if options.judge is not None else []
        case.progress("comparing rationales with references", done, len(case.runs))
    exhibits = exhibit_of(rows, name="clue-overlap", title="Clues found, clues missed, and what came of judging")
    return Testimony(claims=tuple(claims), exhibits=(*exhibits, *_exhibit(kept)), refusals=tuple(refused))


def _options(case: Case) -> ClueOverlapOptions:
    return read_options(ClueOverlapOptions, case.options, of=f"examination {NAME}")


def _gold(case: Case, options: ClueOverlapOptions) -> Gold | None:
    return None if options.gold is None else read_gold(case.folder / options.gold, needs=SCORES)


def _judge(case: Case, options: ClueOverlapOptions) -> OverlapJudge:
    if options.judge is None:
        return LexiconOverlapJudge()
    return ServedOverlapJudge(endpoint=options.judge.endpoint(case.folder))


def _judged(case: Case, run: str, pairs: Pairs, judge: OverlapJudge, gold: Gold | None) -> Study:
    rng = np.random.default_rng(seed_of(case.book.seed, NAME, run))
    alike, anyone = (pairs.shuffled(rng, within_label=within) for within in (True, False))
    clues = judge.score(pairs.predicted, alike, kinds=("clue",))
    scored = Scored(
        own=judge.score(pairs.predicted, pairs.reference),
        shuffled=replace(clues, label=judge.score(pairs.predicted, anyone, kinds=("label",)).label),
        template=judge.score(_templates(pairs.reference), pairs.reference),
        following=pairs.next_repetition(),
    )
    return Study(case=case, run=run, pairs=pairs, judge=judge, scored=scored, sums=scored.sums(), gold=gold)


def _templates(references: pa.Array) -> pa.Array:
    """Return the template in the language of each reference."""
    chinese = pc.match_substring_regex(references, r"\p{Han}")
    texts = (pa.scalar(text, references.type) for text in (CHINESE, ENGLISH))
    return pc.if_else(chinese, *texts)


def _scores(study: Study) -> list[tuple[Cell, ...]]:
    keys, own = study.pairs.keys, study.scored.own
    names = ("condition", "utterance_id", "reasoner", "instruction", "repeat")
    outcomes = [Outcome(code).name.lower() for code in own.outcome]
    columns = [[study.run] * len(study.pairs), *(keys[name] for name in names), *_numbers(own), outcomes]
    return list(zip(*columns, strict=True))


def _numbers(own: Overlap) -> list[list[float]]:
    return [[float(score) for score in scores] for scores in (own.clue, own.label)]


def _exhibit(kept: Sequence[tuple[Cell, ...]]) -> tuple[ExhibitTable, ...]:
    """Return what a served judge said, one by one: tomorrow it may say otherwise."""
    if not kept:
        return ()
    columns = zip(*kept, strict=True)
    values = {column.name: list(cells) for column, cells in zip(SCORES_KEPT, columns, strict=True)}
    return (ExhibitTable(id="clue-overlap-scores", title="What the judge said", columns=SCORES_KEPT, values=values),)


def _nothing_said(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="no row has both a rationale and a reference",
        remedy="check that reference_rationale, or the corpus, speaks of the utterances that were judged",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Rationales beside what people wrote",
    method_version=VERSION,
    access=("table", "rationales"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS, Task.OPEN_SET}),
    function=examine,
    refusal=refuses,
)
