"""Sites with keys, terms and vectors, small enough to go through everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from federated.secure.client import SecureClient
from federated.secure.counts import Counts
from federated.secure.fixed_point import FixedPoint
from federated.secure.rehearsal import Keys, clients_of, roster_of, signing_keys
from federated.secure.server import SecureSum
from federated.secure.stages import ORDER, Stage
from federated.secure.terms import Terms
from federated.secure.topologies import Topology, topology


@dataclass(frozen=True, kw_only=True)
class Party:
    """Sites, their clients, and what each holds."""

    keys: Keys
    terms: Terms
    clients: Mapping[str, SecureClient]
    vectors: Mapping[str, NDArray[Any]]

    @property
    def sites(self) -> tuple[str, ...]:
        return tuple(self.keys)

    def until(self, last: Stage) -> SecureSum:
        """Return a server that honestly went through every stage before this one."""
        server = SecureSum(self.terms, round=1, attempt=1)
        for _ in ORDER[: ORDER.index(last)]:
            for site in server.waiting:
                server.receive(site, self.answer(site, server))
            server.close()
        return server

    def answer(self, site: str, server: SecureSum) -> Mapping[str, object]:
        """Return a site's honest reply to the server's request."""
        values = self.vectors[site] if server.stage is Stage.MASKED else None
        return self.clients[site].handle(server.stage, server.request(site), values)


def _party(
    n_sites: int = 5,
    *,
    size: int = 7,
    encoding: Counts | FixedPoint | None = None,
    shape: Topology | None = None,
    minimum: int = 3,
    n_rounds: int = 1000,
    seed: int = 1,
) -> Party:
    keys = signing_keys(tuple(f"site-{i:03d}" for i in range(n_sites)))
    terms = Terms(
        run="run",
        purpose="counts",
        roster=roster_of(keys),
        size=size,
        encoding=encoding or Counts(bound=(1 << 64) // n_sites - 1),
        topology=shape or topology(n_sites, colluding=0, dropped=(n_sites - 1) // 2),
        n_rounds=n_rounds,
        minimum=minimum,
    )
    rng = np.random.default_rng(seed)
    if isinstance(terms.encoding, Counts):
        high = terms.encoding.bound
        vectors = {site: rng.integers(0, high, size=size, dtype=np.uint64, endpoint=True) for site in keys}
    else:
        vectors = {site: rng.normal(size=size) * 0.1 for site in keys}
    return Party(keys=keys, terms=terms, clients=clients_of(keys, terms), vectors=vectors)


@pytest.fixture
def party() -> Callable[..., Party]:
    """Return what makes a party of sites."""
    return _party
