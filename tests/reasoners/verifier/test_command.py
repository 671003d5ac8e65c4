"""`affidavit verifier`: from a table or a plan to a folder that says how it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import AffidavitError, CheckpointError, PlanError
from reasoners.verifier.checkpoints import load_verifier
from reasoners.verifier.commands import verifier

PLAN = """
version: 1
training:
  made:
    corpus: {name: clinic, options: {seed: 5, n_utterances: 80, media: none}}
    reasoner: {name: instructed}
    trainer: {name: supervised, options: {held_out: 0.4}}
runs: {made: {table: t.csv}}
"""


def run(action: str, source: Path, **given: Any) -> int:
    flags: dict[str, Any] = {"out": None, "by": (), "licence": None, "training": None, "encoder": "words"}
    return verifier(action, source, **{**flags, **given})


def test_a_table_becomes_a_verifier_and_is_shown_as_it_was_made(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", table, out=tmp_path / "v", by=("town",), licence="CC0-1.0") == 0
    made = capsys.readouterr().out
    digest = load_verifier(tmp_path / "v").digest
    assert "192 sentences of 24 units, table sentences.csv" in made
    assert f"digest {digest}" in made
    assert "licence of the sentences: CC0-1.0" in made
    assert "town: south" in made
    assert run("show", tmp_path / "v") == 0
    shown = capsys.readouterr().out
    assert shown.splitlines() == made.splitlines()[:-1], "what is shown is what was said when it was trained"


@pytest.mark.slow  # trains several models
def test_a_plan_gives_the_rationales_of_those_whom_it_trains_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    assert run("train", tmp_path / "plan.yaml", out=tmp_path / "some", by=("accent",)) == 0
    some = load_verifier(tmp_path / "some").card["trained_on"]
    (tmp_path / "plan.yaml").write_text(PLAN.replace("0.4", "0"), encoding="utf-8")
    assert run("train", tmp_path / "plan.yaml", out=tmp_path / "all", training="made") == 0
    every = load_verifier(tmp_path / "all").card["trained_on"]
    assert some["source"] == every["source"] == "reference rationales of corpus clinic"
    assert 0 < some["n_units"] < every["n_units"]
    assert "accent: " in capsys.readouterr().out


def test_what_cannot_be_done_is_refused_by_name(table: Path, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="tarin"):
        run("tarin", table)
    with pytest.raises(PlanError, match="--out"):
        run("train", table)
    with pytest.raises(PlanError, match="letters"):
        run("train", table, out=tmp_path / "v", encoder="letters")
    with pytest.raises(CheckpointError):
        run("show", tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    with pytest.raises(PlanError, match="others"):
        run("train", tmp_path / "plan.yaml", out=tmp_path / "v", training="others")
    with pytest.raises(AffidavitError, match="town"):
        run("train", tmp_path / "t.csv" if (tmp_path / "t.csv").exists() else table, out=tmp_path / "v", by=("towns",))


def test_a_folder_that_holds_something_else_is_left_as_it_is(table: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CheckpointError):
        run("train", table, out=tmp_path / "notes")
    assert (tmp_path / "notes" / "diary.txt").read_text() == "mine"
