"""What a visitor would wait for is made before they ask, once, and what cannot be made troubles nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
import streamlit as st

from affidavit.bundle import write_bundle
from affidavit.cohorts import Cohort
from affidavit.kept_counts import kept_counts
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame
from dashboards import ahead, idle
from dashboards.access.people import Person, Role
from dashboards.cohorts import asking
from dashboards.cohorts.saved import SavedCohorts
from dashboards.seat import Seat
from dashboards.settings import ENVIRONMENT, DeskSettings, handed_over
from dashboards.workspace import cases, opened, releases


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An audit beside its table."""
    place = tmp_path / "audits"
    place.mkdir()
    predictions_frame(n_speakers=12, per_speaker=2).to_csv(place / "vendor.csv", index=False)
    plan = AuditPlan(
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent",),
        statistics=FAST,
        examinations=(Choice(name="performance"),),
    )
    write_bundle(run_plan(plan, folder=place), place / "bundle", renderings=())
    return place


@pytest.fixture
def settings(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskSettings]:
    person = Person(name="Ada", role=Role.REVIEWER)
    settings = DeskSettings(places=(str(place),), workspace=str(tmp_path / "desk"), person=person)
    told = handed_over(settings)
    monkeypatch.setenv(ENVIRONMENT, str(told))
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))  # the audit was made on another machine
    st.cache_resource.clear()
    yield settings
    told.unlink()


def counts() -> list[Path]:
    return list(kept_counts().folder.glob("*.counts"))


def begun(seat: Seat) -> Thread:
    """Return the thread that counts the audit that is open."""
    book = seat.opened()
    assert book is not None
    ahead.count_ahead(seat)
    return ahead._counting(book.report.report_digest, seat.person.name, seat, book.report)


def test_the_latest_audit_is_read_before_anybody_comes(settings: DeskSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead.begin(settings).join()
    assert settings.person is not None
    monkeypatch.setattr(opened, "read_whole", lambda place: pytest.fail("it was read already"))
    seat = Seat(settings=settings, person=settings.person)
    assert opened.opened(seat.bundles()[0], settings.person).report.plan.by == ("accent",)
    assert counts() == [], "counting waits until somebody was drawn a page"


def test_where_people_log_in_the_release_is_made_too(settings: DeskSettings) -> None:
    ahead.begin(settings.model_copy(update={"person": None, "login": "auth.toml", "people": "people.yaml"})).join()
    assert list((Path(settings.workspace) / releases.FOLDER).glob("*.json"))


def test_the_table_is_counted_once_for_whoever_may_ask_for_a_cohort(
    settings: DeskSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.person is not None
    viewer = Person(name="Vic", role=Role.VIEWER)
    ahead.count_ahead(Seat(settings=settings, person=viewer))
    assert counts() == []
    seat = Seat(settings=settings, person=settings.person)
    begun(seat).join()
    assert len(counts()) == 1
    monkeypatch.setattr(cases, "read_predictions", lambda path, reading: pytest.fail("it was counted already"))
    st.cache_resource.clear()
    begun(seat).join()


def test_cohorts_that_somebody_saved_are_examined(settings: DeskSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.person is not None
    seat = Seat(settings=settings, person=settings.person)
    cohort = Cohort(name="two", levels={"accent": ("Irish", "Scottish")})
    shelf = SavedCohorts(workspace=Path(settings.workspace), person="Ada")
    shelf.save(cohort)
    shelf.save(Cohort(name="of another audit", levels={"accent": ("Martian",)}))
    begun(seat).join()
    book = seat.opened()
    assert book is not None
    case = cases.case_of_run(book.report, "vendor", (*seat.places(), Path(settings.workspace)))
    assert case is not None
    monkeypatch.setattr(asking, "answer", lambda case, question: pytest.fail("it was examined already"))
    condition = book.report.data[0].conditions[0]
    told = asking.asked(case, book.report, asking.question_of(book.report, "performance", condition, cohort))
    assert told.rows


def test_it_waits_until_no_page_was_drawn_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [100.0], []

    def sleep(seconds: float | None) -> None:
        assert seconds is not None, "no page is being drawn"
        slept.append(seconds)
        now[0] += max(seconds / 2, 0.1)  # woken too soon, as by another's page

    monkeypatch.setattr(idle, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(idle._changed, "wait", sleep, raising=False)
    with idle.drawing():
        pass
    idle.wait()
    assert slept == []
    idle.wait(8.0)
    assert slept[0] == pytest.approx(8.0)
    assert 108.0 <= now[0] < 108.2


def test_what_cannot_be_read_troubles_nobody(settings: DeskSettings, place: Path) -> None:
    report = place / "bundle" / "report.json"
    told = json.loads(report.read_text())
    report.write_text(json.dumps({**told, "title": "another"}))
    thread = ahead.begin(settings)
    thread.join()
    assert not thread.is_alive()


def test_an_empty_desk_has_nothing_to_make(settings: DeskSettings) -> None:
    ahead.begin(settings.model_copy(update={"places": ()})).join()
    assert counts() == []


def test_nothing_is_examined_while_a_page_is_drawn(settings: DeskSettings) -> None:
    assert settings.person is not None
    seat = Seat(settings=settings, person=settings.person)
    with idle.drawing():
        with idle.drawing():
            thread = begun(seat)
        thread.join(0.2)
        assert thread.is_alive()
        assert counts() == []
    thread.join()
    assert len(counts()) == 1
