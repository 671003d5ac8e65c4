"""The sum is the plain sum, whoever drops out at whichever stage, and is none where too few are left."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from federated.secure.attempts import Memory
from federated.secure.client import SecureClient
from federated.secure.counts import Counts
from federated.secure.fixed_point import FixedPoint, fixed_point
from federated.secure.refusals import Reason, SecureAbortError, SecureRefusalError
from federated.secure.rehearsal import rehearse
from federated.secure.server import SecureSum
from federated.secure.stages import ORDER, Stage
from federated.secure.topologies import Topology, topology

INSIDE = (Stage.AGREE, Stage.UNMASK)
"""Who drops from here on is in the sum."""


@pytest.mark.parametrize("n_sites", [3, 4, 10])
def test_counts_are_summed_to_the_bit(party: Callable, n_sites: int) -> None:
    many = party(n_sites)
    found = rehearse(many.clients, many.vectors)
    plain = [sum(int(vector[i]) for vector in many.vectors.values()) for i in range(7)]
    assert [int(value) for value in found.integers] == plain
    assert found.contributors == many.sites
    assert (found.dropped, found.saturated, found.scaled) == ({}, 0, 0)


@pytest.mark.parametrize("bits", [24, 32, 48, 64])
def test_updates_are_summed_to_quantisation(party: Callable, bits: int) -> None:
    grid = fixed_point(max_norm=1.0, n_sites=6, bits=bits)
    many = party(6, size=50, encoding=grid)
    found = rehearse(many.clients, many.vectors)
    plain = sum(many.vectors.values())
    assert (np.abs(found.total - plain) < 6 * grid.step + 1e-15).all()
    each = [grid.integers(grid.encode(vector, size=50)[:50]) for vector in many.vectors.values()]
    assert np.array_equal(found.integers, sum(each))
    assert (found.saturated, found.scaled) == (0, 0)


def test_saturation_is_told_of_all_together(party: Callable) -> None:
    many = party(4, size=3, encoding=fixed_point(max_norm=100.0, max_value=1.0, n_sites=4))
    sites = many.sites
    vectors = dict(many.vectors) | {sites[0]: np.array([2.0, -2.0, 0.0]), sites[1]: np.array([400.0, 0.0, 0.0])}
    found = rehearse(many.clients, vectors)
    assert (found.saturated, found.scaled) == (3, 1)


def _sums_with(many: Any, drops: dict[str, Stage], number: int) -> None:
    found = rehearse(many.clients, many.vectors, numbers=(number, 1), drops=drops)
    inside = [site for site in many.sites if drops.get(site, Stage.UNMASK) in INSIDE]
    assert list(found.contributors) == inside
    assert found.dropped == drops
    plain = [sum(int(many.vectors[site][i]) for site in inside) for i in range(many.terms.size)]
    assert [int(value) for value in found.integers] == plain


def test_one_or_two_dropouts_at_any_stage(party: Callable) -> None:
    many = party(5, size=4, encoding=Counts(bound=1 << 40))
    patterns = [{site: stage} for site in many.sites for stage in ORDER]
    patterns += [dict(zip(many.sites[1:3], stages, strict=True)) for stages in product(ORDER, repeat=2)]
    for number, drops in enumerate(patterns, start=1):
        _sums_with(many, drops, number)


@pytest.mark.slow
def test_every_pattern_of_dropouts_of_five_sites(party: Callable) -> None:
    """Up to n - t = 2 sites, each from each stage on: 276 patterns."""
    many = party(5, size=4, encoding=Counts(bound=1 << 40))
    number = 0
    for n_gone in range(3):
        for gone in combinations(many.sites, n_gone):
            for stages in product(ORDER, repeat=n_gone):
                number += 1
                _sums_with(many, dict(zip(gone, stages, strict=True)), number)
    assert number == 1 + 5 * 5 + 10 * 25


@pytest.mark.parametrize("stage", list(Stage))
def test_one_dropout_too_many_aborts_with_words(party: Callable, stage: Stage) -> None:
    many = party(5)
    drops = dict.fromkeys(many.sites[:3], stage)
    with pytest.raises(SecureAbortError) as abort:
        rehearse(many.clients, many.vectors, drops=drops)
    assert abort.value.reason is Reason.COHORT
    assert set(abort.value.missing) >= set(many.sites[:3])
    assert str(stage) in abort.value.words


def test_a_sparse_cohort_sums_with_dropouts(party: Callable) -> None:
    many = party(24, size=3, shape=Topology(n_neighbours=10, threshold=6, quorum=20))
    stages = (Stage.SHARES, Stage.MASKED, Stage.AGREE, Stage.UNMASK)
    found = rehearse(many.clients, many.vectors, drops=dict(zip(many.sites, stages, strict=False)))
    assert found.contributors == many.sites[2:]
    plain = [sum(int(many.vectors[site][i]) for site in many.sites[2:]) for i in range(3)]
    assert [int(value) for value in found.integers] == plain


def test_a_part_of_the_roster_may_be_invited(party: Callable) -> None:
    many = party(6, shape=topology(6, colluding=0, dropped=2))
    server = SecureSum(many.terms, round=1, attempt=1, invited=many.sites[1:])
    stage: Stage | None = Stage.KEYS
    while stage is not None:
        for site in server.waiting:
            server.receive(site, many.answer(site, server))
        stage = server.close()
    assert server.result().contributors == many.sites[1:]
    with pytest.raises(ValueError, match="once"):
        server.result()
    with pytest.raises(SecureAbortError, match="invited"):
        SecureSum(many.terms, round=1, attempt=2, invited=many.sites[:3])
    with pytest.raises(SecureAbortError, match="roster"):
        SecureSum(many.terms, round=1, attempt=2, invited=(*many.sites[:4], "mallory"))
    with pytest.raises(SecureAbortError, match="0 sites were invited"):  # nobody, and not everybody
        SecureSum(many.terms, round=1, attempt=2, invited=())
    with pytest.raises(SecureAbortError, match="3 sites were invited"):  # a site is there once
        SecureSum(many.terms, round=1, attempt=2, invited=(*many.sites[:3], *many.sites[:3]))


def test_a_site_that_is_another_process_for_each_message_sums_as_well(party: Callable) -> None:
    """Flower's deployment does that: everything goes through bytes between two stages."""
    many = party(4, encoding=fixed_point(max_norm=1.0, n_sites=4))
    memories = {site: Memory().written() for site in many.sites}
    server = SecureSum(many.terms, round=1, attempt=1)
    stage: Stage | None = Stage.KEYS
    while stage is not None:
        for site in server.waiting:
            memory = Memory.read(memories[site])
            client = SecureClient(site=site, key=many.keys[site], terms=many.terms, memory=memory)
            values = many.vectors[site] if stage is Stage.MASKED else None
            server.receive(site, client.handle(stage, server.request(site), values))
            memories[site] = client.memory.written()
        stage = server.close()
    assert server.result().total == pytest.approx(sum(many.vectors.values()), abs=1e-6)


