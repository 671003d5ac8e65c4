"""How far a rendering moves the probabilities of each judgement, and how far mere repetition does.

The divergence is KL(P(y | do(c)) || P(y)) in nats. A share of exactly 0 would make it infinite, so that shares under
`LEAST_SHARE` count as that, and it is at most ln(1 / LEAST_SHARE), about 9.2.

Source: Matton et al. 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray
from affidavit.matched_rows import NONE, read_rows
from affidavit.predictions import Predictions
from faithfulness.conclusions.repeats import next_repetition

LEAST_SHARE: Final = 1e-4


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
    read = read_rows(predictions, (base, *others), names)
    shares, own = np.stack([read.columns[name] for name in names], axis=1), read.under(0)
    found: dict[str, FloatArray] = {}
    for place, condition in enumerate(others, start=1):
        twin = read.twins(own, place)
        moved = np.full(len(own), np.nan)
        paired = twin != NONE
        moved[paired] = kullback_leibler(shares[twin[paired]], shares[own[paired]])
        found[condition] = moved
    following = next_repetition(read.judgement[own], read.columns["repeat"][own])
    again = np.where(following != NONE, kullback_leibler(shares[own[following]], shares[own]), np.nan)
    return Divergences(of=found, repeated=again)
