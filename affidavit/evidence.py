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

MOST_CELLS: Final = 2**26
"""Cells of all tables of kinds and groups, at most: 512 MiB."""
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
    of_unit_rates: bool = False
    """Whether the sums are those of rates that each unit has, over its rows: see `per_unit`."""
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
        if grouped.multiplicity is not None and n_units > self.options.n_permutations:
            dealt = self._dealt_by_kind(grouped.multiplicity)
            if dealt is not None:
                return dealt
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

    def _dealt_by_kind(self, multiplicity: NDArray[np.int64]) -> PermutedSums | None:
        """Deal units of a few kinds: how many of each kind a group gets is a random table with fixed margins.

        The same distribution as dealing units one by one, at a cost that grows with kinds and not with units. More
        units than permutations leave too many arrangements to be listed.

        Source: Patefield 1981.
        """
        from scipy.stats import random_table

        kinds, kind = np.unique(self.grouped.sums, axis=0, return_inverse=True)
        n_groups, n_permutations = len(self.grouped.groups), self.options.n_permutations
        if len(kinds) * n_groups * n_permutations > MOST_CELLS:
            return None
        n_of_kind = np.bincount(kind.reshape(-1), weights=multiplicity).astype(np.int64)
        tables = random_table(n_of_kind, self.grouped.units()).rvs(
            size=n_permutations,
            method="patefield",
            random_state=np.random.default_rng(seed_of(self.resampler.seed, "kinds", len(kinds))),
        )
        return PermutedSums(np.einsum("bkg,ks->bgs", tables, kinds, optimize=True), exact=False, n_arrangements=None)

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
            of_unit_rates=all(statistic.counts_rows or statistic.averages_rates for statistic in statistics),
        )
