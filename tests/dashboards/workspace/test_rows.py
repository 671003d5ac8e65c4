"""A table is found by what it holds, wherever it lies and whatever it is called; another one is not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame
from dashboards.workspace.rows import ROWS_SHOWN, predictions_of, rows_of_group


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tables")
    predictions_frame().to_csv(place / "vendor.csv", index=False)
    return place


@pytest.fixture(scope="module")
def report(folder: Path) -> AuditReport:
    plan = AuditPlan(
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent", "age"),
        statistics=FAST,
        examinations=(Choice(name="performance"),),
    )
    return run_plan(plan, folder=folder)


def test_a_table_is_found_whatever_it_is_called(folder: Path, report: AuditReport, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "renamed.csv").write_bytes((folder / "vendor.csv").read_bytes())
    found = predictions_of(report, "vendor", (tmp_path,))
    assert found is not None
    assert found.digest == report.data[0].digest
    assert predictions_of(report, "another", (tmp_path,)) is None


def test_the_same_content_in_another_file_is_the_table(folder: Path, report: AuditReport, tmp_path: Path) -> None:
    whole = predictions_of(report, "vendor", (folder,))
    assert whole is not None
    whole.write(tmp_path / "vendor.parquet")
    again = predictions_of(report, "vendor", (tmp_path,))
    assert again is not None
    assert again.file_digest != report.data[0].file_digest
    assert again.digest == report.data[0].digest


def test_another_table_of_its_name_is_not_used(report: AuditReport, tmp_path: Path) -> None:
    predictions_frame(seed=1).to_csv(tmp_path / "vendor.csv", index=False)
    predictions_frame(seed=1).to_parquet(tmp_path / "vendor.parquet")
    (tmp_path / "broken.csv").write_text("no,table")
    assert predictions_of(report, "vendor", (tmp_path,)) is None


def test_no_link_leads_to_a_table(folder: Path, report: AuditReport, tmp_path: Path) -> None:
    (tmp_path / "vendor.csv").symlink_to(folder / "vendor.csv")
    (tmp_path / "folder").symlink_to(folder, target_is_directory=True)
    assert predictions_of(report, "vendor", (tmp_path,)) is None


def test_rows_of_a_group_are_those_of_the_table(folder: Path, report: AuditReport) -> None:
    whole = predictions_of(report, "vendor", (folder,))
    assert whole is not None
    found = rows_of_group(whole, "A", {"accent": ("Welsh",), "age": ("40+",)})
    frame = predictions_frame().query("condition == 'A' and accent == 'Welsh' and age == '40+'")
    assert found.n == len(frame) == 80
    assert [row["utterance_id"] for row in found.rows] == list(frame["utterance_id"])
    assert [row["y_pred"] for row in found.rows] == list(frame["y_pred"])
    everybody = rows_of_group(whole, "A", {})
    assert (everybody.n, len(everybody.rows)) == (480, ROWS_SHOWN)
    assert rows_of_group(whole, "A", {"accent": ("nobody",)}).n == 0
