"""One answer attributed by several methods, each with its checks: the sum, a placebo, and what erasing does.

The placebo is the same method on the same model with all its parameters drawn anew. An attribution that looks like its
placebo shows the input and not what the model learnt from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, cast

import numpy as np

from affidavit.attributable import AttributableTurn
from affidavit.attributions import Attribution, emotion_target
from affidavit.errors import AffidavitError
from affidavit.explanations import Attributed, NotDone, ValuedSpan
from affidavit.seeds import seed_of
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.consistency import cosine
from faithfulness.attribution.convergence import unconverged
from faithfulness.attribution.deep_lift import deep_lift
from faithfulness.attribution.erasing import losses
from faithfulness.attribution.explaining import explained, joined_features
from faithfulness.attribution.layer_integrated_gradients import layer_integrated_gradients
from faithfulness.attribution.modality_shapley import modality_game
from faithfulness.attribution.options import Method, MethodOptions
from faithfulness.attribution.partition import partition_shap
from faithfulness.attribution.targets import Targets, named_targets
from faithfulness.sanity.randomised import draw_anew, restored

JOINT: Final = ("feature-ablation", "integrated-gradients", "kernel-shap", "occlusion")
"""Methods over all inputs at once; what they rank first can be erased."""
Attribute = Callable[[AttributableTurn, Targets], list[Attribution]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is attributed, and how."""

    label: str
    options: MethodOptions
    seed: int


def _joint(turn: AttributableTurn, targets: Targets, *, question: Question, method: str) -> list[Attribution]:
    options = question.options.model_copy(update={"method": cast("Method", method)})
    features = joined_features(turn, options.most_spans)
    rng = np.random.default_rng(seed_of(question.seed, method))
    return explained(turn, targets, features, options=options, rng=rng)


def _by_modality(turn: AttributableTurn, targets: Targets) -> list[Attribution]:
    return modality_game(turn, targets).attributions()


_OTHERS: Final[Mapping[str, Attribute]] = MappingProxyType(
    {
        "modality-shapley": _by_modality,
        "layer-integrated-gradients": layer_integrated_gradients,
        "partition-shap": partition_shap,
        "deep-lift": deep_lift,
    }
)
METHODS: Final = (*JOINT, *_OTHERS)


def attributed(turn: AttributableTurn, method: str, question: Question) -> Attributed | NotDone:
    """Return the answer's score attributed by one method, with its checks; or why the method refuses."""
    attribute: Attribute = _OTHERS.get(method) or partial(_joint, question=question, method=method)
    try:
        targets = named_targets(turn, [emotion_target(question.label)])
        (own,) = attribute(turn, targets)
        placebo = _placebo(turn, targets, attribute, question)
        erased = _erased(turn, own.values, question) if method in JOINT else (None, None)
    except AffidavitError as error:
        return NotDone(method=method, because=_why(error))
    return Attributed(
        method=method,
        condition=turn.key.condition,
        target=own.target,
        output=own.output,
        baseline_output=own.baseline_output,
        gap=own.convergence_delta,
        gap_share=own.relative_delta,
        sums=None if own.convergence_delta is None else not unconverged([own]),
        placebo_likeness=None if placebo is None else _finite(cosine(own.values, placebo)),
        erased=erased[0],
        erased_random=erased[1],
        spans=tuple(_spans(own, placebo)),
    )


def _why(error: AffidavitError) -> str:
    parts = (error.what, error.found, error.remedy)
    return ": ".join(part for part in parts[:2] if part) + (f"; {parts[2]}" if parts[2] else "")


def _placebo(turn: AttributableTurn, targets: Targets, attribute: Attribute, question: Question) -> FloatArray | None:
    """Return the values with all parameters drawn anew; None where the model has no parts that could be."""
    if not turn.layers:
        return None
    rng = np.random.default_rng(seed_of(question.seed, "parameters"))
    with restored(turn.module):
        for layer in turn.layers:
            draw_anew(turn.module, layer, rng)
        (found,) = attribute(turn.anew(), targets)
    return found.values


def _erased(turn: AttributableTurn, values: FloatArray, question: Question) -> tuple[float, float]:
    """Return the mean probability lost without the first-ranked inputs, and without as many at random."""
    rng = np.random.default_rng(seed_of(question.seed, "erasing"))
    lost = losses(turn, question.label, joined_features(turn, question.options.most_spans), values, rng=rng)
    return float(lost.without_top.mean()), float(lost.without_random.mean())


def _spans(own: Attribution, placebo: FloatArray | None) -> Iterator[ValuedSpan]:
    drawn: Sequence[float | None] = [None] * len(own.values) if placebo is None else placebo.tolist()
    for span, value, other in zip(own.spans, own.values.tolist(), drawn, strict=True):
        yield ValuedSpan(
            modality=span.modality,
            name=span.name,
            start_s=span.start_s,
            end_s=span.end_s,
            start_char=span.start_char,
            end_char=span.end_char,
            value=value,
            placebo=other,
        )


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
