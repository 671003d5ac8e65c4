"""A corpus of tones and grey squares that the tests make, and the smallest reasoners that can judge it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, silent
from affidavit.utterances import MediaSpan, Utterance
from reasoners.instructed import inputs
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.checkpoints import new_model
from reasoners.instructed.config import (
    AudioEncoderConfig,
    BackboneConfig,
    ModelConfig,
    TextEncoderConfig,
    VisualEncoderConfig,
)
from reasoners.instructed.door import REASONER
from reasoners.instructed.inputs import Perceived
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.recent import Recent
from reasoners.instructed.vocabulary import learn_tokenizers
from reasoners.supervised import TRAINER

LABELS = ("anger", "joy", "sadness")
WORDS = {
    "anger": "You did it again and nobody told me.",
    "joy": "The best news that I have had all year.",
    "sadness": "There is nothing left to wait for.",
}
RATE = 16_000


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


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    import soundfile

    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def write_video(path: Path, frames: np.ndarray) -> Path:
    import av

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


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A sound and a video for each label, and the pair `other`, unlike all of them."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(5)
    made = {}
    for i, name in enumerate((*LABELS, "other")):
        seconds = np.arange(int((0.5 + 0.1 * i) * RATE)) / RATE
        tone = 0.3 * np.sin(2 * np.pi * (150 + 90 * i) * seconds) + 0.01 * rng.standard_normal(len(seconds))
        frames = np.clip(40 + 50 * i + 10 * np.arange(6)[:, None, None] + rng.integers(0, 9, (6, 64, 64)), 0, 255)
        made[name] = (
            write_wav(folder / f"{name}.wav", tone),
            write_video(folder / f"{name}.mkv", frames.astype(np.uint8)),
        )
    return made


def corpus_of(utterances: list[Utterance], *, label_space: tuple[str, ...] = LABELS) -> Corpus:
    named = [[u.utterance_id, u.text, str(u.audio), str(u.video), u.label] for u in utterances]
    return Corpus(
        name="tones",
        utterances=tuple(utterances),
        digest=digest_of(named),
        licence="made by a test",
        label_space=label_space,
    )


MakeCorpus = Callable[..., Corpus]


@pytest.fixture(scope="session")
def make_corpus(clips: dict[str, tuple[Path, Path]]) -> MakeCorpus:
    """Patients of one or two dialogues each; the clinician's first turn has neither label nor media."""

    def made(n_patients: int = 4, *, turns: int = 3, dialogues: int = 2) -> Corpus:
        utterances = []
        for p in range(n_patients):
            for d in range(dialogues if p % 2 else 1):
                dialogue = f"d{p}-{d}"
                utterances.append(
                    Utterance(
                        utterance_id=f"{dialogue}-0",
                        speaker_id="clinician",
                        unit_id=f"patient {p}",
                        dialogue_id=dialogue,
                        turn=0,
                        text="How are you today?",
                    )
                )
                for t in range(1, turns + p % 2):
                    label = LABELS[(p + d + t) % 3]
                    sound, video = clips[label]
                    utterances.append(
                        Utterance(
                            utterance_id=f"{dialogue}-{t}",
                            speaker_id=f"patient {p}",
                            unit_id=f"patient {p}",
                            dialogue_id=dialogue,
                            turn=t,
                            text=WORDS[label],
                            audio=MediaSpan(path=sound),
                            video=MediaSpan(path=video),
                            label=label,
                            intensity=5.0 if t % 2 else None,
                            sensitive={"accent": "north" if p % 2 else "south"},
                            rationales={"evidence": f"{label.capitalize()}. The voice and the face tell it."},
                        )
                    )
        return corpus_of(utterances)

    return made


def small_config(**changes: Any) -> ModelConfig:
    """Return the records of a model with every part, as small as they come."""
    parts: dict[str, Any] = {
        "label_space": LABELS,
        "hidden": 16,
        "text": TextEncoderConfig(hidden=16, heads=2, max_tokens=24),
        "audio": AudioEncoderConfig(hidden=8, max_s=2.0),
        "visual": VisualEncoderConfig(hidden=8, n_frames=3, size=32),
        "dialogue_heads": 2,
        "backbone": BackboneConfig(hidden=16, layers=1, heads=2, intermediate=16, max_tokens=6),
        "dropout": 0.1,
    }
    return ModelConfig.model_validate({**parts, **changes})


