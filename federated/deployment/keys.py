"""The three keys of a site: made, written, read and checked.

`node` (P-384, OpenSSH) is what Flower's node authenticates with; `signing` (Ed25519) signs for the site, in secure sums
and under its log; `officer` (Ed25519) approves what may run, and may be kept on another machine. None has a password:
they are used by a service that nobody sits at, and whoever reads the folder has more than keys.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from affidavit.errors import VerificationError
from federated.deployment.house import House, written_privately
from federated.record.entries import KeyUse
from federated.record.signatures import PrivateKey

USES: Final[tuple[KeyUse, ...]] = ("node", "signing", "officer")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A key as it is written."""

    key: PrivateKey
    private: bytes
    public: bytes


def made(use: KeyUse) -> KeyPair:
    """Return a new key from the operating system's randomness."""
    if use == "node":
        node = generate_private_key(SECP384R1())
        private = node.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        return KeyPair(key=node, private=private, public=ssh_line(node))
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(key=key, private=private, public=_pem(key))


def written(house: House, use: KeyUse, pair: KeyPair) -> None:
    """Write both halves; neither is ever overwritten.

    Raises:
        PlanError: one is there already.
    """
    written_privately(house.key(use), pair.private)
    written_privately(house.public(use), pair.public, mode=0o644)


def read_key(path: Path) -> PrivateKey:
    """Return a private key, whichever of the two forms it has.

    Raises:
        VerificationError: it is not there, is none, or others may read it.
    """
    try:
        written = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise _unfit(path, error.strerror or "unreadable", "check the path") from None
    if mode & 0o077:
        raise _unfit(path, f"others may read it (mode {mode:o})", f"chmod 600 {path}, and rotate it if others did")
    try:
        ssh = written.startswith(b"-----BEGIN OPENSSH")
        key = load_ssh_private_key(written, None) if ssh else load_pem_private_key(written, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unfit(path, "no private key without a password", _MAKE) from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP384R1):
        return key
    raise _unfit(path, "a key of another kind", _MAKE)


def officer_key(path: Path) -> Ed25519PrivateKey:
    """Return a key that approves, or signs for a site.

    Raises:
        VerificationError: it is none, or is of another kind.
    """
    key = read_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise _unfit(path, "a P-384 key", _MAKE)
    return key


def public_of(key: PrivateKey) -> bytes:
    """Return the public half as it is written beside a private key."""
    return _pem(key) if isinstance(key, Ed25519PrivateKey) else ssh_line(key)


def ssh_line(key: EllipticCurvePrivateKey) -> bytes:
    """Return the public half of a node's key as `flwr supernode register` reads it."""
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"


_MAKE: Final = "use the keys that `affidavit site init` makes: P-384 in OpenSSH form for the node, else Ed25519 in PEM"


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _unfit(path: Path, found: str, remedy: str) -> VerificationError:
    return VerificationError("the key cannot be used", slug="key-invalid", where=str(path), found=found, remedy=remedy)