def test_after_the_last_stage_a_site_keeps_no_secret(party: Callable) -> None:
    many = party(4)
    rehearse(many.clients, many.vectors)
    for client in many.clients.values():
        kept = client.memory.current
        assert kept is not None
        assert (kept.sealing, kept.masking, kept.seed, kept.held) == (b"", b"", b"", {})


def test_what_a_site_prints_of_itself_holds_no_secret(party: Callable) -> None:
    many = party(4)
    server = many.until(Stage.AGREE)
    client = many.clients[many.sites[0]]
    kept = client.memory.current
    assert kept is not None
    assert server.stage is Stage.AGREE
    printed = repr(client) + repr(client.memory)
    for secret in (kept.sealing, kept.masking, kept.seed):
        assert repr(secret)[2:-1] not in printed
        assert secret.hex() not in printed
    assert not any(str(share) in printed for shares in kept.held.values() for share in shares)


def test_terms_can_be_sent_to_another_process(party: Callable) -> None:
    terms = party(4).terms
    assert pickle.loads(pickle.dumps(terms)) == terms


def test_an_attempt_that_failed_before_shares_were_given_is_repeated(party: Callable) -> None:
    many = party(5)
    with pytest.raises(SecureAbortError):
        rehearse(many.clients, many.vectors, drops=dict.fromkeys(many.sites[:3], Stage.AGREE))
    assert rehearse(many.clients, many.vectors, numbers=(1, 2)).contributors == many.sites


