"""Which emotions does a sentence speak of, once the verifier has given its probabilities? ERV's rule.

Those above 0.1; the likeliest one where none is; the two likeliest where more than two are.

Source: Rha et al. 2026, released code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

THRESHOLD: Final = 0.1
MOST: Final = 2


class Reader(Protocol):
    """Gives probabilities; the verifier is one, and so is a table that a test writes."""

    def probabilities(self, sentences: Sequence[str]) -> NDArray[np.float64]:
        """Return `[N, 28]`, each in 0 to 1 and independent of the others."""
        ...


def spoken(probabilities: NDArray[np.float64]) -> frozenset[int]:
    """Return the emotions that a sentence speaks of, as indices, from its `[28]` probabilities; one or two.

    Of emotions that are equally likely the first in the order of GoEmotions counts.

    >>> rows = np.eye(28)[17] * 0.6 + np.eye(28)[25] * 0.3 + np.eye(28)[14] * 0.2
    >>> sorted(spoken(rows)), sorted(spoken(np.eye(28)[3] * 0.05))
    ([17, 25], [3])
    """
    above = np.flatnonzero(probabilities > THRESHOLD)
    if not len(above):
        return frozenset({int(probabilities.argmax())})
    likeliest = above[np.argsort(-probabilities[above], kind="stable")]
    return frozenset(int(index) for index in likeliest[:MOST])
