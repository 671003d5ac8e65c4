"""The trainer `dp-sgd` under gradient canaries: its own step is not accused, its broken variants are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from affidavit.protocols import Progress, silent
from affidavit.utterances import Utterance
from privacy.canaries.gradient import FloatArray, Mechanism, directions, gradient_trials, noise_audit
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import LoopGradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.randomness import simulated_source
from privacy.dpsgd.units import ProtectedUnit

DIMENSION, CLIP, NOISE = 12, 0.8, 1.0


class Linear:
    """A model whose gradient of a turn is whatever stands in the turn's text."""

    def __init__(self) -> None:
        self.weight = torch.nn.Parameter(torch.zeros(DIMENSION))
        self.module = torch.nn.Module()
        self.module.register_parameter("weight", self.weight)

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Nothing is measured."""

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": [self.weight]}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Any:
        told = [[[float(x) for x in str(turn.text).split()] for turn in unit] for unit in units]
        return torch.stack([(torch.tensor(unit) @ self.weight).sum() for unit in told])

    def logits(self, utterances: Sequence[Utterance]) -> Any:
        raise NotImplementedError

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        raise NotImplementedError


class Unasked:
    """An account that a single step has no use for."""

    def intend(self) -> int:
        raise NotImplementedError

    def confirm(self, number: int) -> None:
        raise NotImplementedError

    def told(self) -> Mapping[str, Any]:
        raise NotImplementedError


def unit(name: str, gradients: FloatArray) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(utterance_id=f"{name}-{t}", unit_id=name, text=" ".join(map(repr, row.tolist())))
        for t, row in enumerate(gradients)
    )


def trainer_step(*, noise_multiplier: float, per_utterance: bool = False) -> Mechanism:
    """One step of the trainer itself, its noise from a seed; the parameters move by minus the sum."""
    options = PrivateOptions(
        noise_multiplier=noise_multiplier,
        delta=1e-5,
        steps=1,
        sample_rate=1.0,
        clip_norm=CLIP,
        optimizer="sgd",
        learning_rate=1.0,
    )
    source, reasoner = simulated_source(np.random.default_rng(1)), Linear()
    plan = Plan(options=options, noise_multiplier=noise_multiplier, expected=1.0, digest="")
    course = Course(reasoner=reasoner, gradients=LoopGradients(reasoner), account=Unasked(), plan=plan, progress=silent)

    def step(contributions: Sequence[FloatArray]) -> FloatArray:
        reasoner.weight.data.zero_()
        rows = [unit(f"u{i}", rows) for i, rows in enumerate(contributions)]
        if per_utterance:
            rows = [(turn,) for row in rows for turn in row]
        course.step([ProtectedUnit(pieces=(row,)) for row in rows], source)
        moved: FloatArray = -reasoner.weight.detach().double().numpy()
        return moved

    return step


def refuted(step: Mechanism, rng: np.random.Generator, *, n_trials: int, clips: int = 1) -> bool:
    canary = np.tile(CLIP * directions(1, DIMENSION, kind="dirac", rng=rng), (clips, 1))
    include = rng.random(n_trials) < 0.5
    people = [rng.normal(0, 1, (2, DIMENSION))]
    trials = gradient_trials(step, people, canary=canary, include=include)
    audit = noise_audit(trials, noise_multiplier=NOISE, delta=1e-5, confidence=0.99, rng=rng)
    assert audit.could_tell
    return audit.exceeds


def test_the_trainers_step_keeps_its_promise_and_its_broken_variants_do_not() -> None:
    """An audit of an honest step may err once in a hundred times: two have to agree."""
    rng = np.random.default_rng(0)
    whole, halved = trainer_step(noise_multiplier=NOISE), trainer_step(noise_multiplier=NOISE / 2)
    assert not (refuted(whole, rng, n_trials=100) and refuted(whole, rng, n_trials=100))
    assert refuted(halved, rng, n_trials=300)
    assert refuted(trainer_step(noise_multiplier=NOISE, per_utterance=True), rng, clips=4, n_trials=100)
    assert not (refuted(whole, rng, clips=4, n_trials=100) and refuted(whole, rng, clips=4, n_trials=100))
