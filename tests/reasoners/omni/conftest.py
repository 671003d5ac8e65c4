"""Dialogues with sound and pictures that the tests make, and the smallest models of every kind, saved as folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.utterances import MediaSpan, Utterance
from reasoners.omni.noise import Tiny, byte_tokenizer, tiny

LABELS = ("anger", "joy", "sadness")


def write_sound(path: Path, rng: np.random.Generator, seconds: float) -> MediaSpan:
    import soundfile

    soundfile.write(path, 0.1 * rng.standard_normal(int(16_000 * seconds)).astype(np.float32), 16_000)
    return MediaSpan(path=path)


def write_pictures(path: Path, rng: np.random.Generator) -> MediaSpan:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=8)
        stream.height = stream.width = 56
        stream.pix_fmt = "bgr0"
        for _ in range(8):
            picture = rng.integers(0, 256, (56, 56, 4), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture[..., :3].copy(), format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return MediaSpan(path=path)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Four patients with three, two, one and two turns; the last turn has no video, and a doctor asks before it."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(3)
    turns = []
    for p, n in enumerate((3, 2, 1, 2)):
        for t in range(n):
            name = f"p{p}-{t}"
            turns.append(
                Utterance(
                    utterance_id=name,
                    speaker_id=f"p{p}",
                    unit_id=f"p{p}",
                    dialogue_id=f"d{p}",
                    turn=t,
                    text=f"Turn {t} of person {p}, who says {'no' if (p + t) % 2 else 'yes'}.",
                    audio=write_sound(folder / f"{name}.wav", rng, 0.3 + 0.2 * t),
                    video=None if name == "p3-1" else write_pictures(folder / f"{name}.mkv", rng),
                    label=LABELS[(p + t) % 3],
                    rationales={"explain": "The voice shakes."} if t == 0 else {},
                )
            )
    asked = "How do you feel today?"
    turns.insert(
        7, Utterance(utterance_id="ask", speaker_id="doctor", unit_id="p3", dialogue_id="d3", turn=0, text=asked)
    )
    return Corpus(name="made", utterances=tuple(turns), digest=digest_of(["made"]), licence="none", label_space=LABELS)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Tiny], Path]:
    """Return the folder of a model of a kind, as it is published."""
    made: dict[str, Path] = {}

    def folder_of(kind: Tiny) -> Path:
        if kind not in made:
            place = tmp_path_factory.mktemp(kind)
            model: Any = tiny(kind)
            model.save_pretrained(place)
            byte_tokenizer().save_pretrained(place)
            (place / "README.md").write_text("---\nlicense: apache-2.0\nmodel_name: Tiny\n---\nFrom noise.\n")
            made[kind] = place
        return made[kind]

    return folder_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
