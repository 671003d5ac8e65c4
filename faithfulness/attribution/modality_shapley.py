"""Exact Shapley values of the modalities, for labels and for every token of the rationale, from cached encodings.

The players are the modalities that are shown in the dialogue; a coalition's value is the score under the condition that
shows it, as the reasoner is judged under it: what is removed reaches no part of the model, in no turn. Three players
make eight coalitions, and only what comes after the encoders is computed for them, all in one batch.

Source: Shapley 1953; Parcalabescu, Frank 2023 (SHAPE).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import torch

from affidavit.attributable import AttributableTurn
from affidavit.attributions import Attribution, JudgementKey, Span
from affidavit.errors import PlanError
from affidavit.statistics.shapley import interaction_weights, shapley_values
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.targets import Targets

METHOD: Final = "modality-shapley"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModalityGame:
    """The scores of all coalitions of the modalities of one judgement."""

    key: JudgementKey
    targets: tuple[str, ...]
    players: tuple[str, ...]
    """Modalities; player i is in coalition s where bit i of s is set."""
    scores: FloatArray
    """`[T, 2**players]`"""

    @property
    def values(self) -> FloatArray:
        """Shapley values `[T, players]`."""
        return shapley_values(self.scores)

    @property
    def interactions(self) -> dict[tuple[str, str], FloatArray]:
        """Interaction indices `[T]` of each pair: above 0 where two bring more together than apart."""
        n = len(self.players)
        return {
            (self.players[i], self.players[j]): np.asarray(self.scores @ interaction_weights(n, i, j))
            for i, j in combinations(range(n), 2)
        }

    def attributions(self) -> list[Attribution]:
        """Return an attribution for each target, each modality one span."""
        values = self.values
        deltas = values.sum(1) - (self.scores[:, -1] - self.scores[:, 0])
        return [
            Attribution(
                key=self.key,
                target=target,
                method=METHOD,
                spans=tuple(Span(modality=name, name=name) for name in self.players),
                values=values[i],
                output=float(self.scores[i, -1]),
                baseline_output=float(self.scores[i, 0]),
                convergence_delta=float(deltas[i]),
            )
            for i, target in enumerate(self.targets)
        ]


def modality_game(turn: AttributableTurn, targets: Targets) -> ModalityGame:
    """Return the scores of all coalitions of the turn's modalities.

    Raises:
        PlanError: nothing is shown.
    """
    players = turn.modalities
    if not players:
        raise PlanError(
            "no modality is shown that could be taken away",
            slug="plan-impossible",
            where=turn.key.utterance_id,
            found=f"nothing of {turn.key.condition}",
            allowed="a dialogue with text, audio or video that the reasoner takes in",
            remedy="leave the utterance out",
        )
    coalitions = [
        frozenset(name for i, name in enumerate(players) if number >> i & 1) for number in range(2 ** len(players))
    ]
    with torch.no_grad():
        scores = targets.of(turn.under(coalitions, rationale=targets.rationale)).double().cpu().numpy()
    return ModalityGame(key=turn.key, targets=targets.names, players=players, scores=np.ascontiguousarray(scores.T))
