"""An interrupted training ends with the weights of an uninterrupted one; the same seed gives the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from affidavit.training_state import STATE
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.training_state import generators, restore_generators

pytestmark = pytest.mark.usefixtures("no_shards")
Train = Callable[..., InstructedReasoner]
EPOCHS = 3


class KilledError(Exception):
    """Stands for whatever ends a process."""


def weights(reasoner: InstructedReasoner) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in reasoner.module.named_parameters()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def killed_in_epoch(n: int, steps: int) -> Callable[[str, int, int | None], None]:
    def progress(what: str, done: int, total: int | None) -> None:
        if what == "training" and done > n * steps:
            raise KilledError

    return progress


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize("epoch", [1, 2])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    epoch: int, train: Train, tmp_path: Path
) -> None:
    steps: list[int] = []
    whole = train(
        tmp_path / "whole",
        epochs=EPOCHS,
        progress=lambda what, done, total: what == "training" and steps.append(done),
    )
    per_epoch = len(steps) // EPOCHS
    with pytest.raises(KilledError):
        train(tmp_path / "cut", epochs=EPOCHS, progress=killed_in_epoch(epoch, per_epoch))
    assert (tmp_path / "cut" / STATE).is_file()
    trained: list[int] = []
    resumed = train(
        tmp_path / "cut",
        epochs=EPOCHS,
        progress=lambda what, done, total: what == "training" and trained.append(done),
    )
    assert same(weights(resumed), weights(whole))
    assert trained[0] == epoch * per_epoch + 1, "finished epochs are not trained again"
    histories = [json.loads((tmp_path / n / "card.json").read_text())["history"] for n in ("whole", "cut")]
    assert histories[0] == histories[1]
    assert not (tmp_path / "cut" / STATE).exists()
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (
        tmp_path / "cut" / "model.safetensors"
    ).read_bytes()


def test_a_state_of_another_training_is_not_taken(train: Train, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tmp_path / "cut", progress=killed_in_epoch(1, 3))
    resumed = train(tmp_path / "cut", learning_rate=1e-4)
    assert same(weights(resumed), weights(train(tmp_path / "whole", learning_rate=1e-4)))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(train: Train, tmp_path: Path) -> None:
    first, again, other = (weights(train(tmp_path / str(i), seed=seed, epochs=1)) for i, seed in enumerate((1, 1, 2)))
    assert same(first, again)
    assert not same(first, other)


def test_a_state_that_does_not_read_is_as_good_as_none(train: Train, tmp_path: Path) -> None:
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / STATE).write_bytes(b"half of a state")
    assert same(weights(train(tmp_path / "cut", epochs=1)), weights(train(tmp_path / "whole", epochs=1)))


def without(state: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != key}


def of_another_shape(state: dict[str, Any]) -> dict[str, Any]:
    name = next(iter(state["model"]))
    return {**state, "model": {**state["model"], name: torch.zeros(1)}}


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda state: without(state, "numpy"), "it lacks numpy"),
        (lambda state: [1, 2], "it lacks best"),
        (of_another_shape, "another shape"),
        (None, "does not read"),
    ],
)
def test_a_state_that_is_of_no_use_is_told_and_training_begins_anew(
    damage: Callable | None, said: str, train: Train, tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        train(tmp_path / "cut", progress=killed_in_epoch(1, 3))
    state = tmp_path / "cut" / STATE
    if damage is None:
        state.write_bytes(state.read_bytes()[:-100])
    else:
        torch.save(damage(torch.load(state, weights_only=True)), state)
    told: list[str] = []
    resumed = train(tmp_path / "cut", progress=lambda what, done, total: told.append(what))
    assert any(said in what for what in told)
    assert said in json.loads((tmp_path / "cut" / "card.json").read_text())["not_resumed"]
    assert same(weights(resumed), weights(train(tmp_path / "whole")))
    assert "not_resumed" not in json.loads((tmp_path / "whole" / "card.json").read_text())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_generator_of_a_gpu_goes_on_where_it_was() -> None:
    rng = np.random.default_rng(0)
    torch.rand(3, device="cuda")
    state = generators(rng)
    drawn = torch.rand(3, device="cuda")
    restore_generators(state, rng)
    assert torch.equal(torch.rand(3, device="cuda"), drawn)


def test_the_generators_of_gpus_are_kept_and_those_that_are_here_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [torch.tensor([1, 2], dtype=torch.uint8), torch.tensor([3], dtype=torch.uint8)]
    put: list[tuple[int, Any]] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: kept)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: put.append((device, state)))
    rng = np.random.default_rng(0)
    state = generators(rng)
    monkeypatch.undo()
    assert state["cuda"] == kept
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: put.append((device, state)))
    restore_generators(state, rng)
    assert put == [(0, kept[0])]
