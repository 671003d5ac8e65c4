from pathlib import Path

import pytest

from affidavit.errors import VerificationError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.records import Estimate
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST
from affidavit.verification import recompute


@pytest.fixture
def table(tmp_path: Path) -> Path:
    predictions_frame().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


@pytest.fixture
def report(table: Path) -> AuditReport:
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=(Choice(name="performance"),))
    return audit(table, by=["accent"], plan=plan)


def test_findings_are_computed_again_to_the_last_digit(report: AuditReport, table: Path) -> None:
    assert "to the last digit" in recompute(report, table=table, plan=None, folder=table.parent)


def test_another_table_is_found_out(report: AuditReport, table: Path) -> None:
    predictions_frame(seed=1).to_csv(table, index=False)
    with pytest.raises(VerificationError, match="not the data of the report"):
        recompute(report, table=table, plan=None, folder=table.parent)


def test_a_forged_finding_is_found_out(report: AuditReport, table: Path) -> None:
    """Whoever edits a number and seals the report anew passes the digests, and not this."""
    old = report.findings[0]
    forged = old.model_copy(
        update={
            "estimate": Estimate(value=0.999, why_no_interval="x", n=old.estimate.n, n_clusters=old.estimate.n_clusters)
        }
    )
    resealed = report.model_copy(update={"findings": (forged, *report.findings[1:])}).sealed({})
    with pytest.raises(VerificationError, match="a finding differs"):
        recompute(resealed, table=table, plan=None, folder=table.parent)


def test_the_last_digit_of_another_platform_is_forgiven(report: AuditReport, table: Path) -> None:
    old = report.findings[0]
    assert old.estimate.interval is not None
    interval = old.estimate.interval.model_copy(update={"low": old.estimate.interval.low + 1e-12})
    nearly = old.model_copy(update={"estimate": old.estimate.model_copy(update={"interval": interval})})
    resealed = report.model_copy(update={"findings": (nearly, *report.findings[1:])}).sealed({})
    assert "within 1e-09" in recompute(resealed, table=table, plan=None, folder=table.parent)
