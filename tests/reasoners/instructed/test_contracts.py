"""The live reasoner keeps the public contracts, and the law on which privacy rests: the patient is dimension 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from affidavit.corpus import Corpus
from affidavit.splits import grouped
from affidavit.testing import AblatableContract, DifferentiableContract, TrainableContract
from affidavit.utterances import Utterance
from reasoners.instructed.config import BackboneConfig, LoraConfig, ModelConfig
from reasoners.instructed.reasoner import InstructedReasoner

Units = list[tuple[Utterance, ...]]
VARIANTS = ("gate", "global", "lora", "judges only", "turn by turn")


def variant_of(name: str, config_of: Callable[..., ModelConfig]) -> ModelConfig:
    adapted = BackboneConfig(hidden=16, layers=2, heads=2, intermediate=16, max_tokens=12, lora=LoraConfig(rank=2))
    changes: dict[str, dict[str, Any]] = {
        "gate": {},
        "global": {"alignment": "global"},
        "lora": {"backbone": adapted},
        "judges only": {"backbone": None},
        "turn by turn": {"dialogue_layers": 0, "instructed": False},
    }
    return config_of(**changes[name])


class TestContracts(TrainableContract, DifferentiableContract, AblatableContract):
    @pytest.fixture(autouse=True, params=VARIANTS)
    def _given(
        self, request: pytest.FixtureRequest, make_reasoner: Callable, make_corpus: Callable, config_of: Callable
    ) -> None:
        self.reasoner: InstructedReasoner = make_reasoner(variant_of(request.param, config_of))
        self.units: Units = list(grouped(make_corpus(3).utterances).values())

    def make_reasoner(self) -> InstructedReasoner:
        return self.reasoner

    def make_units(self) -> Units:
        return self.units


@pytest.fixture(params=VARIANTS)
def reasoner(request: pytest.FixtureRequest, make_reasoner: Callable, config_of: Callable) -> InstructedReasoner:
    made: InstructedReasoner = make_reasoner(variant_of(request.param, config_of))
    shake(made.model)
    return made


def shake(model: nn.Module) -> None:
    """Move adapters away from zero, where they would have no gradient."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.copy_(0.1 * torch.randn(value.shape, generator=generator))


def trained_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Modules that have trained parameters of their own."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if any(value.requires_grad for value in module.parameters(recurse=False))
    ]


def prepared(reasoner: InstructedReasoner, make_corpus: Callable[..., Corpus], n: int = 3) -> Units:
    units = list(grouped(make_corpus(n).utterances).values())
    reasoner.prepare([turn for unit in units for turn in unit])
    reasoner.module.eval()
    return units


def test_the_patient_is_dimension_0_of_every_trained_layer(
    reasoner: InstructedReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    units = prepared(reasoner, make_corpus)
    seen: dict[str, set[int]] = {}
    handles = [
        module.register_forward_hook(lambda _, __, out, name=name: seen.setdefault(name, set()).add(out.shape[0]))
        for name, module in trained_layers(reasoner.module)
    ]
    reasoner.losses(units, rng=np.random.default_rng(0))
    for handle in handles:
        handle.remove()
    assert seen
    assert all(sizes == {len(units)} for sizes in seen.values()), {k: v for k, v in seen.items() if v != {len(units)}}
    silent = {name for name, _ in trained_layers(reasoner.module)} - set(seen)
    assert not silent, f"trained, but no part of the loss: {silent}"


def test_no_trained_layer_mixes_patients_by_its_kind(reasoner: InstructedReasoner) -> None:
    mixing = (nn.modules.batchnorm._NormBase, nn.MultiheadAttention, nn.modules.conv._ConvNd, nn.RNNBase)
    found = [name for name, module in trained_layers(reasoner.module) if isinstance(module, mixing)]
    assert not found


def per_patient(reasoner: InstructedReasoner, units: Units) -> dict[str, torch.Tensor]:
    """Each patient's gradient of each weight, from what goes into its layers and what comes back: nobody is run alone.

    A table of embeddings is a linear layer whose input is one-hot; weights that two layers share get both shares.
    """
    names = {id(value): name for name, value in reasoner.module.named_parameters()}
    gradients: dict[str, torch.Tensor] = {}

    def heard(module: nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> None:
        def came_back(back: torch.Tensor) -> None:
            if isinstance(module, nn.Embedding):
                chosen = one_hot(given[0], module.num_embeddings).to(back.dtype)
                if module.padding_idx is not None:
                    chosen[..., module.padding_idx] = 0
                share = torch.einsum("n...i,n...j->nij", chosen, back)
            else:
                share = torch.einsum("n...i,n...j->nij", back, given[0].detach())
            name = names[id(module.weight)]
            gradients[name] = gradients.get(name, torch.zeros_like(share)) + share

        out.register_hook(came_back)

    layers = [module for _, module in trained_layers(reasoner.module) if isinstance(module, nn.Linear | nn.Embedding)]
    handles = [module.register_forward_hook(heard) for module in layers]
    reasoner.losses(units, rng=np.random.default_rng(0)).sum().backward()
    for handle in handles:
        handle.remove()
    return gradients


def test_each_patients_gradient_is_that_of_training_on_the_patient_alone(
    reasoner: InstructedReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    units = prepared(reasoner, make_corpus)
    together = per_patient(reasoner, units)
    weights = dict(reasoner.module.named_parameters())
    assert len(together) > 5
    for i, unit in enumerate(units):
        reasoner.module.zero_grad()
        reasoner.losses([unit], rng=np.random.default_rng(0)).sum().backward()
        for name, gradients in together.items():
            alone = weights[name].grad
            scale = max(1e-3, float(alone.abs().max()))
            assert float((gradients[i] - alone).abs().max()) <= 1e-4 * scale, name


def test_pretrained_and_new_parameters_part_and_frozen_ones_are_in_neither(
    make_reasoner: Callable, config_of: Callable[..., ModelConfig]
) -> None:
    reasoner = make_reasoner(variant_of("lora", config_of))
    groups = reasoner.parameter_groups()
    counted = sum(value.numel() for values in groups.values() for value in values)
    assert counted == sum(value.numel() for value in reasoner.module.parameters() if value.requires_grad)
    assert counted < sum(value.numel() for value in reasoner.module.parameters())


def test_losses_repeat_from_their_generator(make_reasoner: Callable, make_corpus: Callable[..., Corpus]) -> None:
    from reasoners.instructed.augmentation import Augmentation

    reasoner = make_reasoner(augmentation=Augmentation(), families=("evidence", "evolution"))
    units = prepared(reasoner, make_corpus)
    first, again, other = (
        reasoner.losses(units, rng=np.random.default_rng(seed)).detach().tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_checkpoint_of_a_live_reasoner_is_four_files(reasoner: InstructedReasoner, tmp_path: Path) -> None:
    reasoner.save(tmp_path, {"training_digest": "sha256:1"})
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"card.json", "config.json", "model.safetensors", "README.md", "tokenizer.json"}
