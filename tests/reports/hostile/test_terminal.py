"""What commands print of a hostile report: no escape, no control character, nothing that turns the line around."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from affidavit.bundle import write_bundle
from affidavit.cli.main import app
from affidavit.errors import TableError
from affidavit.report import AuditReport

KINDS = ("terminal", "nul", "right-to-left", "invisible", "return", "tab", "beyond")


def _said(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.output


def _obeyed(said: str) -> set[str]:
    """Return what a terminal would obey, or show as something else."""
    return {hex(ord(c)) for c in said if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")}


@pytest.mark.parametrize("kind", KINDS)
def test_verify_render_and_gate_print_nothing_that_a_terminal_obeys(
    kind: str, hostile_reports: Mapping[str, AuditReport], tmp_path: Path
) -> None:
    report = hostile_reports[kind]
    bundle = write_bundle(report, tmp_path / "bundle", renderings=("md",))
    assert report.policy is not None
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(report.policy.model_dump(mode="json")), encoding="utf-8")
    trust = tmp_path / "trust.yaml"
    trust.write_text("version: 1\nsigners: []\n", encoding="utf-8")
    for arguments in (
        ("verify", bundle),
        ("verify", bundle, "--trust", trust),
        ("gate", bundle, "--policy", policy),
        ("render", bundle, "--as", "md,junit", "--out", tmp_path / "rendered"),
        ("lint-release", bundle),
    ):
        said = _said(*arguments)
        assert said
        assert not _obeyed(said), arguments


@pytest.mark.parametrize("level", ["\x1b[31mred\x1b[0m", "safe\u202egnp.exe", "zero\u200bwidth"])
def test_audit_prints_nothing_that_a_terminal_obeys(level: str, tmp_path: Path) -> None:
    rows = [
        {"utterance_id": f"u{i}", "speaker_id": f"s{i // 4}", "accent": (level, "Welsh")[i // 4 % 2], **_answer(i)}
        for i in range(400)
    ]
    table = tmp_path / "table.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    said = _said(
        "audit", table, "--by", "accent", "--examination", "performance", "--title", f"Audit {level}",
        "--resamples", "200", "--permutations", "99", "--out", tmp_path / "out",
    )  # fmt: skip
    assert "Decision" in said
    assert not _obeyed(said)


def _answer(i: int) -> dict[str, str]:
    truth = ("joy", "anger")[i % 2]
    return {"y_true": truth, "y_pred": truth if i % 5 or i // 4 % 2 else "joy"}


def test_a_lone_surrogate_is_refused_in_plain_words(tmp_path: Path) -> None:
    """JSON can spell half a character; no text can hold it, and nothing is written of it."""
    table = tmp_path / "table.jsonl"
    row = '{"utterance_id": "u%d", "speaker_id": "s%d", "accent": "half \\ud800", "y_true": "joy", "y_pred": "joy"}\n'
    table.write_text("".join(row % (i, i // 4) for i in range(40)), encoding="utf-8")
    result = CliRunner().invoke(app, ["audit", str(table), "--by", "accent", "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, TableError), result.output
    assert not (tmp_path / "out").exists()
