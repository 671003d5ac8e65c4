"""Occlusion: a window of neighbouring spans becomes the baseline, and moves on by one span.

A span's value is the mean fall of the score over the windows that cover it, so evidence that stands in several
neighbours is seen where ablating each alone sees nothing. With windows of one span it is feature ablation.

Source: Zeiler, Fergus 2014; Captum `Occlusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import span_game
from faithfulness.attribution.integrated_gradients import scoring
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of, by_span

METHOD: Final = "occlusion"


def occlusion(
    turn: AttributableTurn,
    targets: Targets,
    *,
    features: Sequence[Features] | None = None,
    width: int = 2,
    batch_size: int = 32,
) -> list[Attribution]:
    """Return an attribution for each target, over the features (all where None); windows are `width` spans wide.

    Windows widen along the first axis, which is time; descriptors, which have no neighbours, are taken one by one.

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: there is nothing to attribute to.
    """
    game = span_game(turn, targets, features=features, batch_size=batch_size)
    captum = explainer("captum.attr")
    parts = []
    for feature in game.features:
        # each tensor alone, so that what nobody moves is never encoded again
        method = captum.Occlusion(scoring(turn, targets, [feature]))
        found = method.attribute(
            feature.values,
            sliding_window_shapes=_window(feature, width),
            strides=feature.window,
            baselines=feature.baseline,
            perturbations_per_eval=batch_size,
        )
        parts.append(by_span([found], [feature], mean=True))
    return attributions_of(game, METHOD, torch.cat(parts, dim=1), complete=False)


def _window(feature: Features, width: int) -> tuple[int, ...]:
    if len(feature.window) == 1:
        return feature.window
    return min(width * feature.window[0], feature.values.shape[1]), *feature.window[1:]
