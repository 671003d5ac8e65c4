"""Shadow models trained together: K small heads on the same features, each on its own half of the patients.

One `vmap` over stacked parameters (torch.func) takes a step of all K at once; a small head costs so little that one
model at a time waits for Python, not for the processor. Every model starts from its own weights and draws its own
batches, of its own clips only, and the optimiser works element by element: what one model learns does not depend on the
others (`train_one_by_one` is the slow twin, and gives the same models but for rounding).

A head is a module without buffers that change and without randomness of its own: norms over a batch and dropout are
refused. Buffers are each head's own, and parameters that ask for no gradient stay as they are.

Source: Carlini et al. 2022, section IV (shadow models on halves); vectorised by `torch.func.stack_module_state`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from affidavit.seeds import seed_of
from affidavit.statistics.types import BoolArray, FloatArray, IntArray

REFUSED: Final = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
_SCORED_ENTRIES: Final = 2**22


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How each head is trained; as the attacked one was, or the attack is weaker than it could be."""

    steps: int = 200
    batch: int = 64
    learning_rate: float = 1e-2
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shadows:
    """What trained shadow models make of every clip."""

    logits: FloatArray
    """[K, N, L]"""
    trained_on: BoolArray
    """[K, N]"""
    parameters: Mapping[str, FloatArray]
    """[K, ...] by name"""


def halves_of_units(unit: IntArray, *, n_models: int, rng: np.random.Generator) -> BoolArray:
    """Return which model is trained on which clip [K, N]: every unit is in half of the models, with all its clips.

    The attacked model is dealt apart: as one of these K its members were seen by fewer of the others, which tells them
    without any memory (with three others RMIA found 1.7 % of members at 1 % false alarms; with seven or more, 1.1 %).

    Raises:
        ValueError: the number of models is odd.
    """
    if n_models < 2 or n_models % 2:
        raise ValueError(f"Expected an even number of models, got {n_models}.")
    n_units = int(unit.max()) + 1
    order = rng.permuted(np.tile(np.arange(n_models), (n_units, 1)), axis=1)
    return np.asarray((order < n_models // 2).T[:, unit])


def train_together(
    make: Callable[[], nn.Module],
    features: FloatArray,
    labels: IntArray,
    trained_on: BoolArray,
    *,
    recipe: Recipe,
    seed: int,
) -> Shadows:
    """Train K heads at once on features [N, D] and codes of labels [N], each on the clips that `trained_on` names.

    `make` returns a head with weights of its own; it is called once a model, after torch was seeded for it.

    Raises:
        ValueError: a head has parts that depend on the batch or on chance, or a model has no clips.
    """
    heads = [_made(make, seed, k) for k in range(len(trained_on))]
    _check(heads[0], trained_on)
    stacked, buffers = stack_module_state(heads)
    template = heads[0]

    def scores(parameters: dict[str, Tensor], fixed: dict[str, Tensor], shown: Tensor) -> Tensor:
        found: Tensor = functional_call(template, (parameters, fixed), (shown,))
        return found

    x, y = torch.as_tensor(features, dtype=torch.float32), torch.as_tensor(labels, dtype=torch.long)
    leaves = {name: value.detach().requires_grad_(value.requires_grad) for name, value in stacked.items()}
    optimiser = _optimiser([leaf for leaf in leaves.values() if leaf.requires_grad], recipe)
    for rows in _batches(trained_on, recipe, seed):
        optimiser.zero_grad()
        shown = x.index_select(0, rows.flatten()).unflatten(0, rows.shape)
        told = vmap(scores)(leaves, buffers, shown)
        told.backward(_push(told.detach(), y[rows]))
        optimiser.step()
    with torch.no_grad():
        found = vmap(scores, in_dims=(0, 0, None))
        size = max(1, _SCORED_ENTRIES // max(1, len(heads) * x.shape[1]))
        logits = torch.cat([found(leaves, buffers, part) for part in x.split(size)], dim=1)
    return Shadows(
        logits=logits.double().numpy(),
        trained_on=trained_on,
        parameters={name: value.detach().double().numpy() for name, value in leaves.items()},
    )


def train_one_by_one(
    make: Callable[[], nn.Module],
    features: FloatArray,
    labels: IntArray,
    trained_on: BoolArray,
    *,
    recipe: Recipe,
    seed: int,
) -> Shadows:
    """Train the same heads one after another: the slow twin of `train_together`.

    Raises:
        ValueError: as `train_together`.
    """
    x, y = torch.as_tensor(features, dtype=torch.float32), torch.as_tensor(labels, dtype=torch.long)
    logits: list[Tensor] = []
    parameters: dict[str, list[FloatArray]] = {}
    batches = list(_batches(trained_on, recipe, seed))
    for k in range(len(trained_on)):
        head = _made(make, seed, k)
        _check(head, trained_on)
        optimiser = _optimiser(list(head.parameters()), recipe)
        for rows in batches:
            optimiser.zero_grad()
            cross_entropy(head(x[rows[k]]), y[rows[k]]).backward()
            optimiser.step()
        with torch.no_grad():
            logits.append(head(x))
        for name, value in head.named_parameters():
            parameters.setdefault(name, []).append(value.detach().double().numpy())
    return Shadows(
        logits=torch.stack(logits).double().numpy(),
        trained_on=trained_on,
        parameters={name: np.stack(values) for name, values in parameters.items()},
    )


def _push(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the gradient of each model's mean cross entropy by its scores [K, B, L], (softmax - one hot) / B.

    Written out, since there is no loss over all models to be had: a third of the step, for small heads.
    """
    told = scores.softmax(-1)
    told.scatter_add_(2, truth[..., None], told.new_full((1, 1, 1), -1.0).expand(*truth.shape, 1))
    return told / truth.shape[1]


def _made(make: Callable[[], nn.Module], seed: int, k: int) -> nn.Module:
    """Return the k-th head from a seed of its own; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "shadow", k))
        return make()


def _check(head: nn.Module, trained_on: BoolArray) -> None:
    odd = sorted({type(part).__name__ for part in head.modules() if isinstance(part, REFUSED)})
    if odd:
        raise ValueError(f"Expected a head without {', '.join(odd)}: take them out, or train one by one elsewhere.")
    if empty := int((trained_on.sum(axis=1) == 0).sum()):
        raise ValueError(f"Expected clips for every model, got none for {empty}.")


def _optimiser(parameters: Sequence[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def _batches(trained_on: BoolArray, recipe: Recipe, seed: int) -> list[Tensor]:
    """Return the rows [K, B] of each step: each model draws from its own clips, with replacement."""
    drawn = []
    for k, own in enumerate(trained_on):
        rng = np.random.default_rng(seed_of(seed, "batches", k))
        rows = np.flatnonzero(own)
        drawn.append(rows[rng.integers(0, len(rows), size=(recipe.steps, recipe.batch))])
    return list(torch.as_tensor(np.stack(drawn, axis=1)))
