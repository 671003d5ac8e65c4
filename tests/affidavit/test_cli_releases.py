"""From an audit to a report that may leave, and the attack on both."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cli.main import app
from affidavit.testing import small_report


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(small_report(n_speakers=60), tmp_path_factory.mktemp("audited") / "bundle")


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_a_report_is_released_and_holds_against_the_attack(audited: Path, tmp_path: Path) -> None:
    before = read_bundle(audited)
    code, said = run("release", audited, "--out", tmp_path / "out")
    assert code == 0, said
    assert "withheld" in said
    released = read_bundle(tmp_path / "out")
    assert len(released.findings) < len(before.findings)
    assert read_bundle(audited).claims_digest == before.claims_digest, "the audit stays as it is"
    assert run("lint-release", tmp_path / "out")[0] == 0
    assert "No group is left out" in (audited / "report.html").read_text(encoding="utf-8")
    assert "No group is left out" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_audit_itself_does_not_hold(audited: Path) -> None:
    code, said = run("lint-release", audited)
    assert code == 1, said