def test_a_round_in_which_shares_were_given_is_not_repeated(party: Callable) -> None:
    """Else the server would say that the sum failed, ask for one without a site, and subtract."""
    many = party(5)
    rehearse(many.clients, many.vectors)
    with pytest.raises(SecureRefusalError, match="gave shares in round 1") as refusal:
        rehearse(many.clients, many.vectors, numbers=(1, 2))
    assert refusal.value.reason is Reason.REPLAYED
    rehearse(many.clients, many.vectors, numbers=(2, 1))


def test_noise_of_the_sites_is_in_the_sum(party: Callable) -> None:
    many = party(4, size=3, encoding=FixedPoint(max_norm=1.0, max_value=1.0, step=2.0**-20, noise_room=100))
    quiet = rehearse(many.clients, many.vectors).integers
    for site in many.sites:
        many.clients[site].noise = lambda size: np.full(size, -7)
    noisy = rehearse(many.clients, many.vectors, numbers=(2, 1))
    assert np.array_equal(noisy.integers, quiet - 28)
    assert noisy.saturated == 0


def test_the_server_keeps_one_vector_whatever_the_number_of_sites(party: Callable) -> None:
    size = 200_000
    many = party(6, size=size, encoding=fixed_point(max_norm=1.0, n_sites=6))
    tracemalloc.start()
    rehearse(many.clients, many.vectors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 4 * size  # the sum, one masked vector, and float64 twins while one site encodes


def test_a_reply_counts_once_and_to_its_own_request(party: Callable) -> None:
    many = party(5)
    server = many.until(Stage.MASKED)
    first = many.sites[0]
    reply = many.answer(first, server)
    server.receive(first, reply)
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(first, reply)
    assert refusal.value.reason is Reason.REPEATED
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(many.sites[1], {**reply, "attempt": 2})
    assert refusal.value.reason is Reason.REPLAYED
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive("mallory", reply)
    assert refusal.value.reason is Reason.ORDER
    for site in server.waiting:
        server.receive(site, many.answer(site, server))
    server.close()
    for _ in range(2):
        for site in server.waiting:
            server.receive(site, many.answer(site, server))
        server.close()
    assert [int(v) for v in server.result().integers] == [
        sum(int(vector[i]) for vector in many.vectors.values()) for i in range(7)
    ]


@pytest.mark.parametrize("dead", [False, True])
def test_one_false_share_is_passed_over_and_too_many_abort(party: Callable, dead: bool) -> None:
    """A share that does not fit what was committed to is left out where enough others came."""
    for n_false, sums in ((1, True), (3, False)):
        many = party(5)
        server = many.until(Stage.MASKED)
        there = many.sites[1:] if dead else many.sites
        for stage in (Stage.MASKED, Stage.AGREE, Stage.UNMASK):
            for at, site in enumerate(s for s in server.waiting if s in there):
                reply = dict(many.answer(site, server))
                if stage is Stage.UNMASK and at < n_false:
                    assert reply["sites"][0] == many.sites[0]
                    reply["shares"] = [bytes(33), *reply["shares"][1:]]
                server.receive(site, reply)
            server.close()
        if sums:
            plain = [sum(int(many.vectors[site][i]) for site in there) for i in range(7)]
            assert [int(value) for value in server.result().integers] == plain
        else:
            with pytest.raises(SecureAbortError) as abort:
                server.result()
            assert (abort.value.reason, abort.value.missing) == (Reason.SHARES, (many.sites[0],))


def test_the_words_of_a_failed_sum_name_who_is_missing(party: Callable) -> None:
    many = party(5)
    with pytest.raises(SecureAbortError, match=f"2 sites answered masked.*{many.sites[0]}"):
        rehearse(many.clients, many.vectors, drops=dict.fromkeys(many.sites[:3], Stage.MASKED))
