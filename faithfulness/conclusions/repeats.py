"""Which judgement is the next repetition of which: what a reasoner changes of itself is the noise of every number."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.predictions import Predictions

NONE: Final = -1
NO_REPEATS: Final = "the table has no repetitions: how much this changes by chance alone is not known"


def has_repeats(predictions: Predictions) -> bool:
    """Say whether any judgement was repeated, by reading that one column."""
    return any(bool((batch["repeat"] > 0).any()) for batch in predictions.coded_batches(["repeat"]))


def next_repetition(judgement: NDArray[np.integer], repeat: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return where the next repetition of each row stands, the first after the last; -1 where there is none.

    `judgement` [N] says which rows are the same judgement, `repeat` [N] numbers them.

    >>> next_repetition(np.array([7, 7, 8, 7]), np.array([1, 0, 0, 2])).tolist()
    [3, 0, -1, 1]
    """
    order = np.lexsort([repeat, judgement])
    ordered = judgement[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    sizes = np.diff(np.append(starts, len(order)))
    first, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    after = first + (np.arange(len(order)) - first + 1) % np.maximum(size, 1)
    found = np.full(len(order), NONE, dtype=np.int64)
    found[order] = np.where(size > 1, order[after], NONE)
    return found
