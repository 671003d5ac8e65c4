"""Regression, multilabel and ordinal tables open, are told apart, are digested and can be counted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.columns import infer_task, map_columns
from affidavit.dimensions import find_dimensions
from affidavit.errors import AffidavitError, ColumnError
from affidavit.plan import Task
from affidavit.predictions import Predictions, Reading, predictions_from, read_predictions
from affidavit.tables import from_frame
from affidavit.tally import tally
from affidavit.testing import predictions_frame


def read(frame: pd.DataFrame, **reading: object) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", **reading))  # type: ignore[arg-type]


def rows(**columns: list[object]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"utterance_id": [f"u{i}" for i in range(n)]} | columns)


def assumed(predictions: Predictions, words: str) -> bool:
    return any(words in said for said in predictions.assumptions)


VALUES = rows(true_valence=[0.1, None, 0.5], pred_valence=[0.2, 0.3, 0.4], pred_arousal=[1.0, 2.0, 3.0])
ANSWERS = rows(true_joy=[1, 0, 1], pred_joy=[1, 1, 0], true_fear=[0, 0, 1], pred_fear=[0, 0, 1])


def test_dimensions_without_labels_are_a_regression_and_that_is_told() -> None:
    predictions = read(VALUES)
    assert (predictions.task, predictions.labelled, predictions.labels) == (Task.REGRESSION, True, ())
    assert predictions.dimensions == {"valence": ("true_valence", "pred_valence")}
    assert assumed(predictions, "a regression table of arousal, valence")
    assert assumed(predictions, "true_valence is missing in 1 of 3 rows")
    batch = next(predictions.coded_batches(["true_valence", "pred_valence"]))
    assert np.array_equal(batch["true_valence"], [0.1, np.nan, 0.5], equal_nan=True)


def test_zeros_and_ones_in_pairs_are_a_multilabel_table_and_that_is_told() -> None:
    predictions = read(ANSWERS)
    assert (predictions.task, predictions.labels) == (Task.MULTILABEL, ("fear", "joy"))
    assert assumed(predictions, "a multilabel table of fear, joy, for every true_ and pred_ cell is 0 or 1")
    assert predictions.labelled
    assert not read(ANSWERS, labelled=False).labelled
    assert read(ANSWERS, label_space=("joy", "fear")).labels == ("joy", "fear")


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (ANSWERS.assign(pred_joy=[0.9, 0.2, 0.4]), "neither 0 nor 1"),
        (ANSWERS.drop(columns="true_joy"), "not every name has both"),
        (ANSWERS.rename(columns={"true_joy": "true_valence", "pred_joy": "pred_valence"}), "valence is a dimension"),
    ],
)
def test_what_looks_like_values_is_a_regression(frame: pd.DataFrame, why: str) -> None:
    predictions = read(frame)
    assert predictions.task is Task.REGRESSION
    assert assumed(predictions, why)


def test_a_declared_task_is_not_doubted_and_nothing_is_assumed() -> None:
    for task in (Task.REGRESSION, Task.MULTILABEL):
        predictions = read(ANSWERS, task=task)
        assert predictions.task is task
        assert not assumed(predictions, "a regression table")
        assert not assumed(predictions, "a multilabel table")
    named = read(rows(true_label=[1, 0], pred_label=[0, 0]), task=Task.MULTILABEL)
    assert named.labels == ("label",)  # elsewhere pred_label is another name of y_pred


@pytest.mark.parametrize(
    ("frame", "reading", "slug", "said"),
    [
        (VALUES.assign(pred_valence=[0.1, None, 0.2]), {}, "row-value", "row 2"),
        (VALUES.assign(pred_valence=[0.1, 0.2, np.inf]), {}, "row-value", "row 3"),
        (VALUES.assign(true_valence=[0.1, -np.inf, 0.2]), {}, "row-value", "row 2"),
        (VALUES.assign(true_valence=["0.1", "high", "0.2"]), {}, "row-value", "'high'"),
        (ANSWERS.assign(true_joy=[1, 2, 0]), {"task": Task.MULTILABEL}, "row-value", "neither 0 nor 1"),
        (ANSWERS.assign(true_joy=[1, None, 0]), {"task": Task.MULTILABEL}, "row-value", "row 2"),
        (
            ANSWERS.drop(columns="true_joy"),
            {"task": Task.MULTILABEL},
            "column-missing",
            "'joy' has a pred_ column only",
        ),
        (
            ANSWERS.drop(columns="pred_joy"),
            {"task": Task.MULTILABEL},
            "column-missing",
            "'joy' has a true_ column only",
        ),
        (ANSWERS.assign(prob_rage=[0.1, 0.2, 0.3]), {}, "column-missing", "'rage' has a prob_ or soft_ column only"),
        (ANSWERS, {"label_space": ("joy", "rage")}, "label-space", "fear, rage"),
        (rows(y_true=[1, 2]), {"task": Task.REGRESSION}, "column-missing", "pred_<dimension>"),
        (rows(true_valence=[1.0, 2.0]), {}, "column-missing", "y_pred"),
        (rows(pred_class=[1, 2], label=[1, 2]), {}, "column-missing", "no column was recognised as y_pred"),
        (
            rows(true_emotion=["joy", "joy"], pred_emotion=["joy", "fear"]),
            {},
            "column-missing",
            "--column y_pred=pred_emotion",
        ),
        (rows(**{"pred_Valence": [1.0], "pred_valence": [2.0]}), {}, "column-ambiguous", "pred_valence"),
        (rows(y_pred=["mild", "severe"]), {"task": Task.ORDINAL}, "label-space", "--labels"),
    ],
)
def test_bad_input_is_one_clear_error(frame: pd.DataFrame, reading: dict[str, object], slug: str, said: str) -> None:
    with pytest.raises(AffidavitError) as caught:
        read(frame, **reading)
    assert caught.value.slug == slug
    assert said in str(caught.value)
    assert caught.value.remedy


def test_probabilities_of_labels_that_do_not_exclude_each_other_need_not_sum_to_one() -> None:
    predictions = read(ANSWERS.assign(prob_joy=[0.9, 0.8, 0.1], prob_fear=[0.9, 0.0, 0.7]))
    assert predictions.task is Task.MULTILABEL
    assert next(predictions.coded_batches(["prob_joy"]))["prob_joy"].tolist() == [0.9, 0.8, 0.1]


def test_ordinal_labels_stand_in_declared_order_or_in_that_of_their_numbers() -> None:
    frame = rows(y_true=["severe", "mild", "moderate"], y_pred=["mild", "mild", "severe"])
    order = ("mild", "moderate", "severe")
    assert read(frame, task=Task.ORDINAL, label_space=order).labels == order
    numbered = read(rows(y_true=["10", "-1", "2"], y_pred=["2", "2", "-1"]), task=Task.ORDINAL)
    assert numbered.labels == ("-1", "2", "10")
    assert assumed(numbered, "by their numbers: -1, 2, 10")


def test_beside_labels_only_known_dimensions_with_both_columns_are_read() -> None:
    frame = predictions_frame()
    n = len(frame)
    beside = frame.assign(
        true_valence=np.linspace(0, 1, n),
        pred_valence=0.5,
        pred_arousal=0.1,
        true_face="a",
        pred_face="b",
        intensity=0.3,
        true_intensity=[None, *([0.4] * (n - 1))],
    )
    predictions = read(beside)
    assert predictions.task is Task.MULTICLASS
    assert predictions.dimensions == {
        "valence": ("true_valence", "pred_valence"),
        "intensity": ("true_intensity", "intensity"),
    }
    assert not {"pred_arousal", "true_face", "pred_face"} & set(predictions.columns)
    assert read(beside, labelled=False).dimensions == {}
    assert read(frame.assign(true_face="a", pred_arousal=0.1)).digest == read(frame).digest
    assert read(beside.assign(pred_intensity=0.9)).dimensions["intensity"] == ("true_intensity", "pred_intensity")


def test_other_spellings_of_known_dimensions_are_told() -> None:
    names = ["utterance_id", "y_pred", "Gold Valence", "predicted-valence", "gold_face", "predicted_face"]
    mapped = map_columns(names, where="t", named={}, by=())
    assert mapped.described() == {
        "utterance_id": "utterance_id",
        "y_pred": "y_pred",
        "true_valence": "Gold Valence",
        "pred_valence": "predicted-valence",
    }
    assert any("'Gold Valence' was read as true_valence" in said for said in mapped.assumptions)


def test_a_dimension_can_be_named_in_any_table() -> None:
    frame = rows(y_pred=["a", "b"], v=[0.1, 0.2], w=[0.3, 0.4])
    predictions = read(frame, columns={"true_warmth": "v", "pred_warmth": "w"})
    assert predictions.dimensions == {"warmth": ("true_warmth", "pred_warmth")}
    with pytest.raises(ColumnError, match="no column 'x'"):
        read(frame, columns={"true_warmth": "x"})


def test_two_columns_of_one_dimension_are_ambiguous() -> None:
    with pytest.raises(ColumnError, match="two columns could be true_valence"):
        find_dimensions(["true_valence", "gold_valence"], named={}, where="t")


def test_names_alone_tell_what_they_can() -> None:
    def told(*columns: str) -> Task:
        return infer_task(map_columns(["utterance_id", *columns], where="t", named={}, by=()))

    assert told("true_valence", "pred_valence") is Task.REGRESSION
    assert told("true_intensity", "intensity") is Task.REGRESSION
    both = map_columns(["utterance_id", "true_intensity", "intensity", "pred_valence"], where="t", named={}, by=())
    assert both.dimensions == {"intensity": ("true_intensity", "intensity")}
    assert told("true_joy", "pred_joy") is Task.MULTILABEL
    assert told("y_pred", "true_joy", "pred_joy") is Task.MULTICLASS
    assert told("word_errors", "words", "pred_valence") is Task.TRANSCRIPTION


@pytest.mark.parametrize("frame", [VALUES, ANSWERS], ids=["regression", "multilabel"])
def test_the_digest_is_of_content_whatever_the_format_and_it_reads_as_itself(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    held = read(frame)
    frame[frame.columns[::-1]].to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    streamed = read_predictions(tmp_path / "t.parquet", Reading(run="run", in_memory_rows=1, batch_rows=1024))
    assert read_predictions(tmp_path / "t.csv", Reading(run="run")).digest == held.digest == streamed.digest
    assert not streamed.in_memory
    assert streamed.assumptions == held.assumptions
    held.write(tmp_path / "canonical.parquet")
    again = read_predictions(tmp_path / "canonical.parquet", Reading(run="run"))
    assert (again.digest, again.task) == (held.digest, held.task)
    changed = frame.assign(**{frame.columns[1]: frame[frame.columns[1]].iloc[::-1].to_numpy()})
    changed.iloc[0, 1] = 0
    assert read(changed).digest != held.digest


@pytest.mark.parametrize("units", [True, False])
def test_where_rows_have_many_values_the_tally_counts_rows(units: bool) -> None:
    frame = predictions_frame().drop(columns=["y_true", "y_pred"]).assign(true_valence=0.5, pred_valence=0.1)
    frame = frame if units else frame.drop(columns="speaker_id")
    counts = tally(read(frame, by=("accent",)), ("accent",))["TAV"].by(("accent",))
    assert np.array_equal(counts.totals()[:, 0], counts.rows())
    assert counts.rows().tolist() == [160, 160, 160]
    weighted = tally(read(frame.assign(weight=2.0), by=("accent",)), ("accent",))["TAV"].by(("accent",))
    assert weighted.totals()[:, 0].tolist() == [320.0, 320.0, 320.0]
