"""A server, or somebody on the way, that cheats: each cheat is found, named, and ends the attempt at the site."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.secure.attempts import Memory
from federated.secure.client import SecureClient
from federated.secure.counts import Counts
from federated.secure.envelopes import seal
from federated.secure.identities import Card
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.rehearsal import rehearse
from federated.secure.server import SecureSum
from federated.secure.stages import Stage
from federated.secure.topologies import Topology


def request(many: Any, stage: Stage, site: str) -> tuple[SecureSum, dict[str, Any]]:
    """Return an honest server at a stage, and the request that is about to be forged."""
    server = many.until(stage)
    return server, dict(server.request(site))


def refused(client: SecureClient, stage: Stage, content: Any, values: Any = None) -> SecureRefusalError:
    with pytest.raises(SecureRefusalError) as refusal:
        client.handle(stage, content, values)
    return refusal.value


def ended(client: SecureClient, stage: Stage, content: Any, values: Any = None) -> bool:
    """Whether even the honest request is not answered any more."""
    return refused(client, stage, content, values).reason is Reason.ORDER


def without(found: dict[str, Any], site: str, *keys: str) -> dict[str, Any]:
    at = found[keys[0]].index(site)
    return found | {key: [value for i, value in enumerate(found[key]) if i != at] for key in keys}


def test_a_key_that_was_swapped_is_named(party: Callable) -> None:
    """The server puts itself between two sites: keys of its own, signed by nobody that the roster knows."""
    many = party(5)
    victim, peer = many.sites[0], many.sites[3]
    _, honest = request(many, Stage.SHARES, victim)
    mallory = Ed25519PrivateKey.generate()
    context = many.terms.context(round=1, attempt=1)
    parts = (bytes(range(32)), bytes(range(32, 64)), bytes(32))
    forged = Card.signed(mallory, peer, context, parts).written()
    content = honest | {"cards": [forged if site == peer else card for site, card in _cards(honest)]}
    refusal = refused(many.clients[victim], Stage.SHARES, content)
    assert (refusal.reason, refusal.peer) == (Reason.IDENTITY, peer)
    assert ended(many.clients[victim], Stage.SHARES, honest)


def _cards(content: dict[str, Any]) -> list[tuple[str, bytes]]:
    return list(zip(content["sites"], content["cards"], strict=True))


@pytest.mark.parametrize("at", [0, 31, 32, 63, 64, 95, 96, 159])
def test_every_part_of_a_card_is_signed(party: Callable, at: int) -> None:
    many = party(4)
    _, honest = request(many, Stage.SHARES, many.sites[0])
    card = bytearray(honest["cards"][2])
    card[at] ^= 1
    content = honest | {"cards": [*honest["cards"][:2], bytes(card), honest["cards"][3]]}
    refusal = refused(many.clients[many.sites[0]], Stage.SHARES, content)
    assert (refusal.reason, refusal.peer) == (Reason.IDENTITY, many.sites[2])


def test_the_card_of_an_earlier_attempt_is_found(party: Callable) -> None:
    many = party(4)
    old = dict(many.until(Stage.SHARES).request(many.sites[0]))
    server = SecureSum(many.terms, round=1, attempt=2)
    for site in many.sites:
        server.receive(site, many.answer(site, server))
    server.close()
    honest = dict(server.request(many.sites[0]))
    content = honest | {"cards": [*honest["cards"][:3], old["cards"][3]]}
    refusal = refused(many.clients[many.sites[0]], Stage.SHARES, content)
    assert (refusal.reason, refusal.peer) == (Reason.IDENTITY, many.sites[3])


def test_ones_own_keys_must_come_back(party: Callable) -> None:
    many = party(5)
    _, honest = request(many, Stage.SHARES, many.sites[0])
    left_out = without(honest, many.sites[0], "sites", "cards")
    assert refused(many.clients[many.sites[0]], Stage.SHARES, left_out).reason is Reason.IDENTITY


def test_ones_own_key_used_by_somebody_else_is_found(party: Callable) -> None:
    """A second process with the same signing key, or an older copy of the memory, gave keys for the same attempt."""
    many = party(5)
    _, honest = request(many, Stage.SHARES, many.sites[0])
    twin = SecureClient(site=many.sites[0], key=many.keys[many.sites[0]], terms=many.terms)
    other = twin.handle(Stage.KEYS, SecureSum(many.terms, round=1, attempt=1).request(many.sites[0]))
    refusal = refused(
        many.clients[many.sites[0]], Stage.SHARES, honest | {"cards": [other["card"], *honest["cards"][1:]]}
    )
    assert refusal.reason is Reason.IDENTITY
    assert "did not come back" in refusal.words


def test_a_site_that_the_roster_does_not_have_is_named(party: Callable) -> None:
    many = party(5)
    _, honest = request(many, Stage.SHARES, many.sites[0])
    content = honest | {"sites": [*honest["sites"], "zz-mallory"], "cards": [*honest["cards"], bytes(160)]}
    refusal = refused(many.clients[many.sites[0]], Stage.SHARES, content)
    assert (refusal.reason, refusal.peer) == (Reason.UNKNOWN_SITE, "zz-mallory")


@pytest.mark.parametrize("stage", [Stage.SHARES, Stage.MASKED, Stage.AGREE])
def test_a_cohort_below_the_minimum_is_refused_at_every_stage(party: Callable, stage: Stage) -> None:
    many = party(5)
    victim = many.sites[0]
    _, honest = request(many, stage, victim)
    values = many.vectors[victim]
    keys = {Stage.SHARES: [("sites", "cards")], Stage.MASKED: [("sharers",), ("sites", "sealed")]}
    content = honest
    for site in many.sites[1:4]:
        for of in keys.get(stage, [("active",)]):
            content = without(content, site, *of)
    refusal = refused(many.clients[victim], stage, content, values)
    assert refusal.reason is Reason.COHORT
    assert "asks for 3" in refusal.words


def test_a_site_holds_to_its_own_minimum(party: Callable) -> None:
    many = party(5)
    victim = many.sites[0]
    client = many.clients[victim]
    client.minimum = 5
    _, honest = request(many, Stage.SHARES, victim)
    content = without(honest, many.sites[4], "sites", "cards")
    assert "asks for 5" in refused(client, Stage.SHARES, content).words
    picky = SecureClient(site=victim, key=many.keys[victim], terms=many.terms, minimum=6)
    numbers = {"round": 1, "attempt": 1, "terms": many.terms.digest}
    assert refused(picky, Stage.KEYS, numbers).reason is Reason.COHORT


@pytest.mark.parametrize(
    "change",
    [
        {"topology": Topology(n_neighbours=4, threshold=3, quorum=3)},
        {"minimum": 3},
        {"n_rounds": 9999},
        {"run": "another"},
        {"purpose": "train"},
        {"size": 8},
        {"encoding": Counts(bound=5)},
    ],
)
def test_a_server_under_other_terms_is_refused_at_once(party: Callable, change: dict[str, Any]) -> None:
    """A lower threshold, a smaller minimum, another purpose: nothing is given, not even a key."""
    many = party(5, shape=Topology(n_neighbours=4, threshold=4, quorum=4), minimum=4)
    server = SecureSum(replace(many.terms, **change), round=1, attempt=1)
    site = many.sites[0]
    refusal = refused(many.clients[site], Stage.KEYS, server.request(site))
    assert refusal.reason is Reason.TERMS
    assert many.clients[site].memory.current is None


def test_a_replayed_or_earlier_attempt_gets_no_keys(party: Callable) -> None:
    many = party(5)
    client = many.clients[many.sites[0]]
    for numbers in ((2, 3), (3, 1)):
        client.handle(Stage.KEYS, SecureSum(many.terms, round=numbers[0], attempt=numbers[1]).request(many.sites[0]))
    for numbers in ((2, 3), (2, 9), (1, 1), (3, 0), (0, 5)):
        server = SecureSum(many.terms, round=numbers[0], attempt=numbers[1])
        assert refused(client, Stage.KEYS, server.request(many.sites[0])).reason is Reason.REPLAYED
    assert client.memory.current is not None
    assert not client.memory.current.over


def test_no_round_beyond_those_approved_is_answered(party: Callable) -> None:
    """Counts are told once: a second sum without one site would tell that site's by difference."""
    many = party(5, n_rounds=1)
    rehearse(many.clients, many.vectors)
    site = many.sites[0]
    later = SecureSum(many.terms, round=2, attempt=1).request(site)
    refusal = refused(many.clients[site], Stage.KEYS, later)
    assert refusal.reason is Reason.TERMS
    assert "approved 1 rounds" in refusal.words


