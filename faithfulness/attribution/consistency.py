"""How an attribution is shared among modalities (MM-SHAP), and how like that of the rationale it is (CC-SHAP).

| situation | answer |
|---|---|
| an attribution moves its score by less than `FLOOR` in all | it has no shares: NaN |
| a token of the rationale that no input moves | it takes no part in the mean over tokens |
| a rationale none of whose tokens any input moves | CC-SHAP is undefined; the judgement is counted as unmoved |
| shares of the tokens that cancel out | CC-SHAP is undefined: nothing has no direction |

Sources: Parcalabescu, Frank 2023 (MM-SHAP); Parcalabescu, Frank 2024 (CC-SHAP), whose score is 1 less the cosine
distance of the signed shares of the answer and of the rationale's tokens, averaged over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from affidavit.attributions import Span
from affidavit.statistics.types import FloatArray

FLOOR: Final = 1e-3
"""Below this sum of absolute values, in the score's unit (nats), an attribution is rounding; its shares are noise."""


def signed_shares(values: FloatArray) -> FloatArray:
    """Return phi_j / sum |phi| of attributions `[T, S]`, [-1, 1]; NaN in rows that move nothing."""
    total = np.abs(values).sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(values, total, out=np.full(values.shape, np.nan), where=total >= FLOOR))


def modality_shares(values: FloatArray, spans: Sequence[Span]) -> dict[str, float]:
    """Return sum |phi| of each modality's spans over that of all, [0, 1]; empty where they move nothing.

    >>> spans = [Span(modality=name, name=name) for name in ("text", "text", "audio")]
    >>> modality_shares(np.array([1.0, -1.0, 2.0]), spans)
    {'text': 0.5, 'audio': 0.5}
    """
    shares = np.abs(signed_shares(values[None])[0])
    if np.isnan(shares).any():
        return {}
    names = dict.fromkeys(span.modality for span in spans)
    return {name: float(shares[[span.modality == name for span in spans]].sum()) for name in names}


def rationale_shares(tokens: FloatArray) -> FloatArray:
    """Return the mean over tokens `[R, S]` of their signed shares, `[S]`; NaN where no input moves any token."""
    shares = signed_shares(tokens)
    moved = ~np.isnan(shares).any(axis=1)
    return np.asarray(shares[moved].mean(axis=0)) if moved.any() else np.full(tokens.shape[1], np.nan)


def cosine(first: FloatArray, second: FloatArray) -> float:
    """Return the cosine of two vectors, [-1, 1]; NaN where either is undefined or of no length.

    >>> cosine(np.array([1.0, 0.0]), np.array([3.0, 0.0]))
    1.0
    """
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if not min(lengths) > 1e-9:  # NaN compares as false
        return float("nan")
    return float(np.clip(first @ second / (lengths[0] * lengths[1]), -1.0, 1.0))


def cc_shap(answer: FloatArray, tokens: FloatArray) -> float:
    """Return the agreement of an answer's attribution `[S]` with those of a rationale's tokens `[R, S]`, [-1, 1].

    1: both rest on the same inputs in the same direction; 0: on unrelated ones; -1: what speaks for the one speaks
    against the other. It tells self-consistency, not that either tells the truth.
    """
    return cosine(signed_shares(answer[None])[0], rationale_shares(tokens))
