"""The signature under a dossier: an in-toto statement about the bytes of `dossier.yaml`, in a DSSE envelope.

What is signed is the file, byte for byte: whoever signs answers for what people can read in it. Verifying says that the
holder of the key signed these bytes; whether the answers are true it does not say.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from affidavit.records import Record
from reports.law.dossier import DOSSIER, Dossier, Question
from reports.signing import PAYLOAD_TYPE, STATEMENT_TYPE, _parsed_envelope, _private_key, _public_key

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

PREDICATE_TYPE: Final = "urn:affidavit:dossier:v1"
ENVELOPE: Final = "dossier.dsse.json"


class DossierPredicate(Record):
    """What is sworn about a dossier."""

    system: str
    unanswered: tuple[Question, ...]
    signed_on: datetime.date


class SignedDossier(Record):
    """A dossier whose signature was verified."""

    key_id: str
    predicate: DossierPredicate


def sign_dossier(content: bytes, dossier: Dossier, private_pem: bytes, *, today: datetime.date) -> bytes:
    """Return the DSSE envelope over a dossier.

    Args:
        content: the bytes of `dossier.yaml`.
        dossier: what was read from them.
        private_pem: an ed25519 private key.
        today: the date that the signature states.

    Raises:
        VerificationError: `key-invalid`, the key is not an ed25519 private key.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

    key = _private_key(private_pem)
    predicate = DossierPredicate(system=dossier.system, unanswered=dossier.unanswered(), signed_on=today)
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": _subject(content),
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate.model_dump(mode="json"),
    }
    envelope = Envelope(canonical_json(statement), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key))
    return canonical_json(envelope.to_dict())


def verify_dossier(envelope: bytes, content: bytes, public_pem: bytes) -> SignedDossier:
    """Return what was signed, if the key signed exactly these bytes.

    Args:
        envelope: the bytes of `dossier.dsse.json`.
        content: the bytes of `dossier.yaml`.
        public_pem: the ed25519 public key of whoever is said to have signed.

    Raises:
        VerificationError: `key-invalid`, `signature-invalid` or `digest-mismatch`.
    """
    key = _public_key(public_pem)
    signed = _parsed_envelope(envelope)
    if canonical_json(json.loads(envelope)) != envelope:
        raise _signature_error("the envelope holds more than its canonical form")
    _check_signature(signed, key)
    statement = _statement(signed)
    if statement.get("subject") != _subject(content):
        raise VerificationError(
            f"{DOSSIER} is not what was signed",
            slug="digest-mismatch",
            found=hashlib.sha256(content).hexdigest(),
            remedy="ask whoever signed the dossier for the original, or have the changed one signed again",
        )
    try:
        predicate = DossierPredicate.model_validate(statement.get("predicate"))
    except ValidationError:
        raise _signature_error("what was signed does not say what it should about the dossier") from None
    return SignedDossier(key_id=key.keyid, predicate=predicate)


def _subject(content: bytes) -> list[dict[str, Any]]:
    return [{"name": DOSSIER, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}]


def _check_signature(envelope: Envelope, key: SSlibKey) -> None:
    from securesystemslib import exceptions

    if envelope.payload_type != PAYLOAD_TYPE:
        raise _signature_error("the envelope does not hold an in-toto statement", found=str(envelope.payload_type))
    if key.keyid not in envelope.signatures:
        raise _signature_error(
            "the dossier was not signed with this key", found=", ".join(envelope.signatures) or "none"
        )
    try:
        envelope.verify([key], 1)
    except exceptions.VerificationError:
        raise _signature_error("the signature does not fit what it is under") from None


def _statement(envelope: Envelope) -> Mapping[str, Any]:
    try:
        statement = json.loads(envelope.payload)
        kinds = statement["_type"], statement["predicateType"]
    except (ValueError, KeyError, TypeError):
        raise _signature_error("what was signed is not an in-toto statement") from None
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise _signature_error("what was signed is not about a dossier", found=", ".join(map(str, kinds)))
    return dict(statement)


def _signature_error(what: str, *, found: str | None = None) -> VerificationError:
    return VerificationError(
        what,
        slug="signature-invalid",
        found=found,
        remedy="ask whoever signed the dossier for the envelope and for their public key",
    )
