"""Infidelity: how badly an attribution foretells what happens when random sets of spans are removed.

For a set I of removed spans, the attribution foretells that the score falls by the sum of their values. Infidelity is
the mean square of what it is wrong by. `normalised` lets the attribution be scaled by the one factor that suits it
best, so that methods whose values have other units can stand beside each other.

Source: Yeh et al. 2019, definition 2.1 (square removal); Captum `metrics.infidelity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from affidavit.attributions import Attribution
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.game import SpanGame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Infidelity:
    """What was foretold and what happened, of T targets under D removals."""

    foretold: FloatArray
    """`[T, D]`: sum of the removed spans' values."""
    happened: FloatArray
    """`[T, D]`: the fall of the score."""

    @property
    def squares(self) -> FloatArray:
        """Squared errors `[T, D]`, from which a mean over judgements takes its interval."""
        return np.asarray((self.foretold - self.happened) ** 2)

    @property
    def values(self) -> FloatArray:
        """Infidelities `[T]`: 0 or more, lower is better, in the square of the target's unit."""
        return np.asarray(self.squares.mean(1))

    @property
    def normalised(self) -> FloatArray:
        """Infidelities `[T]` of the attribution scaled by E[foretold happened] / E[foretold^2].

        | attribution | value |
        |---|---|
        | foretells everything but for a factor | 0 |
        | all zeros, or unrelated to what happened | E[happened^2] |
        """
        square = (self.foretold**2).mean(1)
        factor = np.divide((self.foretold * self.happened).mean(1), square, out=np.zeros_like(square), where=square > 0)
        return np.asarray(((factor[:, None] * self.foretold - self.happened) ** 2).mean(1))


def infidelity(
    game: SpanGame,
    attributions: Sequence[Attribution],
    *,
    rng: np.random.Generator,
    n_draws: int = 64,
    removed_share: float = 0.5,
) -> Infidelity:
    """Return what attributions of a game's targets foretell of random removals, each span with the same chance.

    Raises:
        ValueError: the attributions are not of the game's targets and spans, in their order.
    """
    if [item.target for item in attributions] != list(game.targets.names) or any(
        item.spans != game.spans for item in attributions
    ):
        raise ValueError("the attributions are of other targets or spans than the game")
    removed = rng.random((n_draws, len(game.spans))) < removed_share
    kept = torch.from_numpy(~removed).to(game.everybody.device)
    output, _ = game.ends()
    happened = (output - game.scores(kept)).double().cpu().numpy().T
    values = np.stack([item.values for item in attributions])
    return Infidelity(foretold=values @ removed.T, happened=np.ascontiguousarray(happened))
