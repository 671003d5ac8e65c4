"""Model-parameter randomisation: an explanation that survives the loss of what the model learnt explains the input.

From the outputs down, one part of the model after the other is drawn anew, and stays so; after each, the turn is
explained again and compared with the first explanation by rank. An explanation of the model loses its order; one whose
order stays reads edges, lengths or positions, which are there without any model.

Source: Adebayo et al. 2018, cascading randomisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata
from torch import nn

from affidavit.attributable import AttributableTurn
from affidavit.statistics.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Randomised:
    """How alike explanations are after a part, and all above it, was drawn anew."""

    layer: str
    rank_correlation: FloatArray
    """`[T]`, Spearman's, -1 to 1, of the values; NaN where all values of either are equal."""
    absolute_rank_correlation: FloatArray
    """The same of their absolute values: many explanations are read without their sign."""


def randomisation_cascade(
    turn: AttributableTurn, explain: Callable[[AttributableTurn], FloatArray], *, rng: np.random.Generator
) -> tuple[Randomised, ...]:
    """Return the comparison after each of the turn's layers; `explain` gives values `[T, S]` of a turn.

    The model has its own parameters again afterwards, whatever happens.
    """
    plain = explain(turn)
    found = []
    with restored(turn.module):
        for layer in turn.layers:
            draw_anew(turn.module, layer, rng)
            values = explain(turn.anew())
            found.append(
                Randomised(
                    layer=layer,
                    rank_correlation=_by_rank(plain, values),
                    absolute_rank_correlation=_by_rank(np.abs(plain), np.abs(values)),
                )
            )
    return tuple(found)


@contextmanager
def restored(module: nn.Module) -> Iterator[None]:
    """Give a module its parameters back when the block ends."""
    kept = {name: value.detach().clone() for name, value in module.named_parameters()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in module.named_parameters():
                value.copy_(kept[name])


def draw_anew(module: nn.Module, layer: str, rng: np.random.Generator) -> None:
    """Draw the parameters below a prefix from a normal distribution of the root mean square that each tensor has.

    Tensors of zeros stay zeros.

    Raises:
        ValueError: no parameter has the prefix.
    """
    chosen = [value for name, value in module.named_parameters() if f"{name}.".startswith(f"{layer}.")]
    if not chosen:
        raise ValueError(f"no parameter is below {layer!r}")
    with torch.no_grad():
        for value in chosen:
            spread = float(value.detach().double().pow(2).mean().sqrt())
            value.copy_(torch.from_numpy(rng.normal(0.0, spread, tuple(value.shape))))


def _by_rank(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.array([_spearman(a, b) for a, b in zip(first, second, strict=True)])


def _spearman(first: Sequence[float] | FloatArray, second: Sequence[float] | FloatArray) -> float:
    one, other = rankdata(first), rankdata(second)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
