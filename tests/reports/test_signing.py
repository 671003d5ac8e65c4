from __future__ import annotations

import base64
import json
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from affidavit.errors import VerificationError
from affidavit.report import AuditReport
from reports.signing import PREDICATE_TYPE, generate_key, sign_report, verify_envelope

EXHIBITS = {"exhibits/performance-by-group.parquet": "sha256:" + "ab" * 32, "exhibits/class-rates.parquet": "cd" * 32}


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
    return json.dumps(outer).encode()


@pytest.mark.parametrize("part", ["sig", "payload"])
def test_a_flipped_byte_in_the_envelope(envelope: bytes, content: bytes, keys: tuple[bytes, bytes], part: str) -> None:
    error = _refused(_edited(envelope, part), content, keys[1])
    assert (error.slug, error.what) == ("signature-invalid", "the signature does not fit what it is under")


def test_another_payload_type(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    outer = json.loads(envelope) | {"payloadType": "text/plain"}
    assert _refused(json.dumps(outer).encode(), content, keys[1]).slug == "signature-invalid"


def test_another_s_key(envelope: bytes, content: bytes) -> None:
    error = _refused(envelope, content, generate_key()[1])
    assert (error.slug, error.what) == ("signature-invalid", "the report was not signed with this key")


def test_a_foreign_key_under_the_expected_key_id(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    foreign = json.loads(sign_report(content, EXHIBITS, generate_key()[0]))
    foreign["signatures"][0]["keyid"] = json.loads(envelope)["signatures"][0]["keyid"]
    assert _refused(json.dumps(foreign).encode(), content, keys[1]).slug == "signature-invalid"


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
        assert _refused(json.dumps(envelope.to_dict()).encode(), content, keys[1]).slug == "signature-invalid"


@pytest.mark.parametrize(
    ("which", "what"),
    [
        ("public", "this is the public half of a key; signing needs the private half"),
        ("rsa", "this private key is not an ed25519 key"),
        ("garbage", "this is not a private key in PEM form"),
        ("truncated", "this is not a private key in PEM form"),
        ("locked", "this private key is locked with a password"),
    ],
)
def test_keys_that_cannot_sign(
    content: bytes, keys: tuple[bytes, bytes], rsa_keys: tuple[bytes, bytes], which: str, what: str
) -> None:
    key = form.load_pem_private_key(keys[0], None)
    locked = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"p"))
    pems = {"public": keys[1], "rsa": rsa_keys[0], "garbage": b"garbage", "truncated": keys[0][:60], "locked": locked}
    with pytest.raises(VerificationError) as caught:
        sign_report(content, EXHIBITS, pems[which])
    assert (caught.value.slug, caught.value.what) == ("key-invalid", what)


@pytest.mark.parametrize(
    ("which", "what"),
    [
        ("private", "this is the private half of a key; verifying needs the public half"),
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


def test_a_report_whose_digests_do_not_match_is_not_signed(content: bytes, keys: tuple[bytes, bytes]) -> None:
    changed = json.loads(content) | {"title": "Another title"}
    with pytest.raises(VerificationError) as caught:
        sign_report(json.dumps(changed).encode(), EXHIBITS, keys[0])
    assert caught.value.slug == "digest-mismatch"
