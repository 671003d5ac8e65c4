"""The robust membership attack: is the example likelier under the model, for what it is, than the population is?

ratio(x) = p(x | model) / p(x), and the score is the share of the population z with ratio(x) / ratio(z) >= gamma. p(x)
is the mean over models that were and were not trained on x, each kind counting a half. Without the former it is
guessed from the latter: p(x) = ((1 + a) mean_out(x) + (1 - a)) / 2, `a` in [0, 1]. It needs one to four reference
models, where likelihood ratios need dozens.

Ties count half, as where a model gives many labels no probability at all. The population are non-members; an example
is not compared with its own unit. `a` is tuned on a reference model that stands in for the model, by its attack's
AUROC (`tuned_a`).

Source: Zarifzadeh, Liu, Shokri 2024.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.statistics.types import BoolArray, FloatArray, IntArray
from privacy.attacks.roc import auroc

GUESSED_A: Final = 0.3
"""What `a` is where nothing can tune it: a guess, and reports say so."""
GRID: Final = tuple(i / 10 for i in range(11))
_LEAST: Final = 1e-300


def likelihood_ratios(
    probability: FloatArray, references: FloatArray, trained_on: BoolArray | None, *, a: float
) -> FloatArray:
    """Return p(x | model) / p(x) [N] of true-label probabilities [N], given those under references [N, K].

    `trained_on` [N, K] says which reference saw which example; None where none saw any. Examples that only some
    kind of reference knows fall back to `a`; NaN where no reference without the example knows it.

    >>> likelihood_ratios(np.array([0.9]), np.array([[0.5, 0.7]]), None, a=1.0).round(6).tolist()
    [1.5]
    """
    known = np.isfinite(references)
    outside = _mean(references, known if trained_on is None else known & ~trained_on)
    guessed = ((1 + a) * outside + (1 - a)) / 2
    if trained_on is not None:
        inside = _mean(references, known & trained_on)
        guessed = np.where(np.isfinite(inside), (inside + outside) / 2, guessed)
    return np.asarray(probability / np.maximum(guessed, _LEAST))


def rmia(ratios: FloatArray, *, population: BoolArray, unit: IntArray, gamma: float) -> FloatArray:
    """Return the share [N] of the population's examples, other units' only, that each example dominates.

    NaN where the ratio is NaN or the population has no other unit.

    >>> population, unit = np.array([False, True, True]), np.arange(3)
    >>> rmia(np.array([2.0, 1.0, 3.0]), population=population, unit=unit, gamma=1.0).tolist()
    [0.5, 0.0, 1.0]
    """
    usable = np.isfinite(ratios)
    others = population & usable
    needed = np.sort(ratios[others]) * gamma
    beaten = (np.searchsorted(needed, ratios, side="left") + np.searchsorted(needed, ratios, side="right")) / 2
    own_beaten, own = _of_own_unit(ratios, others, unit, gamma)
    n = others.sum() - own
    return np.asarray(np.where(usable & (n > 0), beaten - own_beaten, np.nan) / np.where(n > 0, n, 1))


def tuned_a(references: FloatArray, trained_on: BoolArray, *, unit: IntArray, gamma: float) -> float:
    """Return the `a` under which the first reference, taken for the model, is attacked best with the others.

    Raises:
        ValueError: there are fewer than two references.
    """
    if references.shape[1] < 2:
        raise ValueError("Expected at least two references.")
    target, member = references[:, 0], trained_on[:, 0]
    outside = np.where(trained_on[:, 1:], np.nan, references[:, 1:])

    def success(a: float) -> float:
        score = rmia(likelihood_ratios(target, outside, None, a=a), population=~member, unit=unit, gamma=gamma)
        usable = np.isfinite(score)
        return auroc(score[usable & member], score[usable & ~member])

    found = [success(a) for a in GRID]
    return GRID[int(np.nanargmax(found))] if np.isfinite(found).any() else GUESSED_A


def _of_own_unit(ratios: FloatArray, others: BoolArray, unit: IntArray, gamma: float) -> tuple[FloatArray, IntArray]:
    """Return how many of the others of its own unit each row dominates, itself among them, and how many there are."""
    needed = ratios[others] * gamma
    steps, place = np.unique(np.concatenate([ratios, needed]), return_inverse=True)
    # one number for unit and place on the scale: what lies below it in its unit is found by one search over all units
    mine, keys = (
        whose * len(steps) + at for whose, at in ((unit, place[: len(unit)]), (unit[others], place[len(unit) :]))
    )
    keys = np.sort(keys)
    first, last = (np.searchsorted(keys, (unit + step) * len(steps), side="left") for step in (0, 1))
    below, upto = (np.searchsorted(keys, mine, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / 2 - first), last - first


def _mean(values: FloatArray, taken: BoolArray) -> FloatArray:
    n = taken.sum(axis=1)
    return np.asarray(np.where(taken, values, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan))
