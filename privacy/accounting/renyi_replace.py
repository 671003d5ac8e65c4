"""The Renyi loss of one Poisson-subsampled Gaussian when a unit is replaced, by integration.

With P = (1-q) N(0, s^2) + q N(1, s^2) and Q = (1-q) N(0, s^2) + q N(-1, s^2), in clip norms, the loss at order a is
ln(integral of P^a Q^(1-a)) / (a - 1), the same in both directions, for the two are mirror images. The integrand is a
sum of Gaussians no wider than s and centred within [-1, 2a - 1], so that sums over a fine grid converge exponentially.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

POINTS_A_DEVIATION: Final = 8
DEVIATIONS: Final = 12
MOST_POINTS: Final = 100_000


@lru_cache(maxsize=256)
def replacement_losses(*, sample_rate: float, scale: float, orders: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the loss at each order, infinite where the noise is too small for a grid of reasonable size."""
    top = 2 * max(orders) - 1 + DEVIATIONS * scale
    n = int((top + 2 * DEVIATIONS * scale + 2) / scale * POINTS_A_DEVIATION)
    if n > MOST_POINTS:
        return np.full(len(orders), np.inf)
    x, width = np.linspace(-1 - DEVIATIONS * scale, top, n, retstep=True)
    constant = -np.log(scale) - 0.5 * np.log(2 * np.pi)
    with np.errstate(divide="ignore"):
        still, taking = np.log1p(-sample_rate) + constant, np.log(sample_rate) + constant
    rest = still - x**2 / (2 * scale**2)
    first = np.logaddexp(rest, taking - (x - 1) ** 2 / (2 * scale**2))
    second = np.logaddexp(rest, taking - (x + 1) ** 2 / (2 * scale**2))
    return np.asarray(
        [(logsumexp(a * first + (1 - a) * second) + np.log(width)) / (a - 1) for a in orders], dtype=np.float64
    )
