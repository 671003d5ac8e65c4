"""The perceptual score: what is lost when one modality is exchanged at random between utterances, normalised.

score of m = (Acc - mean Acc with m permuted) / Z; Z = Acc (of the model), or Z = 1 - Acc of the commonest label (of the
task). 0 where the answers do not hang on m, 1 where all accuracy (all beyond a guess) is lost without it; below 0 where
the model does better without. That of the task is above 1 where permuted answers are worse than a guess at the
commonest label, as of a model that answers what one modality tells. All permutations that a table has are averaged.

Permuted across all utterances, modalities contradict one another and inputs are like none in training. Permuted within
a label, nothing about the label changes: what is lost then is lost to contradiction in all else, and not to the label.
Within a speaker, who speaks stays the same: what is lost then owes nothing to who speaks. Both are controls.

Donors are dealt anew and reused by no two utterances of a permutation; that they are drawn from the same few utterances
is a dependence that intervals over units do not see, of the order of one over the number of utterances.

Source: Gat, Schwartz, Schwing 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.conditions import MODALITIES
from affidavit.examinations import Claim
from affidavit.records import Refusal
from faithfulness.reliance.judged import Judged
from faithfulness.reliance.operators import NOTHING, PERMUTED
from faithfulness.reliance.panel import Panel, panel_of, ratio_of_columns
from faithfulness.reliance.telling import NAME, Answer, Number, tell
from faithfulness.twins import without_twins

OF_MODEL: Final = "perceptual_score"
OF_TASK: Final = "perceptual_score_of_task"
WITHIN: Final[Mapping[str, str]] = {
    PERMUTED: "",
    "permuted-within-label": "_within_label",
    "permuted-within-speaker": "_within_speaker",
}
"""What names of scores add for each operator."""
SOURCE: Final = "perceptual score: Gat, Schwartz, Schwing 2021"
OUT_OF_DISTRIBUTION: Final = "permuted modalities contradict one another, as they never did in training"
NO_CONTROLS: Final = "the table has no permutations within labels or within speakers beside it"


def scores(
    case: Case,
    judged: Judged,
    found: Mapping[str, Mapping[str, str]],
    *,
    hanging: Callable[[str], tuple[str, ...]],
    caveats: tuple[str, ...],
    noise: list[Claim],
) -> tuple[list[Answer], list[Refusal]]:
    """Return the scores of every permuted modality beside their controls, on the same utterances.

    `found` is operator to letter to condition; `hanging` returns what to say of a modality removed in one way only.
    """
    answers: list[Answer] = []
    refused: list[Refusal] = []
    base = judged.conditions[0]
    for letter in MODALITIES:
        there = {operator: by_letter[letter] for operator, by_letter in found.items() if letter in by_letter}
        if not there:
            continue
        panel = panel_of(case, judged, [base, *there.values()], name=f"{base}/{next(iter(there))}")
        if panel is None:
            refused.append(without_twins(NAME, judged.predictions.run, base, list(there.values())))
            continue
        said = (*_said(panel, there), *hanging(letter), *panel.caveats, *caveats)
        answers.append(tell(panel, _numbers(panel, letter, there), caveats=said, noise=noise))
    return answers, refused


def _numbers(panel: Panel, letter: str, there: Mapping[str, str]) -> list[Number]:
    names = {operator: f"{OF_MODEL}{WITHIN[operator]}_{MODALITIES[letter]}" for operator in there}
    controls = tuple(name for operator, name in names.items() if operator != PERMUTED)
    numbers = []
    for operator, condition in there.items():
        beside = controls if operator == PERMUTED else ()
        of_task = names[operator].replace(OF_MODEL, OF_TASK, 1)
        lost = np.append(0.0, panel.weights({panel.columns[1]: 1.0}) - panel.weights({condition: 1.0}))
        model, beyond = panel.weights({panel.columns[1]: 1.0}), panel.weights({NOTHING: -1.0})
        own = ratio_of_columns(names[operator], lost, np.append(0.0, model), high=1.0, source=SOURCE)
        task = ratio_of_columns(of_task, lost, np.append(1.0, beyond), high=None, source=SOURCE)
        numbers.append(Number(statistic=own, told="everybody", controls=beside))
        numbers.append(Number(statistic=task, told="everybody" if operator == PERMUTED else "exhibit"))
    return numbers


def _said(panel: Panel, there: Mapping[str, str]) -> tuple[str, ...]:
    judged = panel.judged
    complete = judged.complete(panel.columns[1:])
    often = judged.repetitions[complete][:, judged.columns(list(there.values()))]
    means = [f"{condition} {n:.3g}" for condition, n in zip(there.values(), often.mean(axis=0), strict=True)]
    return (
        OUT_OF_DISTRIBUTION,
        f"permutations of each utterance, on average: {', '.join(means)}",
        *([] if set(there) - {PERMUTED} else [NO_CONTROLS]),
    )
