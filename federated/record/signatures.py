"""What is signed in a site's log, and by whom: approvals by its officer, key changes by the key before, its farewell.

What is signed is the canonical JSON of the entry without its signature, with the site's name and a purpose before it,
so that no signature can stand for another thing or another site. Ed25519 for officers and sites; ECDSA over SHA-256 for
the P-384 key that Flower's node signs with, which signs nothing here but its own successor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from affidavit.digests import canonical_json, digest_of
from affidavit.records import Record
from federated.record.entries import Approved, Disapproved, Farewell, KeyRotated

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
Signed = Approved | Disapproved | Farewell | KeyRotated
_DOMAIN: Final = b"affidavit site log\0"


def public_hex(key: PrivateKey) -> str:
    """Return the public half as it stands in a log: 32 raw bytes, or a compressed point, in hexadecimal."""
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint).hex()


def fingerprint(public: str) -> str:
    """Return what people compare by telephone: `sha256:<hex>` of the public key as a log has it."""
    return digest_of({"key": public})


def signed_by(key: PrivateKey, unsigned: Mapping[str, Any], *, site: str) -> str:
    """Return the signature over an entry's fields, none of which is the signature."""
    message = _message(unsigned, site)
    written = key.sign(message) if isinstance(key, Ed25519PrivateKey) else key.sign(message, ECDSA(hashes.SHA256()))
    return written.hex()


def holds(entry: Signed, *, public: str, site: str) -> bool:
    """Say whether whoever has the private half of `public` signed this entry at this site."""
    message, signature = _message(_unsigned(entry), site), bytes.fromhex(entry.signature)
    try:
        raw = bytes.fromhex(public)
        if len(raw) == 32:
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
        else:
            point = EllipticCurvePublicKey.from_encoded_point(SECP384R1(), raw)
            point.verify(signature, message, ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _unsigned(entry: Record) -> dict[str, Any]:
    return {name: value for name, value in entry.model_dump(mode="json").items() if name != "signature"}


def _message(unsigned: Mapping[str, Any], site: str) -> bytes:
    return _DOMAIN + site.encode() + b"\0" + canonical_json(dict(unsigned))
