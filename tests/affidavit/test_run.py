import json
from pathlib import Path

import pandas as pd
import pytest

import affidavit as af
from affidavit.case import Case
from affidavit.cli.audits import AuditFlags, audit_table
from affidavit.errors import ColumnError, PlanError
from affidavit.examinations import FunctionExamination, Testimony
from affidavit.exhibits import ExhibitTable
from affidavit.plan import AuditPlan, Choice, Execution, RunSource, Statistics, Task
from affidavit.records import ExhibitColumn
from affidavit.registry import Door, register
from affidavit.report import AuditReport
from affidavit.run import run_plan
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST

PLAN = af.AuditPlan.model_validate(
    {"runs": {"r": {"table": "t"}}, "statistics": FAST.model_dump(), "examinations": ["performance"]}
)


def test_one_feature_may_be_a_plain_string() -> None:
    frame = predictions_frame(n_speakers=12)
    assert (
        af.audit(frame, by="accent", plan=PLAN).claims_digest == af.audit(frame, by=["accent"], plan=PLAN).claims_digest
    )


def test_python_arguments_are_refused_as_plainly_as_flags() -> None:
    frame = predictions_frame(n_speakers=12)
    with pytest.raises(PlanError, match="twice"):
        af.audit(frame, by=["accent", "accent"], plan=PLAN)
    with pytest.raises(ColumnError, match="dialect"):
        af.audit(frame, by="dialect", plan=PLAN)


def test_the_summary_says_who_is_worst_off_and_what_chance_gives() -> None:
    report = af.audit(predictions_frame(), by="accent", plan=PLAN)
    sentence = next(text for text in report.summary if "by accent" in text)
    assert "lowest for" in sentence
    assert "chance alone gives" in sentence
    assert report.summary[-1] == "No decision: no policy was given."


def test_without_labels_the_summary_names_the_label_whose_rate_differs() -> None:
    plan = PLAN.model_copy(update={"examinations": (Choice(name="demographic-parity"),), "labelled": False})
    report = af.audit(predictions_frame(), by="accent", plan=plan)
    assert any("widest gap in selection rate of" in text for text in report.summary)


def test_the_order_in_which_features_are_named_changes_nothing() -> None:
    frame = predictions_frame(n_speakers=12)
    first, second = (af.audit(frame, by=by, plan=PLAN) for by in (["age", "accent"], ["accent", "age"]))
    assert first.claims_digest == second.claims_digest


def at_the_command_line(table: Path, out: Path) -> dict[str, object]:
    flags = AuditFlags(
        by="accent",
        policy=None,
        columns=[],
        bands=[],
        per_utterance=[],
        labels=None,
        unlabelled=False,
        task=None,
        examinations=[],
        depth=2,
        seed=0,
        resamples=200,
        permutations=99,
        title=None,
        supplier=None,
    )
    assert audit_table(table, flags, out=out, demand_answers=False) == 0
    report: dict[str, object] = json.loads((out / "report.json").read_bytes())
    return report


@pytest.mark.parametrize("reasoners", [["one"], ["one", "two"]])
def test_python_says_what_the_command_line_says(tmp_path: Path, reasoners: list[str]) -> None:
    frame = predictions_frame(n_speakers=24)
    frame = pd.concat([frame.assign(reasoner=reasoner) for reasoner in reasoners], ignore_index=True)
    frame.to_csv(tmp_path / "t.csv", index=False)
    statistics = Statistics(n_resamples=200, n_permutations=99)
    plan = PLAN.model_copy(update={"examinations": None, "statistics": statistics})
    told = at_the_command_line(tmp_path / "t.csv", tmp_path / "out")
    for table in (tmp_path / "t.csv", frame):
        report = json.loads(af.audit(table, by="accent", plan=plan).to_json())
        assert report["findings"] == told["findings"]
        assert report["refusals"] == told["refusals"]
    runs = {finding["run"] for finding in report["findings"]}
    two = {"predictions/one", "predictions/two", "predictions/two less predictions/one"}
    assert runs == ({"predictions"} if len(reasoners) == 1 else two)


def carried_out(folder: Path, tables: dict[str, pd.DataFrame], **plan: object) -> AuditReport:
    for name, frame in tables.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    sources = {name: RunSource(table=f"{name}.parquet") for name in tables}
    values = {"runs": sources, "by": ("accent",), "statistics": FAST} | plan
    return run_plan(AuditPlan.model_validate(values), folder=folder)


def test_what_a_run_lacks_is_said_of_that_run_and_the_others_are_examined(tmp_path: Path) -> None:
    frame = predictions_frame(n_speakers=12)
    tables = {"labelled": frame, "plain": frame.drop(columns=["y_true", "rationale"])}
    report = carried_out(tmp_path, tables)
    refused = {(refusal.examination, refusal.run) for refusal in report.refusals}
    assert refused >= {
        ("performance", "plain"),
        ("equalized-odds", "plain"),
        ("rationales", "plain"),
        ("word-errors", None),
    }
    assert not {name for name, run in refused if run == "labelled"}
    by_run = {(finding.examination, finding.run) for finding in report.findings}
    assert ("performance", "labelled") in by_run
    assert {("demographic-parity", run) for run in tables} <= by_run
    assert not by_run & refused


@pytest.mark.slow  # audits several times
def test_how_the_work_is_done_changes_no_answer_and_no_refusal(tmp_path: Path) -> None:
    frame = predictions_frame(n_speakers=130)
    frame.loc[frame.index % 7 == 0, "speaker_id"] = None
    tables = {"r": pd.concat([frame.assign(reasoner=reasoner) for reasoner in ("one", "two")])}
    held = carried_out(tmp_path, tables)
    streamed = carried_out(tmp_path, tables, execution=Execution(memory_rows=0, batch_rows=1024))
    assert [refusal.model_dump() for refusal in held.refusals] == [r.model_dump() for r in streamed.refusals]
    assert streamed.claims_digest == held.claims_digest


def test_two_runs_may_not_share_a_name(tmp_path: Path) -> None:
    frame = predictions_frame(n_speakers=12)
    several = pd.concat([frame.assign(reasoner=reasoner) for reasoner in ("one", "two")])
    (tmp_path / "r").mkdir()
    with pytest.raises(PlanError, match="r/one"):
        carried_out(tmp_path, {"r": several, "r/one": frame})


def test_a_legend_that_several_examinations_hand_over_stands_once_and_other_rows_stay() -> None:
    columns = (ExhibitColumn(name="word", type="text", description="of the legend"),)

    def handing(name: str, word: str) -> Choice:
        def function(case: Case) -> Testimony:
            legend = ExhibitTable(id="legend", title="What it means", columns=columns, values={"word": [word]})
            return Testimony(claims=(), exhibits=(legend,))

        register(
            Door.EXAMINATIONS,
            name,
            FunctionExamination(
                name=name,
                title=name,
                method_version="1",
                access=("table",),
                metrics=frozenset(),
                tasks=frozenset(Task),
                function=function,
            ),
        )
        return Choice(name=name)

    performance = af.audit(predictions_frame(), by="accent", plan=PLAN)
    chosen = (Choice(name="performance"), handing("one", "same"), handing("two", "same"), handing("three", "other"))
    report = af.audit(predictions_frame(), by="accent", plan=PLAN.model_copy(update={"examinations": chosen}))
    assert [e.id for e in report.exhibits][len(performance.exhibits) :] == ["legend", "legend"]
