"""Automatic scores of single rationales, to be held against what people said of them.

| score | value | unknown where |
|---|---|---|
| `coherence` | 1 where the built-in judge concludes with the answer, else 0 | the judge abstains |
| `citation` | share of modalities that are cited and mattered, or neither | no modality was taken away from it |
| a column of the reviews | its mean over the reviews of a card | it is empty |

Source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from affidavit.citations import can_be_read, evidence_citations
from affidavit.predictions import Predictions
from faithfulness.citation.removals import fullest, removals
from faithfulness.conclusions.judge import ABSTAINED, LexiconJudge
from faithfulness.human_review.matching import Matched
from faithfulness.plausibility.explained import read_explained

COHERENCE: Final = "coherence"
CITATION: Final = "citation"
BUILT_IN: Final = frozenset({COHERENCE, CITATION})


def automatic_scores(name: str, matched: Matched, predictions: Predictions) -> list[float | None]:
    """Return the automatic score of each reviewed judgement; None where it is unknown."""
    if name == COHERENCE:
        return _coherence(matched, predictions)
    if name == CITATION:
        return _citation(matched, predictions)
    return [float(np.mean(item.automatic)) if item.automatic else None for item in matched.scores]


def _said(matched: Matched) -> pa.Array:
    return pa.array([matched.explained.rationale[item.row] for item in matched.scores], pa.string())


def _coherence(matched: Matched, predictions: Predictions) -> list[float | None]:
    concluded = LexiconJudge().conclude(_said(matched), predictions.labels).label
    answers = [int(matched.explained.answer[item.row]) for item in matched.scores]
    return [
        None if label == ABSTAINED else float(label == answer)
        for label, answer in zip(concluded.tolist(), answers, strict=True)
    ]


def _citation(matched: Matched, predictions: Predictions) -> list[float | None]:
    full = fullest(predictions.conditions)
    operators = removals(predictions.conditions, full) if full == matched.explained.condition and full else ()
    if not operators:
        return [None] * len(matched.scores)
    said = _said(matched)
    cited = evidence_citations(said)
    readable = can_be_read(said).to_pylist()
    keys = matched.explained.keys
    agreeing: list[list[float]] = [[] for _ in matched.scores]
    for letter, condition in operators[0].conditions.items():
        other = read_explained(predictions, (), condition)
        answers = dict(zip(other.keys, other.answer.tolist(), strict=True))
        for i, item in enumerate(matched.scores):
            answer = answers.get(keys[item.row])
            if answer is not None and readable[i]:
                mattered = answer != int(matched.explained.answer[item.row])
                agreeing[i].append(float(cited[letter][i].as_py() == mattered))
    return _means(agreeing)


def _means(values: Sequence[Sequence[float]]) -> list[float | None]:
    return [float(np.mean(each)) if each else None for each in values]
