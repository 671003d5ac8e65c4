"""How far one site moves a sum and a mean of clipped updates, with the weights that they really have.

A sum of updates of norm at most C with weights w moves by C * max(w) where a site's update is left out of it (add or
remove; who takes part is public), and by twice that where it becomes another one (replace). The count by which an
adaptive bound moves, of -1/2 or 1/2 for each site, moves by 1/2 and by 1. The mean is the sum over W, the weights of
those who replied added up: a mean of n sites moves by C / n only where all weights are equal and all n replied. Weights
by numbers of examples give the largest site a share of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from privacy.accounting.mechanisms import SENSITIVITY, Neighbours


def sum_sensitivity(weights: Sequence[float], *, clip_norm: float, neighbours: Neighbours) -> float:
    """Return by how much, in Euclidean norm, one site moves the weighted sum.

    >>> sum_sensitivity([1.0, 0.5], clip_norm=2.0, neighbours="replace")
    4.0

    Raises:
        ValueError: no weights, or one that is not above 0 and finite.
    """
    require_weights(weights)
    return SENSITIVITY[neighbours] * clip_norm * max(weights)


def mean_sensitivity(weights: Sequence[float], *, clip_norm: float, neighbours: Neighbours) -> float:
    """Return by how much one site moves the weighted mean over those who replied.

    >>> mean_sensitivity([1000] + [100] * 9, clip_norm=1.0, neighbours="add-remove") * 10
    5.263157894736842

    Raises:
        ValueError: no weights, or one that is not above 0 and finite.
    """
    return sum_sensitivity(weights, clip_norm=clip_norm, neighbours=neighbours) / sum(weights)


def noise_on_sum(weights: Sequence[float], *, noise_multiplier: float, clip_norm: float) -> float:
    """Return the standard deviation that gives the weighted sum its noise multiplier, whatever the relation.

    Raises:
        ValueError: no weights, or one that is not above 0 and finite.
    """
    require_weights(weights)
    return noise_multiplier * clip_norm * max(weights)


def require_weights(weights: Sequence[float]) -> None:
    """Refuse weights that are none.

    Raises:
        ValueError: there are none, or one is not above 0 and finite.
    """
    if not weights or not all(math.isfinite(weight) and weight > 0 for weight in weights):
        raise ValueError("weights have to be there, above zero and finite")
