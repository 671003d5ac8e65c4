"""What is attacked: a model's trained parameters, and the loss of each turn as a function of one of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn

Tensor = Any
Scores = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Victim:
    """A batch of B turns: their scores as functions of the inputs that are to be found out."""

    parameters: Sequence[Tensor]
    """Those that training would change, and so all that an update tells of."""
    scores: Sequence[Scores] = field(repr=False)
    """[B]: from an input `[1, ...]` to scores `[1, K]`"""
    n_labels: int
    taught: Sequence[Scores] = field(default=(), repr=False)
    """[B]: the same as training runs it, words looked up in their embedding; `scores` where there are none"""

    def loss(self, inputs: Sequence[Tensor], labels: Sequence[int], *, only: int | None = None) -> Tensor:
        """Return the mean cross-entropy of the turns, or that of one of them."""
        return _loss(self.scores, inputs, labels, only=only)

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
        return self._gradient(self.scores, inputs, labels, only=only, graph=graph)

    def sent(self, inputs: Sequence[Tensor], labels: Sequence[int], *, only: int | None = None) -> list[Tensor]:
        """Return the gradient that training would send, that of the words' embedding included."""
        found = self._gradient(self.taught or self.scores, inputs, labels, only=only, graph=False)
        return [part.detach() for part in found]

    def _gradient(
        self,
        scores: Sequence[Scores],
        inputs: Sequence[Tensor],
        labels: Sequence[int],
        *,
        only: int | None,
        graph: bool,
    ) -> list[Tensor]:
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second derivative
            loss = _loss(scores, inputs, labels, only=only)
            found = torch.autograd.grad(loss, list(self.parameters), create_graph=graph, allow_unused=True)
        return [
            torch.zeros_like(parameter) if part is None else part
            for part, parameter in zip(found, self.parameters, strict=True)
        ]


def _loss(scores: Sequence[Scores], inputs: Sequence[Tensor], labels: Sequence[int], *, only: int | None) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    chosen = range(len(scores)) if only is None else [only]
    one = scores[0]
    if only is None and all(other is one for other in scores):
        told = one(torch.cat(list(inputs)))
    else:
        told = torch.cat([scores[i](inputs[i]) for i in chosen])
    return cross_entropy(told.float(), torch.tensor([labels[i] for i in chosen], device=told.device))


def module_victim(module: Any, n_turns: int, *, n_labels: int) -> Victim:  # noqa: ANN401 - an nn.Module
    """Return a victim of an `nn.Module` from inputs `[N, ...]` to scores `[N, K]`."""
    parameters = [value for value in module.parameters() if value.requires_grad]
    return Victim(parameters=parameters, scores=[module] * n_turns, n_labels=n_labels)


def turns_victim(turns: Sequence[AttributableTurn], name: str) -> Victim:
    """Return a victim of turns of a live reasoner, whose input of a name is to be found out; the others are known."""
    return Victim(
        parameters=[value for _, value in trained(turns[0])],
        scores=[_scorer(turn, name) for turn in turns],
        n_labels=len(turns[0].labels),
        taught=[_taught(turn, name) for turn in turns],
    )


def trained(turn: AttributableTurn) -> list[tuple[str, Tensor]]:
    """Return the parameters that training would change, by name."""
    return [(name, value) for name, value in turn.module.named_parameters() if value.requires_grad]


def _scorer(turn: AttributableTurn, name: str) -> Scores:
    module, features = turn.module, turn.features

    def scores(value: Tensor) -> Tensor:
        return module(*(value if item.name == name else item.values for item in features))

    return scores


def _taught(turn: AttributableTurn, name: str) -> Scores:
    """Return scores that look up the words in their embedding, so that it gets its share of the gradient."""
    module, features, words = turn.module, turn.features, turn.embedded

    def scores(value: Tensor) -> Tensor:
        told = {item.name: item.values for item in features} | {name: value}
        if words is not None:
            told[words.features] = words.layer(words.ids)
        return module(*(told[item.name] for item in features))

    return scores
