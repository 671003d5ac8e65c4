"""The same utterances under a base and under other conditions: how often right, and how sure of the base's answer.

One row is an utterance with its reasoner and instruction, judged under the base. Repetitions are averaged under each
condition by itself, so that a permutation may be drawn more often than the base was judged. What is missing under a
condition is unknown there, and neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, divide
from affidavit.predictions import Predictions
from affidavit.tally import outcome_columns
from faithfulness.twins import BoolArray, Codes

BASE: Final = 0
"""The column of the base."""
Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Utterances [N] that were judged under the base, by conditions [C], the base first."""

    predictions: Predictions
    conditions: tuple[str, ...]
    rows: Mapping[str, NDArray[Any]]
    """The `outcome_columns` of each, as in its first judgement under the base; a weight is the sum of its weights."""
    label: Codes
    """[N] codes of the reference label."""
    right: FloatArray
    """[N, C] share of its repetitions that are right, NaN where it was not judged."""
    likely: FloatArray | None
    """[N, C] mean probability of the answers given under the base, NaN where not known; None without probabilities."""
    answers: FloatArray
    """[N, K] share of the repetitions under the base that gave each answer."""
    weight: FloatArray
    """[N] judgements under the base, weighted."""
    differing: FloatArray
    """[N] share of pairs of repetitions under the base whose answers differ; NaN where it was not repeated."""
    repetitions: NDArray[np.int64]
    """[N, C] how often it was judged."""
    contradicted: BoolArray
    """[N] whether its reference label differs between rows."""
    without_base: int
    """Utterances judged under another condition and not under the base: they take no part."""

    def columns(self, conditions: Sequence[str]) -> list[int]:
        """Return the columns of conditions."""
        return [self.conditions.index(condition) for condition in conditions]

    def complete(self, conditions: Sequence[str]) -> BoolArray:
        """Return which have one reference label and were judged under the base and every one of the conditions."""
        there = ~np.isnan(self.right[:, [BASE, *self.columns(conditions)]]).any(axis=1)
        return np.asarray(there & ~self.contradicted)


def read_judged(predictions: Predictions, by: Sequence[str], base: str, others: Sequence[str]) -> Judged:
    """Read the judgements under a base condition and others, and pair them by utterance, reasoner and instruction."""
    conditions = (base, *(condition for condition in others if condition != base))
    rows, shares = _rows(predictions, by, conditions)
    item = rows.pop("item")
    n_items = int(item.max(initial=-1)) + 1
    shape = (n_items, len(conditions))
    weight = np.asarray(rows.get("weight", np.ones(len(item))), dtype=np.float64)
    cell = item * len(conditions) + rows["condition"]
    weights = _summed(cell, weight, shape)
    right = divide(_summed(cell, weight * (rows["y_true"] == rows["y_pred"]), shape), weights)
    of_base = rows["condition"] == BASE
    answered = item[of_base] * len(predictions.labels) + rows["y_pred"][of_base]
    counts = _summed(answered, np.ones(len(answered)), (n_items, len(predictions.labels)))
    answers = divide(_summed(answered, weight[of_base], counts.shape), weights[:, [BASE]])
    label, contradicted = _labels(item, rows["y_true"], n_items)
    kept = np.flatnonzero(weights[:, BASE] > 0)
    first = _first_of_base(item, of_base, rows["repeat"], n_items)[kept]
    own = {name: rows[name][first] for name in outcome_columns(predictions, by)}
    return Judged(
        predictions=predictions,
        conditions=conditions,
        rows=own | ({"weight": weights[kept, BASE]} if "weight" in own else {}),
        label=label[kept],
        right=right[kept],
        likely=None
        if shares is None
        else divide(_summed(cell, weight * _sureness(rows, item, shares, answers), shape), weights)[kept],
        answers=answers[kept],
        weight=weights[kept, BASE],
        differing=_differing(counts[kept]),
        repetitions=_summed(cell, np.ones(len(cell)), shape)[kept].astype(np.int64),
        contradicted=contradicted[kept],
        without_base=n_items - len(kept),
    )


def _rows(predictions: Predictions, by: Sequence[str], conditions: Sequence[str]) -> tuple[Rows, FloatArray | None]:
    """Return coded columns of the rows under the conditions, with `item` numbering utterances, and probabilities."""
    place = np.full(len(predictions.conditions), -1)
    place[[predictions.conditions.index(condition) for condition in conditions]] = np.arange(len(conditions))
    names = [*outcome_columns(predictions, by), "y_true", "y_pred", "reasoner", "instruction", "repeat"]
    likely = [f"prob_{label}" for label in predictions.labels]
    likely = likely if set(likely) <= set(predictions.columns) else []
    kept: list[Rows] = []
    ids: list[pa.Array] = []
    batches = predictions.batches(["utterance_id"])
    for batch, named in zip(predictions.coded_batches([*names, *likely]), batches, strict=True):
        wanted = place[batch["condition"]] >= 0
        kept.append({name: values[wanted] for name, values in batch.items()})
        ids.append(named.column("utterance_id").filter(pa.array(wanted)).cast(pa.string()))
    rows = {name: np.concatenate([batch[name] for batch in kept]) for name in names}
    rows["condition"] = place[rows["condition"]]
    item = _in_order(pa.concat_arrays(ids))
    for name in ("reasoner", "instruction"):
        item = item * len(predictions.levels[name]) + rows.pop(name)
    rows["item"] = np.unique(item, return_inverse=True)[1].reshape(-1)
    if not likely:
        return rows, None
    return rows, np.stack([np.concatenate([batch[name] for batch in kept]) for name in likely], axis=1)


def _in_order(ids: pa.Array) -> Codes:
    """Return codes of ids in their own order, so that nothing depends on the order of rows."""
    encoded = pc.dictionary_encode(ids)
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[encoded.indices.to_numpy()])


def _summed(cell: Codes, values: FloatArray, shape: tuple[int, int]) -> FloatArray:
    return np.bincount(cell, weights=values, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _sureness(rows: Rows, item: Codes, shares: FloatArray, answers: FloatArray) -> FloatArray:
    """Return the probability that each row gives to the base's answers: under the base to its own."""
    row = np.arange(len(item))
    return np.where(
        rows["condition"] == BASE, shares[row, rows["y_pred"]], np.einsum("nk,nk->n", shares, answers[item])
    )


def _labels(item: Codes, label: Codes, n_items: int) -> tuple[Codes, BoolArray]:
    """Return the reference label of each utterance, and whether it has several."""
    least, most = np.full(n_items, np.iinfo(np.int64).max), np.full(n_items, -1)
    np.minimum.at(least, item, label)
    np.maximum.at(most, item, label)
    return least, np.asarray(least != most)


def _first_of_base(item: Codes, of_base: BoolArray, repeat: NDArray[Any], n_items: int) -> Codes:
    """Return the row of each utterance's first repetition under the base; 0 for those that have none."""
    rows = np.flatnonzero(of_base)
    rows = rows[np.lexsort((repeat[rows], item[rows]))]
    numbers, at = np.unique(item[rows], return_index=True)
    first = np.zeros(n_items, dtype=np.int64)
    first[numbers] = rows[at]
    return first


def _differing(counts: FloatArray) -> FloatArray:
    """Return the share of pairs of repetitions that differ, from how often each answer was given [N, K]."""
    n = counts.sum(axis=1)
    alike = (counts * (counts - 1)).sum(axis=1)
    return np.asarray(1.0 - divide(alike, n * (n - 1)))