@pytest.fixture(scope="session")
def config_of() -> Callable[..., ModelConfig]:
    return small_config


MakeReasoner = Callable[..., InstructedReasoner]


@pytest.fixture(scope="session")
def make_reasoner(make_corpus: MakeCorpus) -> MakeReasoner:
    """A new reasoner with the records' weights drawn from a seed; training would change nothing at random."""

    def made(config: ModelConfig | None = None, *, seed: int = 1, **parts: Any) -> InstructedReasoner:
        chosen = config or small_config()
        told = [text for u in make_corpus().utterances for text in (u.text, *u.rationales.values()) if text]
        tokenizers = learn_tokenizers(chosen, [*told, *(f"{label.capitalize()}." for label in LABELS)])
        torch.manual_seed(seed)
        calm = Augmentation(modality_dropout=0, turn_dropout=0, degraded_share=0)
        return InstructedReasoner(
            model=new_model(chosen, tokenizers), tokenizers=tokenizers, **{"augmentation": calm, **parts}
        )

    return made


Train = Callable[..., InstructedReasoner]


@pytest.fixture
def train(make_reasoner: MakeReasoner, make_corpus: MakeCorpus) -> Train:
    """Train a new small model, with everything that training draws at random."""
    few = {"epochs": 3, "held_out": 0.3, "development": 0.2, "rows_per_step": 2, "training_digest": "sha256:7"}

    def made(folder: Path, *, seed: int = 0, progress: Progress = silent, **options: Any) -> InstructedReasoner:
        trained = TRAINER.train(
            make_reasoner(augmentation=Augmentation(degraded_share=0.2)),
            make_corpus(8),
            {**few, **options},
            folder=folder,
            rng=np.random.default_rng(seed),
            progress=progress,
        )
        assert isinstance(trained, InstructedReasoner)
        return trained

    return made


@dataclass(frozen=True)
class Bench:
    """A checkpoint, and a call through the door as a plan would make it."""

    folder: Path

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any] | None = None,
        *,
        progress: Progress = silent,
        workers: int = 0,
    ) -> Predictions:
        reading = Reading(run="small", folder=self.folder, execution=Execution(device="cpu", workers=workers))
        chosen = {"checkpoint": "seed-0", "conditions": ["TAV", "T", "A", "V"], **(options or {})}
        return REASONER.judge(corpus, chosen, reading=reading, rng=np.random.default_rng(0), progress=progress)


@pytest.fixture(scope="session")
def bench(make_reasoner: MakeReasoner, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """An untrained model's checkpoint, whose card names nobody."""
    return saved(make_reasoner(), tmp_path_factory.mktemp("bench"))


def saved(reasoner: InstructedReasoner, folder: Path, card: Mapping[str, Any] | None = None) -> Bench:
    (folder / "seed-0").mkdir(parents=True, exist_ok=True)
    reasoner.save(folder / "seed-0", {"training_digest": "sha256:0", **(card or {})})
    return Bench(folder)


@pytest.fixture(scope="session")
def save_bench() -> Callable[..., Bench]:
    return saved


@pytest.fixture
def no_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def changed(corpus: Corpus, **parts: Any) -> Corpus:
    """Return the corpus with its first labelled utterance changed."""
    at = next(i for i, u in enumerate(corpus.utterances) if u.label is not None)
    utterances = [replace(u, **parts) if i == at else u for i, u in enumerate(corpus.utterances)]
    return corpus_of(utterances, label_space=corpus.label_space)


@pytest.fixture(scope="session")
def with_first() -> Callable[..., Corpus]:
    return changed


@pytest.fixture(scope="session")
def as_corpus() -> Callable[..., Corpus]:
    return corpus_of


@pytest.fixture(scope="session")
def wav() -> Callable[..., Path]:
    return write_wav


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Predictions], list[dict[str, Any]]]:
    """Every judgement with every column."""
    return lambda predictions: json.loads(json.dumps(predictions.side_tables["judgements"].to_pylist()))
