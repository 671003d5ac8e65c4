"""How many neighbours, and how many shares, keep what is promised of how many colluding and dropped sites?

| bound | complete graph of n sites | ring of k neighbours (Bell et al. 2020, section 3) |
|---|---|---|
| colluding sites never hold enough shares | threshold > c | m P[Hypergeometric(m - 1, c, k) >= t] <= 2^-security |
| honest sites stay connected by masks | always | n ((c + d) / (n - 1))^(k / 2) <= 2^-security |
| enough shares of all survive | threshold <= n - d | n P[Hypergeometric(n - 1, n - 1 - d, k) < t] <= 2^-correctness |
| a cheating server cannot have two sets signed | 2 quorum > n + c | 2 quorum > n + c |

c sites collude with the server and d drop out, of n. Who drops out before giving keys is not in the ring: of its
m = n - d sites at the least the colluding ones are the largest part, and the first row is about that ring. The last
row is Bonawitz et al. 2017 (section 6): an honest site signs one set, colluding ones sign any, so that two sets with
`quorum` signatures each would need 2 quorum - c honest sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.errors import PlanError

COMPLETE_UP_TO: Final = 64
"""Up to here a complete graph costs less than what a sparse one would have to promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Neighbours, and how many of them it takes."""

    n_neighbours: int
    """As many as other sites for a complete graph; else an even number."""
    threshold: int
    """Shares that give a secret back."""
    quorum: int
    """Signatures over one set before anybody unmasks."""

    def check(self, *, n_sites: int) -> None:
        """Refuse a topology under which one set of half of the sites could be played against another.

        Raises:
            PlanError: the threshold or the quorum cannot be met, or a majority is not needed.
        """
        complete = self.n_neighbours >= n_sites - 1
        majority = n_sites // 2 + 1
        if not majority <= self.quorum <= n_sites:
            raise _impossible("a majority has to sign", f"quorum={self.quorum}", f"{majority} to {n_sites}")
        low, high = (self.quorum, n_sites) if complete else (2, self.n_neighbours)
        if not low <= self.threshold <= high:
            raise _impossible("no such threshold", f"threshold={self.threshold}", f"{low} to {high}")
        if not complete and self.n_neighbours % 2:
            raise _impossible("a ring needs an even number", f"n_neighbours={self.n_neighbours}", "2, 4, ...")

    def colluding(self, *, n_sites: int, cheating: bool) -> int:
        """Return how many sites may collude with the server on a complete graph, honest or cheating as it is."""
        return min(self.threshold - 1, 2 * self.quorum - n_sites - 1) if cheating else self.threshold - 1


def topology(
    n_sites: int, *, colluding: int, dropped: int, security_bits: int = 40, correctness_bits: int = 30
) -> Topology:
    """Return the topology with the fewest neighbours that keeps every bound of the table.

    >>> topology(5, colluding=0, dropped=2)
    Topology(n_neighbours=4, threshold=3, quorum=3)

    Raises:
        PlanError: no topology keeps them: 2 (n_sites - dropped) > n_sites + colluding is needed.
    """
    quorum = n_sites - dropped
    if min(colluding, dropped) < 0 or 2 * quorum <= n_sites + colluding:
        found = f"{n_sites} sites, {colluding} colluding, {dropped} dropped"
        raise _impossible("too many sites would have to be trusted", found, "2 (sites - dropped) > sites + colluding")
    complete = Topology(n_neighbours=n_sites - 1, threshold=quorum, quorum=quorum)
    if n_sites <= COMPLETE_UP_TO:
        return complete
    for k in range(2, n_sites - 1, 2):
        if n_sites * ((colluding + dropped) / (n_sites - 1)) ** (k / 2) > 2.0**-security_bits:
            continue
        low = least_safe(n_sites - dropped, k, colluding=colluding, security_bits=security_bits)
        high = most_robust(n_sites, k, dropped=dropped, correctness_bits=correctness_bits)
        if max(low, 2) <= high:
            return Topology(n_neighbours=k, threshold=max(low, 2), quorum=quorum)
    return complete


def least_safe(n_sites: int, k: int, *, colluding: int, security_bits: int) -> int:
    """Return the lowest threshold that colluding neighbours reach nowhere, but for a chance of 2^-security_bits."""
    from scipy.stats import hypergeom  # a second of every process, and a complete graph needs none of it

    reached = n_sites * hypergeom.sf(np.arange(k + 1) - 1, n_sites - 1, colluding, k)
    return int(np.argmax(np.append(reached, 0.0) <= 2.0**-security_bits))


def most_robust(n_sites: int, k: int, *, dropped: int, correctness_bits: int) -> int:
    """Return the highest threshold that survivors reach everywhere, but for a chance of 2^-correctness_bits."""
    from scipy.stats import hypergeom

    missed = n_sites * hypergeom.cdf(np.arange(k + 1) - 1, n_sites - 1, n_sites - 1 - dropped, k)
    return int(np.flatnonzero(missed <= 2.0**-correctness_bits).max(initial=0))


def _impossible(what: str, found: str, allowed: str) -> PlanError:
    return PlanError(what, slug="plan-impossible", where="secure aggregation", found=found, allowed=allowed)
