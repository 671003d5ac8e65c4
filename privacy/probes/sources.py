"""What a probe looks at: a matrix of vectors of some of the roster's utterances, by a name from a closed list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
RAW_OF: Final = {
    "rationale": "raw",
    "embedding": "raw",
    "text": "raw_text",
    "audio": "raw_audio",
    "video": "raw_video",
}
"""Each source, and the raw input that it is held against; `raw` is all raw inputs side by side."""
SOURCES: Final = tuple(RAW_OF)
RAW: Final = ("raw", "raw_text", "raw_audio", "raw_video")
TITLE: Final = {
    "rationale": "the rationale",
    "embedding": "the embedding",
    "text": "the state of the words",
    "audio": "the state of the voice",
    "video": "the state of the face",
    "raw": "the raw input",
    "raw_text": "the words themselves",
    "raw_audio": "the voice as it was measured",
    "raw_video": "the pictures themselves",
}
_FLAT: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """Vectors [n, D] of the roster's utterances at `place` [n], ascending."""

    name: str
    place: IntArray
    vectors: FloatArray
    scaled: bool = False
    """Whether the columns are of one scale already, so that their spread tells how much they matter."""
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A source that was brought, and of which nothing can be looked at."""

    because: str
    remedy: str


def reduced(source: Source, *, components: int) -> FloatArray:
    """Return principal components [n, R] of the columns, standardised unless they are of one scale already.

    No label has a part in it. R is 0 where all vectors are the same.
    """
    centred = source.vectors - source.vectors.mean(axis=0)
    spread = centred.std(axis=0)
    kept = spread > _FLAT * max(1.0, float(np.abs(source.vectors).max(initial=0.0)))
    centred = centred[:, kept]
    if not centred.shape[1]:
        return np.zeros((len(centred), 0))
    return _components(centred if source.scaled else centred / spread[kept], components)


def _components(centred: FloatArray, most: int) -> FloatArray:
    """Return scores on the directions of greatest variance, by the smaller of the two Gram matrices."""
    n, d = centred.shape
    if d <= n:
        values, directions = np.linalg.eigh(centred.T @ centred)
        scores = centred @ directions
    else:
        values, left = np.linalg.eigh(centred @ centred.T)
        scores = left * np.sqrt(np.maximum(values, 0.0))
    order = np.argsort(values, kind="stable")[::-1][:most]
    order = order[values[order] > _FLAT * values.max()]
    scores = scores[:, order]
    largest = scores[np.abs(scores).argmax(axis=0), np.arange(len(order))]
    return np.asarray(scores * np.sign(largest) / np.sqrt((scores**2).sum() / n))


def side_by_side(name: str, sources: tuple[Source, ...], *, components: int) -> Source:
    """Return several sources as one, of the utterances that all of them have; each counts alike."""
    place = sources[0].place
    for source in sources[1:]:
        place = np.intersect1d(place, source.place)
    parts = [reduced(source, components=components)[np.isin(source.place, place)] for source in sources]
    return Source(name=name, place=place, vectors=np.concatenate(parts, axis=1), scaled=True)
