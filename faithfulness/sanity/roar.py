"""Do the words that attributions rank first carry what the model learns from? Told by training without them.

A model that never met a hole may answer wrongly because of the hole. So it is trained again: once, on transcripts with
words erased at random (F-Fidelity), and judged without its first-ranked words; or anew for every fraction and ranking,
on transcripts erased alike (ROAR). Where the ranking is worth something, more is lost without its words than without as
many random ones. In the place of a constant explanation stand the first words of each transcript.

Sources: Hooker et al. 2019 (ROAR); Zheng et al. 2024, 2410.02970 (F-Fidelity).
"""

from __future__ import annotations

from typing import Any, Final, cast

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExplanationProperty, Refusal
from affidavit.seeds import seed_of
from faithfulness.attribution.averages import Average, Block, Numbers, Teller, exhibits_by_group
from faithfulness.attribution.drawing import Drawn, draw_for, nothing_drawn
from faithfulness.attribution.options import refused
from faithfulness.sanity.options import RANKINGS, RetrainingOptions

NAME: Final = "roar"
VERSION: Final = "1"
SOURCES: Final = {
    "f-fidelity": "Zheng et al. 2024 (F-Fidelity): trained once on words erased at random",
    "roar": "Hooker et al. 2019 (ROAR): trained on words erased by the same ranking",
}
ONE_TRAINING: Final = "each model was trained once: the chance of training itself is not in the interval"
LEAKS: Final = "which words are holes may itself tell the label to a model that was trained on them"
METRICS: Final = frozenset(
    {"roar_accuracy", "roar_loss_beyond_random", "roar_loss_beyond_random_difference"}
    | {f"roar_accuracy_without_{ranking}" for ranking in RANKINGS}
)


def options_of(case: Case) -> RetrainingOptions:
    """Return the options of a case.

    Raises:
        PlanError: they do not validate.
    """
    return read_options(RetrainingOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse unless asked to train, a run whose model the plan did not train, and one that shows no words."""
    options = options_of(case)
    if (refusal := refused(case, options, examination=NAME)) is not None:
        return refusal
    ((name, run),) = case.runs.items()
    shown = Condition.parse(options.condition_of(run) or "").modalities
    if shown and "T" not in shown:
        return Refusal(
            examination=NAME,
            because=f"it erases words, and under {options.condition_of(run)} none are shown",
            remedy="judge under a condition with text, such as TAV",
        )
    if _again(case, name) is None:
        return Refusal(
            examination=NAME,
            because="the model was not trained by this plan, so it cannot be trained again",
            remedy="let the plan train the model (`training:`, and `trained:` in the run)",
        )
    if not options.retrain:
        times = f"{options.n_trainings} time{'s' if options.n_trainings > 1 else ''}"
        return Refusal(
            examination=NAME,
            because=f"it trains the model again, {times}, and nobody asked for it",
            remedy=f"name it with its options: {{name: {NAME}, options: {{retrain: true}}}}",
        )
    return None


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    options = options_of(case)
    block = _block(options)
    claims: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    curves: list[dict[str, Cell]] = []
    refusals: list[Refusal] = []
    for run in case.runs:
        drawn = draw_for(case, run, options, examination=NAME)
        if not len(drawn):
            refusals.append(nothing_drawn(NAME, run))
            continue
        numbers, failed = _numbers(case, run, drawn)
        said = (SOURCES[options.how], f"words ranked by {options.method}", *drawn.caveats, *failed, ONE_TRAINING)
        leaks = (LEAKS,) if options.how == "roar" else ()
        teller = Teller(case=case, examination=NAME, version=VERSION, caveats=(*said, *leaks))
        found, told = teller.told(block, drawn, numbers)
        claims, rows = claims + found, rows + told
        curves += _curves(teller, drawn, numbers)
        if not found:
            refusals.append(_wordless(run))
    tables = (
        ("roar-measures", "Right answers after words were erased, by group", rows),
        ("roar-curves", "Right answers, by how many words were erased", curves),
    )
    return Testimony(claims=tuple(claims), exhibits=exhibits_by_group(tables), refusals=tuple(refusals))


def _numbers(case: Case, run: str, drawn: Drawn) -> tuple[list[dict[str, float]], tuple[str, ...]]:
    """Train and judge; torch is imported here and not before."""
    from faithfulness.attribution.opening import open_bench
    from faithfulness.sanity.retraining import Trial, eraser_of

    options, seed = options_of(case), seed_of(case.book.seed, NAME, run)
    bench = open_bench(case, run, drawn.condition)
    corpus = case.trained_on[run].load()
    trial = Trial(
        again=_again(case, run),
        training=eraser_of(bench, corpus, options, seed=seed),
        corpus=corpus,
        judged=eraser_of(bench, case.live[run].corpus, options, seed=seed),
        drawn=drawn,
        progress=lambda number: case.progress(f"training {run} again", number, options.n_trainings),
    )
    return trial.numbers(), bench.caveats


def _again(case: Case, run: str) -> Any:  # noqa: ANN401 - a function from a corpus to a model, or None
    """Return what trains the model of a run again; None where nothing does."""
    trained_on = case.trained_on.get(run)
    return None if trained_on is None else cast("Any", getattr(trained_on, "again", None))


def _block(options: RetrainingOptions) -> Block:
    source = SOURCES[options.how]
    return Block(
        averages=(
            Average(metric="roar_loss_beyond_random", above="beyond_random", source=source, low=-1.0, better=True),
            Average(metric="roar_accuracy", above="whole", source=source, better=True),
            *(
                Average(metric=f"roar_accuracy_without_{ranking}", above=f"without_{ranking}", source=source)
                for ranking in options.rankings
            ),
        ),
        property=ExplanationProperty.CAUSAL,
        by_group=("roar_loss_beyond_random", "roar_accuracy_without_random"),
        compared=frozenset({"roar_loss_beyond_random"}),
        controls=tuple(f"roar_accuracy_without_{ranking}" for ranking in options.rankings if ranking != "attributed"),
    )


def _curves(teller: Teller, drawn: Drawn, numbers: list[dict[str, float]]) -> list[dict[str, Cell]]:
    from faithfulness.sanity.retraining import cells

    options = options_of(teller.case)
    told: list[Numbers] = list(numbers)
    rows: list[dict[str, Cell]] = []
    for ranking, fraction in cells(options):
        average = Average(
            metric=f"roar_accuracy_without_{ranking}", above=f"{ranking}@{fraction:g}", source=SOURCES[options.how]
        )
        rows += teller.everybody(average, drawn, told, condition=f"{drawn.condition}/without-{ranking}={fraction:.0%}")
    return rows


def _wordless(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="no utterance that was judged has words that could be erased",
        remedy="bring a corpus with transcripts",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Words erased and the model trained again",
    method_version=VERSION,
    access=("table", "labels", "corpus", "gradients"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
    on_request=True,
)
