"""Under what terms is summed? Everything that server and sites must agree on, under one digest.

The digest stands in every signature and every key, so that a server that sums under other terms (a lower threshold, a
smaller minimum, another roster) is refused by the first message.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from affidavit.digests import digest_of
from affidavit.errors import PlanError
from federated.secure.counts import Counts
from federated.secure.fixed_point import FixedPoint
from federated.secure.identities import Roster
from federated.secure.topologies import Topology

LEAST: Final = 3
"""Of a sum over two, either knows the other's part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What every site approved before the first round."""

    run: str
    """The run id: plan, app and nonce."""
    purpose: str
    """What is summed, as `train` or `counts`: sums of one run and round for two purposes share no key."""
    roster: Roster
    size: int
    """Values of one site's vector."""
    encoding: FixedPoint | Counts
    topology: Topology
    n_rounds: int
    """The last round that a site answers: 1 where a sum is told once, as counts are."""
    minimum: int = LEAST
    """The fewest sites that a sum may be over."""
    digest: str = field(init=False)
    """`sha256:` of all terms."""

    def __post_init__(self) -> None:
        """Refuse terms under which no sum, or no private one, can come about."""
        n_sites = len(self.roster.sites)
        if min(self.size, self.n_rounds) < 1:
            raise PlanError(
                "there is nothing to sum",
                slug="plan-impossible",
                where="secure aggregation",
                found=f"{self.size} values in {self.n_rounds} rounds",
                allowed="one or more of each",
            )
        if not LEAST <= self.minimum <= n_sites:
            raise PlanError(
                "no sum can be over so few or so many sites",
                slug="plan-impossible",
                where="secure aggregation",
                found=f"a minimum of {self.minimum}, a roster of {n_sites}",
                allowed=f"a minimum of {LEAST} up to the roster's size",
            )
        self.topology.check(n_sites=n_sites)
        self.encoding.check(n_sites=n_sites, size=self.size)
        object.__setattr__(self, "digest", self._digest())

    def _digest(self) -> str:
        shape = self.topology
        return digest_of(
            {
                "protocol": "affidavit secure sum 1",
                "run": self.run,
                "purpose": self.purpose,
                "roster": self.roster.digest,
                "size": self.size,
                "encoding": self.encoding.described(),
                "topology": [shape.n_neighbours, shape.threshold, shape.quorum],
                "n_rounds": self.n_rounds,
                "minimum": self.minimum,
            }
        )

    @property
    def least(self) -> int:
        """The fewest sites that must be there at every stage."""
        return max(self.minimum, self.topology.quorum)

    def context(self, *, round: int, attempt: int) -> bytes:  # noqa: A002 - the field's word
        """Return what binds every key and signature to one attempt of one round."""
        return hashlib.sha256(f"{self.digest} round {round} attempt {attempt}".encode()).digest()
