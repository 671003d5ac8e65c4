"""The page of fairness shows the report's numbers, follows choice and cohort, and tells viewers what may be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame, small_report
from dashboards.access.people import Role
from dashboards.cohorts.bar import FOR_EVERYBODY
from tests.dashboards.views.one_page import OnePage, open_page, said  # noqa: F401 - a fixture

OLDER = Path(__file__).parents[2] / "reports" / "older" / "bundle-1.0"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    report = small_report(("performance", "deviation"), n_speakers=60)
    return write_bundle(report, tmp_path_factory.mktemp("fair") / "small", renderings=())


def numbers(app: object) -> dict[str, float]:
    """Return the table of numbers: group to value."""
    frames = [element.value for element in app.dataframe]  # type: ignore[attr-defined]
    table = next(frame for frame in frames if "Interval, or why there is none" in frame.columns)
    value = next(column for column in table.columns if column.startswith("Value"))
    return dict(zip(table["Group"], table[value], strict=True))


def told(bundle: Path, condition: str, metric: str) -> dict[str, float]:
    rows = read_bundle(bundle).exhibit("performance-by-group").to_pylist()
    return {r["group"]: r["value"] for r in rows if (r["condition"], r["metric"]) == (condition, metric)}


@pytest.fixture(autouse=True)
def _audited_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the audit counted is not on this machine."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))


def test_without_an_audit_it_says_what_to_do(open_page: OnePage) -> None:  # noqa: F811
    app = open_page("fairness").run()
    assert not app.exception
    assert "No audit is open" in app.info[0].value


def test_numbers_are_the_reports_and_follow_the_choice(open_page: OnePage, small: Path) -> None:  # noqa: F811
    app = open_page("fairness", small).run()
    assert not app.exception
    expected = told(small, "TAV", "accuracy")
    assert numbers(app) == pytest.approx({group: 100 * value for group, value in expected.items()})
    app.selectbox(key="fairness-condition").set_value("A").run()
    app.selectbox(key="fairness-metric").set_value("macro_f1").run()
    assert not app.exception
    expected = told(small, "A", "macro_f1")
    assert numbers(app) == pytest.approx({group: 100 * value for group, value in expected.items()})
    gaps = app.dataframe[0].value
    assert set(gaps["Gap"]) >= {"Macro F1 difference (points)"}
    assert "Chance alone, mean" in gaps.columns


def test_differences_are_found_and_never_made(open_page: OnePage, small: Path) -> None:  # noqa: F811
    app = open_page("fairness", small).run()
    assert "Two numbers on screen do not make one" in said(app)
    app.selectbox(key="fairness-metric").set_value("unweighted_average_recall").run()
    assert not app.exception
    frame = next(element.value for element in app.dataframe if "Less everybody's" in element.value.columns)
    rows = read_bundle(small).exhibit("deviations").to_pylist()
    own = [r for r in rows if (r["rate"], r["condition"]) == ("unweighted_average_recall less everybody's", "TAV")]
    assert len(frame) == len(own) > 0


def test_a_cohort_is_built_saved_followed_and_forgotten(open_page: OnePage, small: Path) -> None:  # noqa: F811
    app = open_page("fairness", small).run()
    app.sidebar.multiselect[1].set_value(["40+"])
    app.sidebar.text_input[0].set_value("older *people*")
    next(button for button in app.button if button.label == "Save it").click().run()
    assert not app.exception
    assert list(numbers(app)) == ["everybody", "40+", "Irish, 40+", "Scottish, 40+", "Welsh, 40+"]
    assert FOR_EVERYBODY in said(app)
    assert app.selectbox(key="cohort-chosen").value == "older *people*"
    app.selectbox(key="cohort-chosen").set_value("Everybody").run()
    assert len(numbers(app)) == 12
    app.selectbox(key="cohort-chosen").set_value("older *people*").run()
    assert len(numbers(app)) == 5
    app.button(key="cohort-delete").click().run()
    assert len(numbers(app)) == 12
    assert app.selectbox(key="cohort-chosen").options == ["Everybody"]


def test_a_cohort_needs_a_name_and_somebody(open_page: OnePage, small: Path) -> None:  # noqa: F811
    app = open_page("fairness", small).run()
    next(button for button in app.button if button.label == "Save it").click().run()
    assert "Give the cohort a name" in app.sidebar.warning[0].value
    app.sidebar.text_input[0].set_value("nobody in particular")
    next(button for button in app.button if button.label == "Save it").click().run()
    assert "Choose a level first" in app.sidebar.warning[0].value
    assert len(numbers(app)) == 12


def test_one_group_has_its_confusions(open_page: OnePage, small: Path) -> None:  # noqa: F811
    app = open_page("fairness", small).run()
    app.selectbox(key="fairness-group").set_value("accent x age: Welsh, 40+").run()
    assert not app.exception
    frame = next(element.value for element in app.dataframe if "truth" in element.value.columns)
    rows = read_bundle(small).exhibit("confusion-matrices").to_pylist()
    own = [r for r in rows if (r["group"], r["condition"]) == ("Welsh, 40+", "TAV")]
    assert list(frame["count"]) == [row["count"] for row in own]


def test_viewers_see_marks_and_no_small_group(open_page: OnePage, small: Path) -> None:  # noqa: F811
    app = open_page("fairness", small, role=Role.VIEWER).run()
    assert not app.exception
    shown = numbers(app)
    cells = {group: value for group, value in shown.items() if ", " in group}
    assert len(cells) == 6
    assert all(value != value for value in cells.values()), "a withheld number is no number"
    assert "n \\< 11" in said(app)
    assert "Confusions are not in what was made for release" in said(app)
    assert not [box for box in app.checkbox if box.key == "fairness-releasable"], "there is nothing else to take"


def test_an_older_report_is_shown_too(open_page: OnePage) -> None:  # noqa: F811
    app = open_page("fairness", OLDER).run()
    assert not app.exception
    assert numbers(app)


@pytest.fixture(scope="module")
def with_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and the bundle of its audit."""
    folder = tmp_path_factory.mktemp("rows")
    predictions_frame().to_csv(folder / "vendor.csv", index=False)
    plan = AuditPlan(
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent", "age"),
        statistics=FAST,
        examinations=(Choice(name="performance"),),
    )
    write_bundle(run_plan(plan, folder=folder), folder / "bundle", renderings=())
    return folder


