"""Max-sensitivity: how far an attribution moves, at most, when the input moves by next to nothing.

|phi(x + e) - phi(x)| / |phi(x)| for noise e drawn evenly from a box about the input; the largest of some draws. It
needs no model that answers otherwise: an explanation that jumps where the input hardly moves explains little. It says
nothing of whether the explanation is right; a constant one is perfectly steady.

Source: Yeh et al. 2019, definition 3.1; Captum `metrics.sensitivity_max`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from affidavit.attributable import Features
from affidavit.statistics.types import FloatArray

Explain = Callable[[tuple[Features, ...]], FloatArray]
"""Values `[T, S]` of features as they are handed over."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitivity:
    """How far the attributions of T targets moved under D draws of noise."""

    moved: FloatArray
    """`[T, D]`, 0 or more, as a share of the attribution's own length; NaN where that is 0, for nothing is a share of
    nothing."""

    @property
    def maximum(self) -> FloatArray:
        """Max-sensitivities `[T]`; lower is steadier."""
        return np.asarray(self.moved.max(1))


def max_sensitivity(
    explain: Explain,
    features: Sequence[Features],
    *,
    rng: np.random.Generator,
    radius: float = 0.02,
    n_draws: int = 10,
) -> Sensitivity:
    """Return how far `explain` moves when values move by up to `radius`.

    The radius is a share of how far the values of each tensor lie from their baseline at most: pixels and embeddings
    have other units.
    """
    plain = explain(tuple(features))
    length = np.linalg.norm(plain, axis=1)
    moves = []
    for _ in range(n_draws):
        away = np.linalg.norm(explain(tuple(_noisy(feature, radius, rng) for feature in features)) - plain, axis=1)
        moves.append(np.divide(away, length, out=np.full_like(length, np.nan), where=length > 0))
    return Sensitivity(moved=np.stack(moves, axis=1))


def _noisy(feature: Features, radius: float, rng: np.random.Generator) -> Features:
    reach = radius * float((feature.values - feature.baseline).abs().max())
    noise = torch.from_numpy(rng.uniform(-reach, reach, tuple(feature.values.shape)))
    return replace(feature, values=feature.values + noise.to(feature.values))
