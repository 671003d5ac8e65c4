"""One judgement attributed by the method that a plan names, over inputs whose spans were joined to a bounded number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution, Span
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.game import SpanGame, require_features
from faithfulness.attribution.integrated_gradients import PathOptions, integrated_gradients
from faithfulness.attribution.kernel_shap import kernel_shap
from faithfulness.attribution.occlusion import occlusion
from faithfulness.attribution.options import MethodOptions
from faithfulness.attribution.targets import Targets

BATCH = 64


def joined(feature: Features, at_most: int) -> Features:
    """Return a feature whose neighbouring spans were joined until there are at most so many."""
    n_spans = len(feature.spans)
    if n_spans <= at_most:
        return feature
    place = np.arange(n_spans) * at_most // n_spans
    pieces = [[span for span, here in zip(feature.spans, place, strict=True) if here == k] for k in range(at_most)]
    moved = torch.from_numpy(place).to(feature.groups.device)[feature.groups]
    return replace(feature, groups=moved, spans=tuple(map(_together, pieces)))


def _together(spans: Sequence[Span]) -> Span:
    first, last = spans[0], spans[-1]
    known = all(span.start_s is not None for span in spans)
    chars = [span for span in spans if span.start_char is not None]
    return Span(
        modality=first.modality,
        name=first.name if first == last else f"{first.name} to {last.name}",
        start_s=min(span.start_s for span in spans if span.start_s is not None) if known else None,
        end_s=max(span.end_s for span in spans if span.end_s is not None) if known else None,
        start_char=chars[0].start_char if chars else None,
        end_char=chars[-1].end_char if chars else None,
    )


def joined_features(turn: AttributableTurn, at_most: int) -> tuple[Features, ...]:
    """Return all inputs of a turn, those of one modality together, each of at most so many spans.

    Raises:
        PlanError: there are none.
    """
    return require_features(turn, [joined(feature, at_most) for feature in turn.features])


def game_of(turn: AttributableTurn, targets: Targets, features: Sequence[Features]) -> SpanGame:
    """Return the game of inputs as they are handed over."""
    return SpanGame(turn=turn, targets=targets, features=require_features(turn, features), batch_size=BATCH)


def explained(
    turn: AttributableTurn,
    targets: Targets,
    features: Sequence[Features],
    *,
    options: MethodOptions,
    rng: np.random.Generator,
) -> list[Attribution]:
    """Return an attribution for each target by the method that the options name.

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: there is nothing to attribute to.
    """
    if options.method == "integrated-gradients":
        path = PathOptions(n_steps=options.n_steps, batch_size=BATCH)
        return integrated_gradients(turn, targets, features=features, options=path)
    if options.method == "kernel-shap":
        n_spans = sum(len(feature.spans) for feature in features)
        n_samples = max(options.n_samples, 2 * n_spans)
        return kernel_shap(turn, targets, rng=rng, features=features, n_samples=n_samples, batch_size=BATCH)
    if options.method == "occlusion":
        return _occluded(turn, targets, features)
    return feature_ablation(turn, targets, features=features, batch_size=BATCH)


def _occluded(turn: AttributableTurn, targets: Targets, features: Sequence[Features]) -> list[Attribution]:
    """Occlude by the turn's own windows, and add up what spans that were joined got."""
    own = {feature.name: feature for feature in turn.features}
    fine = [own[feature.name] for feature in features]
    start, into = 0, []
    for feature in features:
        place = np.arange(len(own[feature.name].spans)) * len(feature.spans) // len(own[feature.name].spans)
        into.append(start + place)
        start += len(feature.spans)
    whole = np.concatenate(into)
    spans = tuple(span for feature in features for span in feature.spans)
    return [
        replace(item, spans=spans, values=_added(item.values, whole, len(spans)))
        for item in occlusion(turn, targets, features=fine, batch_size=BATCH)
    ]


def _added(values: FloatArray, place: NDArray[np.int64], n_spans: int) -> FloatArray:
    return np.asarray(np.bincount(place, weights=values, minlength=n_spans), dtype=np.float64)