def test_a_group_leads_to_its_utterances(open_page: OnePage, with_rows: Path) -> None:  # noqa: F811
    app = open_page("fairness", with_rows).run()
    app.selectbox(key="fairness-group").set_value("accent x age: Welsh, 40+").run()
    assert not app.exception
    frame = next(element.value for element in app.dataframe if "Utterance" in element.value.columns)
    told = predictions_frame().query("condition == 'TAV' and accent == 'Welsh' and age == '40+'")
    assert list(frame["Utterance"]) == list(told["utterance_id"])
    assert list(frame["Prediction"]) == list(told["y_pred"])
    assert frame["Open"].iloc[0] == f"utterance?utterance={told['utterance_id'].iloc[0]}&run=vendor"


def test_viewers_are_led_to_nobody(open_page: OnePage, with_rows: Path) -> None:  # noqa: F811
    app = open_page("fairness", with_rows, role=Role.VIEWER).run()
    assert not app.exception
    assert not [element for element in app.dataframe if "Utterance" in element.value.columns]
    assert "Utterances of this group" not in said(app)


def test_without_the_table_it_says_what_to_bring(open_page: OnePage, with_rows: Path) -> None:  # noqa: F811
    app = open_page("fairness", with_rows / "bundle").run()
    assert any("Put the table that was audited" in info.value for info in app.info)
