"""Are the attributions of this reasoner worth reading? Of a sample of its judgements, the answer's attribution alone.

Does its order fall when the model's parameters are drawn anew, part after part? Does it stay when the input hardly
moves, or another seed is drawn? Does it foretell what happens when inputs are removed, better than random attributions
and than the same value for every input? Told as means with intervals over units, by group for the main ones.

Sources: Adebayo et al. 2018; Yeh et al. 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from faithfulness.attribution.averages import Average, Teller, exhibits_by_group
from faithfulness.attribution.drawing import Drawn, draw_for, nothing_drawn
from faithfulness.attribution.opening import Bench, open_bench, too_large
from faithfulness.attribution.options import SINGLE, refused
from faithfulness.sanity.measures import ADEBAYO, BLOCKS, METRICS
from faithfulness.sanity.options import SanityOptions

if TYPE_CHECKING:
    from faithfulness.sanity.study import SanityStudy

NAME: Final = "attribution-sanity"
VERSION: Final = "1"
NOTHING_DRAWN: Final = "the method draws nothing at random, so another seed gives the same attribution"


def options_of(case: Case) -> SanityOptions:
    """Return the options of a case.

    Raises:
        PlanError: they do not validate.
    """
    return read_options(SanityOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without an undegraded condition, or where attributing needs what is not installed."""
    return refused(case, options_of(case), examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    claims: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    layers: list[dict[str, Cell]] = []
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
        teller = _teller(case, drawn, study)
        for block in BLOCKS:
            found, told = teller.told(block, drawn, study.numbers)
            claims, rows = claims + found, rows + told
        layers += _layer_rows(teller, drawn, study)
    tables = (
        ("attribution-sanity-measures", "What checks of attributions tell, by group", rows),
        ("attribution-randomisation", "Rank correlation after each part was drawn anew", layers),
    )
    return Testimony(claims=tuple(claims), exhibits=exhibits_by_group(tables), refusals=tuple(refusals))


def _studied(case: Case, run: str, drawn: Drawn, bench: Bench) -> SanityStudy:
    """Check every judgement that was drawn; torch is imported here and not before."""
    from faithfulness.sanity.study import SanityStudy

    study = SanityStudy(bench=bench, options=options_of(case), seed=seed_of(case.book.seed, NAME, run))
    for done, (name, answer) in enumerate(zip(drawn.utterance_ids, drawn.answers, strict=True), start=1):
        study.add(name, answer)
        case.progress(f"checking attributions of {run}", done, len(drawn))
    return study


def _teller(case: Case, drawn: Drawn, study: SanityStudy) -> Teller:
    options = study.options
    how = f"of the answer, by {options.method}, inputs cut into at most {options.most_spans} spans each"
    steady = () if options.method == "kernel-shap" else (NOTHING_DRAWN,)
    return Teller(
        case=case, examination=NAME, version=VERSION, caveats=(how, *drawn.caveats, *study.caveats, *steady, SINGLE)
    )


def _layer_rows(teller: Teller, drawn: Drawn, study: SanityStudy) -> list[dict[str, Cell]]:
    """Return everybody's correlation after each part; the condition names what was drawn anew."""
    rows: list[dict[str, Cell]] = []
    for place, layer in enumerate(study.layers, start=1):
        condition = f"{drawn.condition}, {layer} and {place - 1} parts above it drawn anew"
        for ending in ("", "_absolute"):
            average = Average(
                metric=f"randomisation_rank_correlation{ending}",
                above=f"randomisation{ending}@{layer}",
                source=ADEBAYO,
                low=-1.0,
            )
            rows += teller.everybody(average, drawn, study.numbers, condition=condition)
    return rows


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Whether attributions are worth reading",
    method_version=VERSION,
    access=("table", "corpus", "gradients"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
    on_request=True,
)