def test_the_same_request_gets_the_same_reply_and_another_none(party: Callable) -> None:
    many = party(5)
    site = many.sites[0]
    client = many.clients[site]
    server, honest = request(many, Stage.SHARES, site)
    reply = client.handle(Stage.SHARES, honest)
    assert client.handle(Stage.SHARES, honest) == reply
    assert refused(client, Stage.SHARES, without(honest, many.sites[4], "sites", "cards")).reason is Reason.REPEATED
    assert server.stage is Stage.SHARES


def test_a_vector_is_masked_once(party: Callable) -> None:
    """Two vectors under the same masks differ by what was to be hidden."""
    many = party(5)
    site = many.sites[0]
    _, honest = request(many, Stage.MASKED, site)
    many.clients[site].handle(Stage.MASKED, honest, many.vectors[site])
    assert refused(many.clients[site], Stage.MASKED, honest, many.vectors[site] * 0).reason is Reason.REPEATED


@pytest.mark.parametrize("at", [0, 11, 12, 50, 93])
def test_sealed_shares_that_were_changed_do_not_open(party: Callable, at: int) -> None:
    many = party(5)
    site = many.sites[0]
    _, honest = request(many, Stage.MASKED, site)
    changed = bytearray(honest["sealed"][1])
    changed[at] ^= 0x40
    content = honest | {"sealed": [honest["sealed"][0], bytes(changed), *honest["sealed"][2:]]}
    refusal = refused(many.clients[site], Stage.MASKED, content, many.vectors[site])
    assert (refusal.reason, refusal.peer) == (Reason.SEALED, many.sites[2])
    assert ended(many.clients[site], Stage.MASKED, honest, many.vectors[site])


