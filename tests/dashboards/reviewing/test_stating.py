"""Statements keep the rules between people that signatures keep, and a key at the desk signs what was stated."""

from __future__ import annotations

import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from affidavit.errors import PlanError, VerificationError
from dashboards.access.people import Person, Role
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.conflicts import EditConflictError
from dashboards.reviewing.doing import Doing
from dashboards.reviewing.signing import Papers, commands, folder_of, own_keys, sign_here, signed_by, signs_as
from dashboards.reviewing.stating import Standing, Statement, requester_of, standing, state, subject_of
from reports.trust.keys import write_key
from reports.trust.parties import Role as Signer
from reports.trust.verification import Asked, verify

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORT = "sha256:" + "ab" * 32
ADA = Person(name="Ada Osei", role=Role.APPROVER)
BEN = Person(name="Ben Ito", role=Role.REVIEWER)
JO = Person(name="Jo Lindqvist", role=Role.APPROVER)


def states(
    book: RecordBook, who: Person, what: Statement, why: str = "so", report: str = REPORT, **told: object
) -> None:
    part = Standing(history=book.history(subject_of(report)), **told)  # type: ignore[arg-type]
    state(report, what, Doing(by=who, at=NOON, why=why), part=part, book=book)


def test_one_asks_another_reads_a_third_approves(book: RecordBook) -> None:
    states(book, ADA, Statement.REQUESTED)
    states(book, BEN, Statement.READ)
    states(book, JO, Statement.APPROVED)
    history = book.history(subject_of(REPORT))
    assert requester_of(history) == "Ada Osei"
    assert [entry.act for entry in standing(history).values()] == ["asked for it", "read it", "approves it"]
    assert [signs_as(who, history) for who in (ADA, BEN, JO)] == [Signer.REQUESTER, Signer.REVIEWER, Signer.APPROVER]


@pytest.mark.parametrize("before", [Statement.REQUESTED, Statement.READ])
@pytest.mark.parametrize("decision", [Statement.APPROVED, Statement.REFUSED])
def test_who_asked_or_read_does_not_decide_not_even_after_taking_it_back(
    book: RecordBook, before: Statement, decision: Statement
) -> None:
    states(book, ADA, before)
    with pytest.raises(PlanError, match="another person decides"):
        states(book, ADA, decision)
    states(book, ADA, Statement.TAKEN_BACK)
    with pytest.raises(PlanError, match="another person decides"):
        states(book, ADA, decision)
    states(book, JO, decision)


@pytest.mark.parametrize("role", [Signer.REQUESTER, Signer.REVIEWER])
def test_who_signed_or_reviewed_elsewhere_does_not_decide(book: RecordBook, role: Signer) -> None:
    with pytest.raises(PlanError, match="another person decides"):
        states(book, JO, Statement.APPROVED, others=(("JO  Lindqvist", role),))
    states(book, JO, Statement.APPROVED, others=(("Jo Lindqvist", Signer.ISSUER),))


def test_a_decision_needs_the_right_and_a_reason(book: RecordBook) -> None:
    with pytest.raises(PlanError, match="Ben Ito is reviewer"):
        states(book, BEN, Statement.APPROVED)
    with pytest.raises(PlanError, match="no reason"):
        states(book, JO, Statement.REFUSED, why="  ")
    assert book.found(Wanted()) == ()


def test_two_people_do_not_both_ask(book: RecordBook) -> None:
    states(book, ADA, Statement.REQUESTED)
    with pytest.raises(PlanError, match="Ada Osei asked for it"):
        states(book, BEN, Statement.REQUESTED)
    states(book, ADA, Statement.TAKEN_BACK)
    states(book, BEN, Statement.REQUESTED)
    assert requester_of(book.history(subject_of(REPORT))) == "Ben Ito"


def test_who_approves_has_seen_what_was_stated_before(book: RecordBook) -> None:
    seen = Standing(history=book.history(subject_of(REPORT)))
    states(book, ADA, Statement.REFUSED, why="the table is not ours")
    with pytest.raises(EditConflictError, match="the table is not ours"):
        state(REPORT, Statement.APPROVED, Doing(by=JO, at=NOON, why="fine"), part=seen, book=book)


