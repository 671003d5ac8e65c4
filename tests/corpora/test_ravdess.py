"""RAVDESS: a performance is one utterance, however often it was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import RowError
from corpora.ravdess import LOADER

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def test_by_hand(layout: Layout, load_with: Load) -> None:
    layout("ravdess")
    corpus = load_with(LOADER, path="ravdess")
    silent, fearful = corpus.utterances
    assert (silent.utterance_id, silent.label, silent.audio) == ("01-01-01-01-02-11", "neutral", None)
    assert (fearful.utterance_id, fearful.speaker_id, fearful.label) == ("01-06-01-02-01-12", "12", "fearful")
    assert (fearful.text, fearful.intensity) == ("Dogs are sitting by the door", 1.0)
    assert (fearful.sensitive, silent.sensitive) == ({"sex": "female"}, {"sex": "male"})
    assert fearful.audio is not None
    assert fearful.audio.path.name == "03-01-06-01-02-01-12.wav"
    assert fearful.video is not None
    assert fearful.video.path.name.startswith("01-"), "the recording with sound before the one without"
    said = "\n".join(corpus.assumptions)
    assert "1 performances of another channel than speech are left out" in said
    assert "1 of 2 performances have no sound" in said
    assert "1 media files have the base name and size of another one" in said


def test_song_has_its_own_channel(layout: Layout, load_with: Load) -> None:
    layout("ravdess")
    (sung,) = load_with(LOADER, path="ravdess", channel="song").utterances
    assert (sung.label, sung.intensity, sung.video) == ("happy", 2.0, None)
    assert len(load_with(LOADER, path="ravdess", channel="both").utterances) == 3


@pytest.mark.parametrize("name", ["03-01-06-01-02-01", "03-01-06-03-02-01-12", "04-01-06-01-02-01-12", "speech"])
def test_names_that_do_not_read(name: str, layout: Layout, load_with: Load) -> None:
    (layout("ravdess") / f"{name}.wav").write_bytes(b"")
    with pytest.raises(RowError, match=f"the recording's name does not read[\\s\\S]*{name}"):
        load_with(LOADER, path="ravdess")


def test_an_emotion_beyond_the_eighth(layout: Layout, load_with: Load) -> None:
    (layout("ravdess") / "03-01-09-01-02-01-12.wav").write_bytes(b"")
    with pytest.raises(RowError, match=r"03-01-09-01-02-01-12.wav: the label is missing[\s\S]*'09'"):
        load_with(LOADER, path="ravdess")
    assert len(load_with(LOADER, path="ravdess", unknown_labels="drop").utterances) == 2
    with pytest.raises(RowError, match="no recordings of song"):
        load_with(LOADER, path="ravdess/copy", channel="song")


@pytest.mark.real
def test_the_real_recordings(real_data: Callable[[str], Path], load_with: Load) -> None:
    folder = real_data("ravdess")
    corpus = load_with(LOADER, path=str(folder))
    codes = [path.stem.split("-") for path in folder.glob("*.flac")]
    assert len(corpus.utterances) == len(codes) == 1200
    assert len({u.speaker_id for u in corpus.utterances}) == 20
    words = dict(zip(range(1, 9), corpus.label_space, strict=True))
    assert Counter(u.label for u in corpus.utterances) == Counter(words[int(code[2])] for code in codes)
    assert words[1] == "neutral"
    assert words[8] == "surprised"
    assert Counter(u.intensity for u in corpus.utterances) == Counter(float(code[3]) for code in codes)
    odd = sum(int(code[6]) % 2 for code in codes)
    assert sum(u.sensitive["sex"] == "male" for u in corpus.utterances) == odd == 600
    assert Counter((u.text or "")[:4] for u in corpus.utterances) == {"Kids": 600, "Dogs": 600}
    assert all(u.audio is not None and u.video is None for u in corpus.utterances)
