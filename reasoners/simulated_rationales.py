"""Words for simulated judgements: which modalities a rationale cites, and the sentence that cites them."""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
CITED: Final = 0.7
"""The chance that a modality that was shown is cited; one always is."""
_TEMPLATES: Final = ("{Evidence} point to {label}.", "I take it for {label}, because of {evidence}.")
_EVIDENCE: Final = (
    ("the words that were chosen", "the pitch and pace of the voice", "the brows and the mouth"),
    ("the wording", "the tone of voice", "the look on the face"),
)
"""For each template, what is cited of text, audio and video."""


def cited_modalities(shown: BoolArray, *, absent_share: float, rng: np.random.Generator) -> BoolArray:
    """Draw which modalities are cited, [N, 3] as `shown`: one that was shown at least, and by a fault one that was not.

    `absent_share` is the chance of the fault in rows that lack a modality; it adds one of those they lack.
    """
    draws = rng.random(shown.shape)
    cited = shown & (draws < CITED)
    surest = np.where(shown, draws, np.inf).argmin(axis=1)
    cited[np.arange(len(cited)), surest] = True
    faulty = (rng.random(len(shown)) < absent_share) & ~shown.all(axis=1)
    which = np.where(shown, -1.0, rng.random(shown.shape)).argmax(axis=1)
    cited[np.flatnonzero(faulty), which[faulty]] = True
    return cited


def rationales(
    cited: BoolArray, label: NDArray[np.int64], labels: tuple[str, ...], *, rng: np.random.Generator
) -> pa.DictionaryArray:
    """Return one sentence a row; each is one of templates x citations x labels, so they are drawn as codes."""
    template = rng.integers(len(_TEMPLATES), size=len(label))
    citation = cited @ (1 << np.arange(cited.shape[1]))
    code = (template * (1 << cited.shape[1]) + citation) * len(labels) + label
    sentences = [_sentence(*parts) for parts in product(range(len(_TEMPLATES)), range(1 << cited.shape[1]), labels)]
    return pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(sentences))


def _sentence(template: int, citation: int, label: str) -> str:
    cited = [phrase for bit, phrase in enumerate(_EVIDENCE[template]) if citation >> bit & 1]
    evidence = " and ".join(cited) or "nothing in particular"
    return _TEMPLATES[template].format(evidence=evidence, Evidence=evidence[0].upper() + evidence[1:], label=label)