def test_sealed_shares_that_were_exchanged_do_not_open(party: Callable) -> None:
    many = party(5)
    site = many.sites[0]
    _, honest = request(many, Stage.MASKED, site)
    first, second, *rest = honest["sealed"]
    content = honest | {"sealed": [second, first, *rest]}
    assert refused(many.clients[site], Stage.MASKED, content, many.vectors[site]).reason is Reason.SEALED


def test_a_neighbours_shares_are_not_held_back(party: Callable) -> None:
    many = party(5)
    site = many.sites[0]
    _, honest = request(many, Stage.MASKED, site)
    content = without(honest, many.sites[1], "sites", "sealed")
    assert refused(many.clients[site], Stage.MASKED, content, many.vectors[site]).reason is Reason.SETS


@pytest.mark.parametrize(("stage", "key"), [(Stage.MASKED, "sharers"), (Stage.AGREE, "active")])
def test_a_set_neither_grows_nor_leaves_out_whom_it_is_shown_to(party: Callable, stage: Stage, key: str) -> None:
    for forge in ("grow", "leave out"):
        many = party(5)
        site = many.sites[0]
        _, honest = request(many, stage, site)
        sets = [*honest[key], "zz-mallory"] if forge == "grow" else honest[key][1:]
        refusal = refused(many.clients[site], stage, honest | {key: sets}, many.vectors[site])
        assert refusal.reason is Reason.SETS
        assert ("zz-mallory" in refusal.words) == (forge == "grow")


