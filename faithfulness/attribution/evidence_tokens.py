"""Do the words that cite a modality hang on that modality? Of one rationale, given how each token falls without each.

A token is tagged with the modalities that its clause cites (`affidavit.citations`). D of a token and a modality is by
how many nats its log-probability falls when the modality is taken out of the dialogue: at the token that was written,
what the divergence of the two distributions averages over all tokens. A faithful rationale has its largest D where it
cites; the score is the area under the ROC curve of D against being cited, over tokens and modalities of one rationale.

| situation | answer |
|---|---|
| a token of a clause that cites nothing | takes no part |
| a cited modality that is not there | cited, with D = 0: what is not there moves nothing |
| a modality that is neither there nor cited | takes no part |
| nothing cited, or nothing left uncited | undefined: NaN |

Source, after OPPO (evidence tokens under masked modalities).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from affidavit.citations import cues_of
from affidavit.conditions import MODALITIES
from affidavit.statistics.types import FloatArray

NAMES: Final = tuple(MODALITIES.values())
_DECIMALS: Final = 4
"""Of a fall in nats: what single precision leaves beyond them would be ranked as though it told anything."""
_NEAR: Final = 16
"""Characters within which a token follows the one before it: those between them are spaces, or were not decoded."""


def cited_by_token(tokens: Sequence[str], rationale: str) -> NDArray[np.bool_]:
    """Return which modalities (text, audio, video) the clause of each token cites, `bool[R, 3]`.

    Tokens are looked up in the rationale one after the other; one that does not stand there, as what ends a text, cites
    nothing.

    >>> cited_by_token(["Joy", ".", " The", " voice", " is", " high", ".", "<end>"], "Joy. The voice is high.")[:, 1]
    array([False, False,  True,  True,  True,  True, False, False])
    """
    clauses = _clauses(rationale)
    cited = np.zeros((len(tokens), len(NAMES)), dtype=bool)
    for place, (start, end) in enumerate(_offsets(tokens, rationale)):
        for modality, first, last in clauses:
            cited[place, NAMES.index(modality)] |= start < end and first < end and start < last
    return cited


def _clauses(rationale: str) -> list[tuple[str, int, int]]:
    """Return modality, first and last character of each clause that cites one."""
    found, places = [], dict.fromkeys(NAMES, 0)
    for cue in cues_of(rationale):
        start = rationale.find(cue.quote, places[cue.modality])
        if start >= 0 and cue.quote:
            places[cue.modality] = start + len(cue.quote)
            found.append((cue.modality, start, start + len(cue.quote)))
    return found


def _offsets(tokens: Sequence[str], rationale: str) -> list[tuple[int, int]]:
    """Return the characters of each token; an empty range for one that is not found where it should be."""
    found, at = [], 0
    for token in tokens:
        text = token.strip()
        start = rationale.find(text, at) if text else -1
        if start < 0 or start - at > _NEAR:  # the same letters further on are another word's
            found.append((at, at))
            continue
        at = start + len(text)
        found.append((start, at))
    return found


def evidence_auroc(falls: FloatArray, cited: NDArray[np.bool_], there: NDArray[np.bool_]) -> float:
    """Return the area for falls D `[R, 3]`, citations `[R, 3]` and which modalities are there `[3]`, [0, 1]."""
    telling = cited.any(axis=1, keepdims=True)
    known = np.where(there, falls.round(_DECIMALS), 0.0)
    return auroc(known[cited], known[telling & ~cited & there])


def auroc(positive: FloatArray, negative: FloatArray) -> float:
    """Return P(a positive lies above a negative) + P(they are equal) / 2; NaN where either is missing.

    >>> auroc(np.array([2.0, 1.0]), np.array([1.0, 0.0]))
    0.875
    """
    n, m = len(positive), len(negative)
    if not n or not m:
        return float("nan")
    ranks = rankdata(np.concatenate([positive, negative]))
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def falls_of(scores: Mapping[str, FloatArray], whole: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return D `[R, 3]` from token scores `[R]` of the whole input and without each modality, and what is there."""
    there = np.array([name in scores for name in NAMES])
    columns = [whole - scores[name] if name in scores else np.zeros_like(whole) for name in NAMES]
    return np.stack(columns, axis=1), there
