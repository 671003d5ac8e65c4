"""Two tables at the desk are compared item by item as `affidavit compare` does it; else it is said why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from affidavit.changes import COMPARISON
from affidavit.cohorts import Cohort
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame
from dashboards.workspace.pairing import Side, missing_tables, paired, why_unpaired
from tests.dashboards.workspace.audited import Audited, audited


@pytest.fixture(autouse=True)
def _started_anew() -> None:
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("two") / "before", examinations=("performance",))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    frame = predictions_frame(n_speakers=60)
    mended = (frame["y_true"] != frame["y_pred"]) & (np.arange(len(frame)) % 3 == 0)
    frame.loc[mended, "y_pred"] = frame.loc[mended, "y_true"]
    return audited(tmp_path_factory.mktemp("two") / "after", frame, examinations=("performance",))


ALL = Cohort(name="everybody")
SOME = Cohort(name="two", levels={"accent": ("Irish", "Scottish")})


def side(audit: Audited) -> Side:
    return Side(report=audit.report, run="vendor")


def test_it_is_the_comparison_of_the_tables(before: Audited, after: Audited, tmp_path: Path) -> None:
    found = paired(side(after), side(before), ALL, (before.folder, after.folder))
    before.frame.to_csv(tmp_path / "old.csv", index=False)
    after.frame.to_csv(tmp_path / "new.csv", index=False)
    plan = AuditPlan(
        runs={"old": RunSource(table="old.csv"), "new": RunSource(table="new.csv")},
        by=("accent", "age"),
        statistics=FAST,
        examinations=(Choice(name=COMPARISON, options={"baseline": "old"}),),
    )
    told = {finding.id: finding for finding in run_plan(plan, folder=tmp_path).findings}
    assert {finding.id for finding in found.findings} == set(told)
    for finding in found.findings:
        assert finding.estimate == told[finding.id].estimate
        assert finding.test == told[finding.id].test
    whole = next(f for f in found.findings if f.metric == "accuracy_change" and not f.groups and f.condition == "TAV")
    right = [f["y_true"] == f["y_pred"] for f in (a.frame.query("condition == 'TAV'") for a in (after, before))]
    assert whole.estimate.value == pytest.approx(right[0].mean() - right[1].mean(), abs=1e-6)
    assert (whole.estimate.value or 0) > 0, "new less old, and the new one was mended"


def test_of_a_cohort_it_is_the_comparison_of_its_rows(before: Audited, after: Audited, tmp_path: Path) -> None:
    found = paired(side(after), side(before), SOME, (before.folder, after.folder))
    for name, audit in (("old", before), ("new", after)):
        inside = audit.frame["accent"].isin(SOME.levels["accent"])
        audit.frame[inside].to_csv(tmp_path / f"{name}.csv", index=False)
    plan = AuditPlan(
        runs={name: RunSource(table=f"{name}.csv") for name in ("old", "new")},
        by=("accent", "age"),
        statistics=FAST,
        examinations=(Choice(name=COMPARISON, options={"baseline": "old"}),),
    )
    told = {finding.id: finding for finding in run_plan(plan, folder=tmp_path).findings}
    assert {finding.id: finding.estimate for finding in found.findings} == {
        name: finding.estimate for name, finding in told.items()
    }
    everybody = paired(side(after), side(before), ALL, (before.folder, after.folder))
    assert everybody.report_digest != found.report_digest


def test_a_cohort_that_one_table_does_not_know_is_refused(before: Audited, after: Audited) -> None:
    nobody = Cohort(name="Mars", levels={"accent": ("Martian",)})
    with pytest.raises(PlanError, match="the cohort names what the audit does not know"):
        paired(side(after), side(before), nobody, (before.folder, after.folder))


def test_it_says_why_nothing_is_paired(before: Audited, after: Audited, tmp_path: Path) -> None:
    assert why_unpaired(side(after), side(before)) is None
    assert why_unpaired(side(after), side(after)) == "both audits are of one table"
    parts = before.report.model_copy(
        update={"data": (before.report.data[0].model_copy(update={"run": "vendor/a", "digest": "sha256:0"}),)}
    )
    assert "one part of a table" in (why_unpaired(side(after), Side(report=parts, run="vendor/a")) or "")
    assert missing_tables(side(after), side(before), (before.folder, after.folder)) == ()
    assert missing_tables(side(after), side(before), (after.folder,)) == (side(before),)
    assert missing_tables(side(after), side(before), (tmp_path,)) == (side(before), side(after))
