"""The workflow and the hook of examples/ci do what docs/gate.md says; their commands are run as they stand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from affidavit.testing import predictions_frame

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "ci"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository as a user has it: predictions, policy and waivers."""
    predictions_frame().to_csv(tmp_path / "predictions.csv", index=False)
    shutil.copy(EXAMPLES / "waivers.yaml", tmp_path)
    write_policy(tmp_path, at_least=0.1)
    return tmp_path


def write_policy(folder: Path, *, at_least: float) -> None:
    floor = {"id": "floor", "metric": "accuracy", "at_least": at_least, "scope": "everybody", "source": "a test"}
    told = {
        "version": 1,
        "name": "house",
        "title": "T",
        "statement": "S",
        "frozen_before_results": True,
        "criteria": [{**floor, "answer_demanded": True}],
    }
    (folder / "policy.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")


def workflow() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text(encoding="utf-8"))
    return told


def environment(folder: Path) -> dict[str, str]:
    """Return that of a machine where affidavit is installed, and nothing of ours is configured."""
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    git = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, **git, "PATH": commands, "PRE_COMMIT_HOME": str(folder / ".pre-commit-home")}


def ran(step: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub's runners do."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def steps(*names: str) -> list[str]:
    said = {step.get("name"): step.get("run") for step in workflow()["jobs"]["audit"]["steps"]}
    return [said[name] for name in names]


@pytest.mark.slow  # starts the command at every step
@pytest.mark.parametrize(("at_least", "code", "kind"), [(0.1, 0, None), (0.99, 1, "failure"), (0.7, 3, "error")])
def test_the_workflow_ends_as_the_gate_does(checkout: Path, at_least: float, code: int, kind: str | None) -> None:
    write_policy(checkout, at_least=at_least)
    audit, gate = steps("audit", "gate")
    audited = ran(audit, checkout)
    assert audited.returncode == 0, audited.stderr
    assert (checkout / "audit-report" / "report.html").is_file()
    gated = ran(gate, checkout)
    assert gated.returncode == code, gated.stdout + gated.stderr
    found = {child.tag for case in ET.parse(checkout / "audit-junit.xml").getroot().iter("testcase") for child in case}
    assert found - {"system-out"} == ({kind} if kind else set())


@pytest.mark.slow  # starts the command at every step
def test_the_workflow_stops_where_the_input_is_at_fault(checkout: Path) -> None:
    (checkout / "predictions.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (audit,) = steps("audit")
    assert ran(audit, checkout).returncode == 2


def test_the_workflow_keeps_what_its_steps_write() -> None:
    (kept,) = [step for step in workflow()["jobs"]["audit"]["steps"] if "upload-artifact" in str(step.get("uses"))]
    assert kept["if"] == "always()"
    commands = " ".join(steps("audit", "gate"))
    assert all(path in commands for path in kept["with"]["path"].split())


@pytest.mark.slow  # starts the command at every step
def test_the_hook_lets_a_commit_through_and_stops_one(checkout: Path) -> None:
    (audit,) = steps("audit")
    assert ran(audit, checkout).returncode == 0
    shutil.copy(EXAMPLES / "pre-commit-config.yaml", checkout / ".pre-commit-config.yaml")
    begun = ran("git init -q && git add -A && pre-commit validate-config && pre-commit install", checkout)
    assert begun.returncode == 0, begun.stderr
    first = ran("git commit -qm first", checkout)
    assert first.returncode == 0, first.stdout + first.stderr
    write_policy(checkout, at_least=0.99)
    second = ran("git add -A && git commit -qm second", checkout)
    assert second.returncode == 1
    assert "the gate is shut" in second.stdout + second.stderr
    assert ran("git log --oneline", checkout).stdout.count("\n") == 1
