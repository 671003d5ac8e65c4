"""CREMA-D's clips: everything but the person is in the name of a file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import RowError
from corpora.crema_d_clips import LOADER

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def test_by_hand(layout: Layout, load_with: Load) -> None:
    root = layout("crema-d")
    corpus = load_with(LOADER, path="crema-d")
    neutral, angry, sad = corpus.utterances
    assert (neutral.utterance_id, neutral.label, neutral.intensity) == ("9001_DFA_NEU_XX", "neutral", None)
    assert (angry.label, angry.intensity, angry.text) == ("anger", 3.0, "It's eleven o'clock")
    assert angry.audio is not None
    assert angry.audio.path == (root / "AudioWAV" / "9001_IEO_ANG_HI.wav").resolve(), "WAV before MP3"
    assert angry.video is None
    assert sad.audio == sad.video, "without a sound file the video's track is heard"
    assert sad.text == "We'll stop in a couple of minutes"
    assert angry.sensitive == {
        "age": "29",
        "age_band": "under 30",
        "sex": "Female",
        "race": "Asian",
        "ethnicity": "Hispanic",
    }
    assert set(sad.sensitive.values()) == {"unknown"}
    said = "\n".join(corpus.assumptions)
    assert "1 of 2 actors are not in the demographics" in said
    assert "1 clips have no sound file" in said
    assert "1 of 3 clips have no video" in said


def test_votes_become_soft_labels(layout: Layout, load_with: Load) -> None:
    root = layout("crema-d")
    means = ",".join(f"mean{word}Resp" for word in ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad"))
    rows = [
        "300001,8,0,0,0,2,0,9001_IEO_ANG_HI,80,-1,-1,-1,50,-1",
        "100001,0,0,0,9,0,0,9001_DFA_NEU_XX,-1,-1,-1,9,-1,-1",
    ]
    (root / "tabulatedVotes.csv").write_text("\n".join([f",A,D,F,H,N,S,fileName,{means}", *rows]) + "\n")
    corpus = load_with(LOADER, path="crema-d", labels={"happy": "pleased", "ANG": "anger"})
    neutral, angry, _ = corpus.utterances
    assert angry.soft_label["anger"] == pytest.approx(0.8)
    assert set(angry.soft_label) == set(corpus.label_space)
    assert neutral.soft_label == {}, "only the audio-visual presentation is the clip's"
    assert any("2 of 3 clips have no audio-visual votes" in said for said in corpus.assumptions)


def test_tables_beside_the_clips_are_taken_over_the_name(layout: Layout, load_with: Load) -> None:
    root = layout("crema-d")
    (root / "speaker.csv").write_text("name,speaker\r\n9001_IEO_ANG_HI,9002\r\nextra,a1\r\n")
    (root / "transcript.csv").write_text("name,transcript\n9001_IEO_ANG_HI,It is eleven\n9001_DFA_NEU_XX,\n")
    corpus = load_with(LOADER, path="crema-d")
    neutral, angry, _ = corpus.utterances
    assert (angry.speaker_id, angry.text, neutral.text) == ("9002", "It is eleven", "Don't forget a jacket")
    said = "\n".join(corpus.assumptions)
    assert "another speaker than the clip in 1 clips" in said
    assert "words 1 clips otherwise" in said


@pytest.mark.parametrize("name", ["9001_XYZ_ANG_HI", "901_IEO_ANG_HI", "9001_IEO_ANG_LOUD", "noise"])
def test_names_that_do_not_read(name: str, layout: Layout, load_with: Load) -> None:
    (layout("crema-d") / f"{name}.wav").write_bytes(b"")
    with pytest.raises(RowError, match=f"crema-d/{name}: the clip's name does not read"):
        load_with(LOADER, path="crema-d")


def test_an_unknown_emotion_and_an_empty_folder(layout: Layout, load_with: Load, tmp_path: Path) -> None:
    (layout("crema-d") / "9001_IEO_ODD_HI.wav").write_bytes(b"")
    with pytest.raises(RowError, match="'ODD'"):
        load_with(LOADER, path="crema-d")
    assert len(load_with(LOADER, path="crema-d", unknown_labels="drop").utterances) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(RowError, match="there are no clips"):
        load_with(LOADER, path="empty")


def test_two_different_files_of_one_name_are_refused(layout: Layout, load_with: Load) -> None:
    root = layout("crema-d")
    (root / "9001_IEO_ANG_HI.wav").write_bytes(b"another recording")
    with pytest.raises(RowError, match="two different media files have the same name"):
        load_with(LOADER, path="crema-d")


@pytest.mark.real
def test_the_real_clips(real_data: Callable[[str], Path], load_with: Load) -> None:
    folder = real_data("cremad_clips")
    people = real_data("cremad_votes") / "VideoDemographics.csv"
    corpus = load_with(LOADER, path=str(folder), demographics=str(people))
    files = [path for path in folder.iterdir() if path.suffix in (".wav", ".mp3", ".flv")]
    assert len(files) == 24, "24 files of 12 clips"
    assert sorted(u.utterance_id for u in corpus.utterances) == sorted({path.stem for path in files})
    assert {u.speaker_id for u in corpus.utterances} == {path.name[:4] for path in files}
    assert sum(u.video is not None for u in corpus.utterances) == sum(path.suffix == ".flv" for path in files)
    assert all(u.audio is not None and u.audio.path.suffix == ".wav" for u in corpus.utterances)
    with people.open(newline="") as file:
        stated = {row["ActorID"]: (row["Age"], row["Sex"]) for row in csv.DictReader(file)}
    assert all((u.sensitive["age"], u.sensitive["sex"]) == stated[u.utterance_id[:4]] for u in corpus.utterances)
    with (folder / "label.csv").open(newline="") as file:
        labels = {row["name"]: row["label"] for row in csv.DictReader(file)}
    words = {"happy": "happiness", "sad": "sadness"}
    assert all(words.get(u.label or "", u.label) == labels[u.utterance_id] for u in corpus.utterances)
    assert set(Counter(u.label for u in corpus.utterances).values()) == {2}
    assert not any("otherwise" in said or "another speaker" in said for said in corpus.assumptions)
