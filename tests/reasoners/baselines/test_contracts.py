"""Each baseline keeps the public contracts, and the law on which privacy rests: the patient is dimension 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
from torch import nn

from affidavit.corpus import Corpus
from affidavit.protocols import Learner, Reasoner
from affidavit.splits import grouped
from affidavit.testing import AblatableContract, DifferentiableContract, TrainableContract
from affidavit.utterances import Utterance
from reasoners.baselines import door
from reasoners.baselines.reasoner import BaselineReasoner

ARCHITECTURES: Final = ("dialogue-rnn", "bc-lstm", "early-fusion")
Units = list[tuple[Utterance, ...]]


class TestContracts(TrainableContract, DifferentiableContract, AblatableContract):
    @pytest.fixture(autouse=True, params=ARCHITECTURES)
    def _given(self, request: pytest.FixtureRequest, make_reasoner: Callable, make_corpus: Callable) -> None:
        self.reasoner: BaselineReasoner = make_reasoner(request.param)
        self.units: Units = list(grouped(make_corpus(3).utterances).values())

    def make_reasoner(self) -> BaselineReasoner:
        return self.reasoner

    def make_units(self) -> Units:
        return self.units


@pytest.fixture(params=ARCHITECTURES)
def reasoner(request: pytest.FixtureRequest, make_reasoner: Callable) -> BaselineReasoner:
    made: BaselineReasoner = make_reasoner(request.param)
    return made


def trained_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Modules that have trained parameters of their own."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if any(value.requires_grad for value in module.parameters(recurse=False))
    ]


@pytest.mark.parametrize("behind", [door.DIALOGUE_RNN, door.BC_LSTM, door.EARLY_FUSION], ids=ARCHITECTURES)
def test_each_is_a_learner_behind_the_door(behind: door.BaselineDoor) -> None:
    assert isinstance(behind, Learner)
    assert isinstance(behind, Reasoner)
    assert behind.name in ARCHITECTURES


def test_the_patient_is_dimension_0_of_every_trained_layer(
    reasoner: BaselineReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    units = list(grouped(make_corpus(3).utterances).values())
    seen: dict[str, set[int]] = {}
    for name, module in trained_layers(reasoner.module):
        module.register_forward_hook(lambda _, __, out, name=name: seen.setdefault(name, set()).add(out.shape[0]))
    reasoner.losses(units, rng=np.random.default_rng(0))
    assert set(seen) == {name for name, _ in trained_layers(reasoner.module)}, "trained, but no part of the loss"
    assert {size for sizes in seen.values() for size in sizes} == {len(units)}


def test_no_trained_layer_mixes_patients_by_its_kind(reasoner: BaselineReasoner) -> None:
    mixing = (nn.modules.batchnorm._NormBase, nn.MultiheadAttention, nn.modules.conv._ConvNd, nn.RNNBase)
    assert not [name for name, module in trained_layers(reasoner.module) if isinstance(module, mixing)]


def test_losses_repeat_from_their_generator(make_reasoner: Callable, make_corpus: Callable[..., Corpus]) -> None:
    from reasoners.instructed.augmentation import Augmentation

    reasoner = make_reasoner("dialogue-rnn", augmentation=Augmentation())
    reasoner.module.eval()
    units = list(grouped(make_corpus(6).utterances).values())
    first, again, other = (reasoner.losses(units, rng=np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_checkpoint_is_four_files_and_judges_as_the_model_did(
    reasoner: BaselineReasoner, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    from reasoners.baselines.checkpoints import load_checkpoint

    reasoner.save(tmp_path, {"training_digest": "sha256:1"})
    assert {file.name for file in tmp_path.iterdir()} == {
        "card.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    loaded = load_checkpoint(tmp_path, architecture=reasoner.model.config.architecture)
    again = BaselineReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    turns = make_corpus(3).utterances
    assert loaded.model.config == reasoner.model.config
    assert torch.equal(again.logits(turns), reasoner.logits(turns))
