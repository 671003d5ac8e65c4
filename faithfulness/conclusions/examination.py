"""Does a rationale conclude with the emotion that was answered, and with the right one? Coherence, from a table alone.

A judge reads each rationale without the answer (`judge`). Told are EEA, EPC, FCR and the four quadrants, of which
*right answer, wrong explanation* is the one to act upon; abstentions are counted apart. A model can be coherent and
wrong, and coherent about what it never perceived: none of this shows that a rationale caused an answer.

Controls: the same rationales dealt anew, and the judge with the labels' own words masked, since one sentence that names
the label makes every number here 1.

Source: methods 3.4 and 3.6; Rha et al. 2026 (ERV).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Refusal
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from faithfulness.conclusions.consistency import Answers
from faithfulness.conclusions.judge import LexiconJudge
from faithfulness.conclusions.sums import EEA, EPC, Layout
from faithfulness.telling import Told, claims_of

NAME: Final = "coherence"
VERSION: Final = "1"
WRONG_REASON: Final = "right_answer_wrong_explanation_rate"
COMPARED: Final = frozenset({EEA, EPC, "faithful_consistency_rate", WRONG_REASON, "abstention_rate"})
METRICS: Final = frozenset(
    {statistic.name for statistic in Layout(n_labels=2).statistics(labelled=True)}
    | {f"{metric}_difference" for metric in COMPARED}
)
UNMEASURED: Final = "how often the judge agrees with people is not known here: read it as informative"


def examine(case: Case) -> Testimony:
    """Answer for every run and every condition under which reasons were given."""
    claims: list[Claim] = []
    refused: list[Refusal] = []
    judge, masked = LexiconJudge(), LexiconJudge(masked=True)
    for run, predictions in case.runs.items():
        layout = Layout(n_labels=len(predictions.labels))
        tallies = _tallies(predictions, case.by, layout, (judge, masked))
        silent = [condition for condition in predictions.conditions if condition not in tallies]
        refused += [_nothing_said(run, silent)] if silent else []
        for done, (condition, tally) in enumerate(tallies.items(), start=1):
            claims += claims_of(case, _told(predictions, tally, layout, judge.name))
            case.progress(f"judging what rationales conclude under {condition}", done, len(tallies))
    return Testimony(claims=tuple(claims), refusals=tuple(refused))


def _told(predictions: Predictions, tally: Tally, layout: Layout, judge: str) -> Told:
    labelled = predictions.labelled
    return Told(
        examination=NAME,
        version=VERSION,
        run=predictions.run,
        tally=tally,
        statistics=layout.statistics(labelled=labelled),
        property=ExplanationProperty.COHERENCE,
        compared=COMPARED if labelled else frozenset({EPC, "abstention_rate"}),
        controls=(f"{EPC}_shuffled", f"{EPC}_masked", *([f"{EEA}_shuffled"] if labelled else [])),
        caveats=(f"judged by {judge}", UNMEASURED),
    )


def _tallies(
    predictions: Predictions, by: Sequence[str], layout: Layout, judges: tuple[LexiconJudge, LexiconJudge]
) -> dict[str, Tally]:
    """Return the tallies of the conditions under which any rationale was given; the table is read once."""
    counters = [OutcomeCounter(predictions, by, condition=condition) for condition in predictions.conditions]
    spoken = np.zeros(len(counters), dtype=np.int64)
    truth = ["y_true"] if predictions.labelled else []
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), "y_pred", *truth, "rationale"]):
        rationales = pa.array(batch["rationale"], pa.string())
        told = [judge.conclude(rationales, predictions.labels) for judge in judges]
        known = batch["y_true"] if truth else np.full(len(batch["y_pred"]), -1)
        sums = layout.sums(Answers(truth=known, predicted=batch["y_pred"]), told[0], told[1])
        for i, counter in enumerate(counters):
            chosen = np.flatnonzero(batch["condition"] == i)
            if len(chosen):
                counter.add({name: values[chosen] for name, values in batch.items()}, sums[chosen])
                spoken[i] += int(_is_said(sums[chosen]).sum())
    return {counter.condition: counter.tally() for counter, n in zip(counters, spoken, strict=True) if n}


def _is_said(sums: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(sums[:, 1] > 0)


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
)
