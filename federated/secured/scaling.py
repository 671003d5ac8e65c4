"""A site's contribution as numbers whose sum cannot overflow, and a sum of them as the total that moves the model.

The numbers are `[size + 1]`: what is added over sites, and last what it is divided by. With equal weights the last one
is how many sites are in the sum, which everybody knows, so nobody sends it: the norm of what a site sends is then at
most the norm bound. Otherwise it is brought to the scale of the rest, so that both keep as many digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from affidavit.errors import PlanError
from federated.rounds.options import RoundOptions
from federated.secure.totals import SecureTotal
from federated.secured.options import SecureOptions
from federated.sites.clipped import clipped
from federated.strategies.additive import LOSS_FLOOR, Total, contribution
from federated.strategies.options import Additive, QFair, Robust, StrategyOptions
from federated.updates.layout import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Bounds of what a site contributes; the same at every site and at the server."""

    strategy: Additive
    clip_norm: float
    """Of an update: a longer one is brought to it at the site, for nobody else can."""
    first: float
    """The longest that all numbers but the last can be."""
    last: float
    """The largest that the last can be; 0 where it is known and not sent."""
    loss_bound: float = math.inf

    @classmethod
    def of(cls, *, rounds: RoundOptions, strategy: StrategyOptions, secure: SecureOptions) -> Self:
        """Return the bounds that a plan makes.

        Raises:
            PlanError: the strategy looks at single updates, or something has no bound.
        """
        require_summable(strategy, secure)
        if isinstance(strategy, Robust) or rounds.norm_bound is None:
            raise _impossible("rounds.norm_bound", "no norm bound", "say rounds.norm_bound, to which sites clip")
        clip = rounds.norm_bound
        if not isinstance(strategy, QFair):
            last = 0.0 if rounds.weights == "equal" else 1.0
            return cls(strategy=strategy, clip_norm=clip, first=clip, last=last)
        loss, steepness = float(secure.loss_bound or 0), 1 / strategy.local_learning_rate
        highest = loss + LOSS_FLOOR
        raised = steepness * highest**strategy.q
        last = strategy.q * highest ** max(strategy.q - 1, 0) * (steepness * clip) ** 2 + raised
        return cls(strategy=strategy, clip_norm=clip, first=raised * clip, last=last, loss_bound=loss)

    @property
    def max_norm(self) -> float:
        """The longest vector that a site sends."""
        return self.first * (math.sqrt(2) if self.last else 1.0)

    def sent(self, update: Vector, *, weight: float, loss: float | None) -> Total:
        """Return what a site masks, `[size + 1]`.

        Raises:
            ValueError: the update is not finite, or the weight or the loss cannot be used.
        """
        within = clipped(update, self.clip_norm)[0]
        capped = None if loss is None else min(loss, self.loss_bound)
        part = contribution(within, weight=weight, loss=capped, options=self.strategy)
        part[-1] = part[-1] * self._factor if self.last else 0.0
        return part

    def total(self, summed: SecureTotal) -> Total:
        """Return the sum as if it had been made of contributions in clear.

        Raises:
            ValueError: what it is divided by is none that these sites could have sent.
        """
        total = summed.total.copy()
        if not self.last:
            total[-1] = len(summed.contributors)
            return total
        total[-1] /= self._factor
        if not 0 < total[-1] <= len(summed.contributors) * self.last * (1 + 1e-6):
            raise ValueError("the sites' weights add up to what cannot be")
        return total

    @property
    def _factor(self) -> float:
        return self.first / self.last


def require_summable(strategy: StrategyOptions, secure: SecureOptions) -> None:
    """Refuse a strategy that sums alone do not serve.

    Raises:
        PlanError: it looks at single updates, or weighs sites by losses without bound.
    """
    if isinstance(strategy, Robust):
        raise _impossible(
            "strategy", strategy.name, "take an additive strategy with a norm bound, or leave secure sums off"
        )
    if isinstance(strategy, QFair) and (secure.loss_bound is None or 0 < strategy.q < 1):
        raise _impossible(
            "strategy", f"q-ffl with q={strategy.q:g}", "say secure.loss_bound, and q of 1 or more (or 0)"
        )


def _impossible(where: str, found: str, remedy: str) -> PlanError:
    return PlanError(
        "under secure sums nobody sees a single update, and each is bounded at its site",
        slug="plan-impossible",
        where=where,
        found=found,
        allowed="fedavg, fedprox, fedadam or q-ffl, with rounds.norm_bound",
        remedy=remedy,
    )