def test_both_kinds_of_shares_of_one_site_are_never_given(party: Callable) -> None:
    """Seed and mask key of one site together bare its vector."""
    many = party(5)
    site, victim = many.sites[0], many.sites[2]
    _, honest = request(many, Stage.UNMASK, site)
    refusal = refused(many.clients[site], Stage.UNMASK, honest | {"dead": [victim]})
    assert refusal.reason is Reason.SETS
    assert "both kinds" in refusal.words
    assert ended(many.clients[site], Stage.UNMASK, honest)


def test_who_signed_one_set_gives_no_shares_for_another(party: Callable) -> None:
    many = party(5)
    site, victim = many.sites[0], many.sites[2]
    _, honest = request(many, Stage.UNMASK, site)
    fewer = without(without(honest, victim, "active"), victim, "signers", "signatures")
    assert refused(many.clients[site], Stage.UNMASK, fewer | {"dead": [victim]}).reason is Reason.SETS


@pytest.mark.parametrize("dead", [[], ["site-003"], ["site-003", "site-004", "zz-mallory"]])
def test_the_dead_are_those_who_shared_and_are_not_in_the_sum(party: Callable, dead: list[str]) -> None:
    many = party(5)
    server = many.until(Stage.MASKED)
    for site in many.sites[:3]:
        server.receive(site, many.answer(site, server))
    server.close()
    for site in many.sites[:3]:
        server.receive(site, many.answer(site, server))
    server.close()
    honest = dict(server.request(many.sites[0]))
    assert honest["dead"] == ["site-003", "site-004"]
    assert refused(many.clients[many.sites[0]], Stage.UNMASK, honest | {"dead": dead}).reason is Reason.SETS


def test_after_the_shares_were_given_no_other_dead_set_is_answered(party: Callable) -> None:
    many = party(5)
    site, victim = many.sites[0], many.sites[2]
    _, honest = request(many, Stage.UNMASK, site)
    reply = many.clients[site].handle(Stage.UNMASK, honest)
    assert many.clients[site].handle(Stage.UNMASK, honest) == reply
    other = without(without(honest, victim, "active"), victim, "signers", "signatures") | {"dead": [victim]}
    assert refused(many.clients[site], Stage.UNMASK, other).reason is Reason.ORDER


def test_two_sets_shown_to_two_halves_get_no_shares(party: Callable) -> None:
    """The server tells some sites that the victim is in the sum and others that it is not; no half is a quorum."""
    many = party(5)
    victim = many.sites[4]
    server = many.until(Stage.AGREE)
    full = dict(server.request(many.sites[0]))
    fewer = without(full, victim, "active")
    signed = {
        site: many.clients[site].handle(Stage.AGREE, full if site in many.sites[:2] else fewer)["signature"]
        for site in many.sites[:4]
    }
    for site in many.sites[:4]:
        sees = full if site in many.sites[:2] else fewer
        half = many.sites[:2] if site in many.sites[:2] else many.sites[2:4]
        dead = [] if site in many.sites[:2] else [victim]
        for signers in (half, many.sites[:3], many.sites[:4]):
            fresh = {"signers": [*signers], "signatures": [signed[peer] for peer in signers]}
            refusal = refused(many.clients[site], Stage.UNMASK, sees | fresh | {"dead": dead})
            assert refusal.reason in {Reason.SIGNATURES, Reason.ORDER}


def test_signatures_are_counted_by_site_and_verified(party: Callable) -> None:
    for forge in ("too few", "false", "outsider"):
        many = party(5)
        site = many.sites[0]
        _, honest = request(many, Stage.UNMASK, site)
        signers, signatures = honest["signers"], honest["signatures"]
        content = {
            "too few": {"signers": signers[:2], "signatures": signatures[:2]},
            "false": {"signers": signers, "signatures": [*signatures[:4], bytes(64)]},
            "outsider": {"signers": [*signers, "zz-mallory"], "signatures": [*signatures, signatures[0]]},
        }[forge]
        refusal = refused(many.clients[site], Stage.UNMASK, honest | content)
        assert refusal.reason is Reason.SIGNATURES
        assert refusal.peer == {"too few": None, "false": many.sites[4], "outsider": "zz-mallory"}[forge]


