"""What is attacked: a model's parameters, and the loss of each turn as a function of one of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn

Tensor = Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Victim:
    """A batch of B turns: their scores as functions of the inputs that are to be found out."""

    parameters: Sequence[Tensor]
    """Those that training would change, the layers nearest to the outputs last or anywhere."""
    scores: Sequence[Callable[[Tensor], Tensor]] = field(repr=False)
    """[B]: from an input `[1, ...]` to scores `[1, K]`"""
    n_labels: int

    def loss(self, inputs: Sequence[Tensor], labels: Sequence[int], *, only: int | None = None) -> Tensor:
        """Return the mean cross-entropy of the turns, or that of one of them."""
        import torch
        from torch.nn.functional import cross_entropy

        chosen = range(len(self.scores)) if only is None else [only]
        one = self.scores[0]
        if only is None and all(scores is one for scores in self.scores):
            told = one(torch.cat(list(inputs)))
        else:
            told = torch.cat([self.scores[i](inputs[i]) for i in chosen])
        return cross_entropy(told.float(), torch.tensor([labels[i] for i in chosen], device=told.device))

    def expected(self, inputs: Sequence[Tensor]) -> NDArray[np.float64]:
        """Return the mean probabilities [K] that the model gives to inputs such as these."""
        import torch

        with torch.no_grad():
            told = torch.cat([scores(value) for scores, value in zip(self.scores, inputs, strict=True)])
        return np.asarray(told.double().softmax(dim=1).mean(dim=0).cpu().numpy(), dtype=np.float64)

    def gradient(
        self, inputs: Sequence[Tensor], labels: Sequence[int], *, only: int | None = None, graph: bool = False
    ) -> list[Tensor]:
        """Return the loss's gradient with respect to each parameter; `graph` keeps the way back to the inputs."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second derivative
            loss = self.loss(inputs, labels, only=only)
            found = torch.autograd.grad(loss, list(self.parameters), create_graph=graph, allow_unused=True)
        return [
            torch.zeros_like(parameter) if part is None else part
            for part, parameter in zip(found, self.parameters, strict=True)
        ]


def module_victim(module: Any, n_turns: int, *, n_labels: int) -> Victim:  # noqa: ANN401 - an nn.Module
    """Return a victim of an `nn.Module` from inputs `[N, ...]` to scores `[N, K]`."""
    parameters = [value for value in module.parameters() if value.requires_grad]
    return Victim(parameters=parameters, scores=[module] * n_turns, n_labels=n_labels)


def turns_victim(turns: Sequence[AttributableTurn], name: str) -> Victim:
    """Return a victim of turns of a live reasoner, whose input of a name is to be found out; the others are known."""
    scorers = [_scorer(turn, name) for turn in turns]
    parameters = [value for value in turns[0].module.parameters() if value.requires_grad]
    return Victim(parameters=parameters, scores=scorers, n_labels=len(turns[0].labels))


def _scorer(turn: AttributableTurn, name: str) -> Callable[[Tensor], Tensor]:
    module, features = turn.module, turn.features

    def scores(value: Tensor) -> Tensor:
        return module(*(value if item.name == name else item.values for item in features))

    return scores
