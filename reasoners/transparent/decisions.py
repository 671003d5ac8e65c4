"""How a transparent reasoner decides: one small function a rule, applied once to every pattern that there can be.

Each rule says how much each modality's word counts, and in which order modalities take precedence. The weights for a
label add up; the answer is the label with most weight, of equal ones that of the modality with precedence; without any
weight it is the prior label. Probabilities are the softmax of weight over temperature, or the prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from affidavit.conditions import MODALITIES
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import BoolArray, FloatArray, IntArray, all_patterns

N_MASKS: Final = 8
_DIGITS: Final = 9
"""Weights are compared to this many digits: 0.1 + 0.2 is no more than 0.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The answer to every question: axes are whether identity shifts it, who leads, what is shown, what is told."""

    answer: IntArray
    """[2, 3, 8, P], label codes."""
    probabilities: FloatArray
    """[2, 3, 8, P, K]."""
    used: BoolArray
    """[2, 3, 8, P, 3]: whether taking the modality away (it is shown no more) changes the answer."""
    taken_from: IntArray
    """[2, 3, 8, P]: the modality that the answer was taken from; where it was from none, the one with precedence of
    those shown (the one that leads where none is)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Say:
    """What a rule makes of all patterns under one mask."""

    weight: FloatArray
    """[P, 3]."""
    precedence: tuple[int, int, int]
    """Modalities, the first first."""


def decide(options: TransparentOptions) -> Decisions:
    """Return the decisions of the rule about every pattern."""
    n_labels = len(options.labels)
    patterns = all_patterns(n_labels)
    shape = (2, 3, N_MASKS, len(patterns))
    answer, taken_from = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    probabilities = np.empty((*shape, n_labels))
    for shifted, leading, mask in np.ndindex(shape[:3]):
        say = _RULES[options.rule](options, (patterns < n_labels) & _shown(mask), leading)
        score = _scores(options, patterns, say, shifted)
        here = shifted, leading, mask
        answer[here] = _answers(options, patterns, say, score)
        taken_from[here] = _sources(patterns, say, answer[here], mask)
        probabilities[here] = _probabilities(options, score)
    return Decisions(answer=answer, probabilities=probabilities, used=_used(answer), taken_from=taken_from)


def _shown(mask: int) -> BoolArray:
    return (mask >> np.arange(3) & 1).astype(bool)


def _by_leading(options: TransparentOptions, speaks: BoolArray, leading: int) -> _Say:
    """Only the first modality that speaks has a say: the leading one, then the others in their order."""
    fixed = [list(MODALITIES.values()).index(name) for name in options.order]
    first, second, third = (leading, *(modality for modality in fixed if modality != leading))
    weight = np.zeros(speaks.shape)
    heard = np.zeros(len(speaks), dtype=bool)
    for modality in (first, second, third):
        weight[:, modality] = speaks[:, modality] & ~heard
        heard |= speaks[:, modality]
    return _Say(weight=weight, precedence=(first, second, third))


def _by_vote(options: TransparentOptions, speaks: BoolArray, leading: int) -> _Say:
    """Every modality that speaks has its weight; the heavier takes precedence, whoever leads."""
    del leading
    weights = options.weights.by_modality
    fixed = [list(MODALITIES.values()).index(name) for name in options.order]
    first, second, third = sorted(fixed, key=lambda modality: -weights[modality])
    return _Say(weight=speaks * np.array(weights), precedence=(first, second, third))


def _blindly(options: TransparentOptions, speaks: BoolArray, leading: int) -> _Say:
    """No modality has a say."""
    precedence = _by_leading(options, speaks, leading).precedence
    return _Say(weight=np.zeros(speaks.shape), precedence=precedence)


_RULES: Final = MappingProxyType[str, Callable[[TransparentOptions, BoolArray, int], _Say]](
    {"leading": _by_leading, "vote": _by_vote, "blind": _blindly, "identity": _by_vote}
)


def _scores(options: TransparentOptions, patterns: IntArray, say: _Say, shifted: int) -> FloatArray:
    """Return the weight for each label, [P, K]; identity adds its own."""
    n_labels = len(options.labels)
    told = np.eye(n_labels + 1)[patterns][:, :, :n_labels]
    score: FloatArray = np.einsum("pm,pmk->pk", say.weight, told)
    if shifted and options.rule == "identity" and options.identity is not None:
        score[:, options.labels.index(options.identity.label)] += options.identity.shift
    return np.round(score, _DIGITS)


def _answers(options: TransparentOptions, patterns: IntArray, say: _Say, score: FloatArray) -> IntArray:
    most = score.max(axis=1)
    answer = np.where(most > 0, score.argmax(axis=1), options.prior_label).astype(np.int64)
    row = np.arange(len(patterns))
    padded = np.concatenate([score, np.zeros((len(score), 1))], axis=1)
    for modality in reversed(say.precedence):
        told = patterns[:, modality]
        wins = (say.weight[:, modality] > 0) & (padded[row, told] == most)
        answer[wins] = told[wins]
    return answer


def _sources(patterns: IntArray, say: _Say, answer: IntArray, mask: int) -> IntArray:
    shown = [modality for modality in say.precedence if mask >> modality & 1]
    source = np.full(len(patterns), shown[0] if shown else say.precedence[0])
    for modality in reversed(say.precedence):
        source[(say.weight[:, modality] > 0) & (patterns[:, modality] == answer)] = modality
    return source


def _probabilities(options: TransparentOptions, score: FloatArray) -> FloatArray:
    raised = np.exp((score - score.max(axis=1, keepdims=True)) / options.temperature)
    shares: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    nothing = score.max(axis=1) == 0
    shares[nothing] = list(options.label_distribution.values())
    return shares


def _used(answer: IntArray) -> BoolArray:
    used = np.zeros((*answer.shape, 3), dtype=bool)
    for mask in range(N_MASKS):
        for modality in range(3):
            if mask >> modality & 1:
                used[:, :, mask, :, modality] = answer[:, :, mask] != answer[:, :, mask & ~(1 << modality)]
    return used
