"""Rows are added and never changed, and two who write at once lose nothing; on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from affidavit.errors import PlanError
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.conflicts import EditConflictError
from dashboards.records.entries import Change, Kind, Subject
from dashboards.records.opening import open_book
from tests.dashboards.records.conftest import NOON, WAIVER, change


def test_each_row_says_who_when_why_and_what_was_before(book: RecordBook) -> None:
    first = book.append(change("microphones", content={"criterion": "gap"}), seen=0)
    second = book.append(change("agreed", person="Jo Lindqvist", act="approved", content={"n": 1}), seen=1)
    assert book.history(WAIVER) == (first, second)
    assert (first.version, first.follows, second.version, second.follows) == (1, None, 2, first.number)
    assert book.latest(WAIVER) == second
    assert (second.person, second.at, second.reason, second.content) == ("Jo Lindqvist", NOON, "agreed", {"n": 1})
    assert first.at.tzinfo is not None


def test_a_change_of_what_was_changed_meanwhile_tells_who_and_keeps_both(book: RecordBook) -> None:
    book.append(change("first"), seen=0)
    book.append(change("Jo's words", person="Jo Lindqvist", act="refused"), seen=1)
    with pytest.raises(EditConflictError) as raised:
        book.append(change("Ada's words", act="approved", content={"by": "Ada"}), seen=1)
    told = str(raised.value)
    assert "Jo Lindqvist refused at 2026-03-01 12:00 UTC: Jo's words" in told
    (aside,) = book.found(Wanted(kind=Kind.SET_ASIDE))
    assert (aside.person, aside.reason) == ("Ada Osei", "Ada's words")
    assert aside.content["content"] == {"by": "Ada"}
    assert f"row {aside.number}" in told
    latest = book.latest(WAIVER)
    assert latest is not None
    assert latest.reason == "Jo's words", "what was set aside is not in force"


def test_the_database_refuses_whoever_would_change_or_delete(book: RecordBook) -> None:
    book.append(change("as it was"), seen=0)
    for act in ("UPDATE entries SET reason = 'other'", "DELETE FROM entries"):
        with pytest.raises(DBAPIError, match="never changed or deleted"), book.writing.begin() as connection:
            connection.execute(sa.text(act))
    assert [entry.reason for entry in book.history(WAIVER)] == ["as it was"]


def test_a_row_follows_one_that_is_there_and_no_two_follow_one(book: RecordBook) -> None:
    row = (
        "INSERT INTO entries (kind, about, name, version, follows, act, person, at, content) VALUES "
        "('waiver', 'a', 'w', :version, :follows, 'x', 'y', '2026-03-01 12:00:00', '{}')"
    )
    first = book.append(change(), seen=0)
    book.append(change(), seen=1)
    for values in (
        {"version": 2, "follows": 999},
        {"version": 3, "follows": first.number},
        {"version": 2, "follows": None},
    ):
        with pytest.raises(DBAPIError), book.writing.begin() as connection:
            connection.execute(sa.text(row), values)


def _write(book: RecordBook, person: str, n: int) -> list[str]:
    """Write n times to one subject, as somebody who looks again whenever another was first."""
    said = []
    for i in range(n):
        text = f"{person} {i}"
        latest = book.latest(WAIVER)
        with suppress(EditConflictError):
            book.append(change(text, person=person), seen=0 if latest is None else latest.version)
        said.append(text)
    return said


def _held(book: RecordBook, said: list[str]) -> None:
    history = book.history(WAIVER)
    assert [entry.version for entry in history] == list(range(1, len(history) + 1))
    assert [entry.follows for entry in history] == [None, *(entry.number for entry in history[:-1])]
    aside = book.found(Wanted(kind=Kind.SET_ASIDE, at_most=10_000))
    assert sorted(str(entry.reason) for entry in (*history, *aside)) == sorted(said), "every text is kept, once"


def test_threads_that_write_at_once_lose_nothing(book: RecordBook) -> None:
    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda person: _write(book, person, 8), [f"p{i}" for i in range(6)]))
    _held(book, [text for texts in said for text in texts])


def _process(place: tuple[str, str, str]) -> list[str]:
    workspace, database, person = place
    book = open_book(Path(workspace), database)
    try:
        return _write(book, person, 8)
    finally:
        book.reading.dispose()


@pytest.mark.slow
def test_processes_that_open_and_write_at_once_lose_nothing(database: str, tmp_path: Path) -> None:
    places = [(str(tmp_path), database, f"p{i}") for i in range(4)]
    with get_context("spawn").Pool(4) as pool:  # each opens, migrates and writes: the database is new to all
        said = pool.map(_process, places)
    book = open_book(tmp_path, database)
    _held(book, [text for texts in said for text in texts])
    book.reading.dispose()


def test_a_note_goes_behind_whatever_is_there(book: RecordBook) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: book.note(change(str(i))), range(12)))
    assert sorted(int(str(entry.reason)) for entry in book.history(WAIVER)) == list(range(12))
    assert book.found(Wanted(kind=Kind.SET_ASIDE)) == ()


def test_rows_are_found_by_person_kind_and_time(book: RecordBook) -> None:
    review = Subject(kind=Kind.REVIEW, about="first", name="c1 ada")
    book.append(change(), seen=0)
    book.append(change(subject=review, person="Ben", at=NOON + timedelta(days=1)), seen=0)
    assert [entry.person for entry in book.found(Wanted())] == ["Ben", "Ada Osei"], "the latest first"
    assert [entry.person for entry in book.found(Wanted(kind=Kind.REVIEW))] == ["Ben"]
    assert [entry.person for entry in book.found(Wanted(person="Ada Osei"))] == ["Ada Osei"]
    assert [entry.person for entry in book.found(Wanted(since=NOON + timedelta(hours=1)))] == ["Ben"]
    assert [entry.person for entry in book.found(Wanted(before=NOON + timedelta(hours=1)))] == ["Ada Osei"]
    assert len(book.found(Wanted(at_most=1))) == 1
    assert book.people() == ("Ada Osei", "Ben")
    assert [entry.subject for entry in book.current(Kind.REVIEW, "first")] == [review]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "'); DROP TABLE entries; --", "=cmd()", "<script>", "né\u202e"])
def test_a_hostile_text_is_kept_as_a_text(book: RecordBook, text: str) -> None:
    book.append(change(text, content={text: [text]}), seen=0)
    latest = book.latest(WAIVER)
    assert latest is not None
    shown = text.replace("\0", "\ufffd").replace("\ud800", "?")
    assert (latest.reason, latest.content) == (shown, {shown: [shown]})


def test_too_much_in_one_row_is_refused() -> None:
    with pytest.raises(ValidationError, match="64 KiB"):
        change(content={"x": "y" * 70_000})
    with pytest.raises(ValidationError, match="at most 4000"):
        change("y" * 4_001)
    with pytest.raises(ValidationError, match="zone"):
        Change(subject=WAIVER, act="asked", person="Ada", at=NOON.replace(tzinfo=None))


def test_a_database_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    book = open_book(tmp_path)
    book.reading.dispose()
    for file in tmp_path.glob("records.sqlite*"):
        file.unlink()
    with pytest.raises(PlanError) as raised:
        book.append(change(), seen=0)
    assert raised.value.slug == "records-unusable"
    assert "nothing was written" in str(raised.value)
