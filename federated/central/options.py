"""What a plan may say of noise for whole sites, and which strategies it can be had with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.errors import PlanError
from affidavit.records import Record
from federated.strategies.options import FedAdam, FedAvg, FedProx, StrategyOptions
from privacy.accounting.mechanisms import Neighbours
from privacy.dpsgd.options import AdaptiveClipping


class CentralOptions(Record):
    """Noise on the sum of clipped updates, once a round; who takes part in it is public, and so are the weights."""

    rounds: int = Field(ge=1)
    """For so many rounds the noise is chosen. Every site is taken to be in every one of them: who is asked is known to
    all, so that no sampling makes the loss smaller."""
    protects: Literal["patients", "devices"] = "patients"
    """`patients`: sites are hospitals, and each of their patients can move an update from any place within the bound to
    any other: twice the bound (relation replace). It covers a hospital that is replaced as a whole. `devices`: a site
    is one patient, who is there or is not: once the bound (add or remove)."""
    clip_norm: float = Field(gt=0)
    """Bound on the Euclidean norm of a site's update; where it is adaptive, the first one."""
    adaptive_clipping: AdaptiveClipping | None = None
    epsilon: float | None = Field(default=None, ge=0.01)
    delta: float = Field(gt=0, lt=1)
    """Less than 1 over the number of those who are protected."""
    noise_multiplier: float | None = Field(default=None, gt=0)
    """Standard deviation of the noise on the weighted sum, over the bound times the largest weight; chosen for epsilon
    where absent."""
    least: int = Field(default=3, ge=2)
    """With fewer contributors a round is not released: the noise on their mean would drown it."""
    sites_per_patient: int = Field(default=1, ge=1)
    """At how many sites one patient may be, each of whose updates they can move; the noise is so many times as large.
    1 where every two sites attest that they share nobody."""
    n_units: int | None = Field(default=None, ge=1)
    """A number declared to be public that there are no more of those who are protected than."""

    @model_validator(mode="after")
    def _coherent(self) -> CentralOptions:
        if self.epsilon is None and self.noise_multiplier is None:
            raise ValueError("say epsilon, or noise_multiplier")
        if self.n_units is not None and self.delta * self.n_units >= 1:
            raise ValueError("delta is not below 1 over n_units: it allows one of them to be published whole")
        return self

    @property
    def neighbours(self) -> Neighbours:
        """The relation that the ledger counts under."""
        return "replace" if self.protects == "patients" else "add-remove"


def require_mean(strategy: StrategyOptions) -> None:
    """Refuse a strategy in which a site's weight is not declared beforehand, so that no bound on its share is known.

    Raises:
        PlanError: it is q-FFL, whose weights are losses, or a robust one, whose choice is a function of all updates.
    """
    if not isinstance(strategy, FedAvg | FedProx | FedAdam):
        raise PlanError(
            "noise at the server has no sensitivity to go by under this strategy",
            slug="plan-impossible",
            where="strategy",
            found=strategy.name,
            allowed="fedavg, fedprox, fedadam: means with weights that are declared before the round",
            remedy="choose one of them, or protect patients at their sites (private)",
        )
