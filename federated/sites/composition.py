"""The most that a patient can have lost at all sites together, from what they told of ledgers that they keep.

Two sites share nobody where *both* attest it; anything less, and their losses are added. Ledgers that can be read are
added up by `privacy.ledger` under the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from privacy.accounting.composition import cliques


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLoss:
    """What can be said where sites tell an epsilon each and keep their ledgers."""

    epsilon: float | None
    """None where a site that may share patients told none, or nobody told anything."""
    delta: float
    """Deltas add up too."""
    sites: tuple[str, ...]
    """At which a patient would lose that much."""
    because: str


def lost_as_told(
    epsilons: Mapping[str, float | None], *, delta: float, disjoint: frozenset[frozenset[str]] = frozenset()
) -> ToldLoss:
    """Return the most that a patient can have lost, each site having told epsilon at `delta`.

    `disjoint` are the pairs of sites that both attested. Basic composition: coarser than one account of all steps, and
    all there is where only the sums are told.
    """
    shared = frozenset(frozenset(pair) for pair in combinations(epsilons, 2)) - disjoint
    groups = list(cliques(tuple(sorted(epsilons)), shared))
    silent = sorted(site for site, epsilon in epsilons.items() if epsilon is None)
    if silent or not groups:
        words = f"no epsilon was told by {', '.join(silent)}" if silent else "no site told anything"
        return ToldLoss(epsilon=None, delta=delta, sites=tuple(silent), because=words)
    sums = {group: sum(epsilons[site] or 0.0 for site in group) for group in groups}
    worst = max(sorted(groups), key=lambda group: sums[group])
    most = max(map(len, groups))
    words = (
        "the largest of the sites' losses: every two attested that they share no patient"
        if most == 1
        else "losses and deltas are added over sites of which not every two attested that they share no patient"
    )
    return ToldLoss(epsilon=sums[worst], delta=most * delta, sites=worst, because=words)
