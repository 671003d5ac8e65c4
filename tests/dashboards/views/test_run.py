"""The pages on which audits are started: what is wrong with a plan stands beside it, and only a whole one starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from dashboards.access.people import Role
from dashboards.jobs.starting import JobBoard
from tests.dashboards.conftest import SitDown


def one_page(sit_down: SitDown, page: str, monkeypatch: pytest.MonkeyPatch, **seat: object) -> AppTest:
    """Return the app with one page alone: AppTest opens the first one of a menu."""
    from dashboards import views

    monkeypatch.setattr(views, "PAGES", tuple(p for p in views.PAGES if p.path == page))
    return sit_down(**seat).run()


def test_a_plan_with_a_fault_cannot_be_started(sit_down: SitDown, monkeypatch: pytest.MonkeyPatch) -> None:
    app = one_page(sit_down, "run", monkeypatch)
    assert not app.exception
    assert app.button(key="run-start") is not None
    app.text_area(key="run-plan").set_value("title: x\nruns: {a: {reasoner: {name: nobody}}}").run()
    assert "nobody" in app.error[0].value
    with pytest.raises(KeyError):
        app.button(key="run-start")


def test_starting_hands_the_plan_and_the_person_over(
    sit_down: SitDown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[tuple[str, str]] = []
    monkeypatch.setattr(JobBoard, "start", lambda self, plan, *, by: started.append((plan.title, by.name)) or _Named())
    app = one_page(sit_down, "run", monkeypatch)
    app.button(key="run-start").click().run()
    assert not app.exception
    assert started == [("A first look at the clinic", "A. Khan")]


def test_a_form_puts_a_run_with_its_options_into_the_plan(sit_down: SitDown, monkeypatch: pytest.MonkeyPatch) -> None:
    app = one_page(sit_down, "run", monkeypatch)
    app.selectbox(key="form-run-corpus").set_value("clinic").run()
    app.selectbox(key="form-run-reasoner").set_value("transparent").run()
    app.text_input(key="form-run-corpus-clinic-n_utterances").set_value("40").run()
    app.button(key="form-run-put").click().run()
    assert not app.exception
    plan = yaml.safe_load(str(app.text_area(key="run-plan").value))
    assert plan["runs"]["judged"]["corpus"] == {"name": "clinic", "options": {"n_utterances": 40}}
    assert set(plan["runs"]) == {"simulated", "judged"}


def test_a_misspelt_option_is_told_beside_the_plan(sit_down: SitDown, monkeypatch: pytest.MonkeyPatch) -> None:
    app = one_page(sit_down, "run", monkeypatch)
    text = "title: x\nruns: {a: {reasoner: {name: simulator, options: {n_speaker: 3}}}}"
    app.text_area(key="run-plan").set_value(text).run()
    assert "n\\_speaker" in app.error[0].value
    with pytest.raises(KeyError):
        app.button(key="run-start")


def test_examinations_are_chosen_from_the_registry(sit_down: SitDown, monkeypatch: pytest.MonkeyPatch) -> None:
    app = one_page(sit_down, "run", monkeypatch)
    app.multiselect(key="form-asked").set_value(["calibration"]).run()
    app.text_input(key="form-by").set_value("accent").run()
    app.button(key="form-scope-put").click().run()
    assert not app.exception
    plan = yaml.safe_load(str(app.text_area(key="run-plan").value))
    assert (plan["by"], plan["examinations"]) == (["accent"], ["calibration"])


class _Named:
    name = "a run"


def test_a_new_audit_asks_for_a_table_first(sit_down: SitDown, monkeypatch: pytest.MonkeyPatch) -> None:
    app = one_page(sit_down, "new-audit", monkeypatch)
    assert not app.exception
    assert app.title[0].value == "New audit"
    assert "It stays on this machine" in app.info[0].value


def test_a_viewer_starts_nothing(sit_down: SitDown, small_bundle: Path) -> None:
    app = sit_down(small_bundle, role=Role.VIEWER).run()
    assert not app.exception
    assert app.title[0].value == "Desk"
