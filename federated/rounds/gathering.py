"""How the sites' parts of a round come together: each in clear, or as a sum of which nobody sees a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flwr.serverapp import Grid

from federated.central.mechanism import ServerMechanism
from federated.rounds.begun import Begun
from federated.rounds.events import Note
from federated.rounds.sites import Sites
from federated.rounds.terms import Terms
from federated.rounds.waiting import Clock
from federated.strategies.additive import Moments
from federated.updates.layout import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What every way of gathering works with."""

    terms: Terms
    sites: Sites
    note: Note
    clock: Clock
    begun: Begun
    mechanism: ServerMechanism | None = None


class RoundGathering(Protocol):
    """One round, over all of its attempts."""

    @property
    def contributors(self) -> Sequence[str]:
        """Whose parts are together."""

    @property
    def lost(self) -> str | None:
        """Why no other attempt of this round can be made; None where one can."""

    def ask(self, grid: Grid, model: Vector, sites: Sequence[str], *, attempt: int) -> None:
        """Ask sites for their parts, and wait no longer than an attempt may.

        Raises:
            BudgetSpentError: the server's own ledger has no room for the round.
        """

    def result(self, model: Vector, moments: Moments | None) -> tuple[Vector, Moments | None]:
        """Return the next model, and what the strategy remembers.

        Raises:
            BudgetSpentError: the server's own ledger has no room for the round.
        """


class Gathering(Protocol):
    """A way of gathering, for a whole run."""

    @property
    def least(self) -> int:
        """With fewer sites it cannot be done."""

    def begin(self, number: int) -> RoundGathering:
        """Begin a round."""


Gatherings = Callable[[Server], Gathering]
