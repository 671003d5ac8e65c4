"""Where the table is at the desk a cohort is examined anew on the page of fairness, and for nobody who is a viewer."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.access.people import Role
from tests.dashboards.views.one_page import OnePage, open_page, said  # noqa: F401 - a fixture
from tests.dashboards.views.test_fairness import numbers
from tests.dashboards.workspace.audited import Audited, audited


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("vendor") / "audit")


@pytest.fixture(scope="module")
def older(vendor: Audited, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """The audit of the people of 40 and more alone."""
    frame = vendor.frame[vendor.frame["age"] == "40+"]
    return audited(tmp_path_factory.mktemp("older") / "audit", frame, examinations=("performance",))


@pytest.fixture(autouse=True)
def _audited_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the audit counted is not on this machine."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))


def look_at(app: AppTest, level: str) -> AppTest:
    app.sidebar.multiselect[1].set_value([level])
    return next(button for button in app.button if button.label == "Look at it").click().run()


def frame_with(app: AppTest, column: str) -> object:
    return next(element.value for element in app.dataframe if column in element.value.columns)


def test_a_cohorts_numbers_are_those_of_its_rows(open_page: OnePage, vendor: Audited, older: Audited) -> None:  # noqa: F811
    app = look_at(open_page("fairness", vendor.folder).run(), "40+")
    assert not app.exception
    told = {
        row["group"]: 100 * row["value"]
        for row in older.report.exhibit("performance-by-group").to_pylist()
        if (row["condition"], row["metric"]) == ("TAV", "accuracy") and row["n"]
    }
    assert numbers(app) == pytest.approx(told, abs=1e-4)
    assert set(told) == {"everybody", "Irish", "Scottish", "Welsh", "40+", "Irish, 40+", "Scottish, 40+", "Welsh, 40+"}
    assert "Examined anew for this cohort by performance" in said(app)
    gaps = frame_with(app, "Chance alone, mean")
    assert "Verdict" not in gaps.columns, "no policy decides of a cohort"  # type: ignore[attr-defined]
    assert "worst group" not in " ".join(gaps["Gap"])  # type: ignore[index]
    app.checkbox(key="fairness-more-gaps").check().run()
    assert not app.exception
    assert "worst group" in " ".join(frame_with(app, "Chance alone, mean")["Gap"])  # type: ignore[index]
    app.selectbox(key="fairness-group").set_value("accent: Welsh").run()
    rows = frame_with(app, "Utterance")
    own = vendor.frame.query("condition == 'TAV' and age == '40+' and accent == 'Welsh'")
    assert list(rows["Utterance"]) == list(own["utterance_id"]), "a group is its part in the cohort"  # type: ignore[index]


def test_a_viewer_is_shown_the_release_alone(open_page: OnePage, vendor: Audited) -> None:  # noqa: F811
    app = look_at(open_page("fairness", vendor.folder, role=Role.VIEWER).run(), "40+")
    assert not app.exception
    assert "Examined anew" not in said(app)
    assert "nothing is examined beside a release" in said(app).replace("\\", "")
    assert "Welsh, 40+" not in numbers(app)


def test_a_release_of_a_cohort_holds_nothing_that_was_examined(open_page: OnePage, vendor: Audited) -> None:  # noqa: F811
    app = look_at(open_page("fairness", vendor.folder).run(), "40+")
    assert len(app.get("download_button")) == 4
    app.checkbox(key="fairness-releasable").check().run()
    assert not app.exception
    assert "what may leave" in said(app)


def test_a_reference_group_is_examined(open_page: OnePage, vendor: Audited) -> None:  # noqa: F811
    app = open_page("fairness", vendor.folder).run()
    app.selectbox(key="fairness-reference").set_value("accent: Irish").run()
    assert not app.exception
    found = frame_with(app, "Lies")
    assert list(found["Group"]) == ["Scottish", "Welsh"]  # type: ignore[index]
    assert "hold together at 95" in said(app).replace("\\", "")


def test_a_number_of_rows_stays_the_reports(open_page: OnePage, vendor: Audited) -> None:  # noqa: F811
    app = open_page("explanations", vendor.folder).run()
    before = numbers(app)
    look_at(app, "40+")
    assert not app.exception
    shown = numbers(app)
    assert shown["40+"] == before["40+"]
    assert "Examined anew" not in said(app)


def test_a_large_table_is_listed_when_somebody_asks(
    open_page: OnePage,  # noqa: F811
    vendor: Audited,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dashboards.views.fairness.ROWS_AT_ONCE", 10)
    monkeypatch.setattr("dashboards.views.fairness.predictions_of", lambda *_: pytest.fail("the table was read"))
    app = open_page("fairness", vendor.folder).run()
    assert not app.exception
    assert app.toggle(key="fairness-list").label == "List them: reads the table of 1,200 rows"
    monkeypatch.undo()


def test_without_the_table_the_groups_of_the_report_are_shown(open_page: OnePage, vendor: Audited) -> None:  # noqa: F811
    app = look_at(open_page("fairness", vendor.bundle).run(), "40+")
    assert not app.exception
    assert list(numbers(app)) == ["everybody", "40+", "Irish, 40+", "Scottish, 40+", "Welsh, 40+"]


def test_what_an_audit_counted_here_answers_without_the_table(
    open_page: OnePage,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = audited(tmp_path / "here")
    monkeypatch.setattr("dashboards.workspace.cases.read_predictions", lambda *_: pytest.fail("a table was read"))
    app = look_at(open_page("fairness", here.bundle).run(), "40+")
    assert not app.exception
    assert "Examined anew" in said(app)
    assert list(numbers(app)) != ["everybody", "40+", "Irish, 40+", "Scottish, 40+", "Welsh, 40+"]


def test_nothing_is_written_beside_what_was_named(open_page: OnePage, vendor: Audited, tmp_path: Path) -> None:  # noqa: F811
    before = {path: path.stat().st_mtime_ns for path in vendor.folder.rglob("*")}
    look_at(open_page("fairness", vendor.folder).run(), "40+")
    assert {path: path.stat().st_mtime_ns for path in vendor.folder.rglob("*")} == before
    assert list((tmp_path / "cache" / "counts").glob("*.counts"))
