"""Every key has one use, one attempt and one pair of sites, and a sealed share opens in its own direction only."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from federated.secure.attempts import Attempt
from federated.secure.envelopes import derived, mask_key, public_of, seal, self_key, shared_secret, unseal
from federated.secure.refusals import Reason, SecureRefusalError

A, B, C = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
CONTEXT, OTHER = b"c" * 32, b"o" * 32


def by_hand(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """The twin: HKDF-SHA256 from its definition (RFC 5869), one block of output."""
    extracted = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


def test_keys_are_derived_as_the_standard_says() -> None:
    info = b"affidavit secure\0mask\0site-a\0site-b"
    assert derived(A, context=CONTEXT, use="mask", names=("site-a", "site-b")) == by_hand(A, salt=CONTEXT, info=info)


def test_both_sites_and_nobody_else_have_the_key_of_their_mask() -> None:
    key = mask_key(A, public_of(B), context=CONTEXT, own="a", peer="b")
    assert key == mask_key(B, public_of(A), context=CONTEXT, own="b", peer="a")
    assert key != mask_key(C, public_of(B), context=CONTEXT, own="a", peer="b")
    assert shared_secret(A, public_of(B), peer="b") == shared_secret(B, public_of(A), peer="a") != key


def test_a_mask_is_of_two_names_whose_keys_ever_they_are() -> None:
    """Two sites that were given one private key, by a copied disk or a weak generator, mask nothing alike."""
    keys = {mask_key(A, public_of(B), context=CONTEXT, own=own, peer="peer") for own in ("a", "b", "z")}
    assert len(keys) == 3


@pytest.mark.parametrize("bound", [(OTHER, ("a", "b")), (CONTEXT, ("a", "c")), (CONTEXT, ("c", "b"))])
def test_a_sealed_share_says_whose_it_is_beside_its_key(
    bound: tuple[bytes, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even under one key for all, what was sealed for one attempt and one way opens in no other (associated data)."""
    monkeypatch.setattr("federated.secure.envelopes.derived", lambda *_, **__: A)
    sealed = seal(A, public_of(B), context=CONTEXT, way=("a", "b"), shares=(1, 2))
    assert unseal(B, public_of(A), context=CONTEXT, way=("a", "b"), sealed=sealed) == (1, 2)
    with pytest.raises(SecureRefusalError):
        unseal(B, public_of(A), context=bound[0], way=bound[1], sealed=sealed)


def test_no_nonce_and_no_key_is_drawn_twice() -> None:
    sealed = [seal(A, public_of(B), context=CONTEXT, way=("a", "b"), shares=(1, 2)) for _ in range(50)]
    assert len({one[:12] for one in sealed}) == 50
    begun = [Attempt.begun(round=1, attempt=1, context=CONTEXT) for _ in range(20)]
    assert len({secret for one in begun for secret in (one.sealing, one.masking, one.seed)}) == 60


def test_no_key_serves_twice() -> None:
    uses = [
        (context, use, names) for context in (CONTEXT, OTHER) for use in ("mask", "seal", "self") for names in _NAMES
    ]
    keys = {derived(A, context=context, use=use, names=names) for context, use, names in uses}
    assert len(keys) == len(uses)
    assert self_key(A, context=CONTEXT, own="a") != self_key(A, context=OTHER, own="a")


_NAMES = (("a", "b"), ("b", "a"), ("a", "c"), ("ab",), ("a",))


def test_a_sealed_share_opens_for_its_receiver_in_its_attempt() -> None:
    shares = (2**256 + 3, 7)
    sealed = seal(A, public_of(B), context=CONTEXT, way=("a", "b"), shares=shares)
    assert unseal(B, public_of(A), context=CONTEXT, way=("a", "b"), sealed=sealed) == shares
    assert sealed != seal(A, public_of(B), context=CONTEXT, way=("a", "b"), shares=shares)
    for private, context, way in ((B, OTHER, ("a", "b")), (B, CONTEXT, ("b", "a")), (C, CONTEXT, ("a", "b"))):
        with pytest.raises(SecureRefusalError) as refusal:
            unseal(private, public_of(A), context=context, way=way, sealed=sealed)
        assert (refusal.value.reason, refusal.value.peer) == (Reason.SEALED, way[0])


def test_a_point_of_low_order_is_no_key() -> None:
    with pytest.raises(SecureRefusalError) as refusal:
        shared_secret(A, bytes(32), peer="b")
    assert refusal.value.reason is Reason.IDENTITY
