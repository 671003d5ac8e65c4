"""`affidavit train`, `judge` and `run`: what they say, what they write, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from affidavit.cli.main import app
from affidavit.cli.models import judge_file, train_file
from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import read_plan
from affidavit.registry import Door, register
from affidavit.run import run_plan

pytestmark = pytest.mark.usefixtures("no_shards")

PLAN = """
version: 1
training:
  m:
    corpus: tones
    reasoner: {name: instructed, options: {size: tiny, visual: false}}
    trainer: {name: supervised, options: {epochs: 1, held_out: 0.5, development: 0.2}}
    seeds: [0, 1]
    out: models
runs:
  m:
    corpus: tones
    reasoner: {name: instructed, options: {conditions: [TA, T, A, T/transcript-errors=0.3]}}
    trained: m
by: [accent]
statistics: {n_resamples: 100, n_permutations: 99}
execution: {device: cpu, workers: 0}
"""


class ToneLoader:
    name = "tones"

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def load(self, options: object, *, folder: Path, progress: Callable) -> Corpus:
        progress("making tones", 1, 1)
        return self.corpus


@pytest.fixture
def plan(make_corpus: Callable[..., Corpus], tmp_path: Path) -> Path:
    register(Door.CORPORA, "tones", ToneLoader(make_corpus(10)))
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    return tmp_path / "plan.yaml"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What progress is told of."""
    heard: list[str] = []
    monkeypatch.setattr(
        "affidavit.cli.progress._Shown.__call__", lambda self, what, done, total: heard.append(what), raising=True
    )
    return heard


def test_train_judge_and_run(plan: Path, tmp_path: Path, told: list[str]) -> None:
    runner = CliRunner()
    first = runner.invoke(app, ["train", str(plan)], catch_exceptions=False)
    assert first.exit_code == 0
    assert "m, seed 0: trained in 1 epochs; weighted F1 0." in first.output
    assert str(tmp_path / "models" / "seed-1") in first.output
    assert {"making tones", "listening and looking", "training"} <= set(told)
    again = runner.invoke(app, ["train", str(plan)], catch_exceptions=False)
    assert again.output.count("was trained before") == 2

    told.clear()
    out = tmp_path / "tables"
    judged = runner.invoke(app, ["judge", str(plan), "--out", str(out)], catch_exceptions=False)
    assert judged.exit_code == 0
    assert "under TA, T, T/transcript-errors=0.3, A" in judged.output
    assert "were left out" in judged.output
    assert "judging" in told
    assert {path.name for path in out.iterdir()} == {"m.parquet", "m.cues.parquet", "m.unjudged.parquet"}
    table = pq.read_table(out / "m.parquet")
    assert {"utterance_id", "y_true", "y_pred", "rationale", "weight_audio"} <= set(table.column_names)
    assert table.num_rows % 4 == 0

    told.clear()
    report = runner.invoke(app, ["run", str(plan), "--out", str(tmp_path / "report")], catch_exceptions=False)
    assert report.exit_code == 0
    assert (tmp_path / "report" / "report.json").is_file()
    assert "judging" not in told, "what was judged is not judged again"


def test_models_are_found_from_the_folder_that_one_stands_in(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = run_plan(read_plan(plan), folder=Path("models-of-a-demo"))
    assert {finding.run for finding in report.findings} == {"m"}
    assert (tmp_path / "models-of-a-demo" / "models" / "seed-0" / "card.json").is_file()


def test_judge_trains_what_it_needs(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge_file(plan, out=tmp_path / "tables") == 0
    assert (tmp_path / "models" / "seed-0" / "card.json").is_file()
    assert "judgements of 5 units" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("trained: m", "trained: n"), "not under training"),
        (("conditions: [TA", "conditons: [TA"), "did you mean 'conditions'"),
        (("size: tiny", "size: huge"), "reasoner instructed"),
        (("held_out: 0.5", "held_out: 0.95"), "empty"),
        (("name: instructed, options: {size: tiny, visual: false}", "name: instruct"), "did you mean 'instructed'"),
    ],
)
def test_a_plan_at_fault_says_where(change: tuple[str, str], said: str, plan: Path, tmp_path: Path) -> None:
    from affidavit.errors import AffidavitError

    plan.write_text(PLAN.replace(*change), encoding="utf-8")
    with pytest.raises(AffidavitError) as caught:
        judge_file(plan, out=tmp_path / "tables")
    assert said in str(caught.value)


def test_a_plan_without_training_or_live_reasoners_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "plan.yaml"
    table.write_text("runs: {given: {table: p.csv}}\n", encoding="utf-8")
    with pytest.raises(PlanError, match="no training"):
        train_file(table)
    with pytest.raises(PlanError, match="nobody to ask"):
        judge_file(table, out=tmp_path)


def test_an_output_that_cannot_be_made_is_refused_before_any_work(plan: Path, tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlanError, match="cannot be made"):
        judge_file(plan, out=tmp_path / "file" / "tables")
    assert told == []


def test_two_runs_that_would_be_one_file_are_refused(plan: Path, tmp_path: Path) -> None:
    run = PLAN[
        PLAN.index("  m:\n    corpus: tones\n    reasoner: {name: instructed, options: {cond") : PLAN.index("by:")
    ]
    both = run.replace("  m:", "  m v1:", 1) + run.replace("  m:", "  m/v1:", 1)
    plan.write_text(PLAN.replace(run, both), encoding="utf-8")
    with pytest.raises(PlanError, match="same file"):
        judge_file(plan, out=tmp_path / "tables")
