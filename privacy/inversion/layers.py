"""What the gradient of a linear layer tells of what went into it.

Where turns b enter a layer `W x + c` as states x_b, the gradient of W is the sum of d_b x_b^T and that of c the sum of
d_b. So the state of one turn is the gradient of W over that of c (Phong, Aono, Hayashi, Wang, Moriai 2018, section 3),
without a search; and the states of B turns, a 1 set behind each, lie in the span of the rows of both side by side, as
long as its rank is B (after Dimitrov et al. 2024; Petrov et al. 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Tensor = Any
_NOTHING: Final = 1e-5
"""Of the largest singular value: what single precision leaves of a rank that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seat:
    """One linear layer with a bias, both trained: where to find its gradients in an update."""

    name: str
    weight: int
    bias: int
    layer: Any = field(repr=False)
    """An `nn.Linear`."""


def seats(module: Any, parameters: Sequence[Tensor]) -> list[Seat]:  # noqa: ANN401 - an nn.Module
    """Return the linear layers of a module whose weight and bias are both among the parameters."""
    from torch import nn

    place = {id(value): i for i, value in enumerate(parameters)}
    return [
        Seat(name=name, weight=place[id(layer.weight)], bias=place[id(layer.bias)], layer=layer)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and id(layer.weight) in place and id(layer.bias) in place
    ]


def both(update: Sequence[Tensor], seat: Seat) -> Tensor:
    """Return the gradients of weight and bias side by side, float64 `[out, in + 1]`."""
    import torch

    return torch.cat([update[seat.weight], update[seat.bias][:, None]], dim=1).detach().double()


def rank(update: Sequence[Tensor], seat: Seat) -> int:
    """Return how many turns' states the gradients are made of, of an update without noise."""
    import torch

    found = torch.linalg.svdvals(both(update, seat))
    return int((found > _NOTHING * found[0]).sum()) if float(found[0]) > 0 else 0


def span(update: Sequence[Tensor], seat: Seat, n_turns: int, *, noise: float = 0.0) -> Tensor:
    """Return an orthonormal basis `[r, in + 1]` of the rows, r at most `n_turns`.

    Of an update with noise of a standard deviation only the directions that stand above what noise alone gives (the
    edge of the singular values of a matrix of noise, sd (sqrt(out) + sqrt(in + 1))).
    """
    import torch

    rows = both(update, seat)
    _, sizes, found = torch.linalg.svd(rows, full_matrices=False)
    edge = noise * sum(length**0.5 for length in rows.shape)
    n_above = int((sizes > edge).sum())
    return found[: min(n_turns, n_above)]


def state(update: Sequence[Tensor], seat: Seat) -> Tensor:
    """Return the state `[in]` that one turn entered the layer with: exact of rank one, else by least squares."""
    bias = update[seat.bias].detach().double()
    weight = update[seat.weight].detach().double()
    return (bias @ weight) / (bias @ bias).clamp(min=1e-300)
