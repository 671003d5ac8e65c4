"""A site's training whose updates are cut to a bound before they leave: what noise for whole sites rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from federated.updates.layout import Vector
from federated.updates.local import LocalTraining, LocalUpdate, RoundOrder, SiteFacts

ROUNDING = 1e-6
"""What single precision may add to a clipped norm; taken off beforehand."""


def clipped(update: Vector, bound: float) -> tuple[Vector, bool]:
    """Return an update whose Euclidean norm is at most the bound, and whether it was so before.

    | update | becomes |
    |---|---|
    | within the bound, all zeros included | itself |
    | longer | itself times bound / norm, less one millionth for rounding |

    Raises:
        ValueError: it is not finite, or the bound is not above zero.
    """
    if not bound > 0:
        raise ValueError(f"a bound of {bound:g}; it has to be above zero")
    if not np.isfinite(update).all():
        raise ValueError("an update that is not finite has no norm")
    largest = float(np.abs(update).max(initial=0.0))
    if largest == 0:
        return update, True
    ratio = update.astype(np.float64) / largest  # neither overflows nor underflows when squared
    norm = largest * float(np.sqrt(np.dot(ratio, ratio)))
    if norm <= bound:
        return update, True
    return np.asarray(ratio * ((1 - ROUNDING) * bound / (norm / largest)), dtype=np.float32), False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClippedTraining:
    """Another training, whose updates leave it within the bound of the order and of the site, whichever is less."""

    training: LocalTraining
    bound: float
    """The site's own, from the plan that it approved: no order raises it."""

    def facts(self) -> SiteFacts:
        """Return what the site tells of itself."""
        return self.training.facts()

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        """Train, and cut; what the site keeps to answer again with is not cut.

        Raises:
            SiteLeavesError: the site takes no part.
            AffidavitError: it could not be done.
        """
        answer = self.training.train(received, order)
        bound = self.bound if order.clip_norm is None else min(self.bound, order.clip_norm)
        return replace(answer, update=clipped(answer.update, bound)[0])
