"""How far a rendering moves the probabilities of each judgement, and how far mere repetition does.

The divergence is KL(P(y | do(c)) || P(y)) in nats. A share of exactly 0 would make it infinite, so that shares under
`LEAST_SHARE` count as that, and it is at most ln(1 / LEAST_SHARE), about 9.2.

Source: Matton et al. 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions

LEAST_SHARE: Final = 1e-4
_KEY: Final = ("utterance", "reasoner", "instruction", "repeat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergences:
    """Of the judgements [N] under a base condition, in the order of the table."""

    of: Mapping[str, FloatArray]
    """Condition to the divergence of its twins; NaN where there is none."""
    repeated: FloatArray
    """That of the next repetition of the judgement itself; NaN where it was not repeated."""


def kullback_leibler(intervened: FloatArray, base: FloatArray) -> FloatArray:
    """Return KL(intervened || base) in nats over the last axis, [0, ln(1 / LEAST_SHARE)].

    >>> float(kullback_leibler(np.array([0.5, 0.5]), np.array([0.5, 0.5])))
    0.0
    """
    p, q = (_positive(shares) for shares in (intervened, base))
    return np.asarray(np.maximum((p * np.log(p / q)).sum(axis=-1), 0.0))


def _positive(shares: FloatArray) -> FloatArray:
    raised = np.maximum(shares, LEAST_SHARE)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def divergences(predictions: Predictions, base: str, others: Sequence[str]) -> Divergences | None:
    """Return how far each of the other conditions moves each judgement; None where the table has no probabilities."""
    names = [f"prob_{label}" for label in predictions.labels]
    if not set(names) <= set(predictions.columns):
        return None
    rows, shares = _rows(predictions, names, (base, *others))
    at = [np.flatnonzero(rows["condition"] == place) for place in range(1 + len(others))]
    key = pd.MultiIndex.from_arrays([rows[name] for name in _KEY])
    own = at[0]
    found: dict[str, FloatArray] = {}
    for condition, where in zip(others, at[1:], strict=True):
        match = key[where].get_indexer(key[own])
        moved = np.full(len(own), np.nan)
        paired = match >= 0
        moved[paired] = kullback_leibler(shares[where[match[paired]]], shares[own[paired]])
        found[condition] = moved
    following = _next_repetition({name: rows[name][own] for name in _KEY})
    again = np.where(following >= 0, kullback_leibler(shares[own[following]], shares[own]), np.nan)
    return Divergences(of=found, repeated=again)


def _rows(
    predictions: Predictions, shares: Sequence[str], conditions: Sequence[str]
) -> tuple[dict[str, NDArray[Any]], FloatArray]:
    place = np.full(len(predictions.conditions), -1)
    place[[predictions.conditions.index(condition) for condition in conditions]] = np.arange(len(conditions))
    kept: dict[str, list[NDArray[Any]]] = {name: [] for name in ("condition", *_KEY[1:])}
    values: list[FloatArray] = []
    ids: list[pa.Array] = []
    coded = predictions.coded_batches([*kept, *shares])
    for batch, named in zip(coded, predictions.batches(["utterance_id"]), strict=True):
        where = place[batch["condition"]]
        wanted = where >= 0
        for name, column in kept.items():
            column.append((where if name == "condition" else batch[name])[wanted])
        values.append(np.stack([batch[name][wanted] for name in shares], axis=1).astype(np.float64))
        ids.append(named.column("utterance_id").filter(pa.array(wanted)).cast(pa.string()))
    rows: dict[str, NDArray[Any]] = {name: np.concatenate(columns) for name, columns in kept.items()}
    rows["utterance"] = pa.concat_arrays(ids).dictionary_encode().indices.to_numpy()
    return rows, np.concatenate(values)


def _next_repetition(key: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return where the next repetition of each judgement stands, the first after the last; -1 where there is none."""
    frame = pd.DataFrame(dict(key)).sort_values(list(_KEY), kind="stable")
    places = pd.Series(frame.index.to_numpy(), index=frame.index)
    by_judgement = places.groupby([frame[name] for name in _KEY[:-1]], sort=False)
    following = by_judgement.shift(-1).fillna(by_judgement.transform("first")).astype(np.int64)
    alone = by_judgement.transform("size") == 1
    return np.asarray(following.mask(alone, -1).sort_index().to_numpy(), dtype=np.int64)
