"""A site's training that answers the orders of its plan and no others, whatever the server asks for."""

from __future__ import annotations

from dataclasses import dataclass

from federated.rounds.terms import Terms
from federated.updates.layout import Vector
from federated.updates.local import LocalTraining, LocalUpdate, RoundOrder, SiteFacts, SiteLeavesError


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPlan:
    """Another training, behind the plan that its officer approved."""

    training: LocalTraining
    terms: Terms

    def facts(self) -> SiteFacts:
        """Return what the site tells of itself."""
        return self.training.facts()

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        """Train, where the order is one of the plan's.

        Raises:
            SiteLeavesError: it is of another run, beyond the last round, or asks for what the plan does not.
            AffidavitError: it could not be done.
        """
        expected = self.terms.order(number=order.round, attempt=order.attempt, clip_norm=order.clip_norm)
        if order != expected or order.round > self.terms.rounds.rounds:
            raise SiteLeavesError("plan-not-approved", "the order is none of the plan that this site approved")
        return self.training.train(received, order)
