"""How good is a trial of a search? The noised sum of its units' losses; the least is the best.

    score = sum over units of min(max(loss, 0), B) + N(0, (score_noise * B)^2)

One unit added or removed moves the sum by at most B, so that the score is one more step of the trial: a Gaussian in
which everybody takes part, with `score_noise` as its noise multiplier. A loss that is no number counts as B. Whether
the units were trained on makes no difference to that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from affidavit.protocols import Trainable
from privacy.dpsgd.randomness import Source
from privacy.dpsgd.units import ProtectedUnit


def noised_score(
    reasoner: Trainable, units: Sequence[ProtectedUnit], source: Source, *, bound: float, noise: float
) -> float:
    """Return the score of the model as it judges, without dropout; smaller is better."""
    torch.manual_seed(source.seed())
    rng = np.random.default_rng(source.seed())
    reasoner.module.eval()
    with torch.no_grad():
        total = sum(_clipped(reasoner, unit, rng, bound) for unit in units)
    return total + noise * bound * float(source.normal(1)[0])


def _clipped(reasoner: Trainable, unit: ProtectedUnit, rng: np.random.Generator, bound: float) -> float:
    """Return the mean loss of a unit's pieces, between 0 and the bound; each alone, so that nobody bears on another."""
    losses = [float(reasoner.losses([piece], rng=rng).sum()) for piece in unit.pieces]
    mean = sum(losses) / len(losses)
    return min(max(mean, 0.0), bound) if np.isfinite(mean) else bound
