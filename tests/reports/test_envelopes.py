"""Envelopes: sealed, opened and held against a key; one form each, and read by securesystemslib too."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from reports.envelopes import Envelope, listed, open_envelope, seal, statement_of
from reports.trust.keys import key_id_of

KIND = "urn:affidavit:test:v1"
FILES = {"b.txt": "bb" * 32, "a.txt": "aa" * 32}


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def sealed(key: Ed25519PrivateKey) -> bytes:
    return seal(subjects=FILES, predicate_type=KIND, predicate={"said": "é"}, key=key)


def test_what_is_sealed_opens_and_says_what_was_said(key: Ed25519PrivateKey, sealed: bytes) -> None:
    envelope = open_envelope(sealed)
    assert envelope.is_by(key.public_key())
    assert not envelope.is_by(Ed25519PrivateKey.generate().public_key())
    assert envelope.key_id == key_id_of(key.public_key())
    statement = statement_of(envelope, predicate_type=KIND, about="a test")
    assert statement["predicate"] == {"said": "é"}
    assert statement["subject"] == listed(FILES)
    assert [part["name"] for part in statement["subject"]] == ["a.txt", "b.txt"]


def test_securesystemslib_accepts_it(key: Ed25519PrivateKey, sealed: bytes) -> None:
    from securesystemslib.dsse import Envelope as Theirs
    from securesystemslib.signer import SSlibKey

    public = SSlibKey.from_crypto(key.public_key(), keyid=key_id_of(key.public_key()))
    Theirs.from_dict(json.loads(sealed)).verify([public], 1)


def holds(content: bytes, key: Ed25519PrivateKey) -> bool:
    """Say whether content is an envelope whose signature is the key's, about what it is to be about."""
    try:
        envelope = open_envelope(content)
        statement_of(envelope, predicate_type=KIND, about="a test")
    except VerificationError as error:
        assert error.slug == "signature-invalid"
        return False
    return envelope.is_by(key.public_key()) and envelope.key_id == key_id_of(key.public_key())


def test_no_byte_is_free(key: Ed25519PrivateKey, sealed: bytes) -> None:
    assert holds(sealed, key)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert not holds(bytes(changed), key), place


def test_another_writing_of_the_same_content_is_refused(key: Ed25519PrivateKey, sealed: bytes) -> None:
    outer = json.loads(sealed)
    twice = outer | {"signatures": outer["signatures"] * 2}
    for other in (json.dumps(outer).encode(), canonical_json(outer | {"more": 1}), canonical_json(twice), b"x", b"[]"):
        assert not holds(other, key)
    assert not holds(canonical_json(outer | {"payloadType": "text/plain"}), key)


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (b"x", "not an in-toto statement"),
        (b"[]", "not an in-toto statement"),
        (b'{"_type":"other","predicateType":"other"}', "not about a test"),
        (b'{"predicateType":"urn:affidavit:test:v1","_type":"https://in-toto.io/Statement/v1"}', "canonical form"),
        (b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:affidavit:test:v1"}', "canonical form"),
    ],
)
def test_what_was_signed_has_to_be_a_statement_of_this_kind(payload: bytes, what: str) -> None:
    envelope = Envelope(payload=payload, key_id="k", signature=b"")
    with pytest.raises(VerificationError, match=what):
        statement_of(envelope, predicate_type=KIND, about="a test", where="f.dsse.json")
