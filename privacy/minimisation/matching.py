"""The judgements of a run that were made under every set of modalities, matched: right or wrong under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.conditions import Condition
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.tally import Tally, outcome_columns, tally_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What was judged under the full set and under each smaller one."""

    full: str
    smaller: tuple[str, ...]
    """The other sets, as conditions."""
    tally: Tally
    """Sums: judgements, those right under the full set, those right under each of `smaller`."""
    n_matched: int
    n_full: int
    """Judgements under the full set, matched or not."""


def sets_of(conditions: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the fullest set of modalities of a run and the smaller ones within it; None without two of them.

    >>> sets_of(("TAV", "TAV/noise=10dB", "TA", "T", "as-supplied"))
    ('TAV', ('TA', 'T'))
    """
    plain = {text: Condition.parse(text) for text in conditions}
    sets = {text: one.modalities for text, one in plain.items() if one.modalities and one.operator is None}
    if not sets:
        return None
    full = max(sets, key=lambda text: len(sets[text]))
    smaller = tuple(text for text, letters in sets.items() if letters < sets[full])
    return (full, smaller) if smaller else None


def matched(predictions: Predictions, by: Sequence[str], full: str, smaller: Sequence[str]) -> Matched | None:
    """Return the judgements that were made under all sets; None where there are none.

    A judgement is the same under two sets where utterance, reasoner, instruction and repetition are.
    """
    rows = _rows(predictions, by, (full, *smaller))
    place = rows.pop("place")
    key = pd.MultiIndex.from_arrays([rows.pop(name) for name in ("utterance", "reasoner", "instruction", "repeat")])
    right = rows.pop("right")
    own = np.flatnonzero(place == 0)
    found, there = [right[own]], np.ones(len(own), dtype=bool)
    for i in range(1, 1 + len(smaller)):
        other = np.flatnonzero(place == i)
        at = key[other].get_indexer(key[own])
        there &= at >= 0
        found.append(right[other[at]] if len(other) else np.zeros(len(own)))
    if not there.any():
        return None
    sums = np.column_stack([np.ones(len(own)), *found])[there]
    kept = {name: values[own][there] for name, values in rows.items()}
    tally = tally_outcomes(predictions, by, condition=full, rows=kept, sums=sums)
    return Matched(full=full, smaller=tuple(smaller), tally=tally, n_matched=int(there.sum()), n_full=len(own))


def _rows(predictions: Predictions, by: Sequence[str], conditions: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the rows under these conditions: their `place` among them, whether `right`, keys and outcome columns."""
    place = np.full(len(predictions.conditions), -1)
    place[[predictions.conditions.index(condition) for condition in conditions]] = np.arange(len(conditions))
    names = list(
        dict.fromkeys([*outcome_columns(predictions, by), "y_true", "y_pred", "reasoner", "instruction", "repeat"])
    )
    kept: list[Mapping[str, NDArray[Any]]] = []
    ids: list[pa.Array] = []
    for batch, said in zip(predictions.coded_batches(names), predictions.batches(["utterance_id"]), strict=True):
        wanted = place[batch["condition"]] >= 0
        kept.append({name: values[wanted] for name, values in batch.items()})
        ids.append(said.column("utterance_id").filter(pa.array(wanted)).cast(pa.string()))
    rows = {name: np.concatenate([batch[name] for batch in kept]) for name in names}
    truth, told = rows.pop("y_true"), rows.pop("y_pred")
    right: FloatArray = (truth == told).astype(np.float64)
    utterance = pa.concat_arrays(ids).dictionary_encode().indices.to_numpy()
    return {**rows, "place": place[rows["condition"]], "right": right, "utterance": utterance}
