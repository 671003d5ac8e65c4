"""Training data beside the audited table: who is missing there is named, and what cannot be read takes nothing away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, TrainedOn
from affidavit.corpus import Corpus
from affidavit.examinations import Testimony
from affidavit.plan import AuditPlan, Feature
from affidavit.predictions import Reading
from affidavit.records import Finding, Interval
from affidavit.run import examine, run_plan
from affidavit.sources import Loaded
from affidavit.testing import case_of, predictions_frame
from affidavit.utterances import Utterance
from affidavit.verification import recompute
from affidavit.withdrawals import ENVIRONMENT, withdrawals
from audit.representation.examination import EXAMINATION


def trained_on(n_speakers: int = 60, **changes: Any) -> pd.DataFrame:
    """A table of training data: no predictions, no conditions, other speakers than the audited."""
    frame = predictions_frame(n_speakers=n_speakers, conditions=("TAV",), seed=1, **changes)
    frame["speaker_id"] = "train-" + frame["speaker_id"]
    return frame.drop(columns=["y_pred", "condition", "rationale"])


def told(case: Case) -> tuple[dict[str, Finding], Testimony]:
    assert EXAMINATION.refuses(case) is None
    testimony = EXAMINATION.examine(case)
    findings = {c.finding.id.split("/representation/")[1]: c.finding for c in testimony.claims}
    assert len(findings) == len(testimony.claims)
    assert {f.metric for f in findings.values()} <= EXAMINATION.metrics
    return findings, testimony


def beside(folder: Path, training: pd.DataFrame, audited: pd.DataFrame | None = None, **options: Any) -> Case:
    training.to_csv(folder / "train.csv", index=False)
    audited = predictions_frame(conditions=("TAV",)) if audited is None else audited
    return replace(case_of(audited, options={"training": "train.csv", **options}), folder=folder)


def test_who_withdrew_is_not_counted_among_the_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = trained_on()
    gone = str(training["speaker_id"].iloc[0])
    whole, _ = told(beside(tmp_path, training[training["speaker_id"] != gone]))
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "withdrawn"))
    withdrawals().add(gone)
    left, _ = told(beside(tmp_path, training))
    assert {name: f.estimate for name, f in left.items()} == {name: f.estimate for name, f in whole.items()}


def test_shares_and_balance_equal_counting_by_hand(tmp_path: Path) -> None:
    training = trained_on().sample(frac=0.6, random_state=0)
    findings, testimony = told(beside(tmp_path, training))
    everybody = training["y_true"].value_counts(normalize=True)
    n_units = training["speaker_id"].nunique()
    for accent, rows in training.groupby("accent"):
        at = f"_in_training/accent={accent}"
        units = rows["speaker_id"].nunique()
        assert findings[f"unit_share{at}"].estimate.value == pytest.approx(units / n_units)
        assert findings[f"row_share{at}"].estimate.value == pytest.approx(len(rows) / len(training))
        apart = rows["y_true"].value_counts(normalize=True).sub(everybody, fill_value=0).abs().sum() / 2
        assert findings[f"label_distance{at}"].estimate.value == pytest.approx(apart)
        assert findings[f"units{at}"].estimate.value == units
        least = rows.groupby("y_true")["speaker_id"].nunique().min()
        assert findings[f"least_units_per_label{at}"].estimate.value == least
    audited = told(case_of(predictions_frame(conditions=("TAV",))))[0]
    assert all(findings[name] == finding for name, finding in audited.items()), "the audited half is as without it"
    table = pd.DataFrame(next(e for e in testimony.exhibits if e.id == "training-beside-audit").table().to_pydict())
    row = table.query("group == 'Welsh' and metric == 'unit_share'").iloc[0]
    assert row["audited"] == pytest.approx(audited["unit_share/accent=Welsh"].estimate.value)
    assert row["training"] == pytest.approx(findings["unit_share_in_training/accent=Welsh"].estimate.value)
    assert set(table["features"]) == {"accent", "age", "accent x age"}
    counted = pd.DataFrame(next(e for e in testimony.exhibits if e.id == "training-label-counts").table().to_pydict())
    assert counted.query("features == 'accent'")["rows"].sum() == len(training)


def test_groups_that_are_absent_or_thin_in_training_are_named(tmp_path: Path) -> None:
    training = trained_on(n_speakers=120)
    few = training["accent"].eq("Irish") & ~training["speaker_id"].isin(["train-s0", "train-s3"])
    training = training[~few & training["accent"].ne("Welsh")]
    findings, testimony = told(beside(tmp_path, training))
    thin = findings["thin_groups_in_training/between accent"]
    assert thin.estimate.value == 2
    assert "absent from the training data: Welsh" in thin.caveats
    assert "fewer than 20 units in the training data: Irish (2)" in thin.caveats
    assert findings["units_in_training/accent=Welsh"].estimate.value == 0
    assert findings["thin_groups_in_training/between age"].estimate.value == 0
    claim = next(c for c in testimony.claims if c.finding is thin)
    assert claim.interval_at is not None
    exact = claim.interval_at(0.9999)
    assert isinstance(exact, Interval)
    assert (exact.low, exact.high) == (2, 2)
    fewer, _ = told(beside(tmp_path, training, thin_units=2))
    assert fewer["thin_groups_in_training/between accent"].estimate.value == 1


def test_its_clean_twin_is_silent(tmp_path: Path) -> None:
    findings, testimony = told(beside(tmp_path, trained_on(n_speakers=90)))
    assert findings["thin_groups_in_training/between accent"].estimate.value == 0
    assert findings["also_in_training_share"].estimate.value == 0
    assert not any("absent" in caveat for f in findings.values() for caveat in f.caveats)
    assert testimony.refusals == ()
    assert not any(f.test for name, f in findings.items() if "_in_training" in name)


def test_who_was_trained_on_and_audited_too_is_counted(tmp_path: Path) -> None:
    training = trained_on()
    training["speaker_id"] = training["speaker_id"].replace({"train-s0": "s0", "train-s1": "s7"})
    findings, _ = told(beside(tmp_path, training))
    assert findings["also_in_training_share"].estimate.value == pytest.approx(2 / 48)
    nobody, _ = told(beside(tmp_path, training.drop(columns="speaker_id")))
    assert "also_in_training_share" not in nobody


def test_what_training_data_lack_is_told_and_the_rest_is_counted(tmp_path: Path) -> None:
    bare = trained_on().drop(columns=["utterance_id", "speaker_id", "y_true", "age"])
    findings, testimony = told(beside(tmp_path, bare))
    (refusal,) = testimony.refusals
    assert "no column of age" in refusal.because
    units = findings["units_in_training/accent=Welsh"]
    assert units.estimate.value == (bare["accent"] == "Welsh").sum()
    assert "the training data have no ids of units: rows are counted" in units.caveats
    names = {name.split("/")[0] for name in findings if "_in_training" in name}
    assert names == {
        "units_in_training",
        "thin_groups_in_training",
        "row_share_in_training",
        "unknown_share_in_training",
    }


def test_columns_may_be_named_and_ages_are_cut_into_the_same_bands(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    audited = predictions_frame(conditions=("TAV",))
    years = dict(zip(audited["speaker_id"].unique(), rng.integers(18, 80, 48), strict=True))
    audited["age"] = audited["speaker_id"].map(years)
    training = trained_on().rename(columns={"y_true": "what was felt", "speaker_id": "who", "age": "years"})
    training["years"] = np.where(training["years"] == "40+", 70, 25)
    training.to_csv(tmp_path / "train.csv", index=False)
    columns = {"y_true": "what was felt", "speaker_id": "who", "group_age": "years"}
    reading = Reading(run="run", by=("age",), features={"age": Feature(bands=(40.0,))})
    options = {"training": "train.csv", "training_columns": columns}
    findings, _ = told(replace(case_of(audited, ("age",), options=options, reading=reading), folder=tmp_path))
    assert findings["unit_share_in_training/age=under 40"].estimate.value == 0.5
    assert findings["label_distance_in_training/age=under 40"].estimate.value is not None


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_text("accent\n"), "no rows"),
        (lambda path: path.write_text("accent,emotion,label\nIrish,joy,joy\n"), "several columns could be y_true"),
    ],
)
def test_what_cannot_be_read_is_refused_and_takes_nothing_away(tmp_path: Path, change: Any, because: str) -> None:
    case = beside(tmp_path, trained_on())
    change(tmp_path / "train.csv")
    findings, testimony = told(case)
    (refusal,) = testimony.refusals
    assert because in refusal.because
    assert "train.csv" in refusal.because
    assert (refusal.run, refusal.examination, bool(refusal.remedy)) == ("run", "representation", True)
    assert str(tmp_path) not in refusal.because + refusal.remedy
    assert "unit_share/accent=Welsh" in findings


def test_the_path_starts_at_the_plan_and_the_report_names_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    trained_on().to_parquet(tmp_path / "data" / "train.parquet")
    predictions_frame().to_csv(tmp_path / "audited.csv", index=False)
    chosen = {"name": "representation", "options": {"training": "data/train.parquet"}}
    plan = AuditPlan.model_validate(
        {"runs": {"r": {"table": "audited.csv"}}, "by": ["accent"], "examinations": [chosen]}
    )
    report = run_plan(plan, folder=tmp_path)
    (choice,) = report.plan.examinations or ()
    assert choice.options["training"] == "train.parquet"
    assert any(f.metric == "unit_share_in_training" for f in report.findings)
    assert report.refusals == ()
    assert "hold" in recompute(report, table=None, plan=plan, folder=tmp_path)


def test_a_case_knows_which_training_made_the_model_of_each_run() -> None:
    clinic = {"name": "clinic", "options": {"n_utterances": 10}}
    judged = {"reasoner": "instructed", "trained": "tiny", "corpus": clinic}
    plan = AuditPlan.model_validate(
        {
            "training": {"tiny": {"corpus": clinic, "reasoner": "instructed"}},
            "runs": {"own": judged, "own/other": {**judged, "corpus": "ravdess"}, "table": {"table": "t.csv"}},
            "by": ["accent"],
        }
    )
    predictions = case_of(predictions_frame(), ("accent",)).runs["run"]
    seen: dict[str, Any] = {}

    def examine_it(case: Case) -> Testimony:
        seen.update(case.trained_on)
        return EXAMINATION.function(replace(case, trained_on={}))

    spy = replace(EXAMINATION, function=examine_it)
    names = ("own/a/no instruction", "own/other", "table")
    loaded = [Loaded(run=name, predictions=predictions, supplier=None, licence=None) for name in names]
    examine(plan, loaded, examinations=[(spy, {})], policy=None)
    assert {name: trained.same for name, trained in seen.items()} == {"own/a/no instruction": True, "own/other": False}
    assert seen["own/other"].load().name == "clinic"


def corpus(n_units: int = 30) -> Corpus:
    turns = [
        Utterance(
            utterance_id=f"u{unit}-{turn}",
            unit_id=f"p{unit}",
            text="well",
            label="joy" if turn else "anger",
            sensitive={"accent": "Irish" if unit < 10 else "Welsh"},
        )
        for unit in range(n_units)
        for turn in range(3)
    ]
    return Corpus(name="clinic", utterances=turns, digest="sha256:0", licence="none", label_space=("anger", "joy"))


@pytest.mark.parametrize("same", [True, False])
def test_the_corpus_of_a_training_needs_no_path(*, same: bool) -> None:
    """Of a corpus that is judged too, the model was trained on what it was not given to judge."""
    judged = [u for u in corpus().utterances if u.unit in {"p0", "p1", "p20", "p21"}]
    frame = pd.DataFrame(
        {
            "utterance_id": [u.utterance_id for u in judged],
            "unit_id": [u.unit for u in judged],
            "accent": [u.sensitive["accent"] for u in judged],
            "y_true": [u.label for u in judged],
            "y_pred": "joy",
        }
    )
    trained = TrainedOn(training="tiny", load=corpus, same=same)
    findings, _ = told(replace(case_of(frame, ("accent",)), trained_on={"run": trained}))
    assert findings["units_in_training/accent=Irish"].estimate.value == (8 if same else 10)
    assert findings["units_in_training/accent=Welsh"].estimate.value == (18 if same else 20)
    assert findings["also_in_training_share"].estimate.value == (0 if same else 1)
    (said,) = (c for c in findings["units_in_training/accent=Welsh"].caveats if "the training tiny" in c)
    assert ("without what was judged here" in said) == same


def test_without_training_data_nothing_is_said_of_them() -> None:
    findings, testimony = told(case_of(predictions_frame()))
    assert not any("training" in name for name in findings)
    assert {e.id for e in testimony.exhibits} == {"representation-by-group", "label-counts"}
