"""Which labels a batch had, from the gradient of the last layer's bias.

The mean gradient at the bias of label k is the mean probability that the model gives k, less the share of turns that
are labelled k. For one turn only its own label's is below zero (iDLG: Zhao, Mopuri, Bilen 2020, section 3.1). For more
turns labels are counted off one by one, each taking 1/B from the label whose gradient lies furthest below the
probabilities that the model is expected to give (after Wainakh et al. 2022, algorithm 1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def recovered_labels(bias_gradient: FloatArray, n_turns: int, *, expected: FloatArray | None = None) -> tuple[int, ...]:
    """Return the labels of so many turns, ascending; `expected` probabilities [K] are those of no knowledge where None.

    >>> recovered_labels(np.array([0.2, -0.7, 0.5]), 1)
    (1,)
    >>> recovered_labels(np.array([1 / 3, 1 / 3 - 0.5, 1 / 3 - 0.5]), 2)
    (1, 2)
    """
    left = np.array(bias_gradient, dtype=np.float64)
    if n_turns > 1:
        left = left - (1 / len(left) if expected is None else expected)
    found = []
    for _ in range(n_turns):
        lowest = int(left.argmin())
        found.append(lowest)
        left[lowest] += 1 / n_turns
    return tuple(sorted(found))


def share_recovered(found: Sequence[int], labels: Sequence[int]) -> float:
    """Return the share of a batch's labels that were recovered, as a set with repetitions, in [0, 1].

    >>> share_recovered((0, 0, 1), (0, 1, 1))
    0.6666666666666666
    """
    return sum((Counter(found) & Counter(labels)).values()) / len(labels)
