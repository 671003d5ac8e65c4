"""Recomputation from tables, the opening of a commitment, and reproduction of the run: three different answers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.disclosure.release import RELEASE
from affidavit.errors import TableError, VerificationError
from affidavit.plan import AuditPlan, Choice, RunSource, read_plan
from affidavit.records import Estimate
from affidavit.run import run_plan
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST
from reports.trust.adding import add_commitments
from reports.trust.commitment import COMMITMENTS, Commitments, Salts, commit, read_commitments
from reports.trust.rows import predictions_of, table_of, with_tables
from reports.trust.verification import Asked, State, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An audit of two tables, with a commitment to the rows of both."""

    folder: Path
    bundle: Path
    tables: dict[str, Path]
    salts: dict[str, Salts]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("audited")
    tables = {}
    for i, run in enumerate(("first", "second")):
        tables[run] = folder / f"{run}.parquet"
        predictions_frame(n_speakers=16, conditions=("TAV",), seed=i).to_parquet(tables[run], index=False)
    runs = {run: RunSource(table=path.name) for run, path in tables.items()}
    plan = AuditPlan(runs=runs, by=("accent",), statistics=FAST, examinations=(Choice(name="performance"),))
    report = run_plan(plan, folder=folder)
    bundle = write_bundle(report, folder / "bundle", renderings=())
    found = predictions_of(report, with_tables(report, tables), folder=folder)
    made = [commit(table_of(predictions), run=run) for run, predictions in found.items()]
    add_commitments(bundle, Commitments(runs=tuple(one.commitment for one in made)))
    return Audited(folder=folder, bundle=bundle, tables=tables, salts={one.salts.run: one.salts for one in made})


def test_without_its_tables_a_bundle_that_commits_to_them_is_not_recomputable_here(audited: Audited) -> None:
    report = verify(audited.bundle, Asked(pages=False))
    assert report.digests.state is State.HOLDS
    assert report.recomputation.state is State.NOT_RECOMPUTABLE
    assert report.recomputation.state.value == "not recomputable here"
    assert "rows of first" in report.recomputation.said
    assert report.reproduction.state is State.NOT_CHECKED


def test_with_its_tables_every_finding_is_computed_again(audited: Audited) -> None:
    report = verify(audited.bundle, Asked(tables=audited.tables, pages=False))
    assert report.recomputation.state is State.HOLDS
    assert "to the last digit" in report.recomputation.said
    assert "was not opened" in report.recomputation.said


def test_with_tables_and_salts_the_commitment_is_opened(audited: Audited) -> None:
    report = verify(audited.bundle, Asked(tables=audited.tables, salts=audited.salts, pages=False))
    assert report.recomputation.state is State.HOLDS
    assert "the rows are those that the bundle commits to" in report.recomputation.said


def test_salts_of_another_table_are_found(audited: Audited) -> None:
    other = {"first": audited.salts["first"], "second": audited.salts["first"]}
    for salts in (other, {"first": audited.salts["first"]}):
        report = verify(audited.bundle, Asked(tables=audited.tables, salts=salts, pages=False))
        assert (report.recomputation.state, report.at_fault) == (State.FAILS, (COMMITMENTS,))


def test_another_table_is_found(audited: Audited, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pd.read_parquet(audited.tables["second"]).iloc[::-1].to_parquet(other, index=False)
    report = verify(audited.bundle, Asked(tables=audited.tables | {"second": other}, pages=False))
    assert report.recomputation.state is State.FAILS
    assert "these are not the data of the report" in report.recomputation.said or report.recomputation.faults


def test_tables_are_named_by_their_runs(audited: Audited) -> None:
    for tables in (
        {"first": audited.tables["first"]},
        {"": audited.tables["first"]},
        audited.tables | {"x": Path("x")},
    ):
        with pytest.raises(VerificationError, match="not those of the report's runs"):
            verify(audited.bundle, Asked(tables=tables, pages=False))
    with pytest.raises(TableError):
        verify(audited.bundle, Asked(tables=audited.tables | {"second": Path("none.csv")}, pages=False))


def test_the_plan_run_again_gives_the_report_again(audited: Audited) -> None:
    plan = read_plan(audited.bundle / "plan.yaml")
    report = verify(audited.bundle, Asked(plan=plan, folder=audited.folder, pages=False))
    assert report.reproduction.state is State.HOLDS
    assert report.recomputation.state is State.HOLDS
    assert "every run of the plan is a table" in report.recomputation.said


def test_another_plan_gives_another_report(audited: Audited) -> None:
    plan = read_plan(audited.bundle / "plan.yaml").model_copy(update={"by": ("age",)})
    report = verify(audited.bundle, Asked(plan=plan, folder=audited.folder, pages=False))
    assert (report.reproduction.state, report.at_fault) == (State.FAILS, ("report.json",))


def test_a_forged_finding_passes_the_digests_and_not_the_tables(audited: Audited, tmp_path: Path) -> None:
    """Whoever forges a number and seals everything anew is found by the tables alone."""
    report = read_bundle(audited.bundle)
    old = report.findings[0]
    estimate = old.estimate
    better = Estimate(value=0.999, why_no_interval="x", n=estimate.n, n_clusters=estimate.n_clusters)
    forged = old.model_copy(update={"estimate": better})
    resealed = report.model_copy(update={"findings": (forged, *report.findings[1:])}).sealed(report._tables)
    bundle = write_bundle(resealed, tmp_path / "forged", renderings=())
    found = verify(bundle, Asked(tables=audited.tables, pages=False))
    assert found.digests.state is State.HOLDS
    assert (found.recomputation.state, found.at_fault) == (State.FAILS, ("report.json",))


def test_a_released_report_is_not_recomputable_here_and_carries_commitments(audited: Audited, tmp_path: Path) -> None:
    report = read_bundle(audited.bundle)
    bundle = write_bundle(RELEASE.release(report), tmp_path / "released", renderings=())
    add_commitments(bundle, read_commitments((audited.bundle / COMMITMENTS).read_bytes()))
    asked = Asked(tables=audited.tables, plan=read_plan(bundle / "plan.yaml"), folder=audited.folder, pages=False)
    found = verify(bundle, asked)
    assert found.digests.state is State.HOLDS
    assert found.recomputation.state is State.NOT_RECOMPUTABLE
    assert "the bundle commits to them" in found.recomputation.said
    assert found.reproduction.state is State.NOT_RECOMPUTABLE
    for path in bundle.rglob("*.*"):
        assert not any(salt in path.read_bytes() for own in audited.salts.values() for salt in own.salts)


def test_a_commitment_comes_before_every_signature(audited: Audited, signed: Any, tmp_path: Path) -> None:
    table = pa.table({"utterance_id": ["u"], "y_pred": ["joy"]})
    commitments = Commitments(runs=(commit(table, run="first").commitment,))
    with pytest.raises(VerificationError, match="is there already"):
        add_commitments(audited.bundle, commitments)
    folder = signed.copy(tmp_path / "signed")
    with pytest.raises(VerificationError, match="somebody has signed this bundle"):
        add_commitments(folder, commitments)
    assert read_bundle(audited.bundle).findings, "what reads bundles reads one with a commitment"


def test_a_changed_commitment_is_named(audited: Audited, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(audited.bundle, tmp_path / "b"))
    content = (folder / COMMITMENTS).read_bytes()
    (folder / COMMITMENTS).write_bytes(content.replace(b'"root":"', b'"root":"0', 1))
    assert COMMITMENTS in verify(folder, Asked(pages=False)).at_fault