@pytest.fixture
def bundle(tmp_path: Path, small_bundle: Path) -> Path:
    return Path(shutil.copytree(small_bundle, tmp_path / "small"))


def test_a_key_at_the_desk_signs_what_was_stated_and_verify_agrees(
    book: RecordBook, bundle: Path, tmp_path: Path
) -> None:
    from affidavit.bundle import read_bundle

    report = read_bundle(bundle).report_digest
    for who, role in ((BEN, Signer.REVIEWER), (JO, Signer.APPROVER)):
        write_key(folder_of(tmp_path, who), who.name, role, created=NOON, password=b"pass" if who is JO else None)
    states(book, ADA, Statement.REQUESTED, report=report)
    states(book, BEN, Statement.READ, report=report)
    states(book, JO, Statement.APPROVED, report=report)
    history = book.history(subject_of(report))
    for who, password in ((BEN, ""), (JO, "pass")):
        (own,) = own_keys(tmp_path, who)
        signed = sign_here(bundle, own, password=password, history=history, by=who, book=book, at=NOON)
        assert (signed.oath.name, signed.oath.requester) == (who.name, "Ada Osei")
    assert set(signed_by(bundle)) == {
        ("Ada Osei", Signer.REQUESTER),
        ("Ben Ito", Signer.REVIEWER),
        ("Jo Lindqvist", Signer.APPROVER),
    }
    found = verify(bundle, Asked())
    assert not found.fails
    assert {(one.name, one.role) for one in found.signatures} == {
        ("Ben Ito", Signer.REVIEWER),
        ("Jo Lindqvist", Signer.APPROVER),
    }
    assert book.history(subject_of(report)) == history, "a signature is noted beside the statements"
    assert [entry.act for entry in book.found(Wanted(at_most=2))] == ["signed as approver", "signed as reviewer"]
    with pytest.raises(VerificationError, match="signed as approver"):
        sign_here(bundle, own, password="pass", history=history, by=JO, book=book, at=NOON)
    with pytest.raises(VerificationError, match="password"):
        sign_here(bundle, own, password="wrong", history=history, by=JO, book=book, at=NOON)


def test_only_keys_on_whose_card_the_person_stands_are_theirs(tmp_path: Path) -> None:
    write_key(folder_of(tmp_path, JO), "Somebody Else", Signer.APPROVER, created=NOON)
    assert own_keys(tmp_path, JO) == ()
    write_key(folder_of(tmp_path, JO), "jo lindqvist", Signer.APPROVER, created=NOON)
    assert [own.name for own in own_keys(tmp_path, JO)] == ["jo lindqvist"]
    assert own_keys(tmp_path, ADA) == ()
    (folder_of(tmp_path, JO) / "broken.pub.yaml").write_text("{")
    assert own_keys(tmp_path, JO) == ()


@pytest.mark.parametrize("name", ["../../etc", "/root", "..", "北京", "a/b"])
def test_no_name_leads_out_of_the_folder_of_keys(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, Person(name=name, role=Role.REVIEWER))
    assert folder.resolve().parent == (tmp_path / "keys").resolve()


def test_commands_stand_in_their_order_and_quote_what_they_are_given() -> None:
    papers = Papers(bundle="/a b/x;rm", waivers="/w.yaml", policy="clinic")
    told = commands(papers, role=Signer.APPROVER, requester="Ada 'x' Osei", key=None)
    parts = [shlex.split(line) for line in told]
    assert [part[1] for part in parts] == ["file", "gate", "sign", "verify"]
    assert all(part[2] == "/a b/x;rm" for part in parts)
    assert parts[0][3:] == ["--waivers", "/w.yaml"]
    assert parts[2][3:] == ["--key", "NAME", "--as", "approver", "--requester", "Ada 'x' Osei"]
    plain = commands(Papers(bundle="b", waivers=None, policy=None), role=None, requester=None, key=None)
    assert plain == ("affidavit verify b",)
