"""What all numbers of one family of groups are made from: sums, their bootstrap replicates, their permutations.

Everything is drawn once per run, condition and family, from seeds that depend on the plan's seed and the run alone, so
two metrics, two conditions and two examinations see the same resampled units and can be compared replicate by
replicate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic
from affidavit.plan import Statistics
from affidavit.seeds import seed_of
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.permutation import PermutedSums, UnitShuffler, permuted_group_sums
from affidavit.tally import GroupedSums

PERMUTATION_BUDGET: Final = 2_500_000_000
"""Sums moved at most; beyond it the null is resampled around equality, which so many units justify."""


@dataclass(kw_only=True)
class Evidence:
    """Sums [R, S] of one family of groups, and what is drawn from them, when it is asked for."""

    grouped: GroupedSums
    options: Statistics
    resampler: UnitResampler
    seed: int
    shufflers: dict[int, UnitShuffler] = field(default_factory=dict)
    """By number of units; one mapping serves all evidence of a run, so that orders are drawn once."""
    effective_units: dict[bytes | None, FloatArray] = field(default_factory=dict)
    """Effective numbers of units [G] by the denominator's weights; many statistics share one."""

    @cached_property
    def totals(self) -> FloatArray:
        """Sums per group, [G, S]."""
        return self.grouped.totals()

    @cached_property
    def replicates(self) -> FloatArray:
        """Bootstrap sums, [B, G, S]."""
        grouped = self.grouped
        if grouped.multiplicity is not None:
            return self._multinomial_replicates(grouped.multiplicity)
        return self.resampler.group_sums(grouped.sums, grouped.unit, group=grouped.group, n_groups=len(grouped.groups))

    def _multinomial_replicates(self, multiplicity: NDArray[np.int64]) -> FloatArray:
        """Resample units that are alike together: their number of draws is multinomial."""
        rng = np.random.default_rng(self.seed)
        total = int(multiplicity.sum())
        draws = rng.multinomial(total, multiplicity / total, size=self.options.n_resamples).astype(np.float64)
        blocks = [
            draws[:, rows] @ self.grouped.sums[rows]
            for rows in (self.grouped.group == g for g in range(len(self.grouped.groups)))
        ]
        return np.stack(blocks, axis=1)

    @cached_property
    def permuted(self) -> PermutedSums | None:
        """Sums under units dealt anew to groups, [B, G, S]; None where units cannot move or are too many."""
        grouped = self.grouped
        sums, group = grouped.sums, grouped.group
        n_units = int(grouped.units().sum())
        if not grouped.nested or n_units * sums.shape[1] * self.options.n_permutations > PERMUTATION_BUDGET:
            return None
        if grouped.multiplicity is not None:
            sums, group = (
                np.repeat(sums, grouped.multiplicity, axis=0),
                np.repeat(group, grouped.multiplicity),
            )
        return permuted_group_sums(
            sums,
            group,
            n_groups=len(grouped.groups),
            n_permutations=self.options.n_permutations,
            rng=self._shuffler(len(group)),
        )

    def _shuffler(self, n_units: int) -> UnitShuffler:
        """Return the shuffler that all evidence of a run with so many units shares."""
        if n_units not in self.shufflers:
            seed = seed_of(self.resampler.seed, n_units)
            self.shufflers[n_units] = UnitShuffler(
                n_units=n_units, n_permutations=self.options.n_permutations, seed=seed
            )
        return self.shufflers[n_units]

    def projected(self, project: Callable[[FloatArray], FloatArray]) -> Evidence:
        """Return evidence of `project(sums)`, drawn from the same seeds."""
        return Evidence(
            grouped=replace(self.grouped, sums=project(self.grouped.sums)),
            options=self.options,
            resampler=self.resampler,
            seed=self.seed,
            shufflers=self.shufflers,
        )

    def per_unit(self, statistics: Sequence[Statistic]) -> Evidence:
        """Return evidence of unit means: per statistic its value in the unit and whether it is defined there."""
        values = np.stack([statistic.value(self.grouped.sums, self.grouped.sums) for statistic in statistics], axis=1)
        defined = ~np.isnan(values)
        columns = np.stack([np.where(defined, values, 0.0), defined.astype(np.float64)], axis=2)
        return Evidence(
            grouped=replace(self.grouped, sums=columns.reshape(len(values), -1)),
            options=self.options,
            resampler=self.resampler,
            seed=self.seed,
            shufflers=self.shufflers,
        )
