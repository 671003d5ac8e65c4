"""Which subgroup and score bin is calibrated worst? The greatest mean residual, beside what chance alone gives.

Chance is where every score is right: the residuals of every unit have mean zero in every cell, and a normal multiplier
of mean 0 and variance 1 for each unit gives sums with the same covariance. The band is the quantile of the greatest
deviation of all cells together, by the same multipliers.

Source: multiplier bootstrap of maxima: Chernozhukov, Chetverikov, Kato 2013.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.records import NullExpectation
from affidavit.statistics.levels import normal_critical
from affidavit.tally import FloatArray, IntArray
from audit.multicalibration.scores import Bins
from audit.subgroups.claims import expectation_of
from audit.subgroups.conjunctions import Conjunctions
from audit.subgroups.halves import BoolArray, CellSums
from audit.subgroups.search import TAIL_DRAWS

_BLOCK_ENTRIES: Final = 4_000_000
_MOST_MULTIPLIERS: Final = 25_000_000
LEAST_DRAWS: Final = 499
"""Draws where units are so many that as many as a plan asks for would take minutes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Miscalibration:
    """What the searched units say of all subgroups and bins."""

    means: FloatArray
    """Mean residual (outcome less score), [G, width]; NaN where it is not compared."""
    chance: FloatArray
    """The greatest absolute mean of each draw where every score is right, [B]."""
    deviations: FloatArray
    """The greatest absolute deviation of each draw, [B]."""
    largest_error: float

    @property
    def greatest(self) -> float:
        """The greatest violation."""
        return float(np.nanmax(np.abs(self.means)))

    def ranked(self, n: int) -> list[tuple[int, int]]:
        """Return the n greatest violations as (subgroup, column)."""
        violation = np.nan_to_num(np.abs(self.means), nan=-1.0).ravel()
        order = np.argsort(-violation, kind="stable")[: min(n, int((violation >= 0).sum()))]
        return [(int(g), int(j)) for g, j in zip(*np.unravel_index(order, self.means.shape), strict=True)]

    def expectation(self) -> NullExpectation:
        """Return what chance alone finds where every score is right."""
        return expectation_of(self.chance, f"{len(self.chance)} draws of multipliers of the searched units")

    def band(self, level: float) -> float:
        """Return how far the greatest true violation can be from the greatest estimate at this level.

        Where the draws do not resolve the level, the widest normal bound of a single one (Bonferroni).
        """
        if len(self.deviations) * (1 - level) >= TAIL_DRAWS:
            return float(np.quantile(self.deviations, level))
        compared = int((~np.isnan(self.means)).sum())
        return normal_critical(1 - (1 - level) / compared) * self.largest_error


def search_bins(
    sums: CellSums, bins: Bins, *, conjunctions: Conjunctions, compared: BoolArray, n_draws: int, seed: int
) -> Miscalibration:
    """Search all subgroups and bins that `compared` [G, width] allows."""
    residual, weight, _ = bins.parts(sums.totals(sums.sums))
    chosen = np.flatnonzero(compared.any(axis=1))
    members = conjunctions.members[chosen]
    below = np.where(compared[chosen], np.asarray(members @ weight), np.nan)
    means = np.full(compared.shape, np.nan)
    means[chosen] = np.asarray(members @ residual) / below
    chance: list[FloatArray] = []
    deviations: list[FloatArray] = []
    squares = np.zeros(below.shape)
    for drawn in _drawn(sums, bins, n_draws=n_draws, seed=seed):
        n, n_cells, _ = drawn.shape
        columns = np.ascontiguousarray(drawn.transpose(1, 0, 2)).reshape(n_cells, -1)
        moved = np.asarray(members @ columns).reshape(len(chosen), n, 2, bins.width)
        right = moved[:, :, 0] / below[:, None]
        around = right - means[chosen][:, None] * moved[:, :, 1] / below[:, None]
        chance.append(_greatest(right))
        deviations.append(_greatest(around))
        squares += (around**2).sum(axis=1)
    return Miscalibration(
        means=means,
        chance=np.concatenate(chance),
        deviations=np.concatenate(deviations),
        largest_error=float(np.sqrt(np.nanmax(squares) / sum(map(len, chance)))),
    )


def _greatest(values: FloatArray) -> FloatArray:
    """Return the greatest absolute value over subgroups and bins that are compared, [b], of values [g, b, width]."""
    return np.asarray(np.nan_to_num(np.abs(values), nan=0.0).max(axis=(0, 2)))


def _drawn(sums: CellSums, bins: Bins, *, n_draws: int, seed: int) -> Iterator[FloatArray]:
    """Yield blocks [b, C, 2 x width] of residuals and weights times multipliers, added up by cell."""
    rng = np.random.default_rng(seed)
    columns = sums.sums[:, : 2 * bins.width]
    n_draws = min(n_draws, max(LEAST_DRAWS, _MOST_MULTIPLIERS // max(1, sums.n_units)))
    per_draw = max(sums.n_units, sums.n_cells * columns.shape[1])
    step = max(1, _BLOCK_ENTRIES // per_draw)
    rows: list[tuple[int, IntArray]] = [(int(c), np.flatnonzero(sums.cell == c)) for c in np.unique(sums.cell)]
    for start in range(0, n_draws, step):
        multipliers = rng.standard_normal((min(step, n_draws - start), sums.n_units))
        block = np.zeros((len(multipliers), sums.n_cells, columns.shape[1]))
        for cell, own in rows:
            block[:, cell] = multipliers[:, sums.unit[own]] @ columns[own]
        yield block
