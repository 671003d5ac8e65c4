"""Whose key is this? Long-lived Ed25519 keys in a roster that every site approved sign the fresh keys of an attempt.

Ed25519 and not the P-384 keys of Flower's nodes: those authenticate a node to the server, whose operator registers
them, and the server is whom these signatures guard against. To sign, Ed25519 draws no random number, so no weak one
either; the project's reports are signed with it too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from affidavit.digests import digest_of
from affidavit.errors import PlanError
from federated.secure.refusals import Reason, SecureRefusalError

SIGNATURE_BYTES: Final = 64
PUBLIC_BYTES: Final = 32
CARD_BYTES: Final = 3 * PUBLIC_BYTES + SIGNATURE_BYTES
_NAME: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEYS: Final = b"affidavit secure keys\0"
_VIEW: Final = b"affidavit secure view\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Every site that may take part, with its public signing key."""

    keys: Mapping[str, bytes]
    """Raw Ed25519 public keys by site name."""
    points: Mapping[str, int] = field(init=False, repr=False)
    """Where a site's shares lie: its place in the roster, from 1."""
    digest: str = field(init=False)
    """What officers compare by telephone."""

    def __post_init__(self) -> None:
        """Refuse a roster that is none."""
        if strange := [name for name in self.keys if not _NAME.fullmatch(name)]:
            raise PlanError(
                "a site's name is no short plain name",
                slug="plan-invalid",
                where="secure aggregation",
                found=repr(strange[0][:60]),
                allowed="1 to 64 letters, digits, dots, underscores and hyphens, the first a letter or digit",
            )
        distinct = len(set(self.keys.values()))
        if any(len(key) != PUBLIC_BYTES for key in self.keys.values()) or distinct < len(self.keys):
            raise PlanError(
                "two sites of the roster have one key, or a key is no raw Ed25519 public key of 32 bytes",
                slug="plan-invalid",
                where="secure aggregation",
                found=f"{len(self.keys)} sites, {distinct} keys",
                remedy="take each site's key from `affidavit site init` at that site",
            )
        ordered = {site: self.keys[site] for site in sorted(self.keys)}
        object.__setattr__(self, "keys", ordered)
        object.__setattr__(self, "points", {site: at for at, site in enumerate(ordered, start=1)})
        object.__setattr__(self, "digest", digest_of({site: key.hex() for site, key in ordered.items()}))

    @property
    def sites(self) -> tuple[str, ...]:
        """The names in ascending order."""
        return tuple(self.keys)

    def verify(self, site: str, signature: bytes, message: bytes) -> bool:
        """Say whether a site of the roster signed this."""
        try:
            Ed25519PublicKey.from_public_bytes(self.keys[site]).verify(signature, message)
        except (InvalidSignature, KeyError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a site says of itself in one attempt."""

    sealing: bytes
    """X25519: seals shares to it."""
    masking: bytes
    """X25519: makes the masks that it shares with each neighbour."""
    commitment: bytes
    """SHA-256 over the attempt, its name and the seed of its self mask."""
    signature: bytes

    @classmethod
    def signed(cls, key: Ed25519PrivateKey, site: str, context: bytes, content: tuple[bytes, bytes, bytes]) -> Self:
        """Return a card of sealing key, masking key and commitment."""
        sealing, masking, commitment = content
        signature = key.sign(_KEYS + context + site.encode() + b"\0" + b"".join(content))
        return cls(sealing=sealing, masking=masking, commitment=commitment, signature=signature)

    @classmethod
    def read(cls, site: str, written: bytes, *, context: bytes, roster: Roster) -> Self:
        """Return a site's card.

        Raises:
            SecureRefusalError: it was not signed by that site, for this attempt.
        """
        content, signature = written[:-SIGNATURE_BYTES], written[-SIGNATURE_BYTES:]
        if site not in roster.keys:
            raise SecureRefusalError(Reason.UNKNOWN_SITE, f"{site[:60]!r} is no site of the roster", peer=site)
        if not roster.verify(site, signature, _KEYS + context + site.encode() + b"\0" + content):
            words = f"the keys said to be of {site} were not signed by {site} for this attempt: changed, or invented"
            raise SecureRefusalError(Reason.IDENTITY, words, peer=site)
        return cls.parsed(written)

    @classmethod
    def parsed(cls, written: bytes) -> Self:
        """Return a card whose signature was verified before."""
        sealing, masking, bound = (written[at : at + PUBLIC_BYTES] for at in range(0, 3 * PUBLIC_BYTES, PUBLIC_BYTES))
        return cls(sealing=sealing, masking=masking, commitment=bound, signature=written[-SIGNATURE_BYTES:])

    def written(self) -> bytes:
        """Return the card's bytes."""
        return self.sealing + self.masking + self.commitment + self.signature


def commitment(context: bytes, site: str, seed: bytes) -> bytes:
    """Return what binds a site to the seed of its self mask without telling it."""
    return hashlib.sha256(b"affidavit secure seed\0" + context + site.encode() + b"\0" + seed).digest()


def view(cohort: bytes, sharers: tuple[str, ...], active: tuple[str, ...]) -> bytes:
    """Return what AGREE signs: everybody's keys, who shared secrets, and who is in the sum."""
    sets = digest_of({"sharers": list(sharers), "active": list(active)}).encode()
    return _VIEW + cohort + sets
