"""How many trials a search has: drawn before the first one, from a distribution that the accountants know.

Truncated negative binomial with shape h and parameter g (Papernot and Steinke 2022, definition 1), for k = 1, 2, ...:

    P(k) = (1 - g)^k / (g^-h - 1) * product over l < k of (l + h) / (l + 1),    h = 0:  (1 - g)^k / (k ln(1/g))

so that P(k + 1) = P(k) (1 - g) (k + h) / (k + 1). Poisson for k = 0, 1, ....
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import Final, Literal

from privacy.accounting.renyi import truncated_gamma
from privacy.dpsgd.randomness import Source

_NEVER: Final = 2.0**-60
"""What is left of a probability that a draw of 53 bits never meets."""


def drawn_trials(source: Source, *, mean: float, shape: float | Literal["poisson"]) -> int:
    """Return a number of trials from one uniform draw; nothing in the data bears on it."""
    left = float(source.uniform(1)[0])
    for k, chance in _chances(mean, shape):
        if left < chance or (k > mean and chance < _NEVER):
            return k
        left -= chance
    raise AssertionError("the numbers have no end")


def _chances(mean: float, shape: float | Literal["poisson"]) -> Iterator[tuple[int, float]]:
    """Yield each number with its probability."""
    if shape == "poisson":
        for k in count():
            yield k, math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        return
    gamma = truncated_gamma(shape, mean)
    chance = (
        (1 - gamma) / -math.log(gamma) if shape == 0 else shape * (1 - gamma) / math.expm1(-shape * math.log(gamma))
    )
    for k in count(1):
        yield k, chance
        chance *= (1 - gamma) * (k + shape) / (k + 1)
