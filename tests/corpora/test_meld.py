"""MELD: dialogues by split, speakers that recur, and text that was read in the wrong encoding."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, RowError, TableError
from corpora.meld import LOADER
from corpora.mojibake import repaired

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def test_by_hand(layout: Layout, load_with: Load) -> None:
    layout("meld")
    corpus = load_with(LOADER, path="meld")
    first, second, third, test = corpus.utterances
    assert (first.utterance_id, first.dialogue_id, first.turn) == ("train-dia0-utt0", "train-dia0", 0)
    assert first.text == "It\u2019s, well, raining"
    assert second.text == "Is it\u2019s?"
    assert third.text == "Quite \u2013 so", "what is right is left alone"
    assert (test.dialogue_id, test.label, test.speaker_id) == ("test-dia0", "anger", "Nora")
    assert [u.label for u in corpus.utterances[:3]] == ["joy", "surprise", "neutral"]
    assert {u.unit_id for u in corpus.utterances} == {None}
    assert len(corpus.label_space) == 7
    said = "\n".join(corpus.assumptions)
    assert "train: mojibake was repaired in 2 of 3 transcripts" in said
    assert "train: 1 of 3 rows have broadcast times that do not read or run backwards" in said
    assert "1 of 2 speakers speak in more than one split" in said


def test_units_and_sentiments(layout: Layout, load_with: Load) -> None:
    layout("meld")
    episodes = load_with(LOADER, path="meld", unit="episode", splits=["train"])
    assert [u.unit_id for u in episodes.utterances] == ["s01e02", "s01e02", "s01e03"]
    dialogues = load_with(LOADER, path="meld", unit="dialogue", label="sentiment")
    assert [u.unit_id for u in dialogues.utterances] == ["train-dia0", "train-dia0", "train-dia1", "test-dia0"]
    assert [u.label for u in dialogues.utterances] == ["positive", "negative", "neutral", "negative"]


def test_clips_lie_in_a_folder_a_split(layout: Layout, load_with: Load) -> None:
    root = layout("meld")
    corpus = load_with(LOADER, path="meld", video="meld/video")
    paths = [u.video.path.relative_to(root.resolve()).as_posix() for u in corpus.utterances if u.video is not None]
    assert paths[0] == "video/train/train_splits/dia0_utt0.mp4"
    assert paths[-1] == "video/output_repeated_splits_test/dia0_utt0.mp4"
    assert all(u.audio == u.video for u in corpus.utterances)
    assert corpus.digest != load_with(LOADER, path="meld").digest
    (root / "video/train/train_splits/dia0_utt1.mp4").unlink()
    with pytest.raises(RowError, match="train-dia0-utt1"):
        load_with(LOADER, path="meld", video="meld/video")
    fewer = load_with(LOADER, path="meld", video="meld/video", media="skip")
    assert any("train: 1 of 3 utterances have no media" in said for said in fewer.assumptions)
    with pytest.raises(TableError, match="no folder with the clips of train"):
        load_with(LOADER, path="meld", video="meld")


def test_faults(layout: Layout, load_with: Load) -> None:
    table = layout("meld") / "train_sent_emo.csv"
    text = table.read_bytes()
    with pytest.raises(TableError, match="dev_sent_emo.csv: there is no such file"):
        load_with(LOADER, path="meld", splits=["dev"])
    table.write_bytes(text.replace(b",0,1,1,2,", b",0,0,1,2,"))
    with pytest.raises(RowError, match="two rows have the same"):
        load_with(LOADER, path="meld")
    table.write_bytes(text.replace(b",0,1,1,2,", b",0,one,1,2,"))
    with pytest.raises(RowError, match=r"train_sent_emo.csv, row 2: Utterance_ID is not a number"):
        load_with(LOADER, path="meld")
    table.write_bytes(text.replace(b",0,1,1,2,", b",0,,1,2,"))
    with pytest.raises(RowError, match="row 2: Utterance_ID is not a whole number"):
        load_with(LOADER, path="meld")
    table.write_bytes(text.replace(b"Emotion", b"Mood"))
    with pytest.raises(ColumnError, match="there is no column Emotion"):
        load_with(LOADER, path="meld")
    table.write_bytes(text.replace("\u2013".encode(), b"\x96"))
    with pytest.raises(TableError, match="not UTF-8"):
        load_with(LOADER, path="meld")


@pytest.mark.parametrize(
    "text", ["CAF\u00c9\u2019S", "na\u00efve \u2014 \u201cyes\u201d", "\u5979\u7b11", "\u00c3", "", "\x81"]
)
def test_text_that_may_be_right_is_left_alone(text: str) -> None:
    assert repaired(text) == text


@pytest.mark.parametrize(
    "text", ["caf\u00e9", "\u2018so\u2019", "I\u2019m", "wait\u2026", "\u00a0so", "\u266a la", "\u00e0 la"]
)
def test_utf_8_that_was_taken_for_windows_1252_is_undone(text: str) -> None:
    garbled = "".join(bytes([byte]).decode("cp1252", errors="replace") for byte in text.encode())
    assert "\ufffd" not in garbled
    assert garbled != text
    assert repaired(garbled) == text


def test_windows_1252_that_was_taken_for_latin_1_is_undone() -> None:
    text = "\u201cI\u2019m \u2013 wait\u2026\u201d"
    assert repaired(text.encode("cp1252").decode("latin-1")) == text


@pytest.mark.real
def test_the_real_dialogues(real_data: Callable[[str], Path], load_with: Load) -> None:
    folder = real_data("meld")
    corpus = load_with(LOADER, path=str(folder))
    rows = {}
    for split in ("train", "dev"):
        with (folder / f"{split}_sent_emo.csv").open(encoding="utf-8", newline="") as file:
            rows[split] = list(csv.DictReader(file))
    assert {split: len(found) for split, found in rows.items()} == {"train": 9989, "dev": 1109}
    assert len(corpus.utterances) == 9989 + 1109
    every = [row for found in rows.values() for row in found]
    assert Counter(u.label for u in corpus.utterances) == Counter(row["Emotion"] for row in every)
    assert Counter(u.speaker_id for u in corpus.utterances) == Counter(row["Speaker"].strip() for row in every)
    dialogues = {(split, row["Dialogue_ID"]) for split, found in rows.items() for row in found}
    assert len({u.dialogue_id for u in corpus.utterances}) == len(dialogues)
    assert [u.text for u in corpus.utterances] == [row["Utterance"].strip() for row in every]
    assert [u.turn for u in corpus.utterances] == [int(row["Utterance_ID"]) for row in every]
    episodes = load_with(LOADER, path=str(folder), unit="episode")
    assert len({u.unit_id for u in episodes.utterances}) == len({(row["Season"], row["Episode"]) for row in every})