def test_different_sharers_shown_to_two_sites_get_no_shares(party: Callable) -> None:
    """Who has shared secrets is part of what is signed, so that dead sets agree as well."""
    many = party(5)
    gone, odd = many.sites[4], many.sites[0]
    server = many.until(Stage.MASKED)
    for site in many.sites[:4]:
        content = dict(server.request(site))
        if site == odd:
            content = without(without(content, gone, "sharers"), gone, "sites", "sealed")
        server.receive(site, many.clients[site].handle(Stage.MASKED, content, many.vectors[site]))
    server.close()
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(odd, many.answer(odd, server))
    assert (refusal.value.reason, refusal.value.peer) == (Reason.SIGNATURES, odd)


def test_stages_come_in_their_order(party: Callable) -> None:
    for stage in (Stage.MASKED, Stage.AGREE, Stage.UNMASK):
        many = party(5)
        site = many.sites[0]
        client = many.clients[site]
        server = SecureSum(many.terms, round=1, attempt=1)
        numbers = server.request(site)
        client.handle(Stage.KEYS, numbers)
        assert refused(client, stage, numbers).reason is Reason.ORDER
        other = SecureSum(many.terms, round=1, attempt=2).request(site)
        assert refused(many.clients[many.sites[1]], stage, other).reason is Reason.REPLAYED


def test_a_key_of_low_order_is_refused(party: Callable) -> None:
    """A site signs a sealing key with which everybody shares the same secret."""
    many = party(4)
    site, cheat = many.sites[0], many.sites[3]
    _, honest = request(many, Stage.SHARES, site)
    forged = Card.signed(many.keys[cheat], cheat, many.terms.context(round=1, attempt=1), (bytes(32),) * 3).written()
    refusal = refused(many.clients[site], Stage.SHARES, honest | {"cards": [*honest["cards"][:3], forged]})
    assert (refusal.reason, refusal.peer) == (Reason.IDENTITY, cheat)


def test_a_masking_key_of_low_order_masks_nothing_and_is_refused(party: Callable) -> None:
    """A server that lets it pass: the neighbour finds it before it masks its vector."""
    many = party(4)
    site, cheat = many.sites[0], many.sites[3]
    server = many.until(Stage.SHARES)
    content = (Card.parsed(server.request(site)["cards"][3]).sealing, bytes(32), bytes(32))
    forged = Card.signed(many.keys[cheat], cheat, many.terms.context(round=1, attempt=1), content).written()
    server._cards[cheat] = forged  # no reply of this site's
    server._near = {peer: frozenset(many.sites) - {peer} for peer in many.sites}
    client = many.clients[site]
    client.handle(Stage.SHARES, server.request(site))
    asked = {"round": 1, "attempt": 1, "terms": many.terms.digest, "sharers": list(many.sites)}
    kept = client.memory.current
    assert kept is not None
    theirs = {peer: many.clients[peer].memory.current for peer in many.sites[1:]}
    context = many.terms.context(round=1, attempt=1)
    sealed = [
        seal(
            theirs[peer].sealing,
            Card.parsed(kept.cards[site]).sealing,
            context=context,
            way=(peer, site),
            shares=(1, 2),
        )
        for peer in many.sites[1:]
    ]
    asked |= {"sites": list(many.sites[1:]), "sealed": sealed}
    refusal = refused(client, Stage.MASKED, asked, many.vectors[site])
    assert (refusal.reason, refusal.peer) == (Reason.IDENTITY, cheat)


