from __future__ import annotations

import base64
import hashlib
import json
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from affidavit.report import AuditReport, parse_report
from reports.envelopes import seal
from reports.signing import PREDICATE_TYPE, former_key_id, verify_envelope
from reports.trust.keys import KeyCard, card_text, key_id_of, parse_private_key

EXHIBITS = {"exhibits/performance-by-group.parquet": "sha256:" + "ab" * 32, "exhibits/class-rates.parquet": "cd" * 32}


def generate_key() -> tuple[bytes, bytes]:
    """Return a new private key and its public key, both in PEM form."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def sign_report(content: bytes, exhibits: dict[str, str], private_pem: bytes) -> bytes:
    """Return what `affidavit sign --key` wrote before signatures had names."""
    report, key = parse_report(content), parse_private_key(private_pem)
    told = {"report_digest": report.report_digest, "claims_digest": report.claims_digest}
    return seal(
        subjects={"report.json": hashlib.sha256(content).hexdigest()}
        | {name: digest.removeprefix("sha256:") for name, digest in exhibits.items()},
        predicate_type=PREDICATE_TYPE,
        predicate={**told, "decision": report.decision.value, "title": report.title},
        key=key,
        key_id=former_key_id(key.public_key()),
    )


@pytest.fixture(scope="module")
def report(samples: ModuleType) -> AuditReport:
    small: AuditReport = samples.sample_report(conditions=("TAV",), with_exhibits=False)
    return small


@pytest.fixture(scope="module")
def content(report: AuditReport) -> bytes:
    return report.to_json()


@pytest.fixture(scope="module")
def keys() -> tuple[bytes, bytes]:
    return generate_key()


@pytest.fixture(scope="module")
def envelope(content: bytes, keys: tuple[bytes, bytes]) -> bytes:
    return sign_report(content, EXHIBITS, keys[0])


@pytest.fixture(scope="module")
def rsa_keys() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def _refused(
    envelope: bytes, content: bytes, public: bytes, exhibits: dict[str, str] = EXHIBITS
) -> VerificationError:  # fmt: skip
    with pytest.raises(VerificationError) as caught:
        verify_envelope(envelope, content, exhibits, public)
    return caught.value


def test_a_signed_report_verifies(
    envelope: bytes, content: bytes, keys: tuple[bytes, bytes], report: AuditReport
) -> None:
    statement = verify_envelope(envelope, content, EXHIBITS, keys[1])
    assert statement.predicate.report_digest == report.report_digest
    assert statement.predicate.claims_digest == report.claims_digest
    assert statement.predicate.decision is report.decision
    assert statement.predicate.title == report.title
    assert len(statement.key_id) == 64


def test_it_is_an_in_toto_statement(envelope: bytes) -> None:
    outer = json.loads(envelope)
    statement = json.loads(base64.b64decode(outer["payload"]))
    assert outer["payloadType"] == "application/vnd.in-toto+json"
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == PREDICATE_TYPE
    assert [part["name"] for part in statement["subject"]] == [*sorted(EXHIBITS), "report.json"]
    assert all(len(part["digest"]["sha256"]) == 64 for part in statement["subject"])


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_flipped_byte_in_the_report(envelope: bytes, content: bytes, keys: tuple[bytes, bytes], place: int) -> None:
    changed = bytearray(content)
    changed[place] ^= 1
    error = _refused(envelope, bytes(changed), keys[1])
    assert (error.slug, error.what) == ("digest-mismatch", "not what was signed: report.json")


def _edited(envelope: bytes, key: str) -> bytes:
    """Flip one bit of the signature or of the payload."""
    outer = json.loads(envelope)
    place: dict[str, Any] = outer if key == "payload" else outer["signatures"][0]
    raw = bytearray(base64.b64decode(place[key]))
    raw[20] ^= 1
    place[key] = base64.b64encode(raw).decode()
    return canonical_json(outer)


@pytest.mark.parametrize("part", ["sig", "payload"])
def test_a_flipped_byte_in_the_envelope(envelope: bytes, content: bytes, keys: tuple[bytes, bytes], part: str) -> None:
    error = _refused(_edited(envelope, part), content, keys[1])
    assert (error.slug, error.what) == ("signature-invalid", "the signature does not fit what it is under")


def test_another_payload_type(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    outer = json.loads(envelope) | {"payloadType": "text/plain"}
    error = _refused(canonical_json(outer), content, keys[1])
    assert (error.slug, error.what) == ("signature-invalid", "the envelope does not hold an in-toto statement")


def test_another_writing_of_the_same_envelope(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    error = _refused(json.dumps(json.loads(envelope)).encode(), content, keys[1])
    assert (error.slug, error.what) == ("signature-invalid", "the envelope is not written in its canonical form")


def test_another_s_key(envelope: bytes, content: bytes) -> None:
    error = _refused(envelope, content, generate_key()[1])
    assert (error.slug, error.what) == ("signature-invalid", "the report was not signed with this key")


def test_a_foreign_key_under_the_expected_key_id(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    foreign = json.loads(sign_report(content, EXHIBITS, generate_key()[0]))
    foreign["signatures"][0]["keyid"] = json.loads(envelope)["signatures"][0]["keyid"]
    error = _refused(canonical_json(foreign), content, keys[1])
    assert (error.slug, error.what) == ("signature-invalid", "the signature does not fit what it is under")


@pytest.mark.parametrize(
    "exhibits",
    [
        {},
        EXHIBITS | {"exhibits/more.parquet": "00" * 32},
        EXHIBITS | {"exhibits/class-rates.parquet": "00" * 32},
        {"exhibits/renamed.parquet": "cd" * 32, "exhibits/performance-by-group.parquet": "ab" * 32},
    ],
)
def test_other_exhibits(envelope: bytes, content: bytes, keys: tuple[bytes, bytes], exhibits: dict[str, str]) -> None:
    error = _refused(envelope, content, keys[1], exhibits)
    assert error.slug == "digest-mismatch"
    assert "exhibits/" in error.what


def test_a_digest_that_is_none(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    assert _refused(envelope, content, keys[1], {"x": "md5:1"}).slug == "digest-mismatch"


@pytest.mark.parametrize(
    "garbage", [b"", b"{}", b"[]", b"null", b"\xff", b'{"payload": 1, "payloadType": "x", "signatures": []}',
                b'{"payload": "", "payloadType": "x", "signatures": [{}]}']
)  # fmt: skip
def test_a_garbage_envelope(garbage: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    error = _refused(garbage, content, keys[1])
    assert error.slug == "signature-invalid"


def test_a_signed_statement_about_something_else(content: bytes, keys: tuple[bytes, bytes]) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    for payload in (b"x", b"[]", b'{"_type": "other", "predicateType": "other"}'):
        envelope = Envelope(payload, "application/vnd.in-toto+json", {})
        envelope.sign(CryptoSigner(form.load_pem_private_key(keys[0], None)))  # type: ignore[arg-type]
        assert "what was signed is not" in _refused(canonical_json(envelope.to_dict()), content, keys[1]).what


@pytest.mark.parametrize(
    ("which", "what"),
    [
        ("public", "this is the public half of a key; signing needs the private half"),
        ("rsa", "this private key is not an ed25519 key"),
        ("garbage", "this is not a private key in PEM form"),
        ("truncated", "this is not a private key in PEM form"),
        ("locked", "this private key is locked with a password, and none was given"),
    ],
)
def test_keys_that_cannot_sign(keys: tuple[bytes, bytes], rsa_keys: tuple[bytes, bytes], which: str, what: str) -> None:
    key = form.load_pem_private_key(keys[0], None)
    locked = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"p"))
    pems = {"public": keys[1], "rsa": rsa_keys[0], "garbage": b"garbage", "truncated": keys[0][:60], "locked": locked}
    with pytest.raises(VerificationError) as caught:
        parse_private_key(pems[which])
    assert (caught.value.slug, caught.value.what) == ("key-invalid", what)
    assert key_id_of(parse_private_key(locked, password=b"p").public_key()) == key_id_of(key.public_key())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("which", "what"),
    [
        ("private", "this is the private half of a key; it belongs to its holder alone"),
        ("rsa", "this public key is not an ed25519 key"),
        ("garbage", "this is not a public key in PEM form"),
    ],
)
def test_keys_that_cannot_verify(
    envelope: bytes, content: bytes, keys: tuple[bytes, bytes], rsa_keys: tuple[bytes, bytes], which: str, what: str
) -> None:
    pems = {"private": keys[0], "rsa": rsa_keys[1], "garbage": b"-----BEGIN PUBLIC KEY-----\nx\n"}
    error = _refused(envelope, content, pems[which])
    assert (error.slug, error.what) == ("key-invalid", what)


def test_the_card_of_a_key_verifies_as_its_pem_does(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    key = parse_private_key(keys[0]).public_key()
    told = {"name": "Ada Osei", "role": "issuer", "created": "2026-01-01T00:00:00Z", "public_key": keys[1].decode()}
    card = card_text(KeyCard.model_validate({**told, "key_id": key_id_of(key)}))
    assert verify_envelope(envelope, content, EXHIBITS, card.encode()).key_id == former_key_id(key)
    assert _refused(envelope, content, b"name: Ada\n").slug == "key-invalid"
