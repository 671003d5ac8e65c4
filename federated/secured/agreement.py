"""What server and sites agree on before the first secure round, made from the plan alone."""

from __future__ import annotations

from dataclasses import dataclass

from federated.rounds.terms import Terms
from federated.secure import terms as secure
from federated.secure.fixed_point import FixedPoint, fixed_point
from federated.secure.identities import Roster
from federated.secure.topologies import topology
from federated.secured.options import SecureOptions
from federated.secured.scaling import Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The terms of the sum, and how contributions are scaled for it."""

    terms: secure.Terms
    scaling: Scaling
    stage_deadline: float
    """Seconds that a stage after the first waits."""


def agreed(plan: Terms, *, options: SecureOptions, roster: Roster, encoding: FixedPoint | None = None) -> Agreement:
    """Return what a plan and a roster make; `encoding` where noise of the sites needs a grid with room for it.

    A sum is over no fewer sites than a round needs: one that was opened and does not count would be told for nothing,
    and could not be made again.

    Raises:
        PlanError: the strategy cannot be had with sums alone, or no sum over these sites keeps what is asked.
    """
    scaling = Scaling.of(rounds=plan.rounds, strategy=plan.strategy, secure=options)
    n_sites, minimum = len(roster.sites), max(options.minimum, plan.least)
    terms = secure.Terms(
        run=plan.run,
        purpose="train",
        roster=roster,
        size=plan.layout.size + 1,
        encoding=encoding
        or fixed_point(max_norm=scaling.max_norm, n_sites=n_sites, bits=options.bits, max_value=options.max_value),
        topology=topology(n_sites, colluding=options.colluding, dropped=_dropped(options, n_sites, minimum)),
        n_rounds=plan.rounds.rounds,
        minimum=minimum,
    )
    return Agreement(terms=terms, scaling=scaling, stage_deadline=options.stage_deadline)


def _dropped(options: SecureOptions, n_sites: int, minimum: int) -> int:
    if options.dropped is not None:
        return options.dropped
    return max(0, min((n_sites - options.colluding - 1) // 2, n_sites - minimum))
