"""One signature under a bundle: an in-toto statement about every file of it, in a DSSE envelope, made with ed25519.

signatures/ROLE-NAME-KEY.dsse.json

The statement names each file of the bundle but the signatures themselves by its SHA-256, and says who signs, as what,
when, for whom the audit was made and which decision they put their name to. It carries the public key, so that
anybody can say whether the signature is valid; whether the signer is who they say is for a trust file to tell, and the
key in the statement counts for nothing there.

Law: an envelope and the statement in it are the canonical JSON (RFC 8785) of what they say. Any other writing of the
same content is refused, so no byte of an envelope is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from affidavit.errors import VerificationError
from affidavit.records import Record
from affidavit.report import Decision
from affidavit.yaml_files import describe_validation_error
from reports.envelopes import Envelope, invalid, listed, open_envelope, seal, statement_of
from reports.trust.keys import key_id_of, read_public_key
from reports.trust.parties import Moment, PersonName, Role, file_part

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREDICATE_TYPE: Final = "urn:affidavit:signature:v1"
FOLDER: Final = "signatures/"
SUFFIX: Final = ".dsse.json"


class Oath(Record):
    """What somebody swears to."""

    name: PersonName
    role: Role
    signed_at: Moment
    """As the signer says."""
    requester: PersonName
    """Who asked for the audit."""
    decision: Decision
    """The decision of the report that is signed."""
    report_digest: str
    claims_digest: str
    public_key: str
    """The signer's, in PEM form: makes the signature checkable and nobody known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An envelope whose signature is valid for the key that it carries; whose key that is, it does not tell."""

    file: str
    content: bytes
    key_id: str
    oath: Oath
    subjects: Mapping[str, str]
    """File of the bundle to the SHA-256 that was signed, in hex."""


def envelope_name(oath: Oath, key_id: str) -> str:
    """Return the name in the bundle of the envelope with this oath: it follows from the content alone."""
    parts = (oath.role.value, file_part(oath.name), key_id[:8])
    return f"{FOLDER}{'-'.join(part for part in parts if part)}{SUFFIX}"


def swear(oath: Oath, subjects: Mapping[str, str], key: Ed25519PrivateKey) -> bytes:
    """Return the envelope over the files of a bundle.

    Args:
        oath: what is sworn; its public key must be the other half of `key`.
        subjects: file to the SHA-256 of its bytes in hex, every file of the bundle but its signatures.
        key: the signer's private key.
    """
    if key_id_of(read_public_key(oath.public_key.encode())) != key_id_of(key.public_key()):
        raise ValueError("the oath carries another public key than the one it is signed with")
    predicate = oath.model_dump(mode="json")
    return seal(subjects=subjects, predicate_type=PREDICATE_TYPE, predicate=predicate, key=key)


def read_envelope(content: bytes, *, file: str) -> Signed:
    """Return what an envelope says, if it is canonical and its signature valid for the key that it carries.

    Raises:
        VerificationError: `signature-invalid`; says whether form, signature, statement or name is wrong.
    """
    envelope = open_envelope(content, where=file)
    statement = statement_of(envelope, predicate_type=PREDICATE_TYPE, about="an audit bundle", where=file)
    oath = _oath(statement, file)
    _check_signature(envelope, oath, file)
    subjects = _subjects(statement, file)
    signed = Signed(file=file, content=content, key_id=envelope.key_id, oath=oath, subjects=subjects)
    if (expected := envelope_name(oath, envelope.key_id)) != file:
        what = "this signature lies under another name than its own"
        raise invalid(what, where=file, found=f"that of {expected}")
    return signed


def _oath(statement: Mapping[str, Any], file: str) -> Oath:
    try:
        return Oath.model_validate(statement["predicate"])
    except ValidationError as error:
        found = describe_validation_error(error)[:300]
        what = "what was signed does not say who signs, as what and when"
        raise invalid(what, where=file, found=found) from None


def _subjects(statement: Mapping[str, Any], file: str) -> dict[str, str]:
    try:
        subjects = {part["name"]: part["digest"]["sha256"] for part in statement["subject"]}
        whole = bool(subjects) and statement["subject"] == listed(subjects)
        whole = whole and all(isinstance(text, str) for pair in subjects.items() for text in pair)
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise invalid("what was signed does not list files by their SHA-256, each once and in order", where=file)
    return subjects


def _check_signature(envelope: Envelope, oath: Oath, file: str) -> None:
    try:
        key = read_public_key(oath.public_key.encode())
    except VerificationError as error:
        raise invalid(f"the key that it carries cannot be read: {error.what}", where=file) from None
    if key_id_of(key) != envelope.key_id:
        raise invalid("the key id is not that of the key that it carries", where=file, found=envelope.key_id[:80])
    if not envelope.is_by(key):
        raise invalid("the signature does not fit what it is under", where=file)
