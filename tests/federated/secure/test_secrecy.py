"""What the server and t - 1 sites see of an honest site's vector is uniform, whatever the vector; only the sum is left.

The modulus is 2^8, so that every residue can be counted. An honest site always sends the same vector: had it any trace
in what is seen, the residues would not be uniform.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from federated.secure import client as client_module
from federated.secure.counts import Counts
from federated.secure.envelopes import mask_key, self_key
from federated.secure.identities import Card, commitment
from federated.secure.shamir import recover
from federated.secure.stages import Stage
from federated.secure.streams import add_mask, reduce
from federated.secure.topologies import Topology

SIZE = 400
N_RUNS = 20
SELDOM = 1e-6
"""Masks cannot be seeded: a test of them errs once in a million runs."""
BYTES = Counts(bound=63, bits=8)


class Seen:
    """One sum over four sites, of which the server and the last two put together what they know."""

    def __init__(self, party: Callable, *, value: int) -> None:
        self.many = party(4, size=SIZE, encoding=BYTES, shape=Topology(n_neighbours=3, threshold=3, quorum=3))
        self.honest, self.colluding = self.many.sites[:2], self.many.sites[2:]
        server = self.many.until(Stage.MASKED)
        self.context = self.many.terms.context(round=1, attempt=1)
        self.vectors = {site: np.full(SIZE, value + at) for at, site in enumerate(self.many.sites)}
        self.masked: dict[str, NDArray[Any]] = {}
        for site in self.many.sites:
            reply = self.many.clients[site].handle(Stage.MASKED, server.request(site), self.vectors[site])
            self.masked[site] = reply["vector"]
        memories = {site: self.many.clients[site].memory.current for site in self.many.sites}
        self.cards = {site: Card.parsed(card) for site, card in memories[self.honest[0]].cards.items()}
        self.known_keys = {site: memories[site].masking for site in self.colluding}
        self.seeds = {site: memories[site].seed for site in self.honest}
        """Revealed to the server for sites in the sum."""
        self.keys = {site: memories[site].masking for site in self.honest}
        """Revealed to the server for sites that dropped."""
        self.shares = {site: [memories[peer].held[site] for peer in self.colluding] for site in self.honest}

    def without_colluding(self, site: str) -> NDArray[Any]:
        """The masked vector without the masks that the colluding sites share with it."""
        left = self.masked[site].copy()
        for peer in self.colluding:
            public = self.cards[site].masking
            key = mask_key(self.known_keys[peer], public, context=self.context, own=peer, peer=site)
            add_mask(left, key, negative=site < peer)
        return left

    def without_self(self, left: NDArray[Any], site: str) -> NDArray[Any]:
        """What is left when the seed of the self mask is known as well."""
        left = left.copy()
        add_mask(left, self_key(self.seeds[site], context=self.context, own=site), negative=True)
        reduce(left, bits=8)
        return left


def p_uniform(values: NDArray[Any]) -> float:
    return float(stats.chisquare(np.bincount(values.astype(np.int64).ravel() & 255, minlength=256)).pvalue)


@pytest.mark.parametrize("value", [0, 40])
def test_what_is_left_of_an_honest_vector_in_the_sum_is_uniform(party: Callable, value: int) -> None:
    """All that is unknown to server and t - 1 sites is the one mask between the two honest ones."""
    left = []
    for _ in range(N_RUNS):
        seen = Seen(party, value=value)
        parts = {site: seen.without_self(seen.without_colluding(site), site) for site in seen.honest}
        left.append(parts[seen.honest[0]])
        both = sum(parts.values())
        reduce(both, bits=8)
        assert (both == 2 * value + 1).all(), "of the honest ones together exactly the sum is left"
    assert p_uniform(np.concatenate(left)) > SELDOM
    lags = np.concatenate(left).reshape(-1, 2).astype(np.int64) >> 5
    joint = np.bincount(lags[:, 0] * 8 + lags[:, 1], minlength=64)
    assert stats.chisquare(joint).pvalue > SELDOM


@pytest.mark.parametrize("value", [0, 40])
def test_a_vector_that_comes_late_from_a_site_declared_dead_is_uniform(party: Callable, value: int) -> None:
    """Its mask key was given back to the server, its seed was not."""
    left = []
    for _ in range(N_RUNS):
        seen = Seen(party, value=value)
        site, other = seen.honest
        late = seen.without_colluding(site)
        key = mask_key(seen.keys[site], seen.cards[other].masking, context=seen.context, own=site, peer=other)
        add_mask(late, key, negative=True)
        left.append(late)
        bared = seen.without_self(late, site)
        assert (bared == value).all(), "both kinds of shares would bare it: the sum of what is known is complete"
    assert p_uniform(np.concatenate(left)) > SELDOM


def test_a_masked_vector_is_uniform_and_so_is_the_difference_of_two_attempts(party: Callable) -> None:
    first, second = [], []
    for _ in range(N_RUNS):
        seen, again = Seen(party, value=40), Seen(party, value=40)
        first.append(seen.masked[seen.honest[0]])
        second.append(again.masked[again.honest[0]])
    assert p_uniform(np.concatenate(first)) > SELDOM
    assert p_uniform(np.concatenate(first) - np.concatenate(second)) > SELDOM


def test_the_masked_vectors_of_two_honest_sites_are_independent(party: Callable) -> None:
    pairs = []
    for _ in range(N_RUNS):
        seen = Seen(party, value=5)
        pairs.append(np.stack([seen.masked[site].astype(np.int64) >> 4 for site in seen.honest]))
    high, low = np.concatenate(pairs, axis=1)
    assert stats.chisquare(np.bincount(high * 16 + low, minlength=256)).pvalue > SELDOM


def test_the_shares_of_t_minus_1_sites_give_no_seed(party: Callable) -> None:
    seen = Seen(party, value=0)
    points = seen.many.terms.roster.points
    for site in seen.honest:
        for kind in (0, 1):
            held = {points[peer]: shares[kind] for peer, shares in zip(seen.colluding, seen.shares[site], strict=True)}
            guess = recover(held).to_bytes(33, "big")[1:]
            assert commitment(seen.context, site, guess) != seen.cards[site].commitment
            assert guess not in (seen.seeds[site], seen.keys[site])


@pytest.mark.parametrize("fault", ["one seed for all", "no mask"])
def test_these_tests_find_a_mask_that_is_none(party: Callable, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """A fault of the masks, planted: the chi-square sees it."""

    def weak(vector: NDArray[Any], key: bytes, *, negative: bool = False) -> None:
        if fault == "one seed for all":
            add_mask(vector, bytes(32), negative=negative)

    monkeypatch.setattr(client_module, "add_mask", weak)
    first = [Seen(party, value=40).masked["site-000"] for _ in range(N_RUNS)]
    assert p_uniform(np.concatenate(first)) < SELDOM
