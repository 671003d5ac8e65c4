"""What a plan may say of federated training; what cannot be had together is refused before anything is drawn."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from affidavit.records import Record
from federated.central.options import CentralOptions
from federated.rounds.options import RoundOptions
from federated.secured.options import SecureOptions
from federated.sites.options import PlainOptions
from federated.sites.private_options import PrivateSiteOptions, SitePolicy
from federated.strategies.options import FedAdam, FedAvg, FedProx, QFair, Robust, StrategyOptions


class FederatedOptions(Record):
    """Options of the trainer `federated`."""

    rounds: RoundOptions
    strategy: StrategyOptions = FedAvg()
    local: PlainOptions | None = None
    """Training at a site without privacy, which has to be asked for in so many words."""
    private: PrivateSiteOptions | None = None
    """Training at a site with differential privacy for each of its patients: what hospitals are meant to take. Its
    `rounds` are the plan's."""
    central: CentralOptions | None = None
    """Noise for whole sites: the server's own, or under secure sums the sites' shares of it. Its `rounds` are the
    plan's."""
    policy: SitePolicy = SitePolicy()
    """What every site lets out beside its updates; across machines each site has its own."""
    secure: SecureOptions | None = None
    """Only sums are seen; absent, the server sees each update."""
    held_out: float = Field(default=0.3, ge=0, lt=1)
    """Share of the patients who are not trained on: the same ones as those of the trainer `supervised`."""
    split_seed: int = Field(default=0, ge=0)
    training_digest: str = ""
    """Filled in by a plan: names the whole of what is trained."""

    @model_validator(mode="before")
    @classmethod
    def _one_number_of_rounds(cls, given: Any) -> Any:  # noqa: ANN401 - what a plan says, not read yet
        """Give private training, and noise for sites, the plan's number of rounds, for which noise is chosen."""
        rounds = given.get("rounds") if isinstance(given, dict) else None
        planned = rounds.get("rounds") if isinstance(rounds, dict) else None
        if not isinstance(given, dict) or planned is None:
            return given
        noised = {key: given[key] for key in ("private", "central") if isinstance(given.get(key), dict)}
        return {**given, **{key: {"rounds": planned, **said} for key, said in noised.items()}}

    @model_validator(mode="after")
    def _coherent(self) -> FederatedOptions:
        if self.local is None and self.private is None and self.central is None:
            raise ValueError(
                "say whom the training protects: `private: {epsilon: ..., delta: ...}` each patient, `central: {...}` "
                "whole sites, `local: {}` nobody"
            )
        if self.local is not None and self.private is not None:
            raise ValueError("say either local or private: a site trains in one way")
        if self.private is not None:
            self._require_private(self.private)
        if self.central is not None:
            self._require_central(self.central)
        if self.secure is not None and isinstance(self.strategy, Robust):
            raise ValueError(
                f"{self.strategy.name} looks at each site's update beside the others', and under secure sums nobody "
                "sees one: leave secure off, or take an additive strategy with rounds.norm_bound"
            )
        if self.secure is not None and self.rounds.norm_bound is None:
            raise ValueError("say rounds.norm_bound: under secure sums each site clips its update, for nobody else can")
        return self

    def _require_private(self, private: PrivateSiteOptions) -> None:
        if private.rounds != self.rounds.rounds:
            raise ValueError(
                f"private.rounds={private.rounds} and rounds.rounds={self.rounds.rounds}: the noise is chosen for the "
                "rounds of the plan; leave private.rounds out"
            )
        if isinstance(self.strategy, QFair):
            raise ValueError("q-ffl asks sites for their losses, which private training does not let out")
        if self.rounds.weights == "capped" and not self.policy.tells_units:
            raise ValueError(
                "weights: capped needs policy.tells_units: true, since sites then tell a number of patients"
            )

    def _require_central(self, central: CentralOptions) -> None:
        if self.private is not None:
            raise ValueError("say either private or central: noise for each site's patients, or for whole sites")
        if not isinstance(self.strategy, FedAvg | FedProx | FedAdam):
            raise ValueError(f"central noise has no sensitivity to go by under {self.strategy.name}")
        if central.rounds != self.rounds.rounds:
            raise ValueError("central.rounds is not rounds.rounds, for which the noise is chosen; leave it out")
        if self.secure is None:
            return
        if self.rounds.norm_bound != central.clip_norm:
            raise ValueError("under secure sums rounds.norm_bound is central.clip_norm: nobody else clips")
        if self.rounds.weights != "equal":
            raise ValueError("under secure sums nobody sees weights that the noise would depend on: weights: equal")
        if self.secure.minimum < central.least:
            raise ValueError(f"secure.minimum has to be central.least={central.least}, for which sites share the noise")

    @property
    def plain(self) -> PlainOptions:
        """How a site trains without privacy."""
        return self.local or PlainOptions()
