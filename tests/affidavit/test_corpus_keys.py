"""The key of a corpus changes with whatever a reasoner could see of it, and with nothing else."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus, require_distinct
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.utterances import Cue, MediaSpan, Utterance

LARGE = 3 * 2**20


def corpus_in(folder: Path, **changes: Any) -> Corpus:
    """Write one short and one long file and return two utterances on them, the second changed."""
    folder.mkdir(exist_ok=True)
    if not (folder / "a.wav").exists():
        (folder / "a.wav").write_bytes(b"sound" * 50)
        (folder / "v.mp4").write_bytes(np.random.default_rng(0).bytes(LARGE))
    first = Utterance(utterance_id="u1", text="one", sensitive={"accent": "north", "age": "40+"})
    second = Utterance(
        utterance_id="u2",
        audio=MediaSpan(path=folder / "a.wav"),
        video=MediaSpan(path=folder / "v.mp4", start_s=1.0, end_s=2.0),
        label="joy",
    )
    return Corpus(
        name="c",
        utterances=(first, replace(second, **changes)),
        digest="sha256:1",
        licence="none",
        label_space=("joy", "anger"),
    )


CHANGES: dict[str, Any] = {
    "utterance_id": "u3",
    "speaker_id": "s",
    "dialogue_id": "d",
    "site": "x",
    "unit_id": "p",
    "speaker_role": "patient",
    "turn": 1,
    "text": "two",
    "audio": MediaSpan(path=Path("nowhere.wav")),
    "video": None,
    "label": "anger",
    "soft_label": {"joy": 0.5},
    "intensity": 2.0,
    "sensitive": {"accent": "north"},
    "consent": {"video": False},
    "rationales": {"explain": "because"},
    "cues": (Cue(modality="text", quote="two"),),
    "evidence": frozenset({"text"}),
}


def test_every_field_of_an_utterance_counts(tmp_path: Path) -> None:
    assert CHANGES.keys() == {field.name for field in fields(Utterance)}
    keys = [corpus_key(corpus_in(tmp_path, **{name: value})) for name, value in CHANGES.items()]
    assert len({corpus_key(corpus_in(tmp_path)), *keys}) == len(CHANGES) + 1


def test_seconds_labels_order_and_digest_count(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path)
    video = MediaSpan(path=tmp_path / "v.mp4", start_s=1.0, end_s=2.5)
    others = [
        corpus_in(tmp_path, video=video),
        replace(corpus, label_space=("anger", "joy")),
        replace(corpus, digest="sha256:2"),
        replace(corpus, utterances=corpus.utterances[::-1]),
    ]
    assert len({corpus_key(one) for one in (corpus, *others)}) == 5


def test_a_copy_elsewhere_later_and_in_another_order_of_features_is_the_same_corpus(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    os.utime(tmp_path / "two" / "a.wav", ns=(1, 1))
    copy = corpus_in(tmp_path / "two")
    first = replace(copy.utterances[0], sensitive={"age": "40+", "accent": "north"})
    assert corpus_key(replace(copy, utterances=(first, copy.utterances[1]))) == corpus_key(corpus)


@pytest.mark.parametrize(("name", "at"), [("a.wav", 120), ("v.mp4", 0), ("v.mp4", LARGE - 1)])
def test_media_that_were_recorded_anew_make_another_corpus(tmp_path: Path, name: str, at: int) -> None:
    corpus = corpus_in(tmp_path)
    before = corpus_key(corpus)
    content = bytearray((tmp_path / name).read_bytes())
    content[at] ^= 1
    (tmp_path / name).write_bytes(content)
    assert corpus_key(corpus) != before
    (tmp_path / name).unlink()
    assert corpus_key(corpus) != before, "a file that is gone is no error here: playing it is"


def test_two_utterances_with_one_id_are_refused(tmp_path: Path) -> None:
    require_distinct(corpus_in(tmp_path))
    with pytest.raises(PlanError, match="same id") as caught:
        require_distinct(corpus_in(tmp_path, utterance_id="u1"))
    assert "u1" in str(caught.value)
