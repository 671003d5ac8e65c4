from pathlib import Path

import pytest

from affidavit.bundle import write_bundle
from affidavit.errors import VerificationError
from affidavit.plan import AuditPlan, Choice, RunSource, read_plan
from affidavit.records import Estimate, Refusal
from affidavit.registry import BUILT_IN, Door
from affidavit.report import AuditReport, Decision
from affidavit.run import audit, run_plan
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST
from affidavit.verification import LIVE_TOLERANCE, TOLERANCE, _tolerance, recompute


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
    resealed = report.model_copy(update={"findings": (forged, *report.findings[1:])}).sealed(report._tables)
    with pytest.raises(VerificationError, match="its findings differ"):
        recompute(resealed, table=table, plan=None, folder=table.parent)


@pytest.mark.parametrize(
    "forgery",
    [
        {"decision": Decision.PASS},
        {"summary": ("Everything is fair.",)},
        {"caveats": ()},
        {"refusals": (Refusal(examination="x", because="y", remedy="z"),)},
        {"marking": "released"},
    ],
)
def test_a_forged_conclusion_is_found_out(report: AuditReport, table: Path, forgery: dict[str, object]) -> None:
    resealed = report.model_copy(update=forgery).sealed(report._tables)
    with pytest.raises(VerificationError, match="differ"):
        recompute(resealed, table=table, plan=None, folder=table.parent)


def test_a_finding_taken_away_or_added_is_found_out(report: AuditReport, table: Path) -> None:
    added = report.findings[0].model_copy(update={"id": "mine"})
    for findings in (report.findings[1:], (*report.findings, added)):
        resealed = report.model_copy(update={"findings": findings}).sealed(report._tables)
        with pytest.raises(VerificationError, match="its findings differ"):
            recompute(resealed, table=table, plan=None, folder=table.parent)


def test_a_forged_exhibit_is_found_out(report: AuditReport, table: Path) -> None:
    import pyarrow as pa

    from affidavit.digests import table_digest

    matrix = next(e for e in report.exhibits if e.id == "confusion-matrices")
    old = report.exhibit(matrix.id)
    forged = old.set_column(old.column_names.index("count"), "count", pa.array([1.0] * old.num_rows))
    rows = tuple(zip(*(forged[c.name].to_pylist() for c in matrix.columns), strict=True))
    record = matrix.model_copy(update={"digest": table_digest(forged.to_batches()), "rows": rows})
    others = tuple(e for e in report.exhibits if e.id != matrix.id)
    resealed = report.model_copy(update={"exhibits": (*others, record)}).sealed({**report._tables, matrix.id: forged})
    with pytest.raises(VerificationError, match="its exhibits differ"):
        recompute(resealed, table=table, plan=None, folder=table.parent)


def test_the_last_digit_of_another_platform_is_forgiven(report: AuditReport, table: Path) -> None:
    old = report.findings[0]
    assert old.estimate.interval is not None
    interval = old.estimate.interval.model_copy(update={"low": old.estimate.interval.low + 1e-12})
    nearly = old.model_copy(update={"estimate": old.estimate.model_copy(update={"interval": interval})})
    resealed = report.model_copy(update={"findings": (nearly, *report.findings[1:])}).sealed(report._tables)
    assert "within 1e-09" in recompute(resealed, table=table, plan=None, folder=table.parent)


def test_a_bundle_s_own_plan_gives_the_report_again_whatever_order_its_runs_were_named_in(tmp_path: Path) -> None:
    frame = predictions_frame(n_speakers=12, conditions=("TAV",))
    for name in ("zebra", "ant"):
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    runs = {name: {"table": f"{name}.parquet"} for name in ("zebra", "ant")}
    plan = AuditPlan.model_validate({"runs": runs, "by": ("accent",), "examinations": ["performance"]})
    report = run_plan(plan, folder=tmp_path)
    bundle = write_bundle(report, tmp_path / "out", renderings=())
    again = read_plan(bundle / "plan.yaml")
    assert "hold" in recompute(report, table=None, plan=again, folder=tmp_path)
    assert run_plan(again, folder=tmp_path).claims_digest == report.claims_digest


def moved(report: AuditReport, by: float) -> AuditReport:
    """Return the report, sealed anew, with its first number moved."""
    old = report.findings[0]
    assert old.estimate.value is not None
    estimate = old.estimate.model_copy(update={"value": old.estimate.value + by})
    other = old.model_copy(update={"estimate": estimate})
    return report.model_copy(update={"findings": (other, *report.findings[1:])}).sealed(report._tables)


def test_what_a_live_reasoner_said_may_differ_by_what_machines_differ(
    report: AuditReport, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores are single precision: a report of another machine holds, a forged one does not."""
    with pytest.raises(VerificationError, match="its findings differ"):
        recompute(moved(report, 1e-6), table=table, plan=None, folder=table.parent)
    monkeypatch.setattr("affidavit.verification._tolerance", lambda examination: LIVE_TOLERANCE)
    assert "asked of a live reasoner" in recompute(moved(report, 1e-3), table=table, plan=None, folder=table.parent)
    with pytest.raises(VerificationError, match="its findings differ"):
        recompute(moved(report, 2e-2), table=table, plan=None, folder=table.parent)


def test_only_examinations_of_live_reasoners_have_that_tolerance() -> None:
    live = {name for name in BUILT_IN[Door.EXAMINATIONS] if _tolerance(name) > TOLERANCE}
    asked = {"leakage", "membership", "gradient-canaries"}  # where the model is there
    assert live == {"attributions", "attribution-sanity", "roar", "gradient-inversion", "gradient-clipping"} | asked
