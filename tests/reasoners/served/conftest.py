"""Turns of six speakers, of whom some have sound and pictures too, and a way to have them judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import silent
from affidavit.utterances import MediaSpan, Utterance

LABELS = ("anger", "joy", "sadness", "surprise")
Judge = Callable[..., Predictions]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(folder))
    return folder


@pytest.fixture
def words() -> Corpus:
    return corpus_of(12)


def corpus_of(n: int, **media: MediaSpan) -> Corpus:
    turns = tuple(
        Utterance(
            utterance_id=f"u{i:02d}",
            speaker_id=f"person-{i % 6}",
            dialogue_id=f"talk-{i // 4}",
            turn=i % 4,
            text=f"word{i:02d}",
            label=LABELS[i % len(LABELS)],
            **media,
        )
        for i in range(n)
    )
    return Corpus(name="said", utterances=turns, digest="sha256:0", licence="none", label_space=LABELS)


@pytest.fixture
def seen(tmp_path: Path) -> Corpus:
    """One turn with words, a tone and a moving square."""
    import av
    import soundfile

    tone = np.sin(np.arange(16_000) / 20) * 0.3
    soundfile.write(tmp_path / "tone.wav", tone, 16_000)
    with av.open(str(tmp_path / "face.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=8)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "gray"
        for i in range(8):
            picture = np.full((48, 64), 30 * i, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return corpus_of(2, audio=MediaSpan(path=tmp_path / "tone.wav"), video=MediaSpan(path=tmp_path / "face.mkv"))


@pytest.fixture
def judge() -> Judge:
    from reasoners.served.door import REASONER

    def judged(corpus: Corpus, url: str, **options: Any) -> Predictions:
        return REASONER.judge(
            corpus,
            QUICK | {"url": url} | options,
            reading=Reading(run="served"),
            rng=np.random.default_rng(0),
            progress=silent,
        )

    return judged


QUICK: dict[str, Any] = {
    "model": "tiny-omni",
    "conditions": ["T"],
    "probabilities": "none",
    "concurrency": 4,
    "attempts": 3,
    "first_wait_s": 0,
    "longest_wait_s": 0.01,
    "timeout_s": 20,
}
