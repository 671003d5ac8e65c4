"""Everybody has as many neighbours, neighbourhood is mutual, and its bounds hold in simulation."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from affidavit.errors import PlanError
from federated.secure.graphs import neighbours_of, seed_of
from federated.secure.topologies import COMPLETE_UP_TO, Topology, least_safe, most_robust, topology

SITES = tuple(f"site-{i:03d}" for i in range(100))


@pytest.mark.parametrize("k", [2, 6, 40, 98, 99, 200])
def test_the_graph_is_regular_and_mutual(k: int) -> None:
    near = neighbours_of(SITES, seed=b"seed", n_neighbours=k)
    assert {len(found) for found in near.values()} == {min(k, 99)}
    assert all(site in near[peer] and peer != site for site in SITES for peer in near[site])


def test_the_graph_hangs_on_the_seed_and_not_on_the_order() -> None:
    near = neighbours_of(SITES, seed=b"seed", n_neighbours=6)
    assert near == neighbours_of(SITES[::-1], seed=b"seed", n_neighbours=6)
    assert near != neighbours_of(SITES, seed=b"another", n_neighbours=6)
    assert neighbours_of(SITES, seed=b"seed", n_neighbours=6, of=SITES[3:5]) == {s: near[s] for s in SITES[3:5]}


def test_every_pair_is_as_likely_to_be_neighbours() -> None:
    met = np.zeros((20, 20))
    sites = SITES[:20]
    for draw in range(600):
        for site, near in neighbours_of(sites, seed=str(draw).encode(), n_neighbours=4).items():
            met[sites.index(site), [sites.index(peer) for peer in near]] += 1
    off = met[~np.eye(20, dtype=bool)] / 600
    assert abs(off - 4 / 19).max() < 5.5 * np.sqrt(4 / 19 * 15 / 19 / 600)


def test_the_seed_hangs_on_every_key_and_on_whose_it_is() -> None:
    cards = {"a": b"1", "b": b"2"}
    assert seed_of(b"c", cards) == seed_of(b"c", dict(reversed(cards.items())))
    others = [{"a": b"2", "b": b"1"}, {"a": b"1"}, {"a": b"1", "b": b"3"}, {"ab": b"12"}]
    assert len({seed_of(b"c", cards), seed_of(b"d", cards), *(seed_of(b"c", other) for other in others)}) == 6


def at_least(n: int, marked: int, k: int, t: int) -> float:
    """The slow twin: chance of at least t marked among k of n."""
    return sum(comb(marked, i) * comb(n - marked, k - i) for i in range(t, k + 1)) / comb(n, k)


@pytest.mark.parametrize("k", [20, 40, 60])
def test_the_bounds_are_the_hypergeometric_ones(k: int) -> None:
    low = least_safe(100, k, colluding=20, security_bits=20)
    assert 100 * at_least(99, 20, k, low) <= 2.0**-20 < 100 * at_least(99, 20, k, low - 1)
    high = most_robust(100, k, dropped=10, correctness_bits=10)
    missed = [100 * (1 - at_least(99, 89, k, t)) for t in (high, high + 1)]
    assert missed[0] <= 2.0**-10 < missed[1]


@pytest.mark.parametrize(("n_sites", "colluding", "dropped"), [(200, 30, 40), (1000, 200, 50), (400, 20, 150)])
def test_the_promise_holds_for_the_smallest_cohort(n_sites: int, colluding: int, dropped: int) -> None:
    """Who drops out before the keys is not in the ring: the colluding sites are then a larger part of it."""
    shape = topology(n_sites, colluding=colluding, dropped=dropped)
    assert shape.n_neighbours < n_sites - 1
    for n_there in range(n_sites - dropped, n_sites + 1, 10):
        reached = n_there * at_least(n_there - 1, colluding, shape.n_neighbours, shape.threshold)
        assert reached <= 2.0**-40


def test_the_bounds_hold_in_simulation() -> None:
    """At bounds of 2^-4 something goes wrong now and then, but not more often than was said."""
    shape = topology(100, colluding=15, dropped=10, security_bits=4, correctness_bits=4)
    assert shape.n_neighbours < 99
    rng = np.random.default_rng(5)
    unsafe = cut = stuck = 0
    for draw in range(300):
        near = neighbours_of(SITES, seed=str(draw).encode(), n_neighbours=shape.n_neighbours)
        order = rng.permutation(SITES)
        bad, gone = set(order[:15]), set(order[15:25])
        unsafe += any(len(near[site] & bad) >= shape.threshold for site in order[15:])
        stuck += any(len(near[site] - gone) < shape.threshold for site in SITES)
        cut += not _connected({site: near[site] for site in order[25:]})
    most = 300 / 16 + 4 * np.sqrt(300 / 16)
    assert max(unsafe, cut, stuck) <= most


def _connected(near: dict[str, frozenset[str]]) -> bool:
    first = next(iter(near))
    seen, to_do = {first}, [first]
    while to_do:
        for peer in near[to_do.pop()]:
            if peer in near and peer not in seen:
                seen.add(peer)
                to_do.append(peer)
    return len(seen) == len(near)


def test_a_small_cohort_is_complete_and_a_large_one_is_not() -> None:
    assert topology(COMPLETE_UP_TO, colluding=10, dropped=10).n_neighbours == COMPLETE_UP_TO - 1
    large = topology(1000, colluding=200, dropped=50)
    assert large.n_neighbours < 200
    assert large.quorum == 950
    assert 2 <= large.threshold <= large.n_neighbours
    large.check(n_sites=1000)


@pytest.mark.parametrize("n_sites", [3, 4, 5, 9, 30])
def test_what_a_topology_promises_is_kept_by_its_thresholds(n_sites: int) -> None:
    for dropped in range((n_sites - 1) // 2 + 1):
        for colluding in range(n_sites - 2 * dropped):
            shape = topology(n_sites, colluding=colluding, dropped=dropped)
            shape.check(n_sites=n_sites)
            assert shape.threshold + dropped <= n_sites
            assert shape.colluding(n_sites=n_sites, cheating=True) >= colluding
            assert shape.colluding(n_sites=n_sites, cheating=False) >= colluding


@pytest.mark.parametrize(("colluding", "dropped"), [(0, 3), (1, 2), (-1, 0), (0, -1), (5, 0)])
def test_too_many_sites_to_be_trusted_are_refused(colluding: int, dropped: int) -> None:
    with pytest.raises(PlanError, match="trusted"):
        topology(5, colluding=colluding, dropped=dropped)


@pytest.mark.parametrize(
    ("neighbours", "threshold", "quorum"), [(4, 2, 3), (4, 3, 2), (4, 6, 3), (4, 3, 6), (3, 2, 3), (2, 1, 3), (2, 3, 3)]
)
def test_a_topology_without_a_majority_is_refused(neighbours: int, threshold: int, quorum: int) -> None:
    with pytest.raises(PlanError):
        Topology(n_neighbours=neighbours, threshold=threshold, quorum=quorum).check(n_sites=5)
