"""Transcripts become word errors by group; the missing and the empty are counted, not dropped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, PlanError, RowError
from affidavit.plan import Task
from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_arrow

Load = Callable[..., Corpus]
HEADER = "filename,text,age,gender,accent,duration,generated_text\n"


def made(tmp_path: Path, rows: str, name: str = "cv-valid-dev.csv") -> str:
    (tmp_path / name).write_text(HEADER + rows, encoding="utf-8")
    return name


def test_errors_by_hand(tmp_path: Path, load_corpus: Load) -> None:
    made(
        tmp_path,
        "a,it's late now,twenties,,us,2,ITS LATE NOW\nb,good day,,male,,1,\nc,...,,,,0,HM\nd,good day,,,,1,GOOD DAY\n",
    )
    corpus = load_corpus("common-voice-asr", path=".")
    assert corpus.recorded is not None
    rows = corpus.recorded.to_pylist()
    assert [(row["utterance_id"], row["word_errors"], row["words"]) for row in rows] == [
        ("a", 1, 3),
        ("b", 2, 2),
        ("d", 0, 2),
    ]
    assert [row["group_accent"] for row in rows] == ["us", "unknown", "unknown"]
    assert {(row["reasoner"], row["condition"]) for row in rows} == {("recogniser", "A")}
    assert len(corpus.utterances) == 4
    assert corpus.utterances[0].sensitive == {"age": "twenties", "gender": "unknown", "accent": "us"}
    said = "\n".join(corpus.assumptions)
    assert "1 of 4 references hold no words and are left out" in said
    assert "1 of 4 transcripts are empty" in said
    assert "1 of 4 clips last zero seconds" in said
    assert "1 of 4 rows repeat a sentence" in said
    assert "3 of 4 rows say nothing of accent" in said
    assert "no speaker ids" in said


def test_case_can_count(tmp_path: Path, load_corpus: Load) -> None:
    made(tmp_path, "a,good day,,,,1,GOOD DAY\n")
    corpus = load_corpus("common-voice-asr", path=".", normalisation={"case_fold": False})
    assert corpus.recorded is not None
    assert corpus.recorded["word_errors"].to_pylist() == [2]


def test_other_tables_and_fewer_columns(tmp_path: Path, load_corpus: Load) -> None:
    (tmp_path / "mine.csv").write_text("filename,text,generated_text\na,x y,x\n")
    corpus = load_corpus("common-voice-asr", path="mine.csv")
    assert corpus.recorded is not None
    assert "group_accent" not in corpus.recorded.column_names
    assert "there is no column accent" in corpus.assumptions


def test_bad_input(tmp_path: Path, load_corpus: Load) -> None:
    with pytest.raises(RowError, match="rows 1 and 2: two rows have the same filename"):
        load_corpus("common-voice-asr", path=made(tmp_path, "a,x,,,,1,X\na,y,,,,1,Y\n"))
    (tmp_path / "mine.csv").write_text("filename,text\na,x\n")
    with pytest.raises(ColumnError, match="there is no column generated_text"):
        load_corpus("common-voice-asr", path="mine.csv")
    with pytest.raises(PlanError, match=r"normalisation\.fold: unknown key"):
        load_corpus("common-voice-asr", path="mine.csv", normalisation={"fold": True})


@pytest.mark.real
def test_the_real_transcripts(real_data: Callable[[str], Path], load_corpus: Load) -> None:
    path = real_data("common_voice_asr")
    corpus = load_corpus("common-voice-asr", path=str(path))
    assert len(corpus.utterances) == 4076
    assert corpus.recorded is not None
    errors, words = (corpus.recorded[name].to_numpy() for name in ("word_errors", "words"))
    assert corpus.recorded.num_rows == 4076
    assert (words > 0).all()
    assert 0.05 < errors.sum() / words.sum() < 0.2
    reading = Reading(run="asr", by=("age", "gender", "accent"))
    predictions = predictions_from(from_arrow(corpus.recorded, name="asr", format_name="recorded"), reading)
    assert (predictions.task, predictions.unit) == (Task.TRANSCRIPTION, "row")
    assert predictions.levels["group_accent"][-1] == "unknown"
    assert len(predictions.levels["group_accent"]) == 17
    missing = {f: corpus.recorded[f"group_{f}"].to_pylist().count("unknown") for f in ("age", "gender", "accent")}
    assert missing == {"age": 2548, "gender": 2536, "accent": 2726}
