"""How sure was the model of the true label, on a scale where sureness is about normal over models?

phi = ln(p / (1 - p)) of the true label's probability p. From logits z it is z_y - ln(sum_{k != y} exp z_k), which stays
exact where p rounds to one. A loss is a cross entropy in nats, -ln p.

| loss | p | phi |
|---|---|---|
| 0 | 1 | `MOST` (p rounds to one in double precision) |
| inf | 0 | -`FARTHEST` |
| ln 2 | 1/2 | 0 |

Source: Carlini et al. 2022, section V.C.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit, logsumexp

from affidavit.statistics.types import FloatArray, IntArray

MOST: Final = 36.7
"""-ln(2^-53): a double cannot say how much surer a probability is."""
FARTHEST: Final = 745.0
"""-ln of the least double above zero."""


def confidence_of_loss(loss: FloatArray) -> FloatArray:
    """Return phi = -ln(exp(loss) - 1) of cross entropies in nats, elementwise, NaN in and out.

    Raises:
        ValueError: a loss is below zero.

    >>> confidence_of_loss(np.array([0.0, np.log(2), np.inf])).round(9).tolist()
    [36.7, 0.0, -745.0]
    """
    if np.any(loss < 0):
        raise ValueError("Expected losses of at least 0.")
    with np.errstate(divide="ignore", over="ignore"):
        # exp(loss) - 1 overflows beyond 709, and there it is exp(loss) itself
        phi = np.where(loss > 40, -loss, -np.log(np.expm1(np.minimum(loss, 40.0))))
    return np.asarray(np.clip(phi, -FARTHEST, MOST) + 0.0)  # no negative zero


def confidence_of_logits(logits: FloatArray, label: IntArray) -> FloatArray:
    """Return phi [N] of scores before normalisation [N, K] and the codes of true labels [N], K at least 2.

    >>> confidence_of_logits(np.array([[2.0, 0.0], [0.0, 100.0]]), np.array([0, 1])).tolist()
    [2.0, 100.0]
    """
    rows = np.arange(len(logits))
    others = logits.astype(np.float64, copy=True)
    own = others[rows, label].copy()
    others[rows, label] = -np.inf
    return np.asarray(np.clip(own - logsumexp(others, axis=1), -FARTHEST, FARTHEST))


def probability(confidence: FloatArray) -> FloatArray:
    """Return p = 1 / (1 + exp(-phi)), in [0, 1].

    >>> float(probability(np.array(0.0)))
    0.5
    """
    return np.asarray(expit(confidence))
