"""A site that lies in the open: its false share is passed over, its useless key not taken, and the sum stands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from federated.secure.identities import Card, commitment
from federated.secure.refusals import Reason, SecureAbortError, SecureRefusalError
from federated.secure.server import SecureSum
from federated.secure.shamir import split
from federated.secure.stages import Stage
from federated.secure.unmasking import seed_from

SEED, CONTEXT = bytes(range(32)), b"c" * 32


def recovered(n_sites: int, *, threshold: int, liars: tuple[int, ...]) -> bytes:
    """Return what the server makes of shares of which some are false."""
    points = tuple(range(1, n_sites + 1))
    shares = split(int.from_bytes(SEED, "big"), points, threshold=threshold)
    for point in liars:
        shares[point] += 10**point  # differences that do not cancel in any set
    card = Card(sealing=b"", masking=b"", commitment=commitment(CONTEXT, "east", SEED), signature=b"")
    return seed_from(shares, card, threshold=threshold, context=CONTEXT, site="east")


@pytest.mark.parametrize(("n_sites", "threshold"), [(3, 2), (20, 11), (64, 33)])
def test_one_false_share_is_passed_over_wherever_it_lies(n_sites: int, threshold: int) -> None:
    for liar in (1, threshold, n_sites):
        assert recovered(n_sites, threshold=threshold, liars=(liar,)) == SEED


def test_two_false_shares_among_twenty_are_passed_over_wherever_they_lie() -> None:
    for liars in combinations((1, 2, 6, 11, 12, 20), 2):
        assert recovered(20, threshold=11, liars=liars) == SEED


def test_more_false_shares_than_are_to_spare_are_no_seed() -> None:
    with pytest.raises(SecureAbortError) as abort:
        recovered(5, threshold=3, liars=(1, 2, 3))
    assert (abort.value.reason, abort.value.missing) == (Reason.SHARES, ("east",))


def _finished(many: Any, server: SecureSum, sites: tuple[str, ...]) -> list[int]:
    """Go on with the sites that are left, and return the sum."""
    stage: Stage | None = server.stage
    while stage is not None:
        for site in server.waiting:
            if site in sites:
                server.receive(site, many.answer(site, server))
        stage = server.close()
    return [int(value) for value in server.result().integers]


LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]
"""Points of orders 1, 2, 4 and 8 (RFC 7748, section 6.1): whoever meets one of them has the same zero."""


@pytest.mark.parametrize("part", [0, 1], ids=["sealing", "masking"])
@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_the_server_takes_no_key_that_every_neighbour_would_refuse(party: Callable, part: int, point: bytes) -> None:
    """Else one site could end every sum: all its neighbours would drop out, and it would stay."""
    many = party(5)
    server, cheat = SecureSum(many.terms, round=1, attempt=1), many.sites[4]
    for site in many.sites[:4]:
        server.receive(site, many.answer(site, server))
    keys = [bytes([7]) + bytes(31), bytes([9]) + bytes(31), bytes(32)]
    keys[part] = point
    card = Card.signed(many.keys[cheat], cheat, many.terms.context(round=1, attempt=1), (keys[0], keys[1], keys[2]))
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(cheat, {"round": 1, "attempt": 1, "card": card.written()})
    assert (refusal.value.reason, refusal.value.peer) == (Reason.IDENTITY, cheat)
    assert _finished(many, server, many.sites[:4]) == [
        sum(int(many.vectors[site][i]) for site in many.sites[:4]) for i in range(7)
    ]


@pytest.mark.parametrize("part", ["sealing", "masking"])
def test_the_server_takes_no_key_that_another_site_gave(party: Callable, part: str) -> None:
    many = party(5)
    server, cheat = SecureSum(many.terms, round=1, attempt=1), many.sites[4]
    replies = {site: many.answer(site, server) for site in many.sites[:4]}
    for site, reply in replies.items():
        server.receive(site, reply)
    copied = Card.parsed(replies[many.sites[1]]["card"])
    own = bytes([9]) + bytes(31)
    content = (copied.sealing, own, bytes(32)) if part == "sealing" else (own, copied.masking, bytes(32))
    card = Card.signed(many.keys[cheat], cheat, many.terms.context(round=1, attempt=1), content)
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(cheat, {"round": 1, "attempt": 1, "card": card.written()})
    assert (refusal.value.reason, refusal.value.peer) == (Reason.IDENTITY, cheat)
    assert _finished(many, server, many.sites[:4])
