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

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from affidavit.records import Record
from affidavit.report import Decision
from affidavit.yaml_files import describe_validation_error
from reports.signing import PAYLOAD_TYPE, STATEMENT_TYPE
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
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

    public = key.public_key()
    if key_id_of(read_public_key(oath.public_key.encode())) != key_id_of(public):
        raise ValueError("the oath carries another public key than the one it is signed with")
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)],
        "predicateType": PREDICATE_TYPE,
        "predicate": oath.model_dump(mode="json"),
    }
    envelope = Envelope(canonical_json(statement), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, SSlibKey.from_crypto(public, keyid=key_id_of(public))))
    return canonical_json(envelope.to_dict())


def read_envelope(content: bytes, *, file: str) -> Signed:
    """Return what an envelope says, if it is canonical and its signature valid for the key that it carries.

    Raises:
        VerificationError: `signature-invalid`; says whether form, signature, statement or name is wrong.
    """
    payload, key_id, signature = _opened(content, file)
    statement = _statement(payload, file)
    oath = _oath(statement, file)
    _check_signature(payload, signature, oath, key_id, file)
    signed = Signed(file=file, content=content, key_id=key_id, oath=oath, subjects=_subjects(statement, file))
    if (expected := envelope_name(oath, key_id)) != file:
        raise _invalid("this signature lies under another name than its own", file, found=f"that of {expected}")
    return signed


def _opened(content: bytes, file: str) -> tuple[bytes, str, bytes]:
    """Return payload, key id and signature of an envelope in its one form."""
    try:
        outer = json.loads(content)
        payload = base64.b64decode(outer["payload"], validate=True)
        (one,) = outer["signatures"]
        signature = base64.b64decode(one["sig"], validate=True)
        same = content == canonical_json(_enveloped(payload, one["keyid"], signature))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _invalid("this is not an envelope (DSSE) with one signature", file) from None
    if not (same and isinstance(one["keyid"], str)):
        raise _invalid("the envelope is not written in its canonical form", file)
    return payload, one["keyid"], signature


def _enveloped(payload: bytes, key_id: str, signature: bytes) -> dict[str, Any]:
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }


def _statement(payload: bytes, file: str) -> dict[str, Any]:
    try:
        statement = json.loads(payload)
        canonical = canonical_json(statement) == payload
        kinds = statement["_type"], statement["predicateType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _invalid("what was signed is not an in-toto statement", file) from None
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise _invalid("what was signed is not about an audit bundle", file, found=", ".join(map(str, kinds)))
    if not canonical or set(statement) != {"_type", "subject", "predicateType", "predicate"}:
        raise _invalid("the statement is not written in its canonical form", file)
    return dict(statement)


def _oath(statement: Mapping[str, Any], file: str) -> Oath:
    try:
        return Oath.model_validate(statement["predicate"])
    except ValidationError as error:
        found = describe_validation_error(error)[:300]
        raise _invalid("what was signed does not say who signs, as what and when", file, found=found) from None


def _subjects(statement: Mapping[str, Any], file: str) -> dict[str, str]:
    try:
        subjects = {part["name"]: part["digest"]["sha256"] for part in statement["subject"]}
        expected = [{"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)]
        whole = bool(subjects) and statement["subject"] == expected
        whole = whole and all(isinstance(text, str) for pair in subjects.items() for text in pair)
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise _invalid("what was signed does not list files by their SHA-256, each once and in order", file)
    return subjects


def _check_signature(payload: bytes, signature: bytes, oath: Oath, key_id: str, file: str) -> None:
    from cryptography.exceptions import InvalidSignature

    try:
        key = read_public_key(oath.public_key.encode())
    except VerificationError as error:
        raise _invalid(f"the key that it carries cannot be read: {error.what}", file) from None
    if key_id_of(key) != key_id:
        raise _invalid("the key id is not that of the key that it carries", file, found=key_id[:80])
    try:
        key.verify(signature, _pre_authenticated(payload))
    except InvalidSignature:
        raise _invalid("the signature does not fit what it is under", file) from None


def _pre_authenticated(payload: bytes) -> bytes:
    """Return what DSSE signs: type and payload, each behind its length."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _invalid(what: str, file: str, *, found: str | None = None) -> VerificationError:
    return VerificationError(
        what,
        slug="signature-invalid",
        where=file,
        found=found,
        remedy="ask whoever signed for the envelope as they wrote it",
    )
