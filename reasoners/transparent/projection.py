"""What is left of a transparent reasoner without interactions of modalities: its additive projection, exactly.

In scores l (logarithms of probabilities), over modalities drawn independently, each as it tells of anybody:

    f~(x) = sum over shown modalities m of E[l, given what m tells]  -  (M - 1) E[l]

A vote adds up, so it is its own projection (with equal label shares); the rule `leading` asks one modality after the
other, and is not. Of equal scores the reasoner's own answer wins, else the first label. What is used, and so what a
rationale cites, stays the reasoner's: the projection is of its answers.

Source: Hessel and Lee 2020 (EMAP), with the stated chances in the place of means over utterances.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from reasoners.transparent.decisions import N_MASKS, Decisions
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import FloatArray, telling_rates
from reasoners.transparent.showing import Showing

_LEAST: Final = 1e-300
"""Stands for a probability of zero, which has no logarithm."""
_DIGITS: Final = 9
"""Scores are compared to this many digits."""


def under(options: TransparentOptions, decisions: Decisions, showing: Showing) -> Decisions:
    """Return the decisions that are made under a condition: the reasoner's own, or its projection's."""
    return projected(options, decisions) if showing.additive else decisions


def projected(options: TransparentOptions, decisions: Decisions) -> Decisions:
    """Return the decisions of the additive projection; axes as in `Decisions`."""
    scores = np.log(np.maximum(decisions.probabilities, _LEAST))
    found = np.empty_like(scores)
    for mask in range(N_MASKS):
        found[:, :, mask] = _additive(options, scores[:, :, mask], mask)
    found -= found.max(axis=-1, keepdims=True)
    raised = np.exp(found)
    rounded = np.round(found, _DIGITS)
    own = np.take_along_axis(rounded, decisions.answer[..., None], axis=-1)[..., 0]
    answer = np.where(own >= 0, decisions.answer, rounded.argmax(axis=-1))
    return replace(decisions, answer=answer, probabilities=raised / raised.sum(axis=-1, keepdims=True))


def _additive(options: TransparentOptions, scores: FloatArray, mask: int) -> FloatArray:
    """Return the projection of scores [2, 3, P, K] of one mask."""
    n_labels = len(options.labels)
    prior = np.array(list(options.label_distribution.values()))
    laws = [prior @ rates for rates in telling_rates(options)]
    cube = scores.reshape(2, 3, *(n_labels + 1,) * 3, n_labels)
    shown = [modality for modality in range(3) if mask >> modality & 1]
    parts = [_mean(cube, laws, kept=modality) for modality in shown]
    total = sum(parts, np.zeros_like(cube)) - (len(shown) - 1) * _mean(cube, laws, kept=None)
    return total.reshape(scores.shape)


def _mean(cube: FloatArray, laws: list[FloatArray], *, kept: int | None) -> FloatArray:
    """Return the mean of scores [2, 3, T, A, V, K] over all modalities but the one that is kept, as wide as before."""
    for modality, law in enumerate(laws):
        if modality != kept:
            mean = np.tensordot(cube, law, axes=(2 + modality, 0))
            cube = np.broadcast_to(np.expand_dims(mean, 2 + modality), cube.shape)
    return cube
