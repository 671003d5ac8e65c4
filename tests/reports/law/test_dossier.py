"""Dossiers: who says what and when, what is unanswered, the signature, and the gate that needs both."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.errors import InputError, TableError, VerificationError
from reports.envelopes import seal
from reports.law.dossier import (
    ALWAYS,
    WHERE_A_LAW_ASKS,
    Dossier,
    Question,
    parse_dossier,
    question_text,
    read_dossier,
    scope_of,
)
from reports.law.dossier_signing import PREDICATE_TYPE, sign_dossier, verify_dossier
from reports.law.scope import Observed, Outcome
from reports.law.template import template
from reports.law.testimony import Testimony, gate
from reports.signing import PREDICATE_TYPE as OF_A_REPORT
from reports.signing import former_key_id
from reports.trust.keys import key_id_of, parse_private_key, read_public_key, write_key
from reports.trust.parties import Role

WHO = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}


def test_each_question_is_a_field_with_its_words() -> None:
    fields = [name for name in Dossier.model_fields if name not in {"version", "system"}]
    assert [question.value for question in Question] == fields
    assert all(question_text(question).rstrip(".").count(" ") >= 3 for question in Question)
    assert set(ALWAYS) | WHERE_A_LAW_ASKS == set(Question)


def test_a_new_dossier_has_every_question_and_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "dossier.yaml"
    system = 'Listener "2"\n# x: 1 \u202e \U0001f642 ' + "long " * 40 + "end"
    path.write_text(template(system), encoding="utf-8")
    dossier = read_dossier(path)
    assert dossier.unanswered() == tuple(Question)
    assert dossier.system == system


def test_a_whole_dossier_is_read(written: Path) -> None:
    dossier = read_dossier(written)
    assert dossier.unanswered() == ()
    answer = dossier.answer(Question.RETENTION)
    assert answer is not None
    assert (answer.by, answer.date) == ("A. Example", datetime.date(2026, 11, 20))
    assert scope_of(dossier).subjects == ("patients",)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"intended_purpos": None}, "did you mean 'intended_purpose'?"),
        ({"version": 2}, "version"),
        ({"system": " "}, "system"),
        ({"retention": {"says": "Ninety days.", "by": "A", "role": "B"}}, "retention.date"),
        ({"retention": {"says": "TBD", **WHO}}, "says nothing"),
        ({"retention": {"says": "Ninety days.", **WHO, "by": "?"}}, "retention.by"),
        ({"retention": {"says": "Ninety days.", **WHO, "date": "yesterday"}}, "retention.date"),
        ({"retention": "Ninety days."}, "retention"),
        ({"subjects": {"subjects": ["robots"], **WHO}}, "subjects"),
        ({"subjects": {"subjects": [], **WHO}}, "subjects"),
        ({"exception": {"exception": "none", "evidence": "certificate 17", **WHO}}, "nothing to show"),
        ({"exception": {"exception": "medical", "evidence": "certificate 17", **WHO}}, "for whom"),
        ({"circumstances": {"circumstances": {"rainy": True}, **WHO}}, "circumstances"),
    ],
)
def test_what_is_wrong_with_a_dossier_is_said(
    tmp_path: Path, whole: dict[str, Any], changes: dict[str, Any], found: str
) -> None:
    path = tmp_path / "dossier.yaml"
    path.write_text(yaml.safe_dump(whole | changes), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_dossier(path)
    assert found in (caught.value.found or "")


def test_an_answer_that_stands_twice_is_refused(written: Path) -> None:
    written.write_text(written.read_text(encoding="utf-8") + "system: Another\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_dossier(written)
    assert caught.value.found == "stands twice: system"


def test_an_inner_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dossier.yaml"
    inner = "{by: A, role: B, date: 2026-01-01, says: Yes indeed., says: No indeed.}"
    path.write_text(f"version: 1\nsystem: S\nretention: {inner}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_dossier(path)
    assert caught.value.found == "stands twice: says"


def test_a_file_that_contains_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "dossier.yaml"
    path.write_text("version: 1\nsystem: S\nretention: &a [*a]\n", encoding="utf-8")
    with pytest.raises(InputError):
        read_dossier(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read_dossier(tmp_path / "none.yaml")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"- 1", b"", b"[" * 400, b"version: 1\n---\nversion: 1\n"])
def test_what_is_no_dossier_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        parse_dossier(content)


def generate_key() -> tuple[bytes, bytes]:
    """Return a new private key and its public key, both in PEM form."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def keys() -> tuple[bytes, bytes]:
    return generate_key()


@pytest.fixture
def content(written: Path) -> bytes:
    return written.read_bytes()


@pytest.fixture
def envelope(written: Path, content: bytes, keys: tuple[bytes, bytes], today: datetime.date) -> bytes:
    return sign_dossier(content, read_dossier(written), keys[0], today=today)


def refused(envelope: bytes, content: bytes, public: bytes) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        verify_dossier(envelope, content, public)
    return caught.value


def test_a_signed_dossier_verifies(
    envelope: bytes, content: bytes, keys: tuple[bytes, bytes], today: datetime.date
) -> None:
    signed = verify_dossier(envelope, content, keys[1])
    assert len(signed.key_id) == 64
    assert (signed.predicate.system, signed.predicate.unanswered) == ("Listener 2", ())
    assert signed.predicate.signed_on == today
    statement = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    assert statement["predicateType"] == PREDICATE_TYPE
    assert [part["name"] for part in statement["subject"]] == ["dossier.yaml"]


