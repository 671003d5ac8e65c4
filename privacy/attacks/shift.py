"""Would members and non-members be told apart by somebody who never saw the model?

If they would, they were drawn differently (another year, another ward, another microphone), and an attack on the model
may succeed by that alone: it detects the shift, and says nothing of memory. Two looks, each with its AUROC:

`shift_auroc`: a linear discriminant on what no model made of a unit (means of `feature_` columns and their squares,
levels of `group_` columns, shares of true labels, how many clips), cross-fitted, so that no unit is told by a
discriminant that saw it, with the permutation test in which membership is dealt anew among the units. Within each fold
scores are put on the scale of its non-members: discriminants of different folds have different origins. It has no
interval: scores that were fitted on one another are no sample, and DeLong's, taken for it, left 0.5 out in 20 of 100
tables without any shift.

`unseen_auroc`: the mean confidence of shadow models that were not trained on the unit. They remember nothing of it;
whom they find easier is easier.

A check that finds nothing is no proof: the shift may lie in what nobody wrote down.

Source: blind baselines, Das, Zhang, Tramer 2024; the classifier two-sample test, Lopez-Paz, Oquab 2017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import norm, rankdata

from affidavit.schema import UNKNOWN
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.types import BoolArray, FloatArray, IntArray

FOLDS: Final = 5
RIDGE: Final = 1.0
MOST_LEVELS: Final = 100
"""Of a feature, and of the label: the most frequent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shift:
    """How well members are told without the model."""

    score: FloatArray
    """[U]"""
    auroc: float
    chance: FloatArray
    """The AUROC where membership is dealt anew, [B]"""

    @property
    def p_value(self) -> float:
        """Of the test that membership has nothing to do with these numbers."""
        return permutation_p_value(self.auroc, self.chance, exact=False)

    def beyond_chance(self, error: float) -> bool:
        """Say whether members are told better than chance tells them at an error below what permutations can show.

        Normal approximation of chance. Simulated over 2,000 looks without a shift, at error 0.0033: at
        most 0.003 of them (10 and 10, 30 and 30, 20 and 200, 60 and 60 units, 3 to 20 numbers).
        """
        spread = float(self.chance.std(ddof=1))
        return spread > 0 and self.auroc > float(self.chance.mean()) - norm.ppf(error) * spread


def unit_numbers(
    features: Mapping[str, FloatArray],
    groups: Mapping[str, tuple[str | None, ...]],
    unit: IntArray,
    n_clips: IntArray,
    *,
    label: Sequence[str] = (),
) -> FloatArray:
    """Return what is known of units without the model [U, F], standardised; no column where nothing is.

    A mean that is not known counts as the mean of the others, and has a column that says so. `label` are the true
    labels of clips [N], empty where they are not known.
    """
    columns: list[FloatArray] = []
    for values in features.values():
        known = np.isfinite(values)
        n = np.bincount(unit[known], minlength=len(n_clips))
        order = np.lexsort((values[known], unit[known]))
        total = np.bincount(unit[known][order], weights=values[known][order], minlength=len(n_clips))
        mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
        filled = _standardised(np.where(n > 0, mean, np.nanmean(mean) if known.any() else 0.0))
        columns += [filled, filled**2, (n > 0).astype(np.float64)]
    for levels in groups.values():
        names = _frequent([level for level in levels if level is not None])
        columns += [np.array([level == name for level in levels], dtype=np.float64) for name in names]
    said = np.array(label, dtype=object)
    columns += [np.bincount(unit[said == name], minlength=len(n_clips)) / n_clips for name in _frequent(label)]
    columns.append(np.log(np.maximum(n_clips, 1).astype(np.float64)))
    spread = [column for column in columns if np.ptp(column) > 0]
    return np.column_stack([_standardised(column) for column in spread]) if spread else np.zeros((len(n_clips), 0))


def _frequent(levels: Sequence[str]) -> list[str]:
    """Return the levels that are met most, `unknown` aside: whoever has none of them is the rest."""
    counted = Counter(level for level in levels if level != UNKNOWN)
    return sorted(sorted(counted, key=lambda level: (-counted[level], level))[:MOST_LEVELS])


def told_apart(numbers: FloatArray, member: BoolArray, *, n_permutations: int, rng: np.random.Generator) -> Shift:
    """Return how well members are told by numbers [U, F] that no model made; U at least 2 `FOLDS`.

    One fold of members and one of non-members is left out at a time; permutations keep the folds.
    """
    fold = np.zeros(len(member), dtype=np.int64)
    for part in (np.flatnonzero(member), np.flatnonzero(~member)):
        fold[rng.permutation(part)] = np.arange(len(part)) % FOLDS
    dealt = np.repeat(member[:, None], 1 + n_permutations, axis=1)
    for k in range(FOLDS):
        inside = fold == k
        dealt[inside, 1:] = rng.permuted(dealt[inside, 1:], axis=0)
    spread = numbers.std(axis=0)  # within a group numbers are not what they are among all
    score = _cross_fitted(numbers / np.where(spread > 0, spread, 1.0), dealt, fold)
    m = int(member.sum())
    ranks = np.where(dealt, rankdata(score, axis=0), 0.0).sum(axis=0)
    areas = (ranks - m * (m + 1) / 2) / (m * (len(member) - m))
    return Shift(score=score[:, 0], auroc=float(areas[0]), chance=areas[1:])


def _cross_fitted(numbers: FloatArray, dealt: BoolArray, fold: IntArray) -> FloatArray:
    """Return the discriminant of each unit for each dealing [U, B], fitted on the other folds.

    Fisher's direction is that of least squares of membership, whose normal matrix knows nothing of who is a member:
    with a ridge of `RIDGE` units' worth, one solution serves all dealings. Scores count from the mean of the fitted
    folds' non-members, in their spread.
    """
    score = np.empty(dealt.shape)
    for k in range(FOLDS):
        inside = fold == k
        centre = numbers[~inside].mean(axis=0)
        x, y = numbers[~inside] - centre, dealt[~inside]
        normal = x.T @ x + RIDGE * np.eye(x.shape[1])
        weights = np.linalg.solve(normal, x.T @ (y - y.mean(axis=0)))
        others = np.where(y, np.nan, x @ weights)
        spread = np.nanstd(others, axis=0)
        away = (numbers[inside] - centre) @ weights - np.nanmean(others, axis=0)
        score[inside] = away / np.where(spread > 0, spread, 1.0)
    return score


def _standardised(column: FloatArray) -> FloatArray:
    spread = column.std()
    return np.asarray((column - column.mean()) / (spread if spread > 0 else 1.0))
