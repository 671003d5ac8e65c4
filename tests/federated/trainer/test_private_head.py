"""With differential privacy too, a federated head is within two points of the pooled one: 582 numbers on public states.

Encoders, dialogue and hidden layers come from a disjoint, public clinic and stay as they are; what they make of each
turn is computed once. At equal noise, sampling rate and number of steps both trainings have the same epsilon, since
each patient is at one hospital. The federated one is noisier all the same: a hospital adds the noise of a step to the
sum over a third of the patients, so that the mean over three has sqrt(3) times the pooled noise beside the same data.
The optimizer is SGD: Adam divides by a gradient with its noise, and learns less where a hospital has few patients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.corpus import Corpus
from affidavit.plan import Execution
from affidavit.protocols import Progress, Trainer, silent
from affidavit.registry import Door, load
from affidavit.seeds import seed_of
from affidavit.splits import split
from affidavit.utterances import Utterance
from federated.trainer.door import TRAINER
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.mechanisms import SubsampledGaussian

PUBLIC = {"size": "tiny", "audio": False, "visual": False, "rationales": False, "augmentation": {"degraded_share": 0}}
STEPS, NOISE, RATE, DELTA, EPSILON = 24, 1.0, 0.25, 1e-3, 6.1
PRIVATE = {
    "simulated": True,  # the same noise drawn from the seed: the test says the same each time
    "noise_multiplier": NOISE,
    "sample_rate": RATE,
    "clip_norm": 1.0,
    "optimizer": "sgd",
    "learning_rate": 0.5,
    "units_at_once": 64,
    "gradients": "hooks",
}
HELD_OUT = 0.5
SEEDS = range(8)


def clinic(seed: int, n_utterances: int) -> Corpus:
    options = {"seed": seed, "n_utterances": n_utterances, "media": "none"}
    corpus: Corpus = load(Door.CORPORA, "clinic").load(options, folder=Path(), progress=silent)
    return corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What public layers make of each turn, and the public head to begin with."""

    corpus: Corpus
    of: Mapping[str, Tensor]
    head: nn.Linear

    def correct(self, head: nn.Module) -> float:
        """Return the share of right answers on the patients whom nobody trained on."""
        patients = sorted({turn.unit for turn in self.corpus.utterances if turn.label is not None})
        held_out = set(split(patients, {"held_out": HELD_OUT}, seed=seed_of(0, "split"))["held_out"])
        told = [turn for turn in self.corpus.utterances if turn.unit in held_out and turn.label is not None]
        with torch.no_grad():
            answers = head(torch.stack([self.of[turn.utterance_id] for turn in told])).argmax(1)
        return float(
            np.mean([self.corpus.label_space[int(a)] == turn.label for a, turn in zip(answers, told, strict=True)])
        )


class Head:
    """A linear layer on states, as a reasoner that can be trained."""

    def __init__(self, states: States) -> None:
        self.states = states
        self.module = nn.Linear(states.head.in_features, states.head.out_features)
        self.module.load_state_dict(states.head.state_dict())
        self.card: dict[str, Any] = {}

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        pass

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return the mean cross entropy of each unit's labelled turns."""
        labels = self.states.corpus.label_space
        told = [[turn for turn in unit if turn.label is not None] for unit in units]
        shape = (len(told), max(map(len, told)))
        inputs, truth = torch.zeros(*shape, self.module.in_features), torch.full(shape, -1)
        for i, turns in enumerate(told):
            inputs[i, : len(turns)] = torch.stack([self.states.of[turn.utterance_id] for turn in turns])
            truth[i, : len(turns)] = torch.tensor([labels.index(str(turn.label)) for turn in turns])
        scores = self.module(inputs).transpose(1, 2)
        each = cross_entropy(scores, truth, ignore_index=-1, reduction="none")
        return each.sum(1) / (truth >= 0).sum(1)

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> States:
    folder = tmp_path_factory.mktemp("public")
    reasoner, execution = load(Door.REASONERS, "instructed"), Execution(device="cpu", workers=0)
    public, own = clinic(1, 800), clinic(2, 4800)
    load(Door.TRAINERS, "supervised").train(
        reasoner.untrained(public, PUBLIC, seed=1, execution=execution),
        public,
        {"epochs": 8, "held_out": 0},
        folder=folder / "model",
        rng=np.random.default_rng(1),
        progress=silent,
    )
    started = {"start": str(folder / "model"), "only": ["answers"], "rationales": False}
    model = reasoner.untrained(own, started, seed=1, execution=execution)
    head = model.module.emotion
    model.module.emotion = nn.Identity()
    model.prepare(list(own.utterances))
    model.module.eval()
    with torch.no_grad():
        found = model.logits(list(own.utterances))
    return States(
        corpus=own, of={turn.utterance_id: s for turn, s in zip(own.utterances, found, strict=True)}, head=head
    )


def accuracy(states: States, trainer: Trainer, options: Mapping[str, Any], seed: int, folder: Path) -> float:
    head = Head(states)
    trainer.train(
        head,
        states.corpus,
        {"held_out": HELD_OUT, **options},
        folder=folder / f"seed-{seed}",
        rng=np.random.default_rng(seed),
        progress=silent,
    )
    return states.correct(head.module)


@pytest.mark.slow
def test_at_equal_epsilon_a_federated_head_is_within_two_points_of_the_pooled_one(
    states: States, tmp_path: Path
) -> None:
    spent = account(
        (
            SubsampledGaussian(
                noise_multiplier=NOISE, sample_rate=RATE, sampler="poisson", neighbours="add-remove", n_times=STEPS
            ),
        ),
        delta=DELTA,
    )
    assert isinstance(spent, Bounded)
    assert spent.epsilon <= EPSILON
    assert sum(value.numel() for value in Head(states).module.parameters()) < 1000
    rounds = 4
    shared = {
        "rounds": {"rounds": rounds, "quorum": 3, "norm_bound": 50.0},
        "private": {**PRIVATE, "steps": STEPS // rounds, "counted": "public"},
    }
    pooled_trainer = load(Door.TRAINERS, "dp-sgd")
    pooled, federated = (
        np.array([accuracy(states, trainer, options, seed, tmp_path / name) for seed in SEEDS])
        for name, trainer, options in (
            ("pooled", pooled_trainer, {**PRIVATE, "steps": STEPS}),
            ("federated", TRAINER, shared),
        )
    )

    difference = federated - pooled
    half = stats.t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference))
    assert pooled.mean() > states.correct(states.head) + 0.02, "there was something to learn"
    assert difference.mean() - half > -0.02