def test_no_refusal_holds_a_secret(party: Callable) -> None:
    """Neither its words nor what led to it: both go into logs."""
    for stage in (Stage.SHARES, Stage.MASKED, Stage.AGREE, Stage.UNMASK):
        many = party(4)
        site = many.sites[0]
        _, honest = request(many, stage, site)
        client = many.clients[site]
        kept = client.memory.current
        assert kept is not None
        secrets = [kept.sealing, kept.masking, kept.seed]
        secrets += [share.to_bytes(33, "big") for shares in kept.held.values() for share in shares]
        for key in honest:
            fresh = SecureClient(
                site=site, key=many.keys[site], terms=many.terms, memory=Memory.read(client.memory.written())
            )
            with pytest.raises(SecureRefusalError) as refusal:
                fresh.handle(stage, honest | {key: [b"x"] if isinstance(honest[key], list) else -1}, many.vectors[site])
            told = "".join(traceback.format_exception(refusal.value)) + repr(fresh) + repr(fresh.memory)
            for secret in secrets:
                assert secret.hex().lstrip("0") not in told
                assert repr(secret)[2:-1] not in told
                assert str(int.from_bytes(secret, "big")) not in told


@pytest.mark.parametrize("part", ["sealing", "masking"])
@pytest.mark.parametrize("victim", [0, 1])
def test_two_sites_with_one_key_are_refused(party: Callable, part: str, victim: int) -> None:
    """One's own key among them: with it, a site would mask against itself."""
    many = party(4)
    site, cheat = many.sites[0], many.sites[3]
    _, honest = request(many, Stage.SHARES, site)
    copied, own = Card.parsed(honest["cards"][victim]), b"\x09" + bytes(31)
    context = many.terms.context(round=1, attempt=1)
    content = (copied.sealing, own, bytes(32)) if part == "sealing" else (own, copied.masking, bytes(32))
    forged = Card.signed(many.keys[cheat], cheat, context, content).written()
    refusal = refused(many.clients[site], Stage.SHARES, honest | {"cards": [*honest["cards"][:3], forged]})
    assert refusal.reason is Reason.IDENTITY
    assert "same key" in refusal.words


def test_a_cohort_that_holds_too_few_shares_to_give_a_secret_back_gets_none(party: Callable) -> None:
    many = party(5, shape=Topology(n_neighbours=4, threshold=5, quorum=3))
    site = many.sites[0]
    _, honest = request(many, Stage.SHARES, site)
    content = without(honest, many.sites[4], "sites", "cards")
    refusal = refused(many.clients[site], Stage.SHARES, content)
    assert refusal.reason is Reason.COHORT
    assert "asks for 5" in refusal.words


@pytest.mark.parametrize("stage", [Stage.SHARES, Stage.UNMASK])
def test_the_server_takes_shares_for_the_neighbours_and_nobody_else(party: Callable, stage: Stage) -> None:
    many = party(5)
    server = many.until(stage)
    site = many.sites[0]
    honest = dict(many.answer(site, server))
    key = "sealed" if stage is Stage.SHARES else "shares"
    more = honest | {"sites": [*honest["sites"], "zz-mallory"], key: [*honest[key], honest[key][0]]}
    for content in (more, without(honest, many.sites[3], "sites", key)):
        with pytest.raises(SecureRefusalError) as refusal:
            server.receive(site, content)
        assert refusal.value.reason is Reason.SETS
    assert site in server.waiting


def test_the_server_takes_no_card_that_a_site_did_not_sign(party: Callable) -> None:
    many = party(4)
    server = SecureSum(many.terms, round=1, attempt=1)
    honest = many.answer(many.sites[0], server)
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(many.sites[1], honest)
    assert (refusal.value.reason, refusal.value.peer) == (Reason.IDENTITY, many.sites[1])
    assert server.waiting == many.sites


def test_a_site_whose_own_vector_is_unfit_refuses(party: Callable) -> None:
    many = party(5)
    site = many.sites[0]
    _, honest = request(many, Stage.MASKED, site)
    assert refused(many.clients[site], Stage.MASKED, honest, np.full(7, -1)).reason is Reason.VALUES
    assert ended(many.clients[site], Stage.MASKED, honest, many.vectors[site])
