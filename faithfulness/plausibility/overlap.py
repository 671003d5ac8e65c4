"""How far two pieces of evidence overlap, and what chance gives: the agreement metrics of ERASER.

With k words pointed at, g words marked, t both, of N words:

| number | formula | range | where it is undefined |
|---|---|---|---|
| precision | t / k | 0 to 1 | nothing is pointed at |
| recall | t / g | 0 to 1 | nothing is marked |
| F1 | 2 t / (k + g) | 0 to 1 | nothing is marked; 0 where nothing is pointed at |
| IOU-F1 | F1 of places: one counts where it shares half of the union with one of the other's | 0 to 1 | as F1 |
| F1 at random | 2 k g / (N (k + g)) | 0 to 1 | as F1 |
| AUPRC | sum over thresholds of the gain in recall times the precision | 0 to 1 | nothing is marked |
| AUPRC at random | (H + (g - 1) / (N - 1) (N - H)) / N with H = 1 + 1/2 + ... + 1/N | 0 to 1 | as AUPRC |

F1 is linear in t, and t has mean k g / N when k words are drawn at random, so the random control is exact. So is that
of AUPRC: over all orders of the words.

Source: DeYoung et al. 2020 (ERASER), section 4.1; IOU threshold 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from faithfulness.plausibility.passages import Evidence, Place

LEAST_SHARED: Final = 0.5
"""Of the union of two places, so that they count as the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Of one explanation with marked evidence."""

    pointed: int
    """Words pointed at."""
    marked: int
    both: int
    iou_f1: float

    @property
    def precision(self) -> float | None:
        """Share of the words pointed at that are marked."""
        return self.both / self.pointed if self.pointed else None

    @property
    def recall(self) -> float:
        """Share of the marked words that are pointed at."""
        return self.both / self.marked

    @property
    def f1(self) -> float:
        """Of words."""
        return 2 * self.both / (self.pointed + self.marked)

    def f1_at_random(self, n_words: int) -> float:
        """Return the mean F1 of as many words, drawn at random from `n_words`."""
        return 2 * self.pointed * self.marked / (n_words * (self.pointed + self.marked))


def overlap(pointed: Evidence, marked: Evidence) -> Overlap:
    """Return how far what is pointed at overlaps with what is marked.

    Raises:
        ValueError: nothing is marked.
    """
    if not marked:
        raise ValueError("nothing is marked: there is no overlap to speak of")
    both = sum(_shared(one, other) for one in pointed for other in marked)
    return Overlap(pointed=_size(pointed), marked=_size(marked), both=both, iou_f1=_f1_of_places(pointed, marked))


def _f1_of_places(pointed: Evidence, marked: Evidence) -> float:
    hits = sum(any(_same(one, other) for other in marked) for one in pointed)
    found = sum(any(_same(one, other) for one in pointed) for other in marked)
    if not hits:
        return 0.0
    precision, recall = hits / len(pointed), found / len(marked)
    return 2 * precision * recall / (precision + recall)


def _same(one: Place, other: Place) -> bool:
    shared = _shared(one, other)
    union = one[1] - one[0] + other[1] - other[0] - shared
    return shared >= LEAST_SHARED * union


def _shared(one: Place, other: Place) -> int:
    return max(min(one[1], other[1]) - max(one[0], other[0]), 0)


def _size(evidence: Evidence) -> int:
    return sum(end - start for start, end in evidence)


def average_precision(values: NDArray[np.float64], marked: NDArray[np.bool_]) -> float:
    """Return the area under the precision-recall curve of values [N] against marks [N]; equal values stand together.

    Raises:
        ValueError: nothing is marked.
    """
    if not marked.any():
        raise ValueError("nothing is marked: there is no curve")
    order = np.argsort(-values, kind="stable")
    ranked, hits = values[order], np.cumsum(marked[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    precision = hits[last] / (last + 1)
    gains = np.diff(hits[last], prepend=0) / hits[-1]
    return float((gains * precision).sum())


def average_precision_at_random(n_words: int, n_marked: int) -> float:
    """Return the mean of `average_precision` over all orders of the words."""
    harmonic = float((1 / np.arange(1, n_words + 1)).sum())
    if n_words == 1:
        return 1.0
    return (harmonic + (n_marked - 1) / (n_words - 1) * (n_words - harmonic)) / n_words
