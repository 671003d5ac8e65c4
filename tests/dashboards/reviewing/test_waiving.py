"""A waiver is asked for by one person and approved by another; `affidavit gate` reads what comes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from affidavit.errors import PlanError
from dashboards.access.people import Person, Role
from dashboards.records.book import RecordBook
from dashboards.records.conflicts import EditConflictError
from dashboards.reviewing.doing import Doing
from dashboards.reviewing.waiving import (
    APPROVED,
    REFUSED,
    WITHDRAWN,
    Asked,
    WaiverCase,
    ask,
    decide,
    waivers_file,
    waivers_of,
)
from reports.gate.waivers import first_in_force, read_waivers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORT = "sha256:" + "ab" * 32
ADA = Person(name="Ada Osei", role=Role.REVIEWER)
JO = Person(name="Jo Lindqvist", role=Role.APPROVER)
WHY = "the new microphones arrive in April"


def doing(who: Person, why: str = WHY) -> Doing:
    return Doing(by=who, at=NOON, why=why)


def asked_for(book: RecordBook, who: Person = ADA, finding: str | None = None) -> WaiverCase:
    asked = Asked(criterion="accuracy-gap", finding=finding, last_day=date(2026, 3, 31))
    entry = ask(REPORT, asked, doing(who), name=f"w{len(waivers_of(REPORT, book))}", book=book)
    return WaiverCase.of(entry.subject, book)


def test_what_a_second_person_approved_is_what_the_gate_reads(book: RecordBook, tmp_path: Path) -> None:
    case = asked_for(book, finding="run/TAV/accent/accuracy_difference")
    assert read_waivers(waivers_file(tmp_path, REPORT, book)) == (), "asked for is not given"
    decide(case, APPROVED, doing(JO, "agreed"), book=book)
    (waiver,) = read_waivers(waivers_file(tmp_path, REPORT, book))
    assert (waiver.owner, waiver.approved_by, waiver.reason) == ("Ada Osei", "Jo Lindqvist", WHY)
    named = ("accuracy-gap", "run/TAV/accent/accuracy_difference")
    assert first_in_force([waiver], *named, today=date(2026, 3, 31)) == waiver, "its last day counts"
    assert first_in_force([waiver], *named, today=date(2026, 4, 1)) is None
    assert first_in_force([waiver], "accuracy-gap", "another", today=date(2026, 3, 31)) is None


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (ADA, "reviewer"),
        (Person(name="Ada Osei", role=Role.APPROVER), "a second person decides"),
        (Person(name="  ADA  osei", role=Role.ADMINISTRATOR), "a second person decides"),
        (Person(name="Ｊo", role=Role.VIEWER), "viewer"),
    ],
)
@pytest.mark.parametrize("act", [APPROVED, REFUSED])
def test_nobody_decides_on_their_own(book: RecordBook, tmp_path: Path, who: Person, said: str, act: str) -> None:
    case = asked_for(book)
    with pytest.raises(PlanError, match=said):
        decide(case, act, doing(who), book=book)
    assert len(book.history(case.subject)) == 1
    assert read_waivers(waivers_file(tmp_path, REPORT, book)) == ()


def test_what_was_withdrawn_meanwhile_is_not_approved(book: RecordBook, tmp_path: Path) -> None:
    seen = asked_for(book)
    decide(WaiverCase.of(seen.subject, book), WITHDRAWN, doing(ADA, "no longer needed"), book=book)
    with pytest.raises(EditConflictError) as raised:
        decide(seen, APPROVED, doing(JO, "agreed"), book=book)
    assert "Ada Osei withdrew it" in str(raised.value)
    assert raised.value.mine.reason == "agreed"
    assert read_waivers(waivers_file(tmp_path, REPORT, book)) == ()


def test_what_is_withdrawn_goes_out_of_the_file_and_stays_in_the_history(book: RecordBook, tmp_path: Path) -> None:
    first, second = asked_for(book), asked_for(book)
    for case in (first, second):
        decide(case, APPROVED, doing(JO), book=book)
    assert len(read_waivers(waivers_file(tmp_path, REPORT, book))) == 2
    decide(WaiverCase.of(first.subject, book), WITHDRAWN, doing(ADA, "solved"), book=book)
    assert len(read_waivers(waivers_file(tmp_path, REPORT, book))) == 1
    assert [entry.act for entry in book.history(first.subject)] == ["asked for it", APPROVED, WITHDRAWN]
    with pytest.raises(PlanError, match="withdrew it already"):
        decide(WaiverCase.of(first.subject, book), APPROVED, doing(JO), book=book)


@pytest.mark.parametrize(
    ("who", "why", "last", "said"),
    [
        (Person(name="V", role=Role.VIEWER), WHY, NOON.date(), "viewer"),
        (ADA, "because   ", NOON.date(), "says too little"),
        (ADA, WHY, NOON.date() - timedelta(days=1), "which is over"),
    ],
)
def test_what_is_asked_for_is_held_against_what_the_gate_demands(
    book: RecordBook, who: Person, why: str, last: date, said: str
) -> None:
    with pytest.raises(PlanError, match=said):
        ask(REPORT, Asked(criterion="gap", last_day=last), doing(who, why), name="w", book=book)
    assert waivers_of(REPORT, book) == ()


def test_a_waiver_whose_day_is_over_is_not_approved_any_more(book: RecordBook) -> None:
    case = asked_for(book)
    late = Doing(by=JO, at=NOON + timedelta(days=40))
    with pytest.raises(PlanError, match="is over"):
        decide(case, APPROVED, late, book=book)
    decide(case, REFUSED, late, book=book)


def test_hostile_texts_stay_texts_in_the_file(book: RecordBook, tmp_path: Path) -> None:
    why = "a: [b\n- version: 2\n!!python/object/apply:os.system ['x'] \u202e & *x"
    asked = Asked(criterion="gap: {x}", last_day=NOON.date())
    entry = ask(REPORT, asked, doing(ADA, why), name="w", book=book)
    decide(WaiverCase.of(entry.subject, book), APPROVED, doing(JO), book=book)
    (waiver,) = read_waivers(waivers_file(tmp_path, REPORT, book))
    assert (waiver.criterion, waiver.reason) == ("gap: {x}", why)
