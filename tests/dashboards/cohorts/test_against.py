"""Differences from a reference group are those between two groups, each examined, with intervals that hold together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from affidavit.case import Case
from affidavit.cohorts import Cohort
from affidavit.testing.tables import predictions_frame
from dashboards.choosing.differences import examined_lines, together
from dashboards.cohorts.against import Against, against, level_of_each
from dashboards.cohorts.asking import ALL, question_of
from dashboards.workspace.cases import case_of_run
from tests.dashboards.workspace.audited import Audited, audited


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    frame = predictions_frame(n_speakers=90, per_speaker=20)
    wrong = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 2 == 0)
    labels = {"anger": "joy", "joy": "sadness", "sadness": "anger"}
    frame.loc[wrong, "y_pred"] = frame.loc[wrong, "y_true"].map(labels)
    return audited(tmp_path_factory.mktemp("vendor") / "audit", frame, examinations=("performance",))


@pytest.fixture
def case(vendor: Audited, tmp_path: Path) -> Case:
    st.cache_resource.clear()
    found = case_of_run(vendor.report, "vendor", (vendor.folder,))
    assert found is not None
    return found


def differences(vendor: Audited, case: Case, level: str, cohort: Cohort = ALL) -> Against:
    question = question_of(vendor.report, "performance", "TAV", cohort)
    return against(case, vendor.report, question, reference=("accent", level), metric="accuracy")


def test_each_is_the_difference_of_the_two_groups(vendor: Audited, case: Case) -> None:
    rows = {
        row["group"]: row
        for row in vendor.report.exhibit("performance-by-group").to_pylist()
        if (row["condition"], row["metric"]) == ("TAV", "accuracy")
    }
    found = differences(vendor, case, "Irish")
    assert set(found.findings) == {"Scottish", "Welsh"}
    for other, finding in found.findings.items():
        assert finding.estimate.value == pytest.approx(abs(rows["Irish"]["value"] - rows[other]["value"]), abs=1e-6)
        assert finding.estimate.n == rows["Irish"]["n"] + rows[other]["n"]
        assert finding.estimate.n_clusters == rows["Irish"]["n_clusters"] + rows[other]["n_clusters"]
        ends = sorted(("Irish", other), key=lambda group: rows[group]["value"])
        assert [finding.lowest, finding.highest] == ends
    widest = next(
        f
        for f in vendor.report.findings
        if (f.metric, f.condition, f.compared) == ("accuracy_difference", "TAV", ("accent",))
    )
    assert widest.lowest == "Welsh"
    assert widest.highest is not None
    again = differences(vendor, case, widest.highest).findings["Welsh"]
    assert again.estimate.value == widest.estimate.value


def test_a_planted_difference_is_found_and_none_is_made_of_noise(vendor: Audited, case: Case) -> None:
    found = differences(vendor, case, "Irish").findings
    planted, noise = found["Welsh"].estimate.interval, found["Scottish"].estimate.interval
    assert planted is not None
    assert noise is not None
    assert planted.low > 0.1
    assert noise.low == 0
    assert found["Welsh"].test is not None
    assert found["Scottish"].test is not None
    assert (found["Welsh"].test.p_adjusted or 1) < 0.05 < (found["Scottish"].test.p_adjusted or 0)
    lines = {line["Group"]: line for line in examined_lines(differences(vendor, case, "Irish"), "Irish")}
    assert lines["Welsh"]["Lies"] == "below"
    from_welsh = {line["Group"]: line for line in examined_lines(differences(vendor, case, "Welsh"), "Welsh")}
    assert from_welsh["Irish"]["Lies"] == "above"
    assert from_welsh["Irish"]["By"] == lines["Welsh"]["By"]


def test_intervals_of_one_reference_hold_together(vendor: Audited, case: Case) -> None:
    found = differences(vendor, case, "Irish")
    assert found.level == pytest.approx(level_of_each(0.95, 2)) == pytest.approx(0.975)
    levels = {f.estimate.interval.level for f in found.findings.values() if f.estimate.interval is not None}
    assert levels == {0.975}
    assert "hold together at 95 % (each at 97.5 %)" in together(found, 0.95)
    alone = differences(vendor, case, "Irish", Cohort(name="two", levels={"accent": ("Irish", "Welsh")}))
    assert alone.level == pytest.approx(0.95)
    wide, narrow = found.findings["Welsh"].estimate.interval, alone.findings["Welsh"].estimate.interval
    assert wide is not None
    assert narrow is not None
    assert wide.low < narrow.low < narrow.high < wide.high


def test_within_a_cohort_only_its_people_are_compared(vendor: Audited, case: Case) -> None:
    older = Cohort(name="older", levels={"age": ("40+",)})
    found = differences(vendor, case, "Irish", older).findings["Welsh"]
    own = vendor.frame.query("condition == 'TAV' and age == '40+'")
    share = own.assign(right=own["y_true"] == own["y_pred"]).groupby("accent")["right"].mean()
    assert found.estimate.value == pytest.approx(abs(share["Irish"] - share["Welsh"]), abs=1e-6)
    assert found.estimate.n == own["accent"].isin(["Irish", "Welsh"]).sum()
    assert differences(vendor, case, "Irish", Cohort(name="w", levels={"accent": ("Welsh",)})).findings == {}


def test_a_metric_without_a_gap_has_no_difference(vendor: Audited, case: Case) -> None:
    question = question_of(vendor.report, "performance", "TAV", ALL)
    reference = ("accent", "Irish")
    found = against(case, vendor.report, question, reference=reference, metric="accuracy_per_unit")
    assert found.findings == {}
