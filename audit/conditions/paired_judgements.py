"""The same utterances under several conditions: judgements paired by utterance and counted by unit, group and class.

A number made of pairs compares like with like: utterances that lack one of the conditions take no part and are
counted. Repetitions of a judgement are averaged; a pair weighs what its judgement under the fullest condition weighs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.tally import OutcomeCounter, Tally, outcome_columns

_AT_ONCE: Final = 65_536
"""Utterances counted at once."""
Codes = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedJudgements:
    """One row for each utterance (of one reasoner and instruction), one column for each condition."""

    predictions: Predictions
    features: tuple[str, ...]
    conditions: tuple[str, ...]
    rows: Mapping[str, Codes]
    """The `outcome_columns` of each utterance, as under its fullest condition."""
    label: Codes
    """[N] codes of the reference label."""
    right: FloatArray
    """[N, C] share of its repetitions that are right, NaN where the utterance was not judged."""
    weight: FloatArray
    """[N]"""
    contradicted: NDArray[np.bool_]
    """[N] whether the reference label differs between rows of the utterance."""

    def complete(self, conditions: Sequence[str]) -> NDArray[np.bool_]:
        """Return which utterances have one reference label and were judged under every one of the conditions."""
        chosen = [self.conditions.index(condition) for condition in conditions]
        return ~np.isnan(self.right[:, chosen]).any(axis=1) & ~self.contradicted

    def left_out(self, conditions: Sequence[str]) -> tuple[str, ...]:
        """Return what to say of utterances that were judged under one of the conditions and take no part."""
        chosen = [self.conditions.index(condition) for condition in conditions]
        judged = ~np.isnan(self.right[:, chosen]).all(axis=1)
        contradicted = int((judged & self.contradicted).sum())
        missing = int((judged & ~self.contradicted & ~self.complete(conditions)).sum())
        shown = ", ".join(conditions)
        return (
            *([f"{missing:,} of {judged.sum():,} utterances were not judged under each of {shown}"] if missing else []),
            *([f"{contradicted:,} utterances have more than one reference label"] if contradicted else []),
        )

    def tally(self, conditions: Sequence[str], *, name: str) -> Tally:
        """Count complete utterances: sums [K + C K] of rows by true label, then of right answers, a block a condition.

        `name` is the condition that the tally goes by.
        """
        chosen = [self.conditions.index(condition) for condition in conditions]
        counter = OutcomeCounter(self.predictions, self.features, condition=name)
        complete = np.flatnonzero(self.complete(conditions))
        for start in range(0, max(len(complete), 1), _AT_ONCE):
            part = complete[start : start + _AT_ONCE]
            true = np.eye(len(self.predictions.labels))[self.label[part]]
            if not counter.weighted:
                true *= self.weight[part, None]
            blocks = [true, *(self.right[part, c][:, None] * true for c in chosen)]
            counter.add({column: values[part] for column, values in self.rows.items()}, np.concatenate(blocks, axis=1))
        return counter.tally()


def paired_judgements(predictions: Predictions, by: Sequence[str], conditions: Sequence[str]) -> PairedJudgements:
    """Read the judgements under some conditions, the fullest first, and pair them by utterance."""
    rows = _rows(predictions, by, conditions)
    order = np.lexsort((rows["condition"], rows["judged"]))
    rows = {name: values[order] for name, values in rows.items()}
    starts = np.flatnonzero(np.diff(rows["judged"], prepend=-1))
    cell = rows["judged"] * len(conditions) + rows["condition"]
    size = len(starts) * len(conditions)
    shape = (len(starts), len(conditions))
    weight = np.asarray(rows.get("weight", np.ones(len(cell))), dtype=np.float64)
    weights: FloatArray = np.bincount(cell, weights=weight, minlength=size).reshape(shape).astype(np.float64)
    hits = np.bincount(cell, weights=weight * (rows["y_true"] == rows["y_pred"]), minlength=size).reshape(shape)
    with np.errstate(invalid="ignore"):
        right = np.where(weights > 0, hits / weights, np.nan)
    own = weights[np.arange(len(starts)), rows["condition"][starts]]
    first = {name: rows[name][starts] for name in outcome_columns(predictions, by)}
    label = rows["y_true"]
    changes = np.add.reduceat(label != label[starts][rows["judged"]], starts) if len(starts) else np.zeros(0)
    return PairedJudgements(
        predictions=predictions,
        features=tuple(by),
        conditions=tuple(conditions),
        rows=first | ({"weight": own} if "weight" in first else {}),
        label=label[starts],
        right=right,
        weight=own,
        contradicted=changes > 0,
    )


def _rows(predictions: Predictions, by: Sequence[str], conditions: Sequence[str]) -> dict[str, Codes]:
    """Return coded columns of the rows under the conditions, `condition` renumbered, `judged` numbering utterances."""
    import pandas as pd

    names = [*outcome_columns(predictions, by), "y_true", "y_pred", "reasoner", "instruction"]
    batches = list(predictions.coded_batches(names))
    rows = {name: np.concatenate([batch[name] for batch in batches]) for name in names}
    ids = pa.Table.from_batches(list(predictions.batches(["utterance_id"]))).column(0)
    place = np.full(len(predictions.conditions), -1)
    place[[predictions.conditions.index(condition) for condition in conditions]] = np.arange(len(conditions))
    rows["condition"] = place[rows["condition"]]
    wanted = rows["condition"] >= 0
    judged = pc.dictionary_encode(ids).combine_chunks().indices.to_numpy().astype(np.int64)
    for name in ("reasoner", "instruction"):
        judged = judged * len(predictions.levels[name]) + rows.pop(name)
    rows = {name: values[wanted] for name, values in rows.items()}
    return rows | {"judged": pd.factorize(judged[wanted])[0].astype(np.int64)}


def refused_for_size(predictions: Predictions, most_rows: int, *, examination: str) -> Refusal | None:
    """Refuse a run that is too large to be paired; how it is read has no say in that."""
    if predictions.n_rows <= most_rows:
        return None
    return Refusal(
        examination=examination,
        because=f"the table has {predictions.n_rows:,} rows, and at most {most_rows:,} are paired between conditions",
        remedy="audit a sample of the utterances, or set the option most_rows of this examination in the plan",
    )
