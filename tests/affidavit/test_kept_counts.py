"""What an audit counted is kept by its table, its reading and its version; where it cannot be kept nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit import kept_counts, run
from affidavit.kept_counts import PART, key_of
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame
from affidavit.withdrawals import ENVIRONMENT, withdrawals


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    predictions_frame(n_speakers=12, per_speaker=3).to_csv(tmp_path / "vendor.csv", index=False)
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "withdrawn"))
    (tmp_path / "withdrawn").mkdir()
    return tmp_path


def audit(place: Path, *, by: tuple[str, ...] = ("accent",), asked: str = "performance") -> AuditReport:
    plan = AuditPlan(
        runs={"vendor": RunSource(table="vendor.csv")}, by=by, statistics=FAST, examinations=(Choice(name=asked),)
    )
    return run_plan(plan, folder=place)


def files(place: Path) -> list[Path]:
    return sorted((place / "cache" / PART).glob("*"))


def test_an_audit_keeps_what_it_counted(place: Path) -> None:
    report = audit(place)
    (file,) = files(place)
    (data,) = report.data
    assert file.stem == key_of(data, report.plan.runs["vendor"], report.plan)
    kept = kept_counts.kept_counts().read(file.stem)
    assert kept is not None
    assert sum(int(one.n_rows.sum()) for one in kept.tallies.values()) == data.n_rows == 72
    assert (place / "cache" / PART).stat().st_mode & 0o077 == 0, "for its owner alone"


def test_the_same_table_is_kept_once_and_another_reading_beside_it(place: Path) -> None:
    audit(place)
    (file,) = files(place)
    written = file.stat().st_mtime_ns
    audit(place, asked="worst-group")
    assert [(one.name, one.stat().st_mtime_ns) for one in files(place)] == [(file.name, written)]
    audit(place, by=("accent", "age"))
    assert len(files(place)) == 2


def test_without_groups_nothing_is_kept(place: Path) -> None:
    audit(place, by=())
    assert files(place) == []


def test_where_somebody_withdraws_meanwhile_nothing_is_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = withdrawals(begun=False)
    examined = run.decide

    def decide_later(*args: Any) -> Any:
        listed.add("somebody")
        return examined(*args)

    monkeypatch.setattr(run, "decide", decide_later)
    audit(place)
    assert files(place) == []
    audit(place)
    assert len(files(place)) == 1, "who is listed already withdrew from what is read from now on"


def test_what_is_large_is_not_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_counts, "MOST_BYTES", np.dtype(float).itemsize)
    audit(place)
    assert files(place) == []


def test_where_nothing_can_be_kept_the_audit_is_made(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "cache").mkdir()
    (place / "cache" / PART).write_text("a file, and no folder")
    assert audit(place).findings
    monkeypatch.setenv("AFFIDAVIT_CACHE", "off")
    assert audit(place).findings