def test_any_changed_byte_of_the_dossier_breaks_it(
    envelope: bytes, content: bytes, keys: tuple[bytes, bytes]
) -> None:  # fmt: skip
    for place in range(0, len(content), max(1, len(content) // 40)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert refused(envelope, bytes(changed), keys[1]).slug == "digest-mismatch"
    assert refused(envelope, content + b"\n", keys[1]).slug == "digest-mismatch"


def test_any_changed_byte_of_the_envelope_breaks_it(
    envelope: bytes, content: bytes, keys: tuple[bytes, bytes]
) -> None:  # fmt: skip
    for place in range(0, len(envelope), 7):
        changed = bytearray(envelope)
        changed[place] ^= 1
        refused(bytes(changed), content, keys[1])


def test_another_s_key_and_the_wrong_half(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    assert refused(envelope, content, generate_key()[1]).what == "the dossier was not signed with this key"
    assert refused(envelope, content, keys[0]).slug == "key-invalid"


def test_what_is_not_canonical_is_refused(envelope: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    more = json.dumps(json.loads(envelope) | {"note": "x"}).encode()
    spaced = json.dumps(json.loads(envelope), indent=1).encode()
    assert {refused(one, content, keys[1]).slug for one in (more, spaced)} == {"signature-invalid"}


def test_a_signature_under_a_report_is_none_under_a_dossier(
    small: Any, content: bytes, keys: tuple[bytes, bytes]
) -> None:  # fmt: skip
    subjects = {"report.json": hashlib.sha256(small.to_json()).hexdigest()}
    key = parse_private_key(keys[0])
    envelope = seal(subjects=subjects, predicate_type=OF_A_REPORT, predicate={}, key=key)
    assert refused(envelope, content, keys[1]).what == "what was signed is not about a dossier"


def test_a_key_of_affidavit_keys_signs_and_its_card_verifies(
    written: Path, content: bytes, today: datetime.date, tmp_path: Path
) -> None:
    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    new = write_key(tmp_path, "Ada Osei", Role.REVIEWER, created=made, password=b"horse")
    with pytest.raises(VerificationError, match="locked with a password"):
        sign_dossier(content, read_dossier(written), new.key.read_bytes(), today=today)
    envelope = sign_dossier(content, read_dossier(written), new.key.read_bytes(), today=today, password=b"horse")
    signed = verify_dossier(envelope, content, new.card_file.read_bytes())
    assert signed.key_id == new.card.key_id, "the key id of signatures under bundles and of trust files"
    assert json.loads(envelope)["signatures"][0]["keyid"] == new.card.key_id


def test_a_dossier_that_was_signed_before_still_verifies(
    written: Path, content: bytes, keys: tuple[bytes, bytes], today: datetime.date
) -> None:
    """Envelopes named keys by securesystemslib's id before."""
    key, public = parse_private_key(keys[0]), read_public_key(keys[1])
    predicate = {"system": read_dossier(written).system, "unanswered": [], "signed_on": today.isoformat()}
    subjects = {"dossier.yaml": hashlib.sha256(content).hexdigest()}
    before = seal(
        subjects=subjects, predicate_type=PREDICATE_TYPE, predicate=predicate, key=key, key_id=former_key_id(public)
    )
    assert verify_dossier(before, content, keys[1]).key_id == key_id_of(public)


@pytest.mark.parametrize("garbage", [b"", b"{}", b"[]", b"null", b"\xff"])
def test_a_garbage_envelope(garbage: bytes, content: bytes, keys: tuple[bytes, bytes]) -> None:
    assert refused(garbage, content, keys[1]).slug == "signature-invalid"


Signed = Callable[..., Testimony]


def test_a_whole_signed_dossier_opens_the_gate(signed: Signed, today: datetime.date) -> None:
    assert gate(signed(), today=today).outcome is Outcome.ALLOWED


def test_no_dossier_opens_nothing(today: datetime.date) -> None:
    decision = gate(Testimony(), today=today)
    assert decision.outcome is Outcome.UNANSWERED
    assert "no dossier" in decision.reasons[0].says


def test_an_unsigned_dossier_opens_nothing(signed: Signed, today: datetime.date) -> None:
    decision = gate(Testimony(dossier=signed().dossier), today=today)
    assert decision.outcome is Outcome.UNANSWERED
    assert "signature" in decision.reasons[0].says


def test_an_unsigned_dossier_can_shut_the_gate(signed: Signed, today: datetime.date) -> None:
    staff = signed(subjects={"subjects": ["employees"], **WHO}).dossier
    assert gate(Testimony(dossier=staff), today=today).outcome is Outcome.PROHIBITED


@pytest.mark.parametrize("question", ALWAYS)
def test_one_unanswered_question_shuts_the_gate(signed: Signed, today: datetime.date, question: Question) -> None:
    decision = gate(signed(**{question.value: None}), today=today)
    assert decision.outcome is Outcome.UNANSWERED
    assert any(f"{question}:" in reason.says for reason in decision.reasons)


@pytest.mark.parametrize("question", sorted(WHERE_A_LAW_ASKS))
def test_what_only_some_laws_ask_leaves_the_gate(signed: Signed, today: datetime.date, question: Question) -> None:
    assert gate(signed(**{question.value: None}), today=today).outcome is Outcome.ALLOWED


def test_an_answer_from_the_future_shuts_the_gate(signed: Signed) -> None:
    decision = gate(signed(), today=datetime.date(2026, 11, 19))
    assert decision.outcome is Outcome.UNANSWERED
    assert "after today" in decision.reasons[0].says
    assert gate(signed(), today=datetime.date(2026, 11, 20)).outcome is Outcome.ALLOWED


def test_the_report_counts_beside_the_dossier(signed: Signed, today: datetime.date) -> None:
    observed = Observed.model_validate({"subjects": ["clinicians"]})
    assert gate(signed(), today=today, observed=observed).outcome is Outcome.PROHIBITED
