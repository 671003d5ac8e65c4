"""The reasoners that judge in shards, each with a model as small as it comes, and one that is killed at work."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affidavit.corpus import Corpus
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, Reasoner
from affidavit.registry import Door, load
from affidavit.utterances import MediaSpan, Utterance
from tests.reasoners.omni.conftest import write_pictures, write_sound

LABELS = ("anger", "joy", "sadness")
ONE = Execution(device="cpu", workers=0, threads=1)
SAID = ("You did it again and nobody told me.", "The best news in a year!", "There is nothing left to wait for.")
N_DIALOGUES, N_TURNS, N_CLIPS = 24, 4, 4


@dataclass(frozen=True)
class Case:
    """One reasoner and what it is asked."""

    reasoner: Reasoner
    options: Mapping[str, Any]


def corpus_of(folder: Path) -> Corpus:
    """Return dialogues with sound and pictures, of which some have none."""
    sounds = [MediaSpan(path=folder / f"{i}.wav") for i in range(N_CLIPS)]
    films = [MediaSpan(path=folder / f"{i}.mkv") for i in range(N_CLIPS)]
    if not films[-1].path.exists():
        rng = np.random.default_rng(7)
        for i in range(N_CLIPS):
            write_sound(sounds[i].path, rng, 0.3 + 0.1 * i)
            write_pictures(films[i].path, rng)
    turns = tuple(
        Utterance(
            utterance_id=f"d{d:02d}-{t}",
            speaker_id=f"p{d}",
            unit_id=f"p{d}",
            dialogue_id=f"d{d:02d}",
            turn=t,
            text=f"{SAID[(d + t) % 3]} {'Really. ' * (d % 5)}".strip(),
            audio=sounds[(d + t) % N_CLIPS],
            video=None if (d + t) % 7 == 6 else films[(d + 2 * t) % N_CLIPS],
            label=LABELS[(d + t) % 3],
        )
        for d in range(N_DIALOGUES)
        for t in range(N_TURNS)
    )
    return Corpus(name="wards", utterances=turns, digest="sha256:wards", licence="none", label_space=LABELS)


def case_of(name: str, corpus: Corpus, folder: Path) -> Case:
    """Return a reasoner by its name at the door, with a model from noise where it needs one; made once in `folder`."""
    reasoner: Reasoner = load(Door.REASONERS, name)
    if name in ("instructed", "bc-lstm"):
        place = folder / name
        if not place.exists():
            place.mkdir()
            made: dict[str, Any] = {"size": "tiny", "rationales": False} if name == "instructed" else {}
            live = reasoner.untrained(corpus, made, seed=1, execution=ONE)  # type: ignore[attr-defined]
            live.save(place, live.card)
        asked = {"checkpoint": str(place), "utterances": "all", "batch_turns": 16, "conditions": ["TAV", "T", "A", "V"]}
        return Case(reasoner, asked)
    if name == "omni":
        return Case(reasoner, {"path": str(_model(folder)), "conditions": ["TA", "T", "T/early=0.5"], "max_tokens": 4})
    if name == "smollm2":
        return Case(reasoner, {"conditions": ["T"], "reasoning": "none", "subset": 12})
    return Case(reasoner, {"conditions": ["V", "V/blur=2"], "n_frames": 4})


def _model(folder: Path) -> Path:
    from reasoners.omni.noise import byte_tokenizer, tiny

    place = folder / "qwen2-audio"
    if not place.exists():
        tiny("qwen2_audio").save_pretrained(place)
        byte_tokenizer().save_pretrained(place)
    return place


@dataclass(frozen=True)
class Mortal:
    """Another reasoner, one of whose workers is killed when it has kept so many shards: the first that comes there."""

    inner: Any
    marker: Path
    after: int

    judges_in_shards = True

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        from reasoners.instructed.shards import Shards

        genuine, kept = Shards.store, [0]

        def store(shards: Shards, *given: Any, **told: Any) -> None:
            genuine(shards, *given, **told)
            kept[0] += 1
            if kept[0] == self.after and not self.marker.exists():
                self.marker.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)

        Shards.store = store  # type: ignore[method-assign, assignment]
        try:
            return self.inner.judge(corpus, options, reading=reading, rng=rng, progress=progress)  # type: ignore[no-any-return]
        finally:
            Shards.store = genuine  # type: ignore[method-assign]
