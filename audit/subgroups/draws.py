"""The draws of units that all subgroups of a run share: the same resampled and shuffled units, drawn once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from affidavit.evidence import Evidence
from affidavit.plan import Statistics
from affidavit.seeds import seed_of
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.permutation import UnitShuffler
from affidavit.tally import FloatArray, GroupedSums
from audit.subgroups.dealing import dealt_alike
from audit.subgroups.halves import CellSums


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dealt:
    """Sums by cell [B, C, Q] under arrangements of units; `exact` where these are all there are."""

    sums: FloatArray
    exact: bool

    def named(self, whose: str) -> str:
        """Return how they were drawn."""
        return f"{'all arrangements' if self.exact else f'{len(self.sums)} permutations'} of {whose}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Resamplers and shufflers by number of units."""

    options: Statistics
    seed: int
    _resamplers: dict[int, UnitResampler] = field(default_factory=dict)
    _shufflers: dict[int, UnitShuffler] = field(default_factory=dict)

    def resampler(self, n_units: int) -> UnitResampler:
        """Return the resampler of so many units."""
        if n_units not in self._resamplers:
            self._resamplers[n_units] = UnitResampler(
                n_units=max(1, n_units), n_resamples=self.options.n_resamples, seed=seed_of(self.seed, n_units)
            )
        return self._resamplers[n_units]

    def shuffler(self, n_units: int) -> UnitShuffler:
        """Return the shuffler of so many units."""
        if n_units not in self._shufflers:
            self._shufflers[n_units] = UnitShuffler(
                n_units=n_units,
                n_permutations=self.options.n_permutations,
                seed=seed_of(self.seed, n_units, "shuffled"),
            )
        return self._shufflers[n_units]

    def evidence(self, grouped: GroupedSums) -> Evidence:
        """Return evidence of sums under these draws."""
        return Evidence(
            grouped=grouped,
            options=self.options,
            resampler=self.resampler(grouped.n_units),
            seed=self.seed,
            shufflers=self._shufflers,
        )

    def dealt(self, sums: CellSums, values: FloatArray) -> Dealt | None:
        """Return values [R, Q] by cell under arrangements of units; None where units lie in several cells."""
        if not sums.nested:
            return None
        if sums.alike:
            drawn = dealt_alike(
                values,
                sums.copies,
                sums.cell,
                n_cells=sums.n_cells,
                n_draws=self.options.n_permutations,
                rng=np.random.default_rng(seed_of(self.seed, "dealt")),
            )
            return Dealt(sums=drawn, exact=False)
        named: tuple[Mapping[str, str], ...] = ({},) * sums.n_cells
        found = self.evidence(sums.grouped(values, named)).permuted
        return None if found is None else Dealt(sums=found.sums, exact=found.exact)
