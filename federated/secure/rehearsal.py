"""What comes out where every site runs in this process? For simulation, tests and measuring; nothing is protected.

Sites answer one after another, and a masked vector is folded before the next one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from federated.secure.client import SecureClient
from federated.secure.contents import Content
from federated.secure.identities import Roster
from federated.secure.server import SecureSum
from federated.secure.stages import Stage
from federated.secure.terms import Terms
from federated.secure.totals import SecureTotal

Keys = Mapping[str, Ed25519PrivateKey]


def signing_keys(sites: tuple[str, ...]) -> Keys:
    """Return a fresh signing key for each site."""
    return {site: Ed25519PrivateKey.generate() for site in sites}


def roster_of(keys: Keys) -> Roster:
    """Return the roster that holds these keys' public halves."""
    return Roster(keys={site: key.public_key().public_bytes_raw() for site, key in keys.items()})


def clients_of(keys: Keys, terms: Terms) -> dict[str, SecureClient]:
    """Return a client for each site."""
    return {site: SecureClient(site=site, key=key, terms=terms) for site, key in keys.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the server saw of one message, for those who test what it learns."""

    stage: Stage
    site: str
    request: Content
    reply: Content


def rehearse(
    clients: Mapping[str, SecureClient],
    vectors: Mapping[str, NDArray[Any]],
    *,
    numbers: tuple[int, int] = (1, 1),
    drops: Mapping[str, Stage] | None = None,
    heard: list[Heard] | None = None,
) -> SecureTotal:
    """Sum the vectors of all clients; a site in `drops` answers nothing from that stage on.

    Raises:
        SecureAbortError: too few were left.
        SecureRefusalError: a site refused.
    """
    terms = next(iter(clients.values())).terms
    server = SecureSum(terms, round=numbers[0], attempt=numbers[1])
    gone: set[str] = set()
    stage: Stage | None = Stage.KEYS
    while stage is not None:
        gone |= {site for site, at in (drops or {}).items() if at is stage}
        for site in server.waiting:
            if site in gone:
                continue
            request = server.request(site)
            reply = clients[site].handle(stage, request, vectors[site] if stage is Stage.MASKED else None)
            server.receive(site, reply)
            if heard is not None:
                heard.append(Heard(stage=stage, site=site, request=request, reply=reply))
        stage = server.close()
    return server.result()
