"""Strategies that need sums alone: what a site contributes, and what the server makes of the total.

A contribution is one vector `[size + 1]`: numbers that are added over sites, and last what they are divided by. It is
made at the site, so that under secure sums a weight or a loss leaves it no more than the update does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from federated.strategies.options import Additive, FedAdam, QFair
from federated.updates.arrays import narrowed
from federated.updates.layout import Vector

Total = NDArray[np.float64]
LOSS_FLOOR = 1e-10
"""Added to a loss before it is raised to a power, as the authors' code does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What FedAdam remembers between rounds, `[size]` each."""

    first: Total
    second: Total

    @classmethod
    def at_start(cls, size: int, options: FedAdam) -> Moments:
        """Return the moments before the first round."""
        return cls(first=np.zeros(size), second=np.full(size, options.tau**2))


def contribution(update: Vector, *, weight: float, loss: float | None, options: Additive) -> Total:
    """Return what a site adds to the sum, `[size + 1]`.

    `loss` is the site's mean loss at the received parameters; q-FFL alone looks at it.

    Raises:
        ValueError: the weight is not above zero, or q-FFL is without a loss, or has one below zero.
    """
    if not weight > 0:
        raise ValueError(f"a weight of {weight:g}; it has to be above zero")
    if isinstance(options, QFair):
        if loss is None or not loss >= 0:
            raise ValueError("q-FFL asks each site for its loss, a number of zero or more")
        return _q_contribution(update, loss, options)
    part = np.empty(len(update) + 1)
    np.multiply(update, weight, out=part[:-1], dtype=np.float64)
    part[-1] = weight
    return part


def advanced(
    model: Vector, total: Total, *, options: Additive, moments: Moments | None = None
) -> tuple[Vector, Moments | None]:
    """Return the next model and, for FedAdam, the moments to go on with; `total` is the sum of contributions.

    Raises:
        ValueError: the total is of other parameters, or what it is divided by is not above zero.
        OverflowError: the next model has numbers that single precision cannot hold.
    """
    if total.shape != (len(model) + 1,) or not total[-1] > 0:
        raise ValueError(f"a total of shape {total.shape} over {total[-1]:g}; {len(model) + 1} numbers over a sum")
    mean = total[:-1] / total[-1]
    if isinstance(options, FedAdam):
        return _adam(model, mean, options, moments or Moments.at_start(len(model), options))
    rate = 1.0 if isinstance(options, QFair) else options.server_learning_rate
    return narrowed(model + rate * mean), None


def _q_contribution(update: Vector, loss: float, options: QFair) -> Total:
    """Return F^q times the site's gradient estimate, and the h that such steps are divided by (their equation 4)."""
    curvature, raised = 1 / options.local_learning_rate, loss + LOSS_FLOOR
    try:
        weight, slope = raised**options.q, options.q * raised ** (options.q - 1)
    except OverflowError:
        raise ValueError("a loss so large that its power is no number") from None
    part = np.empty(len(update) + 1)
    np.multiply(update, curvature * weight, out=part[:-1], dtype=np.float64)
    squared = float(np.dot(update.astype(np.float64), update)) * curvature**2
    part[-1] = slope * squared + curvature * weight
    return part


def _adam(model: Vector, mean: Total, options: FedAdam, moments: Moments) -> tuple[Vector, Moments]:
    first = options.beta_1 * moments.first + (1 - options.beta_1) * mean
    second = options.beta_2 * moments.second + (1 - options.beta_2) * mean**2
    step = options.server_learning_rate * first / (np.sqrt(second) + options.tau)
    return narrowed(model + step), Moments(first=first, second=second)
