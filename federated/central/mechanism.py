"""What the rounds ask of a mechanism that protects sites in what the server makes of them.

In a round: `begin`; its `clip_norm` goes into the order; each reply that is visible through `admit`; when it is known
who is in the sum, and before anybody opens it, `intend` with their weights; then `release` of the total, in place of
which nothing else may move the model. A round that is not released costs what was intended, and never less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from federated.strategies.additive import Total
from federated.updates.layout import Vector


class RoundNoise(Protocol):
    """One round."""

    @property
    def clip_norm(self) -> float:
        """The bound on the Euclidean norm of a site's update in this round: sites clip to it."""

    def admit(self, update: Vector) -> Vector:
        """Return a reply as it is added: within the bound, whatever the site sent. Not called under secure sums.

        Raises:
            UnusableVectorError: it is not finite.
        """

    def intend(self, weights: Sequence[float]) -> None:
        """Write into the ledger that a sum over contributors of these weights, each above 0 and at most 1, is released.

        Raises:
            FederationError: they are fewer than `least`; nothing was written.
            BudgetSpentError: the budget has no room for the round; nothing was written.
        """

    def release(self, total: Total) -> Total:
        """Return the total `[size + 1]` as it may be seen: what is divided by, its last number, is public.

        Raises:
            RuntimeError: nothing was intended, or it was released before.
        """


class ServerMechanism(Protocol):
    """All rounds of a run; to be closed after use."""

    @property
    def least(self) -> int:
        """With fewer contributors a round is not released."""

    def begin(self, number: int) -> RoundNoise:
        """Begin a round, or an attempt of it anew: nothing of an earlier attempt is left."""

    def told(self) -> Mapping[str, Any]:
        """Return what a card says of the protection and its cost up to here."""

    def close(self) -> None:
        """Let another process write to the ledger."""
