"""The desk lists audits, opens one on every page, and says what to do where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from affidavit.plan import built_in_plan
from dashboards.access.people import Role
from dashboards.jobs.starting import JobBoard
from dashboards.workspace.bundles import BundleShelf
from reports.drawings.trend_chart import trend_chart
from reports.sections.areas import Area
from tests.dashboards.conftest import SitDown

OLDER = Path(__file__).parents[2] / "reports" / "older" / "bundle-1.0"


def said(app: object) -> str:
    """Return every text on a page."""
    return "\n".join(str(element.value) for element in app.main if hasattr(element, "value"))  # type: ignore[attr-defined]


def test_an_empty_desk_says_what_to_do(sit_down: SitDown) -> None:
    app = sit_down().run()
    assert not app.exception
    assert "New audit" in app.info[0].value


def test_an_empty_desk_offers_the_clinic_and_starts_it_for_whoever_is_there(
    sit_down: SitDown, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, str]] = []
    monkeypatch.setattr(JobBoard, "start", lambda self, plan, *, by: started.append((plan.title, by.name)))
    app = sit_down().run()
    app.button(key="desk-demo").click().run()
    assert not app.exception
    assert started == [(built_in_plan("demo").title, "A. Khan")]


def test_a_viewer_is_offered_no_demonstration(sit_down: SitDown) -> None:
    app = sit_down(role=Role.VIEWER).run()
    assert not app.exception
    assert not [button for button in app.button if str(button.key).startswith("desk-")]


def test_verdicts_over_audits_are_a_picture_with_words() -> None:
    judged = BundleShelf(places=(OLDER,)).bundles()[0]
    audits = [(made, {"Fairness between groups": judged.verdicts[Area.FAIRNESS]}) for made in ("May", "June", "June")]
    drawn = trend_chart([*audits, ("July", {})]).to_dict()
    rows = next(iter(drawn["datasets"].values())) if "datasets" in drawn else drawn["layer"][0]["data"]["values"]
    assert [row["made"] for row in rows] == ["May", "June (1)", "June (2)"]
    assert {row["verdict"] for row in rows} == {"✗ fail"}
    assert "July" in str(drawn["layer"][0]["encoding"]["x"]["scale"]["domain"]), "an audit without verdicts stays"


def test_each_audit_is_a_row_with_its_verdicts(sit_down: SitDown, small_bundle: Path) -> None:
    app = sit_down(OLDER, small_bundle).run()
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["2", "1", "2"]
    table = app.dataframe[0].value
    assert list(table["Audit"])[-1] == "Audit of simulated listeners"
    assert "fail" in table["Fairness between groups"].iloc[-1]
    assert table["Fairness between groups"].iloc[0] == "–", "without a policy there is no verdict"


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_has_a_role_finds_the_desk(sit_down: SitDown, small_bundle: Path, role: Role) -> None:
    app = sit_down(small_bundle, role=role).run()
    assert not app.exception
    assert app.title[0].value == "Desk"
    assert any(f"A\\. Khan, {role}" in caption.value for caption in app.sidebar.caption)


def test_a_title_is_a_text_whatever_it_holds(sit_down: SitDown, small_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(small_bundle, tmp_path / "x <script>alert(1)</script> :red[y]")
    app = sit_down(tmp_path).run()
    assert not app.exception
    for element in (*app.sidebar.caption, *app.sidebar.markdown):
        assert "<script>" not in element.value.replace("\\<", "")
