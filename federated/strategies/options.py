"""What a plan may say of a strategy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from affidavit.records import Record


class FedAvg(Record):
    """The mean of the sites' updates (McMahan et al. 2017)."""

    name: Literal["fedavg"] = "fedavg"
    server_learning_rate: float = Field(default=1.0, gt=0)
    """What the mean update is multiplied by; 1 sets the model to the mean of the sites' models."""


class FedProx(Record):
    """FedAvg of sites that are held to the model which they received (Li et al. 2020)."""

    name: Literal["fedprox"] = "fedprox"
    proximal: float = Field(gt=0)
    """mu: each site minimises its loss plus mu / 2 times the squared distance from the received parameters."""
    server_learning_rate: float = Field(default=1.0, gt=0)


class FedAdam(Record):
    """Adam on the mean update (Reddi et al. 2021, algorithm 2), without bias correction, as there."""

    name: Literal["fedadam"] = "fedadam"
    server_learning_rate: float = Field(default=0.01, gt=0)
    beta_1: float = Field(default=0.9, ge=0, lt=1)
    beta_2: float = Field(default=0.99, ge=0, lt=1)
    tau: float = Field(default=1e-3, gt=0)
    """How adaptive it is: added to the root of the second moment, which starts at its square."""


class QFair(Record):
    """q-FFL by q-FedAvg (Li, Sanjabi, Beirami, Smith 2020, algorithm 2): sites with a high loss weigh more."""

    name: Literal["q-ffl"] = "q-ffl"
    q: float = Field(default=1.0, ge=0)
    """0 is FedAvg with equal weights."""
    local_learning_rate: float = Field(gt=0)
    """1 / L, where L bounds the curvature; the sites' own learning rate."""


class TrimmedMean(Record):
    """Coordinate by coordinate, the mean without the largest and smallest updates (Yin et al. 2018)."""

    name: Literal["trimmed-mean"] = "trimmed-mean"
    trimmed: float = Field(default=0.2, ge=0, lt=0.5)
    """Share of the sites cut off at each end."""


class Krum(Record):
    """The update that is nearest to its nearest, or the mean of several (Blanchard et al. 2017)."""

    name: Literal["krum"] = "krum"
    most_faulty: int = Field(ge=0)
    """f: how many sites may send anything at all; 2 f + 3 sites at least."""
    kept: int = Field(default=1, ge=1)
    """m of Multi-Krum: the mean of so many is taken."""


Additive = FedAvg | FedProx | FedAdam | QFair
Robust = TrimmedMean | Krum
StrategyOptions = Annotated[Additive | Robust, Field(discriminator="name")]
