"""Does the emotion that a rationale concludes with agree with the label and with the answer? Sums, and rates of sums.

With y the label, p the answer and e what a judge concludes from the rationale alone:

| statistic | over the rows that were judged | ERV's name |
|---|---|---|
| `explanation_emotion_accuracy` | P(e = y) | EEA |
| `explanation_prediction_consistency` | P(e = p) | EPC |
| `faithful_consistency_rate` | P(e = p = y) | FCR |
| `right_answer_wrong_explanation_rate` and the three others | the four quadrants | - |

An abstention is no conclusion: it is not `neutral`, it is in no quadrant, and its share stands beside; of all rows,
with and without a rationale, `outcome_*_rate` says what came of asking the judge. Each of EEA, EPC
and FCR has a `_floor` and a `_ceiling`, what it would be if every abstention had disagreed, or agreed. All of it is
coherence with a label; none of it shows that the rationale caused the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from faithfulness.conclusions.judge import Conclusions, Outcome

NAMES: Final = (
    *("explanation_emotion_accuracy", "explanation_prediction_consistency"),
    "faithful_consistency_rate",
)
SOURCE: Final = "EEA, EPC, FCR: Rha et al. 2026 (ERV), after its released evaluation"
COLUMNS: Final = (
    *("rows", "said", "judged", "said_labelled", "labelled", "consistent", "proxy"),
    *("right_right", "right_wrong", "wrong_right", "wrong_wrong", "wrong_consistent"),
    *("abstained_right", "abstained_wrong"),
    *(f"outcome_{outcome.name.lower()}" for outcome in Outcome),
)
"""What each row adds. `said`: has an answer and a rationale; `judged`: and a conclusion; `labelled`: and a label.

Quadrants name the answer first, then the explanation: `right_wrong` is a right answer with a wrong explanation.
`wrong_consistent` is the part of `wrong_wrong` whose explanation agrees with the wrong answer.
"""
_GOOD: Final = MappingProxyType(
    {f"{name}{ending}": True for name in NAMES for ending in ("", "_floor", "_ceiling")}
    | {"right_answer_right_explanation_rate": True}
    | dict.fromkeys(("right_answer_wrong_explanation_rate", "wrong_answer_wrong_explanation_rate"), False)
    | dict.fromkeys(("abstention_rate", "abstention_rate_right", "abstention_rate_wrong", "proxy_rate"), False)
)
"""Whether higher is better, where it is plain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Labels and answers of N rows as places in the label set of the conclusions; -1 where there is none."""

    truth: NDArray[np.integer]
    predicted: NDArray[np.integer]


def consistency_sums(answers: Answers, conclusions: Conclusions) -> FloatArray:
    """Return what each row adds to `COLUMNS`, [N, S], all 0 or 1; sums add over rows and units.

    | row | adds to |
    |---|---|
    | no answer | `rows` and its outcome alone |
    | no rationale (`EMPTY`) | the same |
    | no label | not to the quadrants, EEA or FCR |
    | an abstention | `said`, and `abstained_*` by whether the answer is right; to no quadrant |
    """
    truth, predicted, concluded = answers.truth, answers.predicted, conclusions.label
    said = (predicted >= 0) & (conclusions.outcome != Outcome.EMPTY)
    judged = said & (concluded >= 0)
    known = truth >= 0
    right, agrees = predicted == truth, concluded == truth
    labelled, unjudged = judged & known, said & known & ~judged
    consistent = judged & (concluded == predicted)
    columns = (
        *(np.ones(len(truth), dtype=bool), said, judged, said & known, labelled, consistent),
        judged & conclusions.proxy,
        *(labelled & right & agrees, labelled & right & ~agrees, labelled & ~right & agrees),
        *(labelled & ~right & ~agrees, labelled & ~right & consistent),
        *(unjudged & right, unjudged & ~right),
        *(conclusions.outcome == outcome for outcome in Outcome),
    )
    return np.stack(columns, axis=1).astype(np.float64)


def consistency_statistics() -> tuple[Statistic, ...]:
    """Return all rates, as functions of sums [..., S] of `COLUMNS`; NaN where a denominator is zero."""
    labelled, said_labelled = _weights("labelled"), _weights("said_labelled")
    said, judged = _weights("said"), _weights("judged")
    either = _weights("abstained_right", "abstained_wrong")
    agreeing = _weights("right_right", "wrong_right")
    return (
        *_bounded("explanation_emotion_accuracy", agreeing, (labelled, said_labelled), either),
        *_bounded("explanation_prediction_consistency", _weights("consistent"), (judged, said), said - judged),
        *_bounded(
            "faithful_consistency_rate",
            _weights("right_right"),
            (labelled, said_labelled),
            _weights("abstained_right"),
        ),
        *(
            _rate(f"{answer}_answer_{explanation}_explanation_rate", _weights(f"{answer}_{explanation}"), labelled)
            for answer, explanation in product(("right", "wrong"), repeat=2)
        ),
        _rate("consistent_wrong_answer_rate", _weights("wrong_consistent"), _weights("wrong_right", "wrong_wrong")),
        _rate("abstention_rate", said - judged, said),
        *(_rate(f"abstention_rate_{answer}", *_abstentions(answer)) for answer in ("right", "wrong")),
        _rate("proxy_rate", _weights("proxy"), judged),
        *(
            replace(_rate(f"outcome_{name}_rate", _weights(f"outcome_{name}"), _weights("rows")), higher_is_better=None)
            for name in (outcome.name.lower() for outcome in Outcome)
        ),
    )


def _weights(*columns: str) -> FloatArray:
    return np.isin(np.array(COLUMNS), columns).astype(np.float64)


def _rate(name: str, over: FloatArray, under: FloatArray) -> Statistic:
    return ratio_statistic(name, over, under, source=SOURCE, higher_is_better=_GOOD.get(name))


def _bounded(
    name: str, agreeing: FloatArray, judged_and_said: tuple[FloatArray, FloatArray], abstained: FloatArray
) -> tuple[Statistic, ...]:
    """Return a rate over judged rows, and its values if the abstentions had all disagreed, or all agreed."""
    judged, said = judged_and_said
    return (
        _rate(name, agreeing, judged),
        _rate(f"{name}_floor", agreeing, said),
        _rate(f"{name}_ceiling", agreeing + abstained, said),
    )


def _abstentions(answer: str) -> tuple[FloatArray, FloatArray]:
    abstained = _weights(f"abstained_{answer}")
    return abstained, abstained + _weights(f"{answer}_right", f"{answer}_wrong")
