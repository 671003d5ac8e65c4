"""A release is made once and kept; one that is not as it was written, or is another report's, is made anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pyarrow import parquet

from affidavit.bundle import read_bundle, write_bundle
from affidavit.disclosure.release import RELEASE
from affidavit.errors import PlanError
from affidavit.report import AuditReport
from affidavit.testing.tables import small_report
from dashboards.workspace import releases
from dashboards.workspace.releases import KeptReleases, key_of, release_of


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    report = small_report(("performance", "deviation"), n_speakers=90)
    return write_bundle(report, tmp_path_factory.mktemp("told") / "bundle", renderings=())


@pytest.fixture(scope="module")
def report(bundle: Path) -> AuditReport:
    return read_bundle(bundle)


def kept_files(shelf: KeptReleases) -> list[Path]:
    return sorted(shelf.folder.rglob("*.parquet"))


def unmade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "load", lambda *_: pytest.fail("the release was made again"))


def test_it_is_the_release_and_is_made_once(
    bundle: Path, report: AuditReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = KeptReleases(tmp_path)
    first = release_of(bundle, report.report_digest, shelf)
    assert first.report_digest == RELEASE.release(report).report_digest != report.report_digest
    unmade(monkeypatch)
    again = release_of(bundle, report.report_digest, KeptReleases(tmp_path))
    assert again.report_digest == first.report_digest
    for exhibit in first.exhibits:
        assert again.exhibit(exhibit.id).equals(first.exhibit(exhibit.id)), exhibit.id
    shutil.rmtree(tmp_path / key_of(report.report_digest))
    assert KeptReleases(tmp_path).read(report.report_digest) is None


def test_one_that_was_changed_is_made_anew(bundle: Path, report: AuditReport, tmp_path: Path) -> None:
    shelf = KeptReleases(tmp_path)
    first = release_of(bundle, report.report_digest, shelf)
    folder = tmp_path / key_of(report.report_digest)
    told = json.loads((folder / "report.json").read_text())
    told["title"] = "another"
    (folder / "report.json").write_text(json.dumps(told))
    assert shelf.read(report.report_digest) is None
    assert release_of(bundle, report.report_digest, shelf).report_digest == first.report_digest
    assert shelf.read(report.report_digest) is not None, "what was made anew is kept"
    for file in kept_files(shelf):
        parquet.write_table(parquet.read_table(file).slice(0, 1), file)
        assert shelf.read(report.report_digest) is None
    assert kept_files(shelf)


def test_a_whole_release_of_another_report_is_not_taken(bundle: Path, report: AuditReport, tmp_path: Path) -> None:
    shelf = KeptReleases(tmp_path)
    release_of(bundle, report.report_digest, shelf)
    folder = tmp_path / key_of(report.report_digest)
    shutil.rmtree(folder)
    write_bundle(report, folder, renderings=())  # the report itself, with every small group
    assert shelf.read(report.report_digest) is None
    assert "released" in release_of(bundle, report.report_digest, shelf).marking


def test_another_version_makes_its_own(report: AuditReport, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(report.report_digest)
    monkeypatch.setattr(releases, "package_version", lambda _: "9.9.9")
    assert key_of(report.report_digest) != before


def test_too_few_people_leave_nothing(tmp_path: Path) -> None:
    few = small_report(n_speakers=6)
    place = write_bundle(few, tmp_path / "few", renderings=())
    shelf = KeptReleases(tmp_path / "kept")
    with pytest.raises(PlanError, match="everybody together is a small group"):
        release_of(place, few.report_digest, shelf)
    assert shelf.read(few.report_digest) is None


def test_a_large_one_is_made_by_a_process_of_its_own(
    bundle: Path, report: AuditReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "AT_ONCE", 0)
    unmade(monkeypatch)
    found = release_of(bundle, report.report_digest, KeptReleases(tmp_path))
    monkeypatch.undo()
    assert found.report_digest == RELEASE.release(report).report_digest
