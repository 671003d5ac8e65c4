"""Open sets of words are read from lists and from texts alike, are digested alike, and none is an answer."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from affidavit.case import EvidenceBook
from affidavit.errors import AffidavitError, ColumnError
from affidavit.plan import Statistics, Task
from affidavit.predictions import Predictions, Reading, predictions_from, read_predictions
from affidavit.tables import from_frame
from affidavit.word_sets import word_sets

SETS = [["happy", "very excited"], ["sad"], [], ["高兴", "激动"]]
TEXTS = ["happy;  very excited", "sad", "", "高兴、激动"]


def frame_of(words: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(words))],
            "speaker_id": ["a", "a", "b", "b"],
            "accent": ["Irish", "Irish", "Welsh", "Welsh"],
            "y_true": words,
            "y_pred": words,
        }
    )


def read(frame: pd.DataFrame, task: Task | None = Task.OPEN_SET) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", by=("accent",), task=task))


def told(predictions: Predictions, column: str = "y_pred") -> list[str]:
    words: list[str] = [text for batch in predictions.batches([column]) for text in batch.column(0).to_pylist()]
    return words


def test_lists_and_texts_are_the_same_table() -> None:
    lists, texts = read(frame_of(SETS)), read(frame_of(TEXTS))
    assert told(lists) == told(texts) == ["happy, very excited", "sad", "", "高兴, 激动"]
    assert lists.digest == texts.digest
    assert (texts.task, texts.labels, texts.labelled, texts.n_units) == (Task.OPEN_SET, (), True, 2)


def test_open_sets_are_read_only_where_it_is_said() -> None:
    with pytest.raises(ColumnError, match="--task open_set"):
        read(frame_of(SETS), task=None)
    texts = [text or "none" for text in TEXTS]
    assert read(frame_of(texts), task=None).task is Task.MULTICLASS


@pytest.mark.parametrize(
    "column",
    [
        pa.array(['["\\u9ad8\\u5174", "sad"]', "\u200fhappy\u200e;\x07 \u202esad"]),
        pa.array([["高兴", "sad"], ["happy", "sad"]], pa.list_(pa.string(), 2)),
        pa.array([["高兴", "sad"], ["happy", "sad"]], pa.large_list(pa.string())),
    ],
)
def test_escapes_marks_of_direction_and_every_kind_of_list_are_read(column: pa.Array) -> None:
    assert word_sets(column, "y_pred").to_pylist() == ["高兴, sad", "happy, sad"]


def test_half_an_escape_stays_as_it_is() -> None:
    assert word_sets(pa.array(["\\ud83d, sad\\u12"]), "y_pred").to_pylist() == ["\\ud83d, sad\\u12"]


def test_a_null_list_holds_nothing_whatever_lies_behind_it() -> None:
    behind = pa.ListArray.from_arrays(
        pa.array([0, 2, 3, 5], pa.int32()), pa.array(list("abcde")), mask=pa.array([False, True, False])
    )
    assert word_sets(behind, "y_pred").to_pylist() == ["a, b", "", "d, e"]


def test_files_are_read_like_frames(tmp_path: Path) -> None:
    frame = frame_of(SETS)
    parquet.write_table(pa.Table.from_pandas(frame), tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame_of(TEXTS).to_csv(tmp_path / "a.csv", index=False)
    reading = Reading(run="run", by=("accent",), task=Task.OPEN_SET)
    digests = {read_predictions(tmp_path / name, reading).digest for name in ("a.parquet", "a.jsonl", "a.csv")}
    streamed = Reading(run="run", by=("accent",), task=Task.OPEN_SET, in_memory_rows=0, batch_rows=1024)
    digests.add(read_predictions(tmp_path / "a.parquet", streamed).digest)
    assert digests == {read(frame).digest}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('["joy", "fear"]', "joy, fear"),
        ("['joy', 'fear']", "joy, fear"),
        ("joy|fear", "joy, fear"),
        (";;, ", ""),
        ("<b>joy</b>", "<b>joy</b>"),
        ("none", "none"),
        (" a ; b\nc ", "a, b, c"),
    ],
)
def test_marks_between_words_and_around_them_go(cell: str, words: str) -> None:
    assert word_sets(pa.array([cell]), "y_pred").to_pylist() == [words]


def test_lists_in_slices_and_without_items_are_read() -> None:
    column = pa.array([["x"], ["a", None, "b"], None, ["c; d"]])[1:]
    assert word_sets(column, "y_pred").to_pylist() == ["a, b", "", "c, d"]
    assert word_sets(pa.array([[], []]), "y_pred").to_pylist() == ["", ""]
    assert word_sets(pa.array([], pa.list_(pa.string())), "y_pred").to_pylist() == []


def test_what_is_neither_text_nor_a_list_of_texts_is_refused() -> None:
    with pytest.raises(ColumnError, match="does not read as text"):
        word_sets(pa.array([{"a": 1}]), "y_pred")


def test_nothing_is_counted_by_class() -> None:
    predictions = read(frame_of(SETS))
    book = EvidenceBook(
        runs={"run": predictions}, by=("accent",), statistics=Statistics(n_resamples=200, n_permutations=99), seed=0
    )
    assert book.tally("run", predictions.conditions[0]).sums.sum() == 4
    assert book.evidence("run", predictions.conditions[0], ("accent",)).grouped.sums.sum() == 4


def test_a_table_without_predictions_is_refused_by_name() -> None:
    with pytest.raises(AffidavitError, match="y_pred"):
        read(frame_of(SETS).drop(columns="y_pred"))
