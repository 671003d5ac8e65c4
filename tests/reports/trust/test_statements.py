"""One signature: in-toto's own code accepts it, it has one form, and the key in it makes nobody known."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from reports.envelopes import PAYLOAD_TYPE
from reports.trust.keys import key_id_of, public_pem
from reports.trust.parties import Role
from reports.trust.statements import Oath, envelope_name, read_envelope, swear

SUBJECTS = {"report.json": "ab" * 32, "exhibits/x.parquet": "cd" * 32}


def _oath(person: Any, **changed: Any) -> Oath:
    told = {
        "name": person.name,
        "role": person.role,
        "signed_at": "2026-03-01T10:00:00Z",
        "requester": "Cy",
        "decision": "pass",
        "report_digest": "sha256:" + "0" * 64,
        "claims_digest": "sha256:" + "1" * 64,
        "public_key": public_pem(person.key.public_key()),
    }
    return Oath.model_validate(told | changed)


@pytest.fixture(scope="module")
def ada(new_person: Callable[[str, Role], Any]) -> Any:
    return new_person("Ada Lovelace", Role.REVIEWER)


@pytest.fixture(scope="module")
def envelope(ada: Any) -> bytes:
    return swear(_oath(ada), SUBJECTS, ada.key)


@pytest.fixture(scope="module")
def file(ada: Any) -> str:
    return envelope_name(_oath(ada), ada.key_id)


def _refused(envelope: bytes, file: str) -> str:
    with pytest.raises(VerificationError) as caught:
        read_envelope(envelope, file=file)
    assert (caught.value.slug, caught.value.where) == ("signature-invalid", file)
    return caught.value.what


def test_says_who_signed_what(envelope: bytes, file: str, ada: Any) -> None:
    signed = read_envelope(envelope, file=file)
    assert signed.subjects == SUBJECTS
    assert signed.oath == _oath(ada)
    assert signed.key_id == ada.key_id
    assert file == f"signatures/reviewer-ada-lovelace-{ada.key_id[:8]}.dsse.json"


def test_in_toto_s_own_code_accepts_envelope_and_statement(envelope: bytes, ada: Any) -> None:
    from google.protobuf import json_format
    from in_toto.models.metadata import Envelope as InTotoEnvelope
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    key = SSlibKey.from_crypto(ada.key.public_key(), keyid=ada.key_id)
    for kind in (Envelope, InTotoEnvelope):
        assert kind.from_dict(json.loads(envelope)).verify([key], 1) == {ada.key_id: key}
    payload = base64.b64decode(json.loads(envelope)["payload"])
    statement = Statement.copy_from_pb(json_format.Parse(payload, statement_pb2.Statement()))
    statement.validate()
    assert [one.name for one in statement.pb.subject] == sorted(SUBJECTS)
    assert statement.pb.predicate["role"] == "reviewer"


def test_in_toto_s_own_code_refuses_another_key(envelope: bytes, ada: Any, new_person: Any) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError as Refused
    from securesystemslib.signer import SSlibKey

    stranger = new_person("Eve", Role.REVIEWER)
    key = SSlibKey.from_crypto(stranger.key.public_key(), keyid=ada.key_id)
    with pytest.raises(Refused):
        Envelope.from_dict(json.loads(envelope)).verify([key], 1)


def test_another_writing_of_the_same_envelope_is_refused(envelope: bytes, file: str) -> None:
    document = json.loads(envelope)
    assert canonical_json(document) == envelope
    spaced = json.dumps(document, sort_keys=True).encode()
    reordered = json.dumps(dict(reversed(document.items())), separators=(",", ":")).encode()
    more = canonical_json(document | {"more": 1})
    named = canonical_json(document | {"signatures": [document["signatures"][0] | {"cert": "x"}]})
    for other in (spaced, reordered, more, named, envelope + b"\n", b"\xef\xbb\xbf" + envelope):
        _refused(other, file)


def test_base64_has_one_form(envelope: bytes, file: str) -> None:
    """The last letter before the padding has bits that decoders leave out."""
    document = json.loads(envelope)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    sig = document["signatures"][0]["sig"]
    assert sig.endswith("==")
    other = sig[:-3] + letters[letters.index(sig[-3]) ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(sig)
    document["signatures"][0]["sig"] = other
    assert "canonical" in _refused(canonical_json(document), file)


def _signed_anew(payload: bytes, ada: Any) -> bytes:
    """An envelope whose signature is right, over whatever payload."""
    kind = PAYLOAD_TYPE.encode()
    signature = ada.key.sign(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))
    listed = [{"keyid": ada.key_id, "sig": base64.b64encode(signature).decode()}]
    told = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": listed}
    return canonical_json(told)


def test_a_statement_in_another_writing_is_refused_although_it_is_signed(envelope: bytes, file: str, ada: Any) -> None:
    payload = base64.b64decode(json.loads(envelope)["payload"])
    assert read_envelope(_signed_anew(payload, ada), file=file).subjects == SUBJECTS
    statement = json.loads(payload)
    for other in (
        json.dumps(statement).encode(),
        canonical_json(statement | {"more": 1}),
        canonical_json(statement | {"predicateType": "urn:other"}),
        canonical_json(statement | {"_type": "other"}),
        canonical_json(statement | {"subject": statement["subject"][::-1]}),
        canonical_json(statement | {"subject": statement["subject"] * 2}),
        canonical_json(statement | {"subject": []}),
        canonical_json(statement | {"subject": 1}),
        canonical_json(statement | {"subject": [{"name": "x", "digest": {"md5": "x"}}]}),
        canonical_json(statement | {"predicate": statement["predicate"] | {"role": "king"}}),
        canonical_json(statement | {"predicate": statement["predicate"] | {"signed_at": "2026-03-01T10:00:00"}}),
        canonical_json(statement | {"predicate": statement["predicate"] | {"more": 1}}),
        b"[]",
        b"x",
        b"[" * 100_000,
    ):
        _refused(_signed_anew(other, ada), file)


def test_a_stranger_s_key_under_a_known_key_id_is_refused(
    envelope: bytes, file: str, ada: Any, new_person: Any
) -> None:
    stranger = new_person("Ada Lovelace", Role.REVIEWER)
    own = json.loads(swear(_oath(stranger), SUBJECTS, stranger.key))
    own["signatures"][0]["keyid"] = ada.key_id
    assert "key id is not that of the key that it carries" in _refused(canonical_json(own), file)


def test_an_envelope_under_another_name_is_refused(envelope: bytes) -> None:
    assert "another name" in _refused(envelope, "signatures/approver.dsse.json")


@pytest.mark.parametrize(
    "garbage",
    [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 9999, b'{"payload":1,"payloadType":"x","signatures":[]}',
     b'{"payload":"","payloadType":"x","signatures":[{}]}', b'{"payload":"","payloadType":"x","signatures":[1]}']
)  # fmt: skip
def test_garbage(garbage: bytes, file: str) -> None:
    _refused(garbage, file)


def test_two_signatures_in_one_envelope_are_refused(envelope: bytes, file: str) -> None:
    document = json.loads(envelope)
    document["signatures"] *= 2
    _refused(canonical_json(document), file)


def test_nobody_signs_with_another_key_than_the_oath_carries(ada: Any, new_person: Any) -> None:
    stranger = new_person("Eve", Role.REVIEWER)
    with pytest.raises(ValueError, match="another public key"):
        swear(_oath(stranger), SUBJECTS, ada.key)


def test_every_file_but_the_signatures_is_signed(signed: Any, files: Callable[[Path], dict[str, bytes]]) -> None:
    content = files(signed.folder)
    read = read_envelope(content[signed.reviewed], file=signed.reviewed)
    expected = {n: hashlib.sha256(d).hexdigest() for n, d in content.items() if not n.startswith("signatures/")}
    assert read.subjects == expected
    assert "SHA256SUMS" in expected
    assert read.key_id == key_id_of(signed.reviewer.key.public_key())
