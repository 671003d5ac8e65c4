"""Sums of units by run, drawn from a population of patients and of seeds with a known price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums
from affidavit.plan import Statistics
from affidavit.statistics.bootstrap import UnitResampler
from privacy.price.crossed import Arm, Contrast

RATE: Final[Statistic] = ratio_statistic("rate", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="drawn")


@dataclass(frozen=True, kw_only=True)
class Population:
    """Groups with their true accuracies under the twin and what privacy takes; spreads of units and seeds."""

    units: Sequence[int]
    lost: Sequence[float]
    per_unit: int = 15
    right: float = 0.7
    unit_spread: float = 0.1
    unit_loss_spread: float = 0.05
    seed_spread: float = 0.03
    group_seed_spread: float = 0.0
    n_seeds: int = 3
    paired: bool = True
    uneven: bool = False

    def evidence(self, rng: np.random.Generator) -> Evidence:
        """Draw patients and seeds anew: first the twins' sums, then those of the private models."""
        group = np.repeat(np.arange(len(self.units)), self.units)
        n = rng.integers(4, 2 * self.per_unit, len(group)) if self.uneven else np.full(len(group), self.per_unit)
        ease = rng.uniform(-1, 1, len(group)) * self.unit_spread * 3**0.5
        hurt = rng.uniform(-1, 1, len(group)) * self.unit_loss_spread * 3**0.5
        parts = []
        for private in (False, True):
            for _ in range(self.n_seeds):
                own = rng.normal(0, self.seed_spread) + rng.normal(0, self.group_seed_spread, len(self.units))[group]
                rate = self.right + ease + own - private * (np.array(self.lost)[group] + hurt)
                parts += [rng.binomial(n, np.clip(rate, 0, 1)).astype(float), n.astype(float)]
        grouped = GroupedSums(
            sums=np.stack(parts, axis=1),
            n_rows=n.astype(np.int64),
            unit=np.arange(len(group)),
            group=group,
            n_units=len(group),
            groups=tuple({"accent": f"g{g}"} for g in range(len(self.units))),
        )
        options = Statistics(n_resamples=100, n_permutations=99)
        return Evidence(
            grouped=grouped,
            options=options,
            resampler=UnitResampler(n_units=len(group), n_resamples=100, seed=0),
            seed=0,
        )

    @property
    def n_runs(self) -> int:
        return 2 * self.n_seeds

    def contrast(self) -> Contrast:
        """Return twins less private models."""
        first = tuple(range(self.n_seeds))
        second = tuple(seed + (0 if self.paired else 100) for seed in first)
        return Contrast(
            arms=(
                Arm(places=first, seeds=first),
                Arm(places=tuple(range(self.n_seeds, 2 * self.n_seeds)), seeds=second),
            ),
            coefficients=(1.0, -1.0),
        )

    def truth(self) -> FloatArray:
        return np.array(self.lost)
