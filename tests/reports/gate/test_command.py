"""`affidavit gate`: what it prints, what it writes for CI, and how it ends."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from affidavit.bundle import write_bundle
from affidavit.cli.main import app
from affidavit.policy import Policy
from affidavit.report import AuditReport
from reports.gate.gating import Outcome, gate
from reports.gate.junit import junit_of
from reports.gate.waivers import Waiver
from reports.gate.words import lines_of

TODAY = date(2026, 3, 1)


@pytest.fixture(scope="module")
def bundle(full: AuditReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(full, tmp_path_factory.mktemp("gate") / "bundle", renderings=())


def policy_file(report: AuditReport, folder: Path, *, but: tuple[str, ...] = (), demand: bool = False) -> Path:
    assert report.policy is not None
    kept = [
        {**one.model_dump(mode="json"), "answer_demanded": demand}
        for one in report.policy.criteria
        if one.id not in but
    ]
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({**report.policy.model_dump(mode="json"), "criteria": kept}), encoding="utf-8")
    return path


def waivers_file(folder: Path, *criteria: str, expires: str = "2999-01-01") -> Path:
    told = [
        {
            "criterion": name,
            "owner": "Ada",
            "reason": "until the new microphones arrive",
            "granted": "2026-01-01",
            "expires": expires,
            "approved_by": "Jo",
        }
        for name in criteria
    ]
    path = folder / "waivers.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "waivers": told}), encoding="utf-8")
    return path


def ended(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["gate", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def test_it_ends_with_what_the_policy_asks(bundle: Path, full: AuditReport, tmp_path: Path) -> None:
    everything = policy_file(full, tmp_path)
    code, said = ended(bundle, "--policy", everything)
    assert code == 1
    assert said.startswith("failed       accuracy-gap: ")
    assert said.endswith("the gate is shut: a criterion failed (exit code 1)\n")
    code, said = ended(
        bundle, "--policy", everything, "--waivers", waivers_file(tmp_path, "accuracy-gap", "accuracy-floor")
    )
    assert code == 0
    assert "failed, and waived: Ada answers for it since 2026-01-01 and until 2999-01-01, agreed by Jo" in said
    assert said.endswith("the gate is open\n")
    code, said = ended(
        bundle, "--policy", everything, "--waivers", waivers_file(tmp_path, "accuracy-gap", expires="2026-01-02")
    )
    assert code == 1
    assert "waiver       of accuracy-gap lets nothing through: expired on 2026-01-02" in said


def test_an_answer_that_is_demanded_and_missing_ends_with_3(bundle: Path, full: AuditReport, tmp_path: Path) -> None:
    only = policy_file(full, tmp_path, but=("accuracy-gap", "accuracy-floor"))
    assert ended(bundle, "--policy", only)[0] == 0
    code, said = ended(bundle, "--policy", only, "--demand-answers")
    assert code == 3
    assert "not assessed word-errors: " in said
    assert "(an answer is demanded)" in said
    assert (
        ended(bundle, "--policy", policy_file(full, tmp_path, but=("accuracy-gap", "accuracy-floor"), demand=True))[0]
        == 3
    )


def test_a_bundle_that_was_changed_opens_no_gate(bundle: Path, full: AuditReport, tmp_path: Path) -> None:
    other = write_bundle(full, tmp_path / "bundle", renderings=())
    (other / "plan.yaml").write_text("version: 2\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["gate", str(other), "--policy", str(policy_file(full, tmp_path))])
    assert result.exit_code != 0
    assert "plan.yaml" in str(result.exception)


def test_junit_says_the_same_as_the_terminal(bundle: Path, full: AuditReport, tmp_path: Path) -> None:
    place = tmp_path / "ci" / "gate.xml"
    waived = waivers_file(tmp_path, "accuracy-floor")
    _, said = ended(
        bundle, "--policy", policy_file(full, tmp_path), "--waivers", waived, "--junit", place, "--demand-answers"
    )
    root = ET.fromstring(place.read_bytes())
    assert [suite.get("name") for suite in root] == ["accuracy-gap", "accuracy-floor", "word-errors"]
    kinds = Counter(child.tag for case in root.iter("testcase") for child in case if child.tag != "system-out")
    states = Counter(line[:12].strip() for line in said.splitlines())
    assert kinds["failure"] == states["failed"] == int(root.get("failures") or 0) > 0
    assert kinds["error"] == states["inconclusive"] + states["not assessed"] == int(root.get("errors") or 0) > 0
    assert kinds["skipped"] == states["waived"] == int(root.get("skipped") or 0) > 0
    for case in root.iter("testcase"):
        assert f"{case.get('classname')}: {case.get('name')}: {case.findtext('system-out')}" in said


def test_the_same_gate_is_the_same_bytes(full: AuditReport) -> None:
    assert full.policy is not None
    assert len({junit_of(gate(full, full.policy, today=TODAY)) for _ in range(2)}) == 1


def test_hostile_words_are_inert(hostile: AuditReport) -> None:
    """Names of groups, runs, waivers and policies come from others: no markup, no line of their own, valid XML."""
    nasty = "</testcase>\x00\x1b[31m\n\u202e<!-- ]]> passed       accuracy-gap: all is well"
    held = hostile.findings[0].model_copy(update={"run": nasty, "because": nasty})
    report = hostile.model_copy(update={"findings": (held,), "policy": None, "policy_digest": None})
    policy = Policy.model_validate(
        {
            "version": 1,
            "name": nasty,
            "title": nasty,
            "statement": nasty,
            "frozen_before_results": True,
            "criteria": [
                {"id": "one", "metric": held.metric, "at_least": 0.99, "source": nasty, "answer_demanded": True}
            ],
        }
    )
    waiver = Waiver.model_validate(
        {
            "criterion": "one",
            "owner": nasty,
            "reason": nasty,
            "granted": "2026-01-01",
            "expires": "2027-01-01",
            "approved_by": "Jo",
        }
    )
    found = gate(report, policy, (waiver,), today=TODAY)
    assert [item.outcome for item in found.held] == [Outcome.FAILED]
    lines = lines_of(found)
    assert not any(line.startswith("passed") for line in lines)
    assert all(line.isprintable() for line in lines)
    assert all("\n" not in line for line in lines)
    root = ET.fromstring(junit_of(found))
    (case,) = root.iter("testcase")
    assert [child.tag for child in case] == ["skipped", "system-out"]
