"""What is attributed: scores of labels, log-probabilities of a rationale's tokens, or several of them at once.

Targets that are asked for together share their forward passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from affidavit.attributable import AttributableTurn
from affidavit.attributions import emotion_target, token_target
from affidavit.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Columns of a turn's scores, by name."""

    names: tuple[str, ...]
    columns: tuple[int, ...]
    rationale: bool
    """Whether any of them is a token, so that the rationale has to be scored."""

    def __len__(self) -> int:
        """Return T, how many they are."""
        return len(self.names)

    def of(self, scores: Tensor) -> Tensor:
        """Return the targets' scores `[N, T]` from a turn's `[N, K]` or `[N, K + R]`."""
        chosen: Tensor = scores[:, list(self.columns)]
        return chosen


def all_targets(turn: AttributableTurn) -> Targets:
    """Return every label and every token of the rationale."""
    names = (*map(emotion_target, turn.labels), *(token_target(i, text) for i, text in enumerate(turn.tokens)))
    return Targets(names=names, columns=tuple(range(len(names))), rationale=bool(turn.tokens))


def named_targets(turn: AttributableTurn, names: Sequence[str]) -> Targets:
    """Return the targets of these names.

    Raises:
        PlanError: the turn has no such target, or none is named.
    """
    known = all_targets(turn).names
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise PlanError(
            "there is no such target of an attribution",
            slug="plan-impossible",
            where=turn.key.utterance_id,
            found=", ".join(strange) or "no target",
            allowed=", ".join(known),
            remedy="name a label of the reasoner as emotion:<label>, or a token of this rationale as token:<i>:<text>",
        )
    columns = tuple(known.index(name) for name in names)
    return Targets(names=tuple(names), columns=columns, rationale=max(columns) >= len(turn.labels))


def predicted_emotion(turn: AttributableTurn) -> Targets:
    """Return the label with the highest score; the first of several.

    Raises:
        PlanError: the turn has no labels.
    """
    with torch.no_grad():
        scores: Tensor = turn.concluded({}, rationale=False)
    return named_targets(turn, [emotion_target(turn.labels[int(scores[0].argmax())])] if turn.labels else [])


def rationale_tokens(turn: AttributableTurn) -> Targets:
    """Return every token of the rationale.

    Raises:
        PlanError: there is no rationale.
    """
    return named_targets(turn, [token_target(i, text) for i, text in enumerate(turn.tokens)])
