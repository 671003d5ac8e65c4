"""Does the answer stand when the instruction is reworded, and what becomes of it without the dialogue before it?

| condition | what was done | the answer |
|---|---|---|
| `TAV/instruction-paraphrase` | the same instruction in other words | ought to stand |
| `TAV/instruction-swap` | an instruction for another task's wording | is told |
| `TAV/history-shuffled` | earlier turns in another order | is told |
| `TAV/history=0` | only so many earlier turns | is told |

Told of each: how often the answer changed, how far the probabilities moved (total variation) and how far the weights of
modalities moved, beside how often the answer changes on mere repetition. A reasoner for dialogues that never changes
its answer without the dialogue does not read it.

Source: Lanham et al. 2023 (paraphrase).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExplanationProperty, Refusal
from affidavit.tally import tally_outcomes
from faithfulness.telling import Told, claims_of
from faithfulness.twins import (
    Judgements,
    MatchingOptions,
    lacking_twins,
    read_judgements,
    without_interventions,
    without_twins,
)

NAME: Final = "stability"
VERSION: Final = "1"
OUGHT_TO_STAND: Final = "instruction-paraphrase"
OPERATORS: Final = (OUGHT_TO_STAND, "instruction-swap", "history-shuffled", "history")
SUMS: Final = (
    *("n", "changed", "repeated", "changed_repeated", "noise"),
    *("distance", "with_distance", "shift", "with_shift"),
)
CHANGE: Final = "answer_change_rate"
NOISE: Final = f"{CHANGE}_noise"
SOURCE: Final = "share of judgements whose answer is another one"
NO_REPEATS: Final = "the table has no repetitions: how often the answer changes by chance alone is not known"
METRICS: Final = frozenset(
    {CHANGE, NOISE, f"{CHANGE}_beyond_noise", f"{CHANGE}_difference", "answer_distance", "modality_weight_shift"}
)


def changed_conditions(conditions: Sequence[str]) -> dict[str, str]:
    """Return the conditions that change instruction or history, each with its base, which the table has too.

    >>> changed_conditions(["TAV", "TAV/history=0", "TA/history-shuffled", "TAV/noise"])
    {'TAV/history=0': 'TAV'}
    """
    found = {}
    for name in conditions:
        condition = Condition.parse(name)
        base = str(Condition(modalities=condition.modalities))
        if condition.operator in OPERATORS and base in conditions:
            found[name] = base
    return found


def statistics(sums: FloatArray, *, ought_to_stand: bool) -> tuple[Statistic, ...]:
    """Return what can be told of sums [R, S]."""
    better = False if ought_to_stand else None
    known = dict(zip(SUMS, sums.sum(axis=0), strict=True))
    found = [_rate(CHANGE, {"changed": 1}, "n", better=better)]
    if known["repeated"]:
        beyond = {"changed_repeated": 1, "noise": -1}
        found.append(_mean(f"{CHANGE}_beyond_noise", beyond, "repeated", better=better, low=-1.0))
        found.append(_rate(NOISE, {"noise": 1}, "repeated", better=None))
    if known["with_distance"]:
        found.append(_mean("answer_distance", {"distance": 1}, "with_distance", better=better))
    if known["with_shift"]:
        found.append(_mean("modality_weight_shift", {"shift": 1}, "with_shift", better=better))
    return tuple(found)


def _rate(name: str, above: dict[str, int], below: str, *, better: bool | None) -> Statistic:
    """Return a share of judgements: sums by name over one sum."""
    weights = np.array([float(above.get(each, 0)) for each in SUMS])
    counted = np.array([float(each == below) for each in SUMS])
    return ratio_statistic(name, weights, counted, source=SOURCE, higher_is_better=better)


def _mean(name: str, above: dict[str, int], below: str, *, better: bool | None, low: float = 0.0) -> Statistic:
    """Return a mean over judgements of what is no count."""
    return replace(_rate(name, above, below, better=better), low=low, counts_rows=False)


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without changed instructions or histories beside their base, or too large to be matched."""
    options = read_options(MatchingOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if not changed_conditions(run.conditions):
        return without_interventions(
            NAME,
            "ask the supplier to judge the same utterances under a reworded instruction "
            "(TAV/instruction-paraphrase) and without the dialogue before them (TAV/history=0)",
        )
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run and every condition that changes instruction or history."""
    claims: list[Claim] = []
    refused: list[Refusal] = []
    for run, predictions in case.runs.items():
        changed = changed_conditions(predictions.conditions)
        for done, (condition, base) in enumerate(changed.items(), start=1):
            judgements = read_judgements(predictions, case.by, base, [condition])
            judged = judgements.twins[condition].judged
            if not judged.any():
                refused.append(without_twins(NAME, run, base, [condition]))
                continue
            claims += claims_of(case, _told(case, judgements, condition))
            case.progress("comparing answers under changed instructions", done, len(changed))
    return Testimony(claims=tuple(claims), refusals=tuple(refused))


def _told(case: Case, judgements: Judgements, condition: str) -> Told:
    judged = judgements.twins[condition].judged
    rows = {name: values[judged] for name, values in judgements.rows.items()}
    sums = _sums(judgements, condition)[judged]
    tally = tally_outcomes(judgements.predictions, case.by, condition=condition, rows=rows, sums=sums)
    found = statistics(tally.sums, ought_to_stand=Condition.parse(condition).operator == OUGHT_TO_STAND)
    repeated = any(statistic.name == NOISE for statistic in found)
    return Told(
        examination=NAME,
        version=VERSION,
        run=judgements.predictions.run,
        tally=tally,
        statistics=found,
        property=ExplanationProperty.CAUSAL,
        compared=frozenset({CHANGE}),
        controls=(NOISE,) if repeated else (),
        caveats=(
            f"compared with {judgements.condition}",
            *([] if repeated else [NO_REPEATS]),
            *lacking_twins(judged, [condition]),
        ),
    )


def _sums(judgements: Judgements, condition: str) -> FloatArray:
    """Return what each judgement adds, [N, sums]."""
    twin = judgements.twins[condition]
    changed, again = twin.answer != judgements.answer, judgements.repeated
    columns = [
        np.ones(len(changed)),
        changed,
        again,
        again & changed,
        judgements.changed_on_repetition,
        np.nan_to_num(twin.distance),
        ~np.isnan(twin.distance),
        np.nan_to_num(twin.weight_shift),
        ~np.isnan(twin.weight_shift),
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Answers under changed instructions and histories",
    method_version=VERSION,
    access=("table", "several conditions"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
