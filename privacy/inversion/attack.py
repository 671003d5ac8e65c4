"""Finds inputs whose gradient is the one that was sent.

`cosine` minimises one minus the cosine between the gradients, with total variation over pictures (Geiping et al. 2020,
equation 4); `squared` the squared distance (DLG: Zhu, Liu, Han 2019, equation 4). Both by Adam, from a random start on
the scale of what others' inputs look like; the best of all steps is kept, by the objective and not by the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from privacy.inversion.victims import Victim

Tensor = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """How gradients are matched."""

    objective: Literal["cosine", "squared"] = "cosine"
    steps: int = 80
    step_size: float = 0.2
    """In standard deviations of others' inputs."""
    total_variation: float = 1e-3
    """Weight, for inputs of two axes or more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prior:
    """What the attacker expects of an input: mean and standard deviation, of one input's shape or single numbers."""

    mean: Tensor
    spread: Tensor


def inverted(
    victim: Victim,
    update: Sequence[Tensor],
    labels: Sequence[int],
    *,
    priors: Sequence[tuple[Prior, tuple[int, ...]]],
    attack: Attack,
    rng: np.random.Generator,
) -> list[Tensor]:
    """Return an input for each turn of the batch, given priors and shapes; where `steps` is 0, the random start."""
    import torch

    like = victim.parameters[0]
    starts = [
        torch.as_tensor(rng.normal(size=shape), dtype=like.dtype, device=like.device).requires_grad_()
        for _, shape in priors
    ]
    optimiser = torch.optim.Adam(starts, lr=attack.step_size)
    best, kept = float("inf"), [start.detach().clone() for start in starts]
    for step in range(attack.steps):
        optimiser.param_groups[0]["lr"] = attack.step_size * (1.0 - 0.9 * step / attack.steps)
        inputs = _inputs(starts, priors)
        distance = _distance(victim.gradient(inputs, labels, graph=True), update, attack.objective)
        total = distance + attack.total_variation * sum(_variation(start) for start in starts)
        if float(total.detach()) < best:
            best, kept = float(total.detach()), [start.detach().clone() for start in starts]
        found = torch.autograd.grad(total, starts, allow_unused=True)
        for start, part in zip(starts, found, strict=True):
            start.grad = torch.zeros_like(start) if part is None else torch.nan_to_num(part)
        optimiser.step()
    return [value.detach() for value in _inputs(kept, priors)]


def _inputs(starts: Sequence[Tensor], priors: Sequence[tuple[Prior, tuple[int, ...]]]) -> list[Tensor]:
    return [prior.mean + prior.spread * start for start, (prior, _) in zip(starts, priors, strict=True)]


def _distance(found: Sequence[Tensor], sent: Sequence[Tensor], objective: str) -> Tensor:
    """Return how far two gradients are from each other: 1 - cosine, in [0, 2], or the relative squared distance."""
    pairs = list(zip(found, sent, strict=True))
    length = sum((b * b).sum() for _, b in pairs)
    if objective == "squared":
        return sum(((a - b) ** 2).sum() for a, b in pairs) / (length + 1e-12)
    dot, own = sum((a * b).sum() for a, b in pairs), sum((a * a).sum() for a, _ in pairs)
    return 1 - dot / ((own + 1e-24).sqrt() * (length + 1e-24).sqrt())


def _variation(value: Tensor) -> Tensor:
    """Return the mean absolute difference between neighbours of the last two axes; 0 of a vector."""
    if value.dim() < 3:
        return value.sum() * 0.0
    along = [value.diff(dim=axis).abs() for axis in (-1, -2) if value.shape[axis] > 1]
    return sum(part.mean() for part in along) if along else value.sum() * 0.0
