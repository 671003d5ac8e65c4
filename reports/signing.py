"""The former signature under a report, `report.dsse.json`: read and held, and made no more.

It is an in-toto statement about `report.json` and every file beside it, by the SHA-256 of their bytes, and names no
signer: whoever verifies brings the public key. Signatures are made by name and role now (`reports.trust`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from affidavit.errors import VerificationError
from affidavit.records import Record
from affidavit.report import Decision
from reports.envelopes import invalid, listed, open_envelope, statement_of
from reports.trust.keys import public_key_in

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREDICATE_TYPE: Final = "urn:affidavit:audit-report:v1"
REPORT_NAME: Final = "report.json"
_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


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


def verify_envelope(
    envelope: bytes, report_json: bytes, exhibit_digests: Mapping[str, str], public: bytes
) -> SignedStatement:
    """Return what was signed, if the key signed exactly this report with exactly these exhibit files.

    Args:
        envelope: the DSSE envelope.
        report_json: the bytes of `report.json`.
        exhibit_digests: path in the bundle to the SHA-256 of the file's bytes.
        public: the public key of whoever is said to have signed: PEM, or a card of `affidavit keys`.

    Raises:
        VerificationError: `key-invalid`, `signature-invalid` or `digest-mismatch`.
    """
    key = public_key_in(public)
    opened, named = open_envelope(envelope), former_key_id(key)
    if opened.key_id != named:
        raise invalid("the report was not signed with this key", found=opened.key_id[:80])
    if not opened.is_by(key):
        raise invalid("the signature does not fit what it is under")
    statement = statement_of(opened, predicate_type=PREDICATE_TYPE, about="an audit report")
    _check_subject(statement, _digests(report_json, exhibit_digests))
    return _signed_statement(statement, named)


def former_key_id(key: Ed25519PublicKey) -> str:
    """Return what envelopes of before call a key: securesystemslib's SHA-256 over its own description of it."""
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    return str(SSlibKey.from_crypto(key).keyid)


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


def _signed_statement(statement: Mapping[str, Any], key_id: str) -> SignedStatement:
    try:
        return SignedStatement(key_id=key_id, predicate=Predicate.model_validate(statement["predicate"]))
    except ValidationError:
        raise invalid("what was signed does not say what it should about the report") from None


def _check_subject(statement: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    expected = listed(digests)
    signed = statement["subject"]
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
