"""From an audit to a report that may leave, and the attack on both."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cli.main import app
from affidavit.cli.releases import rule_of
from affidavit.errors import PlanError
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


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--rounding", "5"), "Counts are rounded to multiples of 5, none below 15"),
        (("--intervals-only",), "Counts are told as intervals of 11: a printed n stands for n to n + 10"),
    ],
)
def test_coarse_releases_say_so_and_hold(audited: Path, tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    code, said = run("release", audited, "--out", tmp_path / "out", *flags)
    assert code == 0, said
    assert words in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    code, said = run("lint-release", tmp_path / "out")
    assert code == 0, said


def test_several_releases_are_attacked_together(audited: Path, tmp_path: Path) -> None:
    assert run("release", audited, "--out", tmp_path / "exact")[0] == 0
    assert run("release", audited, "--out", tmp_path / "fives", "--rounding", "5")[0] == 0
    one = run("lint-release", tmp_path / "fives")
    two = run("lint-release", tmp_path / "fives", tmp_path / "exact")
    assert two[0] in (0, 1), two[1]
    assert two[1].splitlines()[0] != one[1].splitlines()[0], "more counts are asked for"


@pytest.mark.parametrize(
    ("floor", "rounding", "intervals_only"), [(None, 5, True), (None, 3, False), (1, None, False), (3, None, True)]
)
def test_a_rule_that_cannot_be_is_refused(floor: int | None, rounding: int | None, *, intervals_only: bool) -> None:
    with pytest.raises(PlanError, match="cannot be made under this rule"):
        rule_of(floor=floor, rounding=rounding, intervals_only=intervals_only)
