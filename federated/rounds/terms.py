"""What a federation is about; all of it stands in the plan, and its digest is the run's."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.errors import PlanError
from federated.rounds.options import RoundOptions
from federated.strategies.options import FedProx, QFair, Robust, StrategyOptions
from federated.strategies.robust import least_sites
from federated.updates.layout import Layout
from federated.updates.local import RoundOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a federation is about."""

    run: str
    """The run's digest: plan, app and layout."""
    layout: Layout
    rounds: RoundOptions
    strategy: StrategyOptions
    seed: int
    sites: frozenset[str] | None = None
    """Who may take part; None for whoever is connected."""

    def __post_init__(self) -> None:
        """Refuse what would be said and not done.

        Raises:
            PlanError: weights that the strategy does not look at, or more sites in a round than there are.
        """
        if self.rounds.weights == "capped" and isinstance(self.strategy, QFair | Robust):
            raise PlanError(
                "the strategy looks at no weights",
                slug="plan-impossible",
                where="rounds.weights",
                found=f"weights: capped with {self.strategy.name}",
                allowed="capped weights with fedavg, fedprox or fedadam",
                remedy="say weights: equal, or take one of these strategies",
            )
        if self.sites is not None and len(self.sites) < self.least:
            raise PlanError(
                "a round needs more sites than the plan names",
                slug="plan-impossible",
                where="rounds.quorum, or what the strategy needs",
                found=f"{len(self.sites)} sites",
                allowed=f"{self.least} or more",
                remedy="name more sites, lower the quorum, or take a strategy that fewer sites are enough for",
            )

    @property
    def least(self) -> int:
        """With fewer sites there is no round."""
        strategy = self.strategy
        return max(self.rounds.quorum, least_sites(strategy) if isinstance(strategy, Robust) else 1)

    def order(self, *, number: int, attempt: int, clip_norm: float | None = None) -> RoundOrder:
        """Return what a site is asked in an attempt."""
        order = RoundOrder(
            run=self.run,
            round=number,
            attempt=attempt,
            layout=self.layout.digest,
            proximal=self.strategy.proximal if isinstance(self.strategy, FedProx) else 0.0,
            loss_wanted=isinstance(self.strategy, QFair),
        )
        return order if clip_norm is None else order.model_copy(update={"clip_norm": clip_norm})
