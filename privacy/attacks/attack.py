"""The attacks that a table of losses allows, and which of them is the one that is told.

Which attack leads is fixed by what the table holds, before anything is scored: the best of several after the fact
would be better than it is.

| attack | takes | leads where |
|---|---|---|
| `lira-online` | shadows, some trained on each example and some not | there are 16 or more of them |
| `lira-offline` | shadows not trained on the example | there are 16 or more of them |
| `rmia` | a few reference models | there is any |
| `loss` | the loss alone | there is no shadow |

Source: the loss threshold, Yeom et al. 2018; the others in their modules.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from affidavit.statistics.types import BoolArray, FloatArray, IntArray
from privacy.attacks.confidence import probability
from privacy.attacks.lira import offline_lira, online_lira
from privacy.attacks.reading import Losses
from privacy.attacks.rmia import GUESSED_A, likelihood_ratios, rmia, tuned_a

AttackName = Literal["lira-online", "lira-offline", "rmia", "loss"]
ENOUGH_SHADOWS: Final = 16
WORDS: Final = {
    "lira-online": "LiRA, online",
    "lira-offline": "LiRA, offline",
    "rmia": "RMIA",
    "loss": "loss threshold",
}


def possible_attacks(losses: Losses) -> tuple[AttackName, ...]:
    """Return the attacks that the table allows, the one that leads first."""
    n_shadows = losses.shadows.shape[1]
    if n_shadows == 0:
        return ("loss",)
    likelihood: tuple[AttackName, ...] = ("lira-online", "lira-offline") if _both(losses) else ("lira-offline",)
    if n_shadows < 2:
        return ("rmia", "loss")
    return (*likelihood, "rmia", "loss") if n_shadows >= ENOUGH_SHADOWS else ("rmia", *likelihood, "loss")


def attack_scores(losses: Losses, attack: AttackName, *, unit: IntArray, gamma: float, a: float) -> FloatArray:
    """Return the score of each clip [N], NaN where shadows that it takes do not know the clip."""
    if attack == "loss":
        return losses.confidence
    if attack == "lira-online":
        return online_lira(losses.confidence, losses.shadows, _flags(losses))
    if attack == "lira-offline":
        return offline_lira(losses.confidence, losses.shadows, losses.trained_on)
    ratios = likelihood_ratios(probability(losses.confidence), probability(losses.shadows), losses.trained_on, a=a)
    return rmia(ratios, population=~losses.member, unit=unit, gamma=gamma)


def chosen_a(losses: Losses, *, unit: IntArray, gamma: float, a: float | None) -> float:
    """Return RMIA's `a`: given, tuned where a reference knows what it was trained on, guessed otherwise."""
    if a is not None:
        return a
    if losses.trained_on is None or not tunable(losses):
        return GUESSED_A
    return tuned_a(probability(losses.shadows), losses.trained_on, unit=unit, gamma=gamma)


def tunable(losses: Losses) -> bool:
    """Say whether the first reference can stand in for the model: it says whom it saw, and there is another."""
    flags = losses.trained_on
    return flags is not None and flags.shape[1] > 1 and bool(flags[:, 0].any()) and not bool(flags[:, 0].all())


def unseen_confidence(losses: Losses) -> FloatArray:
    """Return the mean confidence [N] of shadows that were not trained on the clip, NaN where there is none."""
    outside = np.isfinite(losses.shadows) & ~_flags(losses)
    n = outside.sum(axis=1)
    return np.asarray(np.where(outside, losses.shadows, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan))


def _flags(losses: Losses) -> BoolArray:
    return np.zeros(losses.shadows.shape, dtype=bool) if losses.trained_on is None else losses.trained_on


def _both(losses: Losses) -> bool:
    """Say whether most clips have a shadow that was trained on them and one that was not."""
    known, inside = np.isfinite(losses.shadows), _flags(losses)
    both = np.stack([(known & inside).any(axis=1), (known & ~inside).any(axis=1)]).all(axis=0)
    return bool(both.sum() > both.size / 2)
