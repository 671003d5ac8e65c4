"""What a client sends of a batch: the mean gradient, as it is or clipped by turn and noised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from privacy.inversion.victims import Victim

Tensor = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Each turn's gradient is clipped, and noise is added to the sum; the noise comes from a seed, so it is simulated.

    It shows what the mechanism does to an attack, and carries no epsilon.
    """

    noise_multiplier: float
    """Standard deviation of the noise over the clip norm."""
    clip_norm: float | None = None
    """Norm that a turn's gradient is clipped to; the median of the batch's norms where None."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sent:
    """One update, and what everybody knows of how it was made."""

    parts: list[Tensor]
    """A tensor for each parameter."""
    clip: float = float("inf")
    """Norm that each turn's gradient was clipped to."""
    noise: float = 0.0
    """Standard deviation of the noise on each number of the update."""


def sent_update(
    victim: Victim,
    inputs: Sequence[Tensor],
    labels: Sequence[int],
    *,
    protection: Protection | None,
    rng: np.random.Generator,
) -> Sent:
    """Return the update of one batch."""
    if protection is None:
        return Sent(parts=victim.sent(inputs, labels))
    own = [victim.sent(inputs, labels, only=i) for i in range(len(inputs))]
    norms = [norm_of(parts) for parts in own]
    clip = float(np.median(norms)) if protection.clip_norm is None else protection.clip_norm
    total = [0.0 * part for part in own[0]]
    for parts, norm in zip(own, norms, strict=True):
        scale = min(1.0, clip / norm) if norm > 0 else 1.0
        total = [whole + scale * part for whole, part in zip(total, parts, strict=True)]
    spread = clip * protection.noise_multiplier
    noised = [(part + _noise(part, spread, rng)) / len(inputs) for part in total]
    return Sent(parts=noised, clip=clip, noise=spread / len(inputs))


def norm_of(parts: Sequence[Tensor]) -> float:
    """Return the Euclidean norm over all parameters."""
    return float(np.sqrt(sum(float((part.detach().double() ** 2).sum()) for part in parts)))


def _noise(part: Tensor, scale: float, rng: np.random.Generator) -> Tensor:
    import torch

    drawn = rng.normal(0.0, 1.0, tuple(part.shape)) * scale
    return torch.as_tensor(drawn, dtype=part.dtype, device=part.device)
