"""A model whose gradients are written down, trained by the trainer's own steps, and by broken ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from affidavit.case import Case, TrainedOn
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.protocols import Progress, Trainable, silent
from affidavit.testing import case_of, predictions_frame
from affidavit.unit_keys import unit_keys
from affidavit.utterances import Utterance
from privacy.canaries.inside.games import Asked, Mechanism, units_of
from privacy.dpsgd.gradients import Clipped, LoopGradients, UnitGradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.passes import Way
from privacy.dpsgd.randomness import Source, simulated_source
from privacy.dpsgd.units import ProtectedUnit

DIMENSION, CLIP, NOISE = 400, 0.8, 1.0
LABELS = ("joy", "sadness")
QUICK = Asked(canaries=100, single_steps=5, run_steps=25, seed=0)


class Toy:
    """A turn's gradient is drawn from its name, the same each time, far longer than the clip norm."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        self.weight = torch.nn.Parameter(torch.zeros(dimension))
        self.bias = torch.nn.Parameter(torch.zeros(3))
        self.module = torch.nn.Module()
        self.module.register_parameter("weight", self.weight)
        self.module.register_parameter("bias", self.bias)

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Nothing is measured."""

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": [self.weight], "pretrained": [self.bias]}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Any:
        return torch.stack([torch.stack([self._loss(turn) for turn in unit]).sum() for unit in units])

    def _loss(self, turn: Utterance) -> Any:
        drawn = np.random.default_rng(list(turn.utterance_id.encode())).normal(size=len(self.weight))
        return (torch.tensor(drawn).float() @ self.weight) + self.bias.sum()

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        raise NotImplementedError


def people(n: int = 30, *, turns: int = 3) -> Corpus:
    utterances = [
        Utterance(
            utterance_id=f"p{i}-{t}", unit_id=f"p{i}", dialogue_id=f"d{i}", turn=t, text="so", label=LABELS[t % 2]
        )
        for i in range(n)
        for t in range(turns)
    ]
    return Corpus(name="people", utterances=utterances, digest="sha256:0", licence="made by a test", label_space=LABELS)


def options(**changed: Any) -> PrivateOptions:
    told = {
        "noise_multiplier": NOISE,
        "delta": 1e-5,
        "steps": 60,
        "sample_rate": 0.2,
        "clip_norm": CLIP,
        "max_turns_per_patient": 8,
    }
    return PrivateOptions.model_validate(told | changed)


def honest(**changed: Any) -> Mechanism:
    chosen = options(**changed)
    return Mechanism(reasoner=Toy(), options=chosen, noise_multiplier=float(chosen.noise_multiplier or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quieter(Source):
    """Noise half of what is accounted."""

    def normal(self, n: int) -> np.ndarray:
        return 0.5 * Source.normal(self, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing(Source):
    """An epoch is shuffled once and dealt out in batches of one size."""

    left: list[int]

    def included(self, n: int, *, rate: float) -> np.ndarray:
        if rate == 1:
            return np.arange(n)
        size = round(rate * n)
        if len(self.left) < size:
            self.left[:] = np.argsort(self.uniform(n)).tolist()
        batch = sorted(self.left[:size])
        del self.left[:size]
        return np.array(batch)


def quieter(rng: np.random.Generator) -> Source:
    return Quieter(words=simulated_source(rng).words, name="halved", simulated=True)


def dealing(rng: np.random.Generator) -> Source:
    return Dealing(words=simulated_source(rng).words, name="shuffled", simulated=True, left=[])


class EachTurn:
    """Clips every turn of a patient for itself, and adds them up."""

    name: Way = "loop"

    def __init__(self, reasoner: Trainable) -> None:
        self.inner = LoopGradients(reasoner)

    def clipped(self, units: Sequence[Any], *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        return self.inner.clipped([(turn,) for unit in units for turn in unit], clip_norm=clip_norm, rng=rng)

    def each(self, units: Sequence[Any], *, rng: np.random.Generator) -> list[Any]:
        return self.inner.each(units, rng=rng)

    def close(self) -> None:
        self.inner.close()


def turn_by_turn(way: Way, reasoner: Trainable) -> UnitGradients:
    return EachTurn(reasoner)


def cut_by_turn(corpus: Corpus, chosen: PrivateOptions) -> Sequence[ProtectedUnit]:
    """Units are turns, though the options say patients."""
    return [ProtectedUnit(pieces=((turn,),)) for unit in units_of(corpus, chosen) for turn in unit.pieces[0]]


def card_of(chosen: PrivateOptions, *, trained: Sequence[str] = ("somebody",), **privacy: Any) -> dict[str, Any]:
    """Return what the trainer leaves of a training, as far as an audit reads it."""
    told = {
        "simulated": False,
        "epsilon": 3.5,
        "delta": 1e-5,
        "unit": chosen.unit,
        "noise_multiplier": chosen.noise_multiplier,
        "clip_norm": chosen.clip_norm,
        "steps": chosen.n_steps,
        "ledger": "here.ledger.jsonl",
        "gradients": "loop",
    }
    return {
        "training_digest": "sha256:1",
        "units": unit_keys({"train": list(trained)}, "sha256:1"),
        "options": chosen.model_dump(mode="json", exclude={"training_digest"}),
        "privacy": told | privacy,
        "trainer": "dp-sgd",
    }


QUICKLY: Mapping[str, Any] = {"canaries": 60, "single_steps": 3, "run_steps": 8, "patients": 4}


def live_case(*, card: Mapping[str, Any] | None = None, n_people: int = 6, **asked: Any) -> Case:
    """A case whose model opens with its losses, and whose card tells of a private training."""
    corpus, found = people(n_people), card_of(options()) if card is None else card
    live = Live(corpus=corpus, offers=frozenset({"losses"}), reasoner=cache(Toy))
    trained = TrainedOn(training="private", load=lambda: corpus, card=found, same=False)
    case = case_of(predictions_frame(n_speakers=8, per_speaker=2), by=("accent",), options={**QUICKLY, **asked})
    return replace(case, live={"run": live}, trained_on={"run": trained})
