"""Integrated gradients: gradients gathered on the straight way from the baseline to the input, all features together.

Completeness, sum(values) = f(x) - f(b), holds as the number of steps grows where f is smooth enough for it; on language
models it may not come (the convergence delta says so, `require_converged` refuses).

Source: Sundararajan, Taly, Yan 2017, equation 1; Captum `IntegratedGradients`, Gauss-Legendre.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import span_game
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of, by_span

METHOD: Final = "integrated-gradients"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOptions:
    """How a way is cut into steps."""

    n_steps: int = 50
    batch_size: int = 32
    """Rows, of steps and targets, that are differentiated together; bounds memory."""


FIFTY_STEPS: Final = PathOptions()


def integrated_gradients(
    turn: AttributableTurn,
    targets: Targets,
    *,
    features: Sequence[Features] | None = None,
    options: PathOptions = FIFTY_STEPS,
) -> list[Attribution]:
    """Return an attribution for each target, over the features (all where None).

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: there is nothing to attribute to.
    """
    game = span_game(turn, targets, features=features, batch_size=options.batch_size)
    method = explainer("captum.attr").IntegratedGradients(scoring(turn, targets, game.features))
    parts = []
    for columns in torch.arange(len(targets)).split(max(1, options.batch_size // 4)):
        inputs = tuple(feature.values.expand(len(columns), *feature.values.shape[1:]) for feature in game.features)
        found = method.attribute(
            inputs,
            baselines=tuple(feature.baseline for feature in game.features),
            target=columns.to(inputs[0].device),
            n_steps=options.n_steps,
            internal_batch_size=max(options.batch_size, len(columns)),
        )
        parts.append(by_span(found, game.features))
    return attributions_of(game, METHOD, torch.cat(parts), complete=True)


def scoring(turn: AttributableTurn, targets: Targets, features: Sequence[Features]) -> Callable[..., Tensor]:
    """Return the function from the features' values `[N, ...]`, in their order, to the targets' scores `[N, T]`."""

    def scores(*values: Tensor) -> Tensor:
        inputs: dict[str, dict[str, Tensor]] = {}
        for feature, value in zip(features, values, strict=True):
            inputs.setdefault(feature.modality, {})[feature.name] = value
        states = {modality: turn.encoded(modality, given) for modality, given in inputs.items()}
        return targets.of(turn.concluded(states, rationale=targets.rationale))

    return scores
