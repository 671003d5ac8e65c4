"""Every act stands in the history, is found there, and goes into a spreadsheet as a text."""

from __future__ import annotations

from datetime import UTC, date, datetime

from affidavit.tabulating import defused
from dashboards.access.people import Role
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Kind, Subject
from dashboards.views.history import history_frame
from tests.dashboards.views.people_at_pages import Sit, kept, sit, workspace

__all__ = ["kept", "sit", "workspace"]


def act(book: RecordBook, day: int, person: str, kind: Kind, reason: str) -> None:
    subject = Subject(kind=kind, about="a", name=f"{kind}{day}")
    book.note(
        Change(subject=subject, act="did", person=person, at=datetime(2026, 3, day, 12, tzinfo=UTC), reason=reason)
    )


def test_an_empty_history_says_what_will_stand_there(sit: Sit) -> None:
    app = sit("history", name="Dee", role=Role.ADMINISTRATOR).run()
    assert not app.exception
    assert "stand here as soon as" in app.info[0].value


def test_acts_are_filtered_by_kind_person_and_day(sit: Sit, kept: RecordBook) -> None:
    act(kept, 1, "Ada", Kind.WAIVER, "one")
    act(kept, 2, "Ben", Kind.REVIEW, "two")
    act(kept, 3, "Ada", Kind.REVIEW, "three")
    app = sit("history", name="Dee", role=Role.ADMINISTRATOR).run()
    assert list(app.dataframe[0].value["Why"]) == ["three", "two", "one"]
    app.selectbox(key="history-kind").set_value("review").run()
    assert list(app.dataframe[0].value["Why"]) == ["three", "two"]
    app.selectbox(key="history-person").set_value("Ada").run()
    assert list(app.dataframe[0].value["Why"]) == ["three"]
    app.selectbox(key="history-kind").set_value("all").run()
    app.date_input(key="history-to").set_value(date(2026, 3, 2)).run()
    assert list(app.dataframe[0].value["Why"]) == ["one"]
    app.date_input(key="history-from").set_value(date(2026, 3, 2)).run()
    assert not app.exception
    assert not app.dataframe
    assert "Nothing of that kind" in app.info[0].value


def test_no_cell_of_the_export_is_a_formula(kept: RecordBook) -> None:
    act(kept, 1, "@SUM(A1)", Kind.WAIVER, "=cmd|' /C calc'!A0")
    frame = defused(history_frame(kept.history(Subject(kind=Kind.WAIVER, about="a", name="waiver1")), reader="Dee"))
    assert frame["Who"][0] == "'@SUM(A1)"
    assert frame["Why"][0].startswith("'=cmd")
