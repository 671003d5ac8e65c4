"""Values of spans and targets as attributions, with what they should sum to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affidavit.attributable import Features
from affidavit.attributions import Attribution
from faithfulness.attribution.game import SpanGame


def attributions_of(game: SpanGame, method: str, values: Tensor, *, complete: bool) -> list[Attribution]:
    """Return an attribution for each target from values `[T, S]`; `complete` methods promise to sum to the difference.

    The sum is compared with the scores of everybody and nobody, whatever the method itself thinks that it attributed.
    """
    output, nobody = (_numbers(end) for end in game.ends())
    numbers = _numbers(values)
    deltas = numbers.sum(1) - (output - nobody)
    return [
        Attribution(
            key=game.turn.key,
            target=name,
            method=method,
            spans=game.spans,
            values=numbers[i],
            output=float(output[i]),
            baseline_output=float(nobody[i]),
            convergence_delta=float(deltas[i]) if complete else None,
        )
        for i, name in enumerate(game.targets.names)
    ]


def by_span(values: Sequence[Tensor], features: Sequence[Features], *, mean: bool = False) -> Tensor:
    """Return `[N, S]`: values `[N, ...]` of each feature summed (or averaged) over each span, all spans in order."""
    parts = []
    for value, feature in zip(values, features, strict=True):
        flat, groups = value.flatten(1), feature.groups[0].flatten()
        total = flat.new_zeros(len(flat), len(feature.spans)).index_add(1, groups, flat)
        parts.append(total / groups.bincount(minlength=len(feature.spans)).clamp(min=1) if mean else total)
    return torch.cat(parts, dim=1)


def _numbers(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.detach().double().cpu().numpy())
