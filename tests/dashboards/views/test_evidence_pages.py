"""Faithfulness, privacy and comparison show what a report found, and say what it would take where it found nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cohorts import Cohort
from affidavit.testing.tables import predictions_frame, small_report
from dashboards.access.people import Role
from tests.dashboards.views.one_page import OnePage, open_page, said  # noqa: F401 - a fixture
from tests.dashboards.workspace.audited import Audited, audited


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    report = small_report(("performance", "coherence", "citation"), n_speakers=60)
    return write_bundle(report, tmp_path_factory.mktemp("told") / "explained", renderings=())


@pytest.mark.parametrize("page", ["explanations", "protection", "compare"])
def test_without_an_audit_each_says_what_to_do(open_page: OnePage, page: str) -> None:  # noqa: F811
    app = open_page(page).run()
    assert not app.exception
    assert "No audit is open" in app.info[0].value


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
@pytest.mark.parametrize("page", ["explanations", "protection", "compare"])
def test_each_opens_for_whoever_may_read(
    open_page: OnePage,  # noqa: F811
    explained: Path,
    page: str,
    role: Role,
) -> None:
    app = open_page(page, explained, role=role).run()
    assert not app.exception
    assert not app.error


def test_rationales_stand_beside_their_controls(open_page: OnePage, explained: Path) -> None:  # noqa: F811
    app = open_page("explanations", explained).run()
    app.selectbox(key="faithfulness-metric").set_value("explanation_prediction_consistency").run()
    assert not app.exception
    beside = next(element.value for element in app.dataframe if "Of" in element.value.columns)
    report = read_bundle(explained)
    own = next(
        f
        for f in report.findings
        if (f.metric, f.condition) == ("explanation_prediction_consistency", "TAV") and not f.groups and not f.compared
    )
    assert list(beside["Of"]) == ["the rationales", *["control"] * len(own.controls or ())]
    assert len(beside) > 1
    assert "Speaks of: coherence" in said(app).replace("\\", "")
    quadrants = [
        element.value for element in app.dataframe if "Right answer, right explanation" in element.value.columns
    ]
    assert len(quadrants) == 1
    assert len(quadrants[0]) == 12


def test_the_rows_of_a_cohort_are_examined_when_somebody_wants_it(open_page: OnePage, tmp_path: Path) -> None:  # noqa: F811
    vendor = audited(tmp_path / "vendor", examinations=("coherence",))
    older = audited(
        tmp_path / "older",
        vendor.frame[vendor.frame["age"] == "40+"],
        examinations=("coherence",),
        title="Of the older",
    )
    app = open_page("explanations", vendor.folder).run()
    app.sidebar.multiselect[1].set_value(["40+"])
    next(button for button in app.button if button.label == "Look at it").click().run()
    assert "Examined anew" not in said(app)
    app.button(key="cohort-by-rows").click().run()
    assert not app.exception
    assert "from rows of the table" in said(app)
    metric = app.selectbox(key="faithfulness-metric").value
    shown = next(element.value for element in app.dataframe if "Interval, or why there is none" in element.value)
    told = {
        row["group"]: row["n"]
        for row in claim_rows_of(older)
        if (row["metric"], row["condition"]) == (metric, app.selectbox(key="faithfulness-condition").value)
    }
    assert dict(zip(shown["Group"], shown["Rows"], strict=True)) == told
    app.sidebar.multiselect[1].set_value(["18-39"])
    next(button for button in app.button if button.label == "Look at it").click().run()
    assert "from rows of the table" not in said(app), "another cohort is another question"


def claim_rows_of(one: Audited) -> list[dict[str, Any]]:
    return [
        {
            "metric": f.metric,
            "condition": f.condition,
            "group": ", ".join(f.groups.values()) or "everybody",
            "n": f.estimate.n,
        }
        for f in one.report.findings
        if f.compared is None
    ]


@pytest.mark.parametrize(("bundle", "role"), [("bundle", Role.REVIEWER), ("", Role.VIEWER)])
def test_without_the_table_and_beside_a_release_nothing_is_offered(
    open_page: OnePage,  # noqa: F811
    tmp_path: Path,
    bundle: str,
    role: Role,
) -> None:
    vendor = audited(tmp_path / "vendor", examinations=("coherence",))
    app = open_page("explanations", vendor.folder / bundle, role=role).run()
    app.sidebar.multiselect[1].set_value(["40+"])
    next(button for button in app.button if button.label == "Look at it").click().run()
    assert not app.exception
    assert "cohort-by-rows" not in {button.key for button in app.button}


def test_what_could_not_be_asked_names_its_remedy(open_page: OnePage, explained: Path) -> None:  # noqa: F811
    app = open_page("explanations", explained).run()
    refused = [r for r in read_bundle(explained).refusals if r.examination == "citation"]
    assert refused
    frame = next(element.value for element in app.dataframe if "What would let it" in element.value.columns)
    assert set(frame["What would let it"]) >= {" ".join(r.remedy.split()) for r in refused}


def test_without_a_ledger_nothing_is_called_private(open_page: OnePage, explained: Path) -> None:  # noqa: F811
    app = open_page("protection", explained).run()
    assert "nothing here may be called differential privacy" in said(app)
    assert any("price of privacy was not measured" in info.value for info in app.info)


def test_two_bundles_are_compared_as_if_they_met_different_people(
    open_page: OnePage,  # noqa: F811
    explained: Path,
    tmp_path: Path,
) -> None:
    other = write_bundle(small_report(), tmp_path / "other", renderings=())
    app = open_page("compare", explained, other).run()
    assert not app.exception
    assert not app.error
    frame = next(element.value for element in app.dataframe if "Difference (with interval)" in element.value.columns)
    assert len(frame) > 10
    shutil.rmtree(other)
    app.run()
    assert "no other audit here" in app.info[0].value


def taken(app: AppTest) -> list[str]:
    return [button.label for button in app.get("download_button")]


@pytest.mark.parametrize(
    ("page", "files"),
    [("protection", {"Page (HTML)"}), ("explanations", {"Page (HTML)", "Table (CSV)", "Groups (PNG)"})],
)
def test_what_is_on_screen_can_be_taken_along(
    open_page: OnePage,  # noqa: F811
    explained: Path,
    page: str,
    files: set[str],
) -> None:
    app = open_page(page, explained).run()
    assert files == set(taken(app)), "without a ledger there is no table of privacy"
    for box in app.checkbox:
        if "releasable" in str(box.key):
            box.check()
    app.run()
    assert not app.exception
    assert not app.error
    assert "what may leave" in said(app)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Audited, Audited]:
    """Audits of two tables on the same items; the later one has fewer mistakes."""
    frame = predictions_frame(n_speakers=60)
    folder = tmp_path_factory.mktemp("two")
    before = audited(folder / "before", frame, examinations=("performance",), title="Line")
    mended = frame.assign(y_pred=frame["y_pred"].where(frame.index % 3 != 0, frame["y_true"]))
    return before, audited(folder / "after", mended, examinations=("performance",), title="Line")


def test_two_tables_at_the_desk_are_compared_item_by_item(
    open_page: OnePage,  # noqa: F811
    two: tuple[Audited, Audited],
) -> None:
    before, after = two
    app = open_page("compare", before.folder, after.folder).run()
    assert not app.exception
    assert not app.error
    assert "Both tables are at this desk" in said(app)
    frame = next(element.value for element in app.dataframe if "Runs" in element.value.columns)
    row = frame.iloc[0]
    assert row["Number"] == "Accuracy, change"
    right = [f["y_true"] == f["y_pred"] for f in (a.frame.query("condition == 'TAV'") for a in (after, before))]
    assert f"{100 * abs(right[0].mean() - right[1].mean()):.1f}" in row["Difference (with interval)"]
    assert {"Page (HTML)", "Table (CSV)"} <= set(taken(app))
    next(box for box in app.checkbox if box.key == "compare-releasable").check().run()
    assert not app.exception
    assert "what may leave" in said(app)


def test_of_a_cohort_the_rows_of_its_people_are_compared(
    open_page: OnePage,  # noqa: F811
    two: tuple[Audited, Audited],
) -> None:
    before, after = two
    app = open_page("compare", before.folder, after.folder)
    some = Cohort(name="two", levels={"accent": ("Irish", "Scottish")})
    app.session_state["seat-cohort"] = some.model_dump_json()
    app.run()
    assert not app.exception
    assert "Cohort: accent Irish or Scottish." in said(app).replace("\\", "")
    frame = next(element.value for element in app.dataframe if "Runs" in element.value.columns)
    row = frame.iloc[0]
    rows = [a.frame.query("condition == 'TAV' and accent != 'Welsh'") for a in (after, before)]
    right = [(f["y_true"] == f["y_pred"]).mean() for f in rows]
    assert f"{100 * abs(right[0] - right[1]):.1f}" in row["Difference (with interval)"]
    assert not any("Welsh" in str(group) for group in frame["Group"])


@pytest.mark.parametrize(
    ("role", "with_tables", "why"),
    [
        (Role.VIEWER, True, "nothing is examined beside a release"),
        (Role.REVIEWER, False, "is not at this desk"),
    ],
)
def test_what_is_not_paired_says_why(
    open_page: OnePage,  # noqa: F811
    two: tuple[Audited, Audited],
    role: Role,
    with_tables: bool,
    why: str,
) -> None:
    places = [audit.folder if with_tables else audit.bundle for audit in two]
    app = open_page("compare", *places, role=role).run()
    assert not app.exception
    assert why in said(app).replace("\\", "")
    assert [element for element in app.dataframe if "Before" in element.value.columns]
    assert not [element for element in app.dataframe if "Runs" in element.value.columns]
