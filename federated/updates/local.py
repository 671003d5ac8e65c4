"""What federation asks of a site: from the received parameters to its own update, or polite words why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pydantic import Field

from affidavit.records import Record
from federated.updates.layout import Vector


class RoundOrder(Record):
    """What a site is asked to do in a round."""

    run: str
    """The run's digest."""
    round: int = Field(ge=1)
    attempt: int = Field(ge=1)
    """Within the round: who did not reply is asked again under the next number."""
    layout: str
    """Digest of the layout of the received vector."""
    proximal: float = Field(default=0.0, ge=0)
    """mu of FedProx (Li et al. 2020): how strongly the site's parameters are held to the received ones."""
    loss_wanted: bool = False
    """Whether the strategy needs the site's mean loss at the received parameters (q-FFL)."""
    clip_norm: float | None = Field(default=None, gt=0)
    """The bound on the update's Euclidean norm in this round, where sites are protected at the server."""


class SiteFacts(Record):
    """What a site tells of itself before the first round; nothing of it is a patient's."""

    site: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    layout: str
    """Digest of the layout of its model."""
    n_units: int | None = Field(default=None, ge=1)
    """How many patients it trains on, where its policy lets that number leave."""
    rounds_left: int | None = Field(default=None, ge=0)
    """How many more rounds its privacy budget allows; absent where no budget binds."""


class UpdateFacts(Record):
    """What leaves a site beside its update."""

    loss: float | None = Field(default=None, ge=0)
    """The mean loss at the received parameters, where the order asks for it and the site's policy lets it leave."""
    epsilon: float | None = Field(default=None, ge=0)
    """What the site's ledger has spent at its delta up to here; absent where nothing is accounted for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalUpdate:
    """What leaves a site in a round."""

    update: Vector
    """`[size]`: the site's parameters less the received ones."""
    facts: UpdateFacts = field(default_factory=UpdateFacts)


class SiteLeavesError(Exception):
    """A site takes no part from here on, and says why: its budget is spent, or its officer refused.

    An answer and not a failure: the federation goes on without it.
    """

    def __init__(self, slug: str, words: str) -> None:
        super().__init__(words)
        self.slug, self.words = slug, words


class LocalTraining(Protocol):
    """A site's own training.

    It may be opened anew for every message: what it has to remember between rounds is on the site's own disk. Asked
    twice for one round, under whatever attempt, it answers with the same update and spends nothing more.
    """

    def facts(self) -> SiteFacts:
        """Return what the site tells of itself."""

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        """Train from the received parameters.

        Raises:
            SiteLeavesError: the site takes no part in this round or any later one.
            AffidavitError: it could not be done.
        """
