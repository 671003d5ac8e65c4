"""Counts of classes by group, their smoothed logarithms, and posterior draws of them under weights of units."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from affidavit.tally import FloatArray, GroupedSums, IntArray
from audit.differential_fairness.epsilon import Posterior, effective_rows, log_rates


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassShares:
    """The model's answers or the labels of one family: counts of classes, and their posterior."""

    grouped: GroupedSums
    counts: FloatArray
    """[R, K]"""
    compared: IntArray
    labels: tuple[str, ...]
    alpha: float
    draws: list[FloatArray] = field(default_factory=list)
    """Posterior log rates of the compared groups, in blocks [b, g, K]."""

    @cached_property
    def totals(self) -> FloatArray:
        """Counts of the compared groups, [g, K]."""
        totals = np.zeros((len(self.grouped.groups), self.counts.shape[1]))
        np.add.at(totals, self.grouped.group, self.counts * self.grouped.copies[:, None])
        return np.asarray(totals[self.compared])

    @cached_property
    def logs(self) -> FloatArray:
        """Log rates of the compared groups, [g, K]."""
        return log_rates(self.totals, self.alpha)

    @cached_property
    def _prior(self) -> FloatArray:
        return np.asarray(effective_rows(self.grouped, self.counts)[self.compared])

    @cached_property
    def posterior(self) -> Posterior:
        """The posterior."""
        return Posterior(logs=np.concatenate(self.draws), n_units=int(self.grouped.units()[self.compared].min()))

    def draw(self, counts: FloatArray, rng: np.random.Generator) -> None:
        """Add draws from weighted counts of all groups, [b, G, K]."""
        drawn = counts[:, self.compared]
        prior = rng.standard_gamma(self.alpha, size=drawn.shape) * self._prior[:, None]
        self.draws.append(log_rates(drawn + np.maximum(prior, 1e-300), 0.0))

    def name(self, place: int) -> str:
        """Return the name of a compared group."""
        return ", ".join(self.grouped.groups[int(self.compared[place])].values())
