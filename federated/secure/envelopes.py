"""What do two sites know that nobody else does? X25519 between fresh keys, HKDF-SHA256, ChaCha20-Poly1305.

Every key is bound to the attempt, to its use and to both names, and a sealed share opens in its own direction only.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.shamir import SHARE_BYTES

_NONCE: Final = 12
_ANY: Final = bytes(range(32))
"""Every private key is a multiple of 8, the order of the largest such point, so that any one will do to find it."""
SEALED_BYTES: Final = _NONCE + 2 * SHARE_BYTES + 16


def public_of(private: bytes) -> bytes:
    """Return the public half of an X25519 key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def derived(secret: bytes, *, context: bytes, use: str, names: tuple[str, ...]) -> bytes:
    """Return 32 bytes for one use (HKDF-SHA256, RFC 5869)."""
    info = b"\0".join([b"affidavit secure", use.encode(), *(name.encode() for name in names)])
    return HKDF(algorithm=SHA256(), length=32, salt=context, info=info).derive(secret)


def shared_secret(private: bytes, public: bytes, *, peer: str) -> bytes:
    """Return what both halves give (RFC 7748).

    Raises:
        SecureRefusalError: the peer's key is a point of low order, which gives everybody the same.
    """
    try:
        theirs = X25519PublicKey.from_public_bytes(public)
        return X25519PrivateKey.from_private_bytes(private).exchange(theirs)
    except ValueError:
        raise SecureRefusalError(Reason.IDENTITY, f"a key of {peer} is none that keeps a secret", peer=peer) from None


def keeps_secrets(public: bytes) -> bool:
    """Say whether a key is no point of low order: with such a one every private key gives the same zeros."""
    try:
        X25519PrivateKey.from_private_bytes(_ANY).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return False
    return True


def mask_key(private: bytes, public: bytes, *, context: bytes, own: str, peer: str) -> bytes:
    """Return the key of the mask between two sites, the same from either side."""
    low, high = sorted((own, peer))
    return derived(shared_secret(private, public, peer=peer), context=context, use="mask", names=(low, high))


def self_key(seed: bytes, *, context: bytes, own: str) -> bytes:
    """Return the key of a site's own mask."""
    return derived(seed, context=context, use="self", names=(own,))


def seal(private: bytes, public: bytes, *, context: bytes, way: tuple[str, str], shares: tuple[int, int]) -> bytes:
    """Return shares of the seed and of the mask key, sealed from way[0] to way[1]."""
    key = derived(shared_secret(private, public, peer=way[1]), context=context, use="seal", names=way)
    nonce = os.urandom(_NONCE)
    plain = b"".join(share.to_bytes(SHARE_BYTES, "big") for share in shares)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, _bound(context, way))


def unseal(private: bytes, public: bytes, *, context: bytes, way: tuple[str, str], sealed: bytes) -> tuple[int, int]:
    """Return the shares that way[0] sealed to way[1].

    Raises:
        SecureRefusalError: they were changed, or sealed for another attempt or another way.
    """
    key = derived(shared_secret(private, public, peer=way[0]), context=context, use="seal", names=way)
    try:
        plain = ChaCha20Poly1305(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(context, way))
    except InvalidTag:
        words = f"the shares from {way[0]} do not open: changed on the way, or meant for another attempt"
        raise SecureRefusalError(Reason.SEALED, words, peer=way[0]) from None
    return int.from_bytes(plain[:SHARE_BYTES], "big"), int.from_bytes(plain[SHARE_BYTES:], "big")


def _bound(context: bytes, way: tuple[str, str]) -> bytes:
    return b"\0".join([context, way[0].encode(), way[1].encode()])
