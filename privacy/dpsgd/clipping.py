"""How far a unit's gradient may reach: clipping to a bound, and a bound that follows a quantile of the norms.

The adaptive bound is that of Andrew et al. (2021): in each step, the share of units whose gradient was *not* clipped is
told with noise, and the bound moves by exp(-rate * (share - quantile)): down where more than wanted stay whole. A count
of the clipped in its place turns the sign around, and the bound then runs to its floor or ceiling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from privacy.dpsgd.options import AdaptiveClipping

_ROUNDING = 1e-6
"""What single precision may add to a clipped norm; taken off beforehand."""


def factors(norms: Tensor, *, clip_norm: float) -> Tensor:
    """Return what each unit's gradient is multiplied by, `[P]`, 0 to 1, from its norm `[P]`.

    | norm | factor |
    |---|---|
    | at most the bound, 0 included | 1 |
    | above it | bound / norm, less one millionth for rounding |
    | not finite | 0: the unit is taken, and adds nothing |
    """
    finite = torch.isfinite(norms)
    shrunk = (1 - _ROUNDING) * clip_norm / torch.where(finite & (norms > 0), norms, torch.ones_like(norms))
    whole = torch.where(norms > clip_norm, shrunk, torch.ones_like(norms))
    return torch.where(finite, whole, torch.zeros_like(norms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a step's noise is dealt between the gradients and the count of those that were not clipped."""

    gradients: float
    """Noise multiplier of the clipped sum: its standard deviation over the clipping bound."""
    count: float
    """Standard deviation of the noise on the count, whose terms are -1/2 or 1/2."""


def shares(noise_multiplier: float, adaptive: AdaptiveClipping | None) -> Shares:
    """Return both noises, of which the step as a whole has the stated noise multiplier.

    Two Gaussian mechanisms of precisions a and b on one sample compose to one of precision a + b; the count's
    sensitivity is 1/2 (Andrew et al. 2021, theorem 1).
    """
    if adaptive is None:
        return Shares(gradients=noise_multiplier, count=0.0)
    return Shares(
        gradients=noise_multiplier / math.sqrt(1 - adaptive.budget_share),
        count=noise_multiplier / (2 * math.sqrt(adaptive.budget_share)),
    )


def moved(clip_norm: float, adaptive: AdaptiveClipping, *, noised_count: float, expected: float) -> float:
    """Return the next step's bound, from the noised sum of (1/2 if not clipped, -1/2 if clipped) over the step's units.

    It is divided by the expected number of units, not by the drawn one, which is as secret as who they are.
    """
    unclipped = noised_count / expected + 0.5
    step = min(1.0, max(-1.0, adaptive.rate * (unclipped - adaptive.quantile)))
    return min(adaptive.ceiling, max(adaptive.floor, clip_norm * math.exp(-step)))
