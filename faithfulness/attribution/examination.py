"""Which inputs move the answer, do the same move the rationale, and do its words hang on what they cite?

Of a live reasoner. A sample of its judgements is attributed to the inputs: the answer's score, and every token of the
rationale that stands in the table. Told are the modalities' shares, how far answer and rationale rest on the same
inputs, whether the words that cite a modality fall when it is taken away, and what becomes of the answer when the
first-ranked inputs are erased; each beside random, shuffled and constant explanations.

Sources: see `faithfulness.attribution.measures` for that of each metric.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from faithfulness.attribution.averages import Block, Numbers, Teller, exhibits_by_group
from faithfulness.attribution.drawing import Drawn, draw_for, nothing_drawn
from faithfulness.attribution.measures import BLOCKS, METRICS
from faithfulness.attribution.opening import Bench, cut_caveat, open_bench, too_large
from faithfulness.attribution.options import SINGLE, MethodOptions, refused

if TYPE_CHECKING:
    from affidavit.attributions import Attribution
    from faithfulness.attribution.study import Study

NAME: Final = "attributions"
VERSION: Final = "1"
WON_BY_TEMPLATE: Final = (
    "not shown to beat a template that cites everything: high values are no merit of these rationales"
)
NO_NOISE: Final = "the reasoner is asked without chance: the same judgement is attributed to the same inputs again"


class AttributionOptions(MethodOptions):
    """What a plan may say of this examination."""

    kept: int = Field(default=4, ge=0)
    """Of so many judgements the attributions of every token of the rationale are kept; the answer's of all."""


def options_of(case: Case) -> AttributionOptions:
    """Return the options of a case.

    Raises:
        PlanError: they do not validate.
    """
    return read_options(AttributionOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without an undegraded condition, or where attributing needs what is not installed."""
    return refused(case, options_of(case), examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    claims: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    curves: list[dict[str, Cell]] = []
    attributions: dict[str, list[Attribution]] = {}
    refusals: list[Refusal] = []
    for run in case.runs:
        drawn = draw_for(case, run, options_of(case), examination=NAME)
        if not len(drawn):
            refusals.append(nothing_drawn(NAME, run))
            continue
        bench = open_bench(case, run, drawn.condition)
        large = too_large(bench, drawn.utterance_ids, options_of(case), examination=NAME, run=run)
        if large is not None:
            refusals.append(large)
            continue
        study = _studied(case, run, drawn, bench)
        found, told, curve = _told(case, drawn, study)
        claims, rows, curves = claims + found, rows + told, curves + curve
        attributions[run] = study.attributions
        refusals += _untold(run, {claim.finding.metric for claim in found})
    return Testimony(claims=tuple(claims), exhibits=_exhibits(rows, curves, attributions), refusals=tuple(refusals))


def _studied(case: Case, run: str, drawn: Drawn, bench: Bench) -> Study:
    """Attribute every judgement that was drawn; torch is imported here and not before."""
    from faithfulness.attribution.study import Study, asked_of

    options = options_of(case)
    seed = seed_of(case.book.seed, NAME, run)
    study = Study(bench=bench, options=options, seed=seed, kept=options.kept)
    asked = asked_of(drawn, np.random.default_rng(seed))
    for done, one in enumerate(asked, start=1):
        study.add(one)
        case.progress(f"attributing judgements of {run}", done, len(drawn))
    anew = f"attributing judgements of {run} with parameters drawn anew"
    study.randomise(asked, progress=lambda done, total: case.progress(anew, done, total))
    return study


def _told(case: Case, drawn: Drawn, study: Study) -> tuple[list[Claim], list[dict[str, Cell]], list[dict[str, Cell]]]:
    """Return claims, the exhibit's rows of every metric in every group, and those of the erasing curves."""
    from faithfulness.attribution.curves import curve_rows

    options = study.options
    how = f"attributed by {options.method}, inputs cut into at most {options.most_spans} spans each"
    seeded = () if options.method == "kernel-shap" else (NO_NOISE,)
    teller = Teller(
        case=case,
        examination=NAME,
        version=VERSION,
        caveats=(how, *drawn.caveats, *study.caveats, *cut_caveat(drawn.rationales), *seeded, SINGLE),
    )
    claims: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    for block in BLOCKS:
        found, told = teller.told(_with_winner(block, teller, drawn, study.numbers), drawn, study.numbers)
        claims, rows = claims + found, rows + told
    return claims, rows, curve_rows(teller, drawn, study.numbers)


def _exhibits(
    rows: Sequence[dict[str, Cell]],
    curves: Sequence[dict[str, Cell]],
    attributions: dict[str, list[Attribution]],
) -> tuple[ExhibitTable, ...]:
    from faithfulness.attribution.tables import attribution_exhibits

    tables = (
        ("attribution-measures", "What attributions tell, by group", rows),
        ("attribution-erasing-curves", "Probability lost, by how much of the input was erased or kept", curves),
    )
    return (*exhibits_by_group(tables), *attribution_exhibits(attributions))


def _with_winner(block: Block, teller: Teller, drawn: Drawn, numbers: Sequence[Numbers]) -> Block:
    """Let the main metric say so where it is not beyond chance above that of a template that cites everything."""
    main = block.averages[0].metric
    template = f"{main}_template"
    if not any(np.isfinite(one.get(main, np.nan) + one.get(template, np.nan)) for one in numbers):
        return block
    if teller.beats(drawn, numbers, metric=main, control=template):
        return block
    remarks = block.remarks or {}
    return replace(block, remarks={**remarks, main: (*remarks.get(main, ()), WON_BY_TEMPLATE)})


def _untold(run: str, metrics: Collection[str]) -> list[Refusal]:
    """Say of a run what of the rationale could not be told."""
    wanting = {
        "mm_shap": (
            "no drawn judgement could be attributed to any input",
            "judge a corpus whose utterances have what the reasoner takes in",
        ),
        "cc_shap": (
            "no rationale of the drawn judgements could be attributed",
            "judge with rationales under the condition that is attributed",
        ),
        "evidence_token_auroc": (
            "no readable rationale cites one modality and leaves out another that is shown",
            "judge several modalities with rationales in English or Chinese",
        ),
    }
    told = {name for name in wanting if any(metric.startswith(name) for metric in metrics)}
    return [
        Refusal(examination=NAME, run=run, because=because, remedy=remedy)
        for name, (because, remedy) in wanting.items()
        if name not in told
    ]


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Inputs that move the answer and the rationale",
    method_version=VERSION,
    access=("table", "corpus", "gradients"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
    on_request=True,
)
