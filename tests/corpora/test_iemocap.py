"""IEMOCAP: what most evaluators agreed on, in as many labels as the plan asks for, by actor and session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import RowError, TableError
from corpora.iemocap import LOADER
from corpora.iemocap_evaluation import read_evaluations

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]
EVALUATION = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


def test_by_hand(layout: Layout, load_with: Load) -> None:
    root = layout("iemocap")
    corpus = load_with(LOADER, path="iemocap")
    asks, answers = corpus.utterances
    assert (asks.utterance_id, asks.turn, asks.label) == ("Ses01F_impro01_F000", 0, "neutral")
    assert (answers.speaker_id, answers.turn, answers.label) == ("Ses01M", 1, "happiness"), "in the order of times"
    assert (asks.sensitive, answers.sensitive) == ({"sex": "female"}, {"sex": "male"})
    assert (asks.text, answers.text) == ("Is anybody here?", "I am, I am!")
    assert (asks.intensity, answers.intensity) == (2.5, 3.5), "activation"
    assert answers.soft_label == pytest.approx({"anger": 0, "happiness": 2 / 3, "neutral": 1 / 3, "sadness": 0})
    assert asks.soft_label["neutral"] == 1.0, "the vote for frustration is outside of the four"
    assert answers.video is not None
    assert (answers.video.path.name, answers.video.start_s, answers.video.end_s) == ("Ses01F_impro01.avi", 8.5, 9.75)
    assert answers.audio is not None
    assert answers.audio.path == (root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav").resolve()
    said = "\n".join(corpus.assumptions)
    assert "1 of 3 turns are left out: no agreement 1" in said
    assert "excitement is counted as happiness" in said
    assert "only a split by session" in said


def test_more_labels(layout: Layout, load_with: Load) -> None:
    layout("iemocap")
    six = load_with(LOADER, path="iemocap", labels_of="six", unit="session", intensity="valence")
    assert [u.label for u in six.utterances] == ["neutral", "excitement"]
    assert six.utterances[1].soft_label["excitement"] == pytest.approx(1 / 6), "half a vote of three"
    assert six.utterances[0].soft_label["frustration"] == pytest.approx(1 / 3)
    assert {u.unit_id for u in six.utterances} == {"Ses01"}
    assert [u.intensity for u in six.utterances] == [2.5, 4.0]
    whole = load_with(LOADER, path="iemocap", labels_of="all", others="unlabelled", intensity="none")
    assert len(whole.label_space) == 10
    assert [u.label for u in whole.utterances] == ["neutral", "excitement", None]
    third = whole.utterances[2]
    assert (third.text, third.intensity) == (None, None)
    assert {label: round(share, 3) for label, share in third.soft_label.items() if share} == {
        "anger": 0.333,
        "sadness": 0.333,
        "fear": 0.333,
    }
    assert any("1 of 3 turns have no label: no agreement 1" in said for said in whole.assumptions)
    assert any("1 of 3 turns have no transcription" in said for said in whole.assumptions)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("\texc\t", "\tglad\t", r"Ses01F_impro01.txt, line 3: the label is unknown[\s\S]*'glad'"),
        ("Excited; Happiness;", "Excited; Bliss;", "line 4: an evaluator's label is unknown"),
        ("[8.5000 - 9.7500]", "[8.5000 - 7.7500]", "line 3: the line of a turn does not read"),
        ("[8.5000 - 9.7500]", "[8.5000 9.7500]", "line 3: the line of a turn does not read"),
        ("[4.0000, 3.5000, 3.0000]", "[4.0000, 3.5000]", "line 3: the line of a turn does not read"),
        ("Ses01F_impro01_M000", "Ses01F_impro01_F000", "a turn is evaluated twice"),
    ],
)
def test_bad_lines(old: str, new: str, match: str, layout: Layout, load_with: Load) -> None:
    path = layout("iemocap") / EVALUATION
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())
    with pytest.raises(RowError, match=match):
        load_with(LOADER, path="iemocap")


def test_other_faults(layout: Layout, load_with: Load) -> None:
    root = layout("iemocap")
    with pytest.raises(TableError, match="there are no evaluations"):
        load_with(LOADER, path="iemocap/Session1")
    (root / EVALUATION).write_text("nothing\n")
    with pytest.raises(TableError, match="there are no turns in this file"):
        load_with(LOADER, path="iemocap")


def test_latin_1_is_read(layout: Layout) -> None:
    path = layout("iemocap") / EVALUATION
    path.write_bytes(path.read_bytes().replace(b"(warm)", b"(na\xefve)"))
    assert [turn.code for turn in read_evaluations(path)] == ["neu", "exc", "xxx"]
