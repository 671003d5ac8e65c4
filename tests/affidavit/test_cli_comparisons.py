"""The commands compare, drift and cite: what they print, write, refuse and end with."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from affidavit.bundle import read_bundle
from affidavit.cli.main import app
from affidavit.errors import PlanError
from affidavit.registry import BUILT_IN, Door, load, register
from affidavit.testing import predictions_frame

FAST = ["--resamples", "100", "--permutations", "99", "--examination", "performance"]


@pytest.fixture(autouse=True)
def _comparison_is_there() -> None:
    if "model-comparison" not in BUILT_IN[Door.EXAMINATIONS]:
        from audit.comparing.examination import EXAMINATION

        register(Door.EXAMINATIONS, "model-comparison", EXAMINATION)


def drifting(month: int, *, fall: float = 0.0) -> pd.DataFrame:
    """Return other people's judgements every month; Welsh speakers fare worse by `fall`."""
    frame = predictions_frame(conditions=("TAV",), seed=10 + month)
    wrong = (frame["accent"] == "Welsh") & (np.random.default_rng(month).random(len(frame)) < fall)
    return frame.assign(y_pred=frame["y_pred"].where(~wrong, "anger"), speaker_id=f"m{month}-" + frame["speaker_id"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("comparisons")
    old = predictions_frame()
    old.to_csv(place / "old.csv", index=False)
    hurt = (old["accent"] == "Welsh") & (np.arange(len(old)) % 8 > 0)
    old.assign(y_pred=old["y_true"].where(~hurt, "anger")).to_csv(place / "new.csv", index=False)
    old.assign(utterance_id="x" + old["utterance_id"]).to_csv(place / "other.csv", index=False)
    for month in range(4):
        drifting(month, fall=0.9 if month > 1 else 0.0).to_csv(place / f"month{month}.csv", index=False)
        done = run("audit", f"month{month}.csv", "--by", "accent", "--out", f"audit{month}", *FAST, cwd=place)
        assert done.exit_code == 0, done.output
    return place


def run(*arguments: str, cwd: Path) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        return CliRunner().invoke(app, list(arguments))


def test_two_tables_make_a_bundle_with_two_runs_and_say_for_whom_the_new_one_is_worse(folder: Path) -> None:
    done = run("compare", "old.csv", "new.csv", "--by", "accent", "--out", "c1", *FAST, cwd=folder)
    assert done.exit_code == 0, done.output
    assert "new.csv compared with old.csv" in done.output
    assert "new less old, TAV: accuracy changes by" in done.output
    assert "surely worse for Welsh" in done.output
    assert "surely better for Irish" in done.output
    report = read_bundle(folder / "c1")
    assert {data.run for data in report.data} == {"old", "new"}
    assert report.plan.examinations is not None
    assert dict(report.plan.examinations[-1].options) == {"baseline": "old"}
    assert (folder / "c1" / "report.html").is_file()


def test_of_several_tables_every_two_are_compared_and_ranked(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "new.csv").write_bytes((folder / "old.csv").read_bytes())
    three = ("compare", "old.csv", "new.csv", "elsewhere/new.csv", "--by", "accent", "--out", "c4", *FAST)
    done = run(*three, cwd=folder)
    assert done.exit_code == 0, done.output
    assert "new.csv, new.csv compared with old.csv" in done.output
    report = read_bundle(folder / "c4")
    assert {data.run for data in report.data} == {"old", "new-1", "new-2"}
    changes = {f.run: f.estimate.value for f in report.findings if f.metric == "accuracy_change" and not f.groups}
    assert set(changes) == {"new-1 less old", "new-2 less old", "new-2 less new-1"}
    assert changes["new-2 less old"] == 0, "the very same answers"
    assert changes["new-1 less old"] == pytest.approx(-(changes["new-2 less new-1"] or 0))
    ranked = {f.run or f.id for f in report.findings if f.metric == "accuracy_rank"}
    assert ranked


def test_a_comparison_is_computed_again_from_its_plan(folder: Path) -> None:
    assert run("compare", "old.csv", "new.csv", "--by", "age", "--out", "c2", *FAST, cwd=folder).exit_code == 0
    plan = folder / "again.yaml"
    plan.write_text((folder / "c2" / "plan.yaml").read_text())
    done = run("verify", "c2", "--plan", "again.yaml", cwd=folder)
    assert done.exit_code == 0, done.output
    assert "hold" in done.output


def test_a_criterion_on_a_change_decides_the_exit_code(folder: Path) -> None:
    for bound, code in ((-0.9, 0), (0.5, 1)):
        (folder / "p.yaml").write_text(
            "version: 1\nname: p\ntitle: p\nstatement: p\nfrozen_before_results: true\ncriteria:\n"
            f"  - {{id: c, metric: accuracy_change, scope: everybody, at_least: {bound}, source: s}}\n"
        )
        done = run("compare", "old.csv", "new.csv", "--policy", "p.yaml", "--out", "c3", *FAST, cwd=folder)
        assert done.exit_code == code, done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "old.csv", "other.csv", "--out", "n", *FAST], "cannot be compared"),
        (["compare", "old.csv", "audit0", "--out", "n"], "tables or two bundles"),
        (["compare", "old.csv", "new.csv", "audit0", "--out", "n"], "tables or two bundles"),
        (["compare", "audit0", "audit1", "audit2", "--out", "n"], "compare takes two bundles"),
        (["compare", "old.csv", "new.csv", "--demand-answers", "--out", "n", *FAST], "needs a policy"),
        (["compare", "audit0", "audit0", "--out", "n"], "very same table"),
        (["drift", "audit0", "--out", "n"], "at least two"),
        (["drift", "audit0", "audit1", "--weight", "0", "--out", "n"], "no such alert rule"),
        (["drift", "audit0", "audit1", "--metric", "f7", "--out", "n"], "nothing can be charted"),
        (["drift", "audit0", "audit1", "--out", "audit2"], "output folder holds"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(folder: Path, arguments: list[str], said: str) -> None:
    done = run(*arguments, cwd=folder)
    assert isinstance(done.exception, PlanError)
    assert said in str(done.exception)
    assert not (folder / "n").exists()
    assert (folder / "audit2" / "report.json").is_file()


def test_two_bundles_are_compared_unpaired_and_say_so(folder: Path) -> None:
    done = run("compare", "audit0", "audit3", "--out", "u", cwd=folder)
    assert done.exit_code == 0, done.output
    assert "audit3 less audit0" in done.output
    assert "Nothing is paired here" in done.output
    assert "worse: predictions/TAV/performance/accuracy/accent=Welsh" in done.output
    written = json.loads((folder / "u" / "comparison.json").read_text())
    table = pd.read_csv(folder / "u" / "differences.csv")
    assert len(table) == len(written["differences"]) > 10
    assert {"id", "old", "new", "difference", "low", "high", "p_adjusted"} <= set(table.columns)


def test_a_series_that_drifts_alarms_and_ends_with_1(folder: Path) -> None:
    series = [f"audit{month}" for month in range(4)]
    done = run("drift", *series, "--metric", "accuracy", "--out", "d", cwd=folder)
    assert done.exit_code == 1, done.output
    assert "alarm at audit2, worse: predictions/TAV/performance/accuracy/accent=Welsh" in done.output
    assert done.output.count("less the others (") == 1, "one distance of a gap is told"
    assert "accent=Irish (" not in done.output
    assert "raises any alarm in at most 5 % (simulated: at most" in done.output
    courses = pd.read_csv(folder / "d" / "courses.csv")
    assert courses.groupby("id")["audit"].apply(list).tolist() == [series] * (4 + 3)
    assert "7 numbers charted, 3 of them one group less the others" in done.output
    assert "cumulative sums over 0.5 standard errors" in done.output
    again = run("drift", *series, "--metric", "accuracy", "--out", "d", cwd=folder)
    assert again.output == done.output, "written anew over its own, and the same"


def test_the_rule_is_the_one_that_was_asked_for(folder: Path) -> None:
    flags = ["--metric", "accuracy", "--chart", "ewma", "--no-gaps", "--out", "e"]
    done = run("drift", "audit0", "audit1", *flags, cwd=folder)
    assert "4 numbers charted: audit0" in done.output
    assert "moving average of weight 0.2 beyond" in done.output
    rule = json.loads((folder / "e" / "drift.json").read_text())["rule"]
    assert (rule["chart"], rule["gaps"]) == ("ewma", False)


def test_a_series_that_does_not_drift_ends_with_0(folder: Path) -> None:
    done = run("drift", "audit0", "audit1", "--out", "calm", cwd=folder)
    assert done.exit_code == 0, done.output
    assert "0 alarms" in done.output


def test_cite_prints_what_can_be_pasted(folder: Path) -> None:
    done = run("cite", "audit0", cwd=folder)
    assert done.exit_code == 0
    assert done.output == read_bundle(folder / "audit0").cite()
    assert "@inproceedings{schuller2009," in done.output


def test_the_comparison_is_behind_its_door() -> None:
    assert load(Door.EXAMINATIONS, "model-comparison").name == "model-comparison"
