"""Recorded judgements reach the predictions table as they are, or it is said why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError, ColumnError, PlanError
from affidavit.model_origins import Basis
from affidavit.plan import Task
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Reasoner, silent
from affidavit.testing import ReasonerContract
from affidavit.utterances import Utterance
from reasoners.recorded import REASONER

VOTES = {
    "utterance_id": ["u1", "u2"],
    "condition": ["A", "AV"],
    "reasoner": ["crowd", "crowd"],
    "speaker_id": ["s1", "s1"],
    "y_true": ["joy", "anger"],
    "y_pred": ["joy", "joy"],
    "group_accent": ["northern", "northern"],
}
HEARD = {"utterance_id": ["u1"], "word_errors": [1], "words": [3]}


def corpus(columns: dict[str, list[Any]] | None) -> Corpus:
    recorded = None if columns is None else pa.table(columns)
    return Corpus(name="votes", utterances=(), digest="sha256:0", licence="none", recorded=recorded)


def judged(of: Corpus | None, reading: Reading | None = None, **options: Any) -> Predictions:
    reading = reading or Reading(run="run", by=("accent",))
    return REASONER.judge(of, options, reading=reading, rng=np.random.default_rng(0), progress=silent)


class TestContract(ReasonerContract):
    reasoner = REASONER

    def make_corpus(self) -> Corpus:
        return corpus(VOTES)


def test_whose_weights_judged_elsewhere_is_the_plans_word() -> None:
    (unsaid,) = judged(corpus(VOTES)).models
    assert (unsaid.basis, unsaid.licence, unsaid.digest) == (Basis.PLAN, None, None)
    (said,) = judged(corpus(VOTES), weights="VendorNet 3", licence="proprietary").models
    assert (said.source, said.licence, said.digest) == ("VendorNet 3", "proprietary", None)


def test_reasoner_keeps_the_protocol() -> None:
    assert isinstance(REASONER, Reasoner)


def test_votes() -> None:
    predictions = judged(corpus(VOTES))
    assert (predictions.run, predictions.n_rows, predictions.unit) == ("run", 2, "speaker_id")
    assert predictions.conditions == ("AV", "A")
    assert predictions.levels["reasoner"] == ("crowd",)
    assert predictions.source_name == "votes"


def test_transcripts() -> None:
    assert judged(corpus(HEARD), reading=Reading(run="asr")).task is Task.TRANSCRIPTION


def test_the_rng_is_not_used() -> None:
    rng = np.random.default_rng(0)
    REASONER.judge(corpus(HEARD), {}, reading=Reading(run="asr"), rng=rng, progress=silent)
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    ("of", "options", "match"),
    [
        (None, {}, "no recorded judgements"),
        (corpus(None), {}, "the corpus votes without judgements"),
        (corpus({"utterance_id": []}), {}, "no recorded judgements"),
        (corpus(VOTES), {"temperature": 1}, "temperature: unknown key"),
    ],
)
def test_what_cannot_be(of: Corpus | None, options: dict[str, Any], match: str) -> None:
    with pytest.raises(PlanError, match=match) as caught:
        judged(of, **options)
    assert caught.value.remedy


def test_a_feature_that_was_not_recorded() -> None:
    with pytest.raises(ColumnError, match="no column for the feature 'age'"):
        judged(corpus(VOTES), reading=Reading(run="run", by=("age",)))


# --- a table of somebody else's judgements ------------------------------------------------------------------------

SPOKEN = Corpus(
    name="spoken",
    utterances=tuple(
        Utterance(
            utterance_id=f"u{i}", speaker_id=f"s{i % 2}", label=label, text="hm", sensitive={"accent": "northern"}
        )
        for i, label in enumerate(["joy", "anger", "joy", "anger"])
    ),
    digest="sha256:0",
    licence="none",
    label_space=("anger", "joy"),
)
VENDOR = "clip;says;why;shown;happy;angry\n"
COLUMNS = {"utterance_id": "clip", "y_pred": "says", "rationale": "why", "condition": "shown"}
SHARES = {"joy": "happy", "anger": "angry"}


def vendors(folder: Path, *lines: str, **options: Any) -> Predictions:
    (folder / "vendor.csv").write_text(VENDOR + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    chosen = {"path": "vendor.csv", "columns": COLUMNS, "probabilities": SHARES} | options
    return judged(SPOKEN, Reading(run="vendor", by=("accent",), folder=folder), **chosen)


FOUR = ("u0;HAPPY;a smile;TAV;0.9;0.1", "u1;anger;;TAV;0.2;0.8", "u2;joy;her voice;TAV;0.6;0.4", "u3;joy;;TAV;0.7;0.3")


def test_a_table_is_read_through_its_column_map(tmp_path: Path) -> None:
    predictions = vendors(tmp_path, *FOUR, labels={"HAPPY": "joy"})
    frame = predictions.to_frame()
    assert frame["y_pred"].tolist() == ["joy", "anger", "joy", "joy"]
    assert frame["y_true"].tolist() == ["joy", "anger", "joy", "anger"]
    assert frame["prob_joy"].tolist() == [0.9, 0.2, 0.6, 0.7]
    assert frame["rationale"].tolist()[0] == "a smile"
    assert predictions.conditions == ("TAV",)
    assert (predictions.unit, predictions.n_units) == ("speaker_id", 2)
    assert predictions.levels["group_accent"] == ("northern",)
    assert predictions.side_tables["cues"].column("modality").to_pylist() == ["video", "audio"]
    assert "labels read as the corpus calls them: HAPPY as joy" in predictions.assumptions
    assert predictions.assumptions[0].startswith("judgements from vendor.csv, sha256:")


def test_a_label_outside_the_label_space_is_kept_as_it_is_and_counted(tmp_path: Path) -> None:
    lines = [*FOUR[1:3], "u0;boredom;;TAV;0.5;0.5", "u3;boredom;;TAV;0.5;0.5"]
    predictions = vendors(tmp_path, *lines)
    assert sorted(predictions.to_frame()["y_pred"]) == ["anger", "boredom", "boredom", "joy"]
    assert predictions.labels == ("anger", "joy", "boredom")
    told = "2 of 4 rows answer with a label outside the label space, kept as they are: boredom (2)"
    assert told in predictions.assumptions


def test_what_was_not_judged_is_counted_by_its_reason(tmp_path: Path) -> None:
    predictions = vendors(tmp_path, FOUR[1], "u0;;;TAV;0.5;0.5", "u9;joy;;TAV;0.5;0.5", "u2;joy;;TAV;;0.4")
    assert predictions.n_rows == 2
    found = predictions.side_tables["unjudged"].to_pylist()
    assert [(row["utterance_id"], row["because"]) for row in found] == [
        ("u0", "the table gives no label"),
        ("u3", "the table has no row"),
    ]
    assert "1 rows lack probabilities, so the table has none" in predictions.assumptions
    assert any(
        "1 of 4 rows are about utterances that the corpus does not have, such as u9" in line
        for line in predictions.assumptions
    )
    assert any(line.startswith("2 of 4 judgements asked for could not be made") for line in predictions.assumptions)


def test_several_reasoners_repeats_and_conditions_stand_in_one_table(tmp_path: Path) -> None:
    pa_csv = "utterance_id,y_pred,model,repeat,instruction\n" + "".join(
        f"u{i},joy,{model},{repeat},be brief\n" for i in range(4) for model in ("a", "b") for repeat in (0, 1)
    )
    (tmp_path / "both.csv").write_text(pa_csv, encoding="utf-8")
    predictions = judged(SPOKEN, Reading(run="both", folder=tmp_path), path="both.csv", condition="TA")
    assert predictions.n_rows == 16
    assert predictions.levels["reasoner"] == ("a", "b")
    assert predictions.conditions == ("TA",)
    assert predictions.levels["instruction"] == ("be brief",)


@pytest.mark.parametrize(
    ("lines", "options", "match"),
    [
        (FOUR, {"columns": {**COLUMNS, "y_pred": "sayz"}}, "no column 'sayz'"),
        (FOUR, {"columns": {}}, "no column was recognised as utterance_id"),
        (FOUR, {"probabilities": {"joy": "happyness"}}, "no column 'happyness'"),
        (FOUR, {"probabilities": {"jo": "happy"}}, "the corpus has no label 'jo'"),
        (FOUR, {"labels": {"HAPPY": "happiness"}}, "the corpus has no label 'happiness'"),
        (("x1;joy;;TAV;0.5;0.5",), {}, "no row of the table is about"),
        (("u0;;;TAV;0.5;0.5",), {}, "no row of the table has a label"),
        ((";joy;;TAV;0.5;0.5",), {}, "utterance_id is missing"),
        (("u0;joy;;TAVX;0.5;0.5",), {}, "does not parse"),
        (("u0;joy;;TAV;half;0.5",), {}, "prob_joy is not a number"),
        (("u0;joy;;TAV;0.5;0.9",), {}, "do not sum to one"),
        ((FOUR[0], FOUR[0]), {}, "two rows have the same key"),
    ],
)
def test_what_a_table_cannot_be(tmp_path: Path, lines: tuple[str, ...], options: dict[str, Any], match: str) -> None:
    with pytest.raises(AffidavitError, match=match):
        vendors(tmp_path, *lines, **options)


def test_options_of_a_table_without_one_are_a_slip() -> None:
    with pytest.raises(PlanError, match="none is named"):
        judged(corpus(VOTES), labels={"happy": "joy"})
