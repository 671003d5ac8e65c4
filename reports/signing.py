"""The signature under a report: an in-toto statement about its bytes, in a DSSE envelope, made with ed25519.

What is signed names `report.json` and every exhibit file by the SHA-256 of its bytes, so neither can be changed,
left out or added. Verifying says that whoever holds the key signed these bytes; it says nothing of how they came about.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from affidavit.records import Record
from affidavit.report import Decision, parse_report

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:affidavit:audit-report:v1"
REPORT_NAME: Final = "report.json"
_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_KEY_REMEDY: Final = "give the ed25519 key in PEM form that `affidavit keygen` writes, without a password"


class Predicate(Record):
    """What is sworn about the report."""

    report_digest: str
    claims_digest: str
    decision: Decision
    title: str


class SignedStatement(Record):
    """A statement whose signature was verified."""

    key_id: str
    predicate: Predicate


def generate_key() -> tuple[bytes, bytes]:
    """Return a new private key and its public key, both in PEM form."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def sign_report(report_json: bytes, exhibit_digests: Mapping[str, str], private_pem: bytes) -> bytes:
    """Return the DSSE envelope over a report and its exhibit files.

    Args:
        report_json: the bytes of `report.json`.
        exhibit_digests: path in the bundle to the SHA-256 of the file's bytes.
        private_pem: an ed25519 private key.

    Raises:
        VerificationError: the report's own digests do not match, or the key is not an ed25519 private key.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

    key = _private_key(private_pem)
    report = parse_report(report_json)
    predicate = Predicate(
        report_digest=report.report_digest,
        claims_digest=report.claims_digest,
        decision=report.decision,
        title=report.title,
    )
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": _subject(_digests(report_json, exhibit_digests)),
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate.model_dump(mode="json"),
    }
    envelope = Envelope(canonical_json(statement), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key))
    return canonical_json(envelope.to_dict())


def verify_envelope(
    envelope: bytes, report_json: bytes, exhibit_digests: Mapping[str, str], public_pem: bytes
) -> SignedStatement:
    """Return what was signed, if the key signed exactly this report with exactly these exhibit files.

    Args:
        envelope: the DSSE envelope.
        report_json: the bytes of `report.json`.
        exhibit_digests: path in the bundle to the SHA-256 of the file's bytes.
        public_pem: the ed25519 public key of whoever is said to have signed.

    Raises:
        VerificationError: `key-invalid`, `signature-invalid` or `digest-mismatch`.
    """
    key = _public_key(public_pem)
    signed = _parsed_envelope(envelope)
    _check_signature(signed, key)
    statement = _statement(signed)
    _check_subject(statement, _digests(report_json, exhibit_digests))
    return _signed_statement(statement, key.keyid)


def _digests(report_json: bytes, exhibit_digests: Mapping[str, str]) -> dict[str, str]:
    """Return name to hex digest of everything that is signed."""
    report = {REPORT_NAME: hashlib.sha256(report_json).hexdigest()}
    return report | {name: _hex(name, digest) for name, digest in exhibit_digests.items()}


def _hex(name: str, digest: str) -> str:
    match = _SHA256.fullmatch(digest)
    if match is None:
        raise VerificationError(
            f"the digest of {name} is not a SHA-256",
            slug="digest-mismatch",
            found=digest,
            allowed="64 hexadecimal digits, with or without sha256: before them",
            remedy="give the digest of the file's bytes, as sha256sum prints it",
        )
    return match[1]


def _subject(digests: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "digest": {"sha256": digests[name]}} for name in sorted(digests)]


def _private_key(pem: bytes) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PUBLIC KEY" in pem:
        raise _key_error("this is the public half of a key; signing needs the private half")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise _key_error("this private key is locked with a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _key_error("this is not a private key in PEM form") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _key_error("this private key is not an ed25519 key", found=type(key).__name__.removeprefix("_"))
    return key


def _public_key(pem: bytes) -> SSlibKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    if b"PRIVATE KEY" in pem:
        raise _key_error("this is the private half of a key; verifying needs the public half")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise _key_error("this is not a public key in PEM form") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _key_error("this public key is not an ed25519 key", found=type(key).__name__.removeprefix("_"))
    return SSlibKey.from_crypto(key)


def _key_error(what: str, *, found: str | None = None) -> VerificationError:
    return VerificationError(what, slug="key-invalid", found=found, remedy=_KEY_REMEDY)


def _parsed_envelope(envelope: bytes) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    try:
        return Envelope.from_dict(json.loads(envelope))
    except (ValueError, KeyError, TypeError, AttributeError, FormatError):
        raise _signature_error("this is not a signature envelope (DSSE)") from None


def _check_signature(envelope: Envelope, key: SSlibKey) -> None:
    from securesystemslib import exceptions

    if envelope.payload_type != PAYLOAD_TYPE:
        raise _signature_error("the envelope does not hold an in-toto statement", found=str(envelope.payload_type))
    if key.keyid not in envelope.signatures:
        raise _signature_error(
            "the report was not signed with this key", found=", ".join(envelope.signatures) or "none"
        )
    try:
        envelope.verify([key], 1)
    except exceptions.VerificationError:
        raise _signature_error("the signature does not fit what it is under") from None


def _statement(envelope: Envelope) -> dict[str, Any]:
    """Return the statement; its signature holds, so what is wrong with it was signed so."""
    try:
        statement = json.loads(envelope.payload)
        kinds = statement["_type"], statement["predicateType"]
    except (ValueError, KeyError, TypeError):
        raise _signature_error("what was signed is not an in-toto statement") from None
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise _signature_error("what was signed is not about an audit report", found=", ".join(map(str, kinds)))
    return dict(statement)


def _signed_statement(statement: Mapping[str, Any], key_id: str) -> SignedStatement:
    try:
        return SignedStatement(key_id=key_id, predicate=Predicate.model_validate(statement.get("predicate")))
    except ValidationError:
        raise _signature_error("what was signed does not say what it should about the report") from None


def _check_subject(statement: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    expected = _subject(digests)
    signed = statement.get("subject")
    if signed == expected:
        return
    named = (
        {str(part.get("name")): part for part in signed if isinstance(part, dict)} if isinstance(signed, list) else {}
    )
    here = {part["name"]: part for part in expected}
    changed = sorted(name for name in named.keys() | here.keys() if named.get(name) != here.get(name))
    raise VerificationError(
        f"not what was signed: {', '.join(changed) or 'the list of files'}",
        slug="digest-mismatch",
        remedy="ask whoever signed the report for the original bundle",
    )


def _signature_error(what: str, *, found: str | None = None) -> VerificationError:
    return VerificationError(
        what,
        slug="signature-invalid",
        found=found,
        remedy="ask whoever signed the report for the envelope and for their public key",
    )
