"""Waivers, statements and signatures on the page, by people who sit there at once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from affidavit.bundle import read_bundle
from dashboards.access.people import Person, Role
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.entries import Kind
from dashboards.reviewing.signing import folder_of, signed_by
from reports.gate.waivers import read_waivers
from reports.trust.keys import write_key
from reports.trust.parties import Role as Signer
from tests.dashboards.views.people_at_pages import Sit, kept, one, press, sit, words, workspace

__all__ = ["kept", "sit", "workspace"]

OLDER = Path(__file__).parents[2] / "reports" / "older" / "bundle-1.0"
WHY = "the new microphones arrive in April"


@pytest.fixture
def small(tmp_path: Path, small_bundle: Path) -> Path:
    return Path(shutil.copytree(small_bundle, tmp_path / "places" / "small"))


def ask(app: object, why: str = WHY) -> None:
    one(app.text_area, "Why it may be missed").set_value(why)  # type: ignore[attr-defined]
    press(app, "Ask")  # type: ignore[arg-type]


def test_without_an_audit_the_page_says_where_to_choose_one(sit: Sit) -> None:
    app = sit("sign_off", name="Ada Osei").run()
    assert not app.exception
    assert "No audit is open" in app.info[0].value


def test_a_waiver_is_asked_for_by_one_and_approved_by_another(sit: Sit, kept: RecordBook, workspace: Path) -> None:
    ada = sit("sign_off", OLDER, name="Ada Osei").run()
    assert not ada.exception
    ask(ada)
    assert WHY in words(ada)
    assert [button.label for button in ada.button if button.label in ("Approve", "Refuse")] == []
    jo = sit("sign_off", OLDER, name="Jo Lindqvist", role=Role.APPROVER).run()
    one(jo.text_input, "Why").set_value("agreed")
    press(jo, "Approve")
    assert not jo.exception
    assert "Jo Lindqvist approved it" in words(jo)
    (file,) = (workspace / "waivers").glob("*.yaml")
    (waiver,) = read_waivers(file)
    assert (waiver.owner, waiver.approved_by, waiver.reason) == ("Ada Osei", "Jo Lindqvist", WHY)
    assert "affidavit file" in jo.code[0].value
    assert str(file) in jo.code[0].value
    press(ada.run(), "Withdraw")
    assert read_waivers(file) == ()
    assert "affidavit file" not in ada.code[0].value


def test_who_may_approve_does_not_approve_their_own(sit: Sit, kept: RecordBook) -> None:
    app = sit("sign_off", OLDER, name="Jo Lindqvist", role=Role.ADMINISTRATOR).run()
    ask(app)
    assert "You cannot approve it: you asked for it: a second person decides." in words(app)
    assert [button.label for button in app.button if button.label == "Approve"] == []


def test_a_click_on_what_changed_meanwhile_tells_who_was_first_and_keeps_both(sit: Sit, kept: RecordBook) -> None:
    ask(sit("sign_off", OLDER, name="Ada Osei").run())
    jo = sit("sign_off", OLDER, name="Jo Lindqvist", role=Role.APPROVER).run()
    kim = sit("sign_off", OLDER, name="Kim Park", role=Role.APPROVER).run()
    one(kim.text_input, "Why").set_value("it is not enough")
    press(kim, "Refuse")
    one(jo.text_input, "Why").set_value("fine with me")
    press(jo, "Approve")  # of the page as Jo has it: nothing told of Kim
    assert not jo.exception
    assert "Kim Park refused it" in jo.warning[0].value.replace("\\", "")
    (entry,) = kept.found(Wanted(kind=Kind.SET_ASIDE))
    assert (entry.person, entry.reason) == ("Jo Lindqvist", "fine with me")
    assert [e.act for e in kept.current(Kind.WAIVER, entry.subject.about)] == ["refused it"]


def test_a_reason_that_says_too_little_is_told_and_nothing_is_written(sit: Sit, kept: RecordBook) -> None:
    app = sit("sign_off", OLDER, name="Ada Osei").run()
    ask(app, "because")
    assert "says too little" in app.error[0].value
    assert kept.found(Wanted()) == ()


def test_where_nothing_failed_there_is_nothing_to_waive(sit: Sit, small: Path) -> None:
    app = sit("sign_off", small, name="Ada Osei").run()
    assert not app.exception
    assert "nothing to waive" in app.info[0].value


def test_a_viewer_asks_and_states_nothing_that_decides(sit: Sit, small: Path) -> None:
    app = sit("sign_off", small, name="V", role=Role.REVIEWER).run()
    (radio,) = app.radio
    assert [option.replace("\\", "") for option in radio.options] == ["V asked for it", "V read it"]


def test_three_people_state_and_two_sign_with_their_keys(
    sit: Sit, small: Path, workspace: Path, kept: RecordBook
) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    people = {"Ben Ito": (Role.REVIEWER, Signer.REVIEWER), "Jo Lindqvist": (Role.APPROVER, Signer.APPROVER)}
    for name, (role, signer) in people.items():
        write_key(folder_of(workspace, Person(name=name, role=role)), name, signer, created=moment)
    state(sit("sign_off", small, name="Ada Osei").run(), "asked for it")
    for name, statement in (("Ben Ito", "read it"), ("Jo Lindqvist", "approves it")):
        role, signer = people[name]
        app = sit("sign_off", small, name=name, role=role).run()
        state(app, statement)
        assert f"--as {signer} --requester 'Ada Osei'" in app.code[0].value
        press(app, f"Sign as {signer}")
        assert not app.exception
        assert "Signed: signatures/" in app.success[0].value.replace("\\", "")
    assert set(signed_by(small)) >= {("Ben Ito", Signer.REVIEWER), ("Jo Lindqvist", Signer.APPROVER)}
    read_bundle(small)


def state(app: object, statement: str, why: str = "I looked at it") -> None:
    radio = app.radio[0]  # type: ignore[attr-defined]
    radio.set_value(statement)
    one(app.text_area, "Why").set_value(why) if len(app.text_area) == 1 else None  # type: ignore[attr-defined]
    press(app, "State it")  # type: ignore[arg-type]


def test_a_reviewer_of_its_rationales_does_not_approve(sit: Sit, small: Path, workspace: Path) -> None:
    from tests.dashboards.reviewing.conftest import small_study

    run = read_bundle(small).data[0].run
    plan = small_study(per_group=1).plan
    items = tuple(item.model_copy(update={"run": run}) for item in plan.items)
    (workspace / "reviews").mkdir(parents=True)
    (workspace / "reviews" / "x.json").write_text(plan.model_copy(update={"items": items}).model_dump_json())
    before = sit("sign_off", small, name="Ada Osei", role=Role.APPROVER).run()
    assert "You cannot approve it" not in words(before)
    press(sit("review", name="Ada Osei", role=Role.APPROVER).run(), "2 ")
    after = sit("sign_off", small, name="Ada Osei", role=Role.APPROVER).run()
    assert "You cannot approve it: you are a reviewer of it" in words(after)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", ":red[waiver] now $x$", "](http://x.example) [a"])
def test_a_reason_is_a_text_whatever_it_holds(sit: Sit, kept: RecordBook, text: str) -> None:
    app = sit("sign_off", OLDER, name="Ada Osei").run()
    ask(app, text)
    assert not app.exception
    assert text in words(app)
    for element in app.markdown:
        for mark in ("<script>", ":red[waiver]", "$x$", "](http"):
            assert mark not in element.value
