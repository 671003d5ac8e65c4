"""A cohort is examined anew: of everybody as the report says, of a part as an audit of its rows says, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from affidavit.case import Case
from affidavit.cohorts import Cohort
from dashboards.cohorts.asking import ALL, answer, answer_of_rows, asked, question_of
from dashboards.workspace.cases import case_of_run
from dashboards.workspace.rows import predictions_of
from tests.dashboards.workspace.audited import Audited, audited

OLDER = Cohort(name="older", levels={"age": ("40+",)})
TWO = Cohort(name="two", levels={"accent": ("Irish", "Welsh"), "age": ("40+",)})


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("vendor") / "audit")


@pytest.fixture
def case(vendor: Audited, tmp_path: Path) -> Case:
    st.cache_resource.clear()
    found = case_of_run(vendor.report, "vendor", (vendor.folder,))
    assert found is not None
    return found


def told(audit: Audited, exhibit: str, condition: str) -> list[dict[str, object]]:
    return [row for row in audit.report.exhibit(exhibit).to_pylist() if row["condition"] == condition]


@pytest.mark.parametrize("condition", ["TAV", "A"])
def test_of_everybody_it_says_what_the_report_says(vendor: Audited, case: Case, condition: str) -> None:
    found = answer(case, question_of(vendor.report, "performance", condition, ALL))
    assert list(found.rows) == told(vendor, "performance-by-group", condition)
    assert list(found.exhibits["confusion-matrices"]) == told(vendor, "confusion-matrices", condition)
    gaps = {
        f.id: f
        for f in vendor.report.findings
        if (f.examination, f.condition) == ("performance", condition) and f.compared is not None
    }
    assert len(gaps) == len(found.gaps) > 20
    for gap in found.gaps:
        mine = gap.model_dump(exclude={"test", "verdict", "because", "caveats", "exhibits", "controls"})
        assert mine == gaps[gap.id].model_dump(
            exclude={"test", "verdict", "because", "caveats", "exhibits", "controls"}
        )


@pytest.mark.parametrize("cohort", [OLDER, TWO], ids=lambda cohort: cohort.name)
def test_of_a_cohort_it_says_what_an_audit_of_its_rows_says(
    vendor: Audited, case: Case, cohort: Cohort, tmp_path: Path
) -> None:
    inside = vendor.frame["age"] == "40+"
    if cohort == TWO:
        inside &= vendor.frame["accent"].isin(["Irish", "Welsh"])
    alone = audited(tmp_path / "alone", vendor.frame[inside], examinations=("performance",))
    expected = {
        (row["metric"], row["features"], row["group"]): row
        for row in told(alone, "performance-by-group", "TAV")
        if row["n"]
    }
    found = answer(case, question_of(vendor.report, "performance", "TAV", cohort))
    mine = {(row["metric"], row["features"], row["group"]): row for row in found.rows}
    assert mine.keys() == expected.keys()
    assert len(mine) > 40
    for place, row in mine.items():
        twin = expected[place]
        assert (row["n"], row["n_clusters"]) == (twin["n"], twin["n_clusters"]), place
        for part in ("value", "low", "high"):
            assert (row[part] is None) == (twin[part] is None), place
            if row[part] is not None:
                assert row[part] == pytest.approx(twin[part], abs=1e-6 if part == "value" else 0.03), (place, part)
    matrices = {
        (r["features"], r["group"], r["truth"], r["prediction"]): r["count"]
        for r in told(alone, "confusion-matrices", "TAV")
        if r["count"]
    }
    assert matrices == {
        (r["features"], r["group"], r["truth"], r["prediction"]): r["count"]
        for r in found.exhibits["confusion-matrices"]
        if r["count"]
    }
    whole = {f.metric: f for f in alone.report.findings if (f.condition, f.compared) == ("TAV", ("accent",))}
    for gap in found.gaps:
        if gap.compared == ("accent",):
            assert gap.estimate.value == pytest.approx(whole[gap.metric].estimate.value, abs=1e-6)
            assert (gap.highest, gap.lowest) == (whole[gap.metric].highest, whole[gap.metric].lowest)


def test_what_is_made_of_rows_is_refused_and_not_told_of_everybody(vendor: Audited, case: Case) -> None:
    found = answer(case, question_of(vendor.report, "coherence", "TAV", OLDER))
    assert found.rows == found.gaps == ()
    assert "made of rows" in (found.refused or "")


@pytest.mark.parametrize("cohort", [OLDER, TWO], ids=lambda cohort: cohort.name)
def test_of_a_cohorts_rows_it_says_what_an_audit_of_them_says(vendor: Audited, cohort: Cohort, tmp_path: Path) -> None:
    inside = vendor.frame["age"] == "40+"
    if cohort == TWO:
        inside &= vendor.frame["accent"].isin(["Irish", "Welsh"])
    alone = audited(tmp_path / "alone", vendor.frame[inside], examinations=("coherence",))
    whole = predictions_of(vendor.report, "vendor", (vendor.folder,))
    assert whole is not None
    found = answer_of_rows(whole, vendor.report, question_of(vendor.report, "coherence", "TAV", cohort))
    assert found.refused is None
    assert found.source == "rows of the table"
    own = [f for f in alone.report.findings if (f.condition, f.compared) == ("TAV", None) and f.estimate.n]
    mine = {(row["metric"], row["features"], row["group"]): row for row in found.rows}
    assert len(own) > 10
    for finding in own:
        row = mine[finding.metric, " x ".join(finding.groups), ", ".join(finding.groups.values()) or "everybody"]
        assert row["value"] == pytest.approx(finding.estimate.value, abs=1e-9, nan_ok=True)
        assert row["n"] == finding.estimate.n
    gaps = [f for f in alone.report.findings if f.condition == "TAV" and f.compared is not None]
    assert len(found.gaps) == len(gaps) > 0
    for gap, expected in zip(found.gaps, gaps, strict=True):
        assert (gap.metric, gap.compared, gap.highest) == (expected.metric, expected.compared, expected.highest)
        assert gap.estimate.value == pytest.approx(expected.estimate.value)


def test_rows_of_nobody_and_of_what_the_table_lacks_are_refused(vendor: Audited) -> None:
    whole = predictions_of(vendor.report, "vendor", (vendor.folder,))
    assert whole is not None
    for levels in ({"age": ("a hundred",)}, {"shoe": ("42",)}):
        nobody = Cohort(name="nobody", levels=levels)
        found = answer_of_rows(whole, vendor.report, question_of(vendor.report, "coherence", "TAV", nobody))
        assert "the cohort names what the audit does not know" in (found.refused or "")
        assert found.rows == found.gaps == ()


def test_who_is_not_in_a_cohort_is_not_shown(vendor: Audited, case: Case) -> None:
    found = answer(case, question_of(vendor.report, "performance", "TAV", TWO))
    assert {row["group"] for row in found.of("accuracy")} == {
        "everybody",
        "Irish",
        "Welsh",
        "40+",
        "Irish, 40+",
        "Welsh, 40+",
    }


def test_a_cohort_that_the_audit_does_not_know_is_refused(vendor: Audited, case: Case) -> None:
    strange = Cohort(name="x", levels={"accent": ("Martian",)})
    found = answer(case, question_of(vendor.report, "performance", "TAV", strange))
    assert "does not know" in (found.refused or "")


def test_the_same_is_examined_once(vendor: Audited, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    question = question_of(vendor.report, "performance", "TAV", OLDER)
    first = asked(case, vendor.report, question)
    monkeypatch.setattr("dashboards.cohorts.asking.answer", lambda *_: pytest.fail("examined again"))
    assert asked(case, vendor.report, question) is first
