"""The signature under a dossier: an in-toto statement about the bytes of `dossier.yaml`, in a DSSE envelope.

What is signed is the file, byte for byte: whoever signs answers for what people can read in it. Verifying says that the
holder of the key signed these bytes; whether the answers are true it does not say.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Final

from pydantic import ValidationError

from affidavit.errors import VerificationError
from affidavit.records import Record
from reports.envelopes import invalid, listed, open_envelope, seal, statement_of
from reports.law.dossier import DOSSIER, Dossier, Question
from reports.signing import former_key_id
from reports.trust.keys import key_id_of, parse_private_key, public_key_in

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


def sign_dossier(
    content: bytes, dossier: Dossier, private_pem: bytes, *, today: datetime.date, password: bytes | None = None
) -> bytes:
    """Return the DSSE envelope over a dossier.

    Args:
        content: the bytes of `dossier.yaml`.
        dossier: what was read from them.
        private_pem: an ed25519 private key, as `affidavit keys new` writes it.
        today: the date that the signature states.
        password: of a key that is locked with one.

    Raises:
        VerificationError: `key-invalid`, the key is not an ed25519 private key, or the password is not its.
    """
    key = parse_private_key(private_pem, password=password)
    predicate = DossierPredicate(system=dossier.system, unanswered=dossier.unanswered(), signed_on=today)
    told = predicate.model_dump(mode="json")
    return seal(subjects=_subjects(content), predicate_type=PREDICATE_TYPE, predicate=told, key=key)


def verify_dossier(envelope: bytes, content: bytes, public: bytes) -> SignedDossier:
    """Return what was signed, if the key signed exactly these bytes.

    Args:
        envelope: the bytes of `dossier.dsse.json`.
        content: the bytes of `dossier.yaml`.
        public: the card of whoever is said to have signed (`NAME.pub.yaml`), or an ed25519 public key in PEM form.

    Raises:
        VerificationError: `key-invalid`, `signature-invalid` or `digest-mismatch`.
    """
    key = public_key_in(public)
    opened = open_envelope(envelope, where=ENVELOPE)
    if opened.key_id not in (key_id_of(key), former_key_id(key)):
        raise invalid("the dossier was not signed with this key", where=ENVELOPE, found=opened.key_id[:80])
    if not opened.is_by(key):
        raise invalid("the signature does not fit what it is under", where=ENVELOPE)
    statement = statement_of(opened, predicate_type=PREDICATE_TYPE, about="a dossier", where=ENVELOPE)
    if statement["subject"] != listed(_subjects(content)):
        raise VerificationError(
            f"{DOSSIER} is not what was signed",
            slug="digest-mismatch",
            found=hashlib.sha256(content).hexdigest(),
            remedy="ask whoever signed the dossier for the original, or have the changed one signed again",
        )
    try:
        predicate = DossierPredicate.model_validate(statement["predicate"])
    except ValidationError:
        raise invalid("what was signed does not say what it should about the dossier", where=ENVELOPE) from None
    return SignedDossier(key_id=key_id_of(key), predicate=predicate)


def _subjects(content: bytes) -> dict[str, str]:
    return {DOSSIER: hashlib.sha256(content).hexdigest()}
