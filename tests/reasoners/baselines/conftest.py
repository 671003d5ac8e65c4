"""A corpus of words, tones and grey squares that the tests make, and the smallest baselines that can judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.utterances import MediaSpan, Utterance
from reasoners.baselines.checkpoints import new_model
from reasoners.baselines.config import Architecture, BaselineConfig, Reading
from reasoners.baselines.reasoner import BaselineReasoner
from reasoners.instructed import inputs
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.config import AudioEncoderConfig, ModelConfig, TextEncoderConfig, VisualEncoderConfig
from reasoners.instructed.inputs import Perceived
from reasoners.instructed.recent import Recent
from reasoners.instructed.vocabulary import learn_tokenizers

LABELS = ("anger", "joy", "sadness")
WORDS = {
    "anger": "You did it again and nobody told me.",
    "joy": "The best news that I have had all year.",
    "sadness": "There is nothing left to wait for.",
}
RATE = 16_000
MakeCorpus = Callable[..., Corpus]
MakeReasoner = Callable[..., BaselineReasoner]


@pytest.fixture(autouse=True)
def _nothing_measured_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find what another one measured."""
    monkeypatch.setattr(inputs, "RECENT", Recent[Perceived]())


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A sound and a video for each label, and the pair `other`, unlike all of them."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(5)
    made = {}
    for i, name in enumerate((*LABELS, "other")):
        seconds = np.arange(int((0.5 + 0.1 * i) * RATE)) / RATE
        tone = 0.3 * np.sin(2 * np.pi * (150 + 90 * i) * seconds) + 0.01 * rng.standard_normal(len(seconds))
        soundfile.write(folder / f"{name}.wav", tone, RATE, subtype="PCM_16")
        frames = np.clip(40 + 50 * i + 10 * np.arange(6)[:, None, None] + rng.integers(0, 9, (6, 64, 64)), 0, 255)
        made[name] = folder / f"{name}.wav", _film(folder / f"{name}.mkv", frames.astype(np.uint8))
    return made


def _film(path: Path, frames: np.ndarray) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=8)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "gray"
        for picture in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def corpus_of(utterances: list[Utterance]) -> Corpus:
    named = [[u.utterance_id, u.text, str(u.audio), str(u.video), u.label] for u in utterances]
    return Corpus(
        name="tones",
        utterances=tuple(utterances),
        digest=digest_of(named),
        licence="made by a test",
        label_space=LABELS,
    )


@pytest.fixture(scope="session")
def as_corpus() -> Callable[[list[Utterance]], Corpus]:
    return corpus_of


@pytest.fixture(scope="session")
def make_corpus(clips: dict[str, tuple[Path, Path]]) -> MakeCorpus:
    """Patients of one or two dialogues each; the clinician's first turn has neither label nor media."""

    def made(n_patients: int = 4, *, turns: int = 3) -> Corpus:
        utterances = []
        for p in range(n_patients):
            for d in range(1 + p % 2):
                dialogue = f"d{p}-{d}"
                shared = {"unit_id": f"patient {p}", "dialogue_id": dialogue}
                opening = Utterance(
                    utterance_id=f"{dialogue}-0", speaker_id="clinician", turn=0, text="How are you today?", **shared
                )
                utterances.append(opening)
                for t in range(1, turns + p % 2):
                    label = LABELS[(p + d + t) % 3]
                    sound, video = clips[label]
                    spoken = Utterance(
                        utterance_id=f"{dialogue}-{t}",
                        speaker_id=f"patient {p}",
                        turn=t,
                        text=WORDS[label],
                        audio=MediaSpan(path=sound),
                        video=MediaSpan(path=video),
                        label=label,
                        sensitive={"accent": "north" if p % 2 else "south"},
                        **shared,
                    )
                    utterances.append(spoken)
        return corpus_of(utterances)

    return made


def small_config(architecture: Architecture, *, words: Reading = "encoder", **changes: Any) -> BaselineConfig:
    """Return the records of a baseline with every encoder, as small as they come."""
    parts: dict[str, Any] = {
        "label_space": LABELS,
        "hidden": 16,
        "text": TextEncoderConfig(hidden=16, heads=2, max_tokens=24),
        "audio": AudioEncoderConfig(hidden=8, max_s=2.0),
        "visual": VisualEncoderConfig(hidden=8, n_frames=3, size=32),
        "dialogue_layers": 0,
        "dialogue_heads": 2,
        "instructed": False,
        "backbone": None,
    }
    perception = ModelConfig.model_validate({**parts, **changes})
    return BaselineConfig(architecture=architecture, perception=perception, words=words, hidden=12, dropout=0.1)


@pytest.fixture(scope="session")
def make_reasoner(make_corpus: MakeCorpus) -> MakeReasoner:
    """A new baseline with weights drawn from a seed; training would change nothing at random."""

    def made(
        architecture: Architecture,
        *,
        seed: int = 1,
        words: Reading = "encoder",
        changes: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> BaselineReasoner:
        config = small_config(architecture, words=words, **(changes or {}))
        tokenizers = learn_tokenizers(config.perception, [u.text for u in make_corpus().utterances if u.text])
        torch.manual_seed(seed)
        calm = Augmentation(modality_dropout=0, turn_dropout=0, degraded_share=0)
        model = new_model(config, tokenizers)
        return BaselineReasoner(model=model, tokenizers=tokenizers, **{"augmentation": calm, **parts})

    return made
