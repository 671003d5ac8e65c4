"""How far apart are whole distributions of answers? The total variation between groups, with bounds that hold.

The total variation of two distributions over K labels is the largest difference between the probabilities that they
give to any set of labels. So the widest total variation over groups is the widest gap in the rate of any set, and is
bounded as every gap here is: simultaneous bounds of all pairs of groups, over all 2^(K-1) - 1 sets that differ (a set
and its complement say the same). Summing K classwise bounds instead would be about twice as wide for seven labels.

A stratum is what the distribution is conditioned on: nothing (demographic parity), or the true label (the rows of the
confusion matrix, the strict form of equalized odds).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, divide
from affidavit.evidence import Evidence
from affidavit.gaps import BISECTIONS, MIN_LOG_P, group_label
from affidavit.records import Interval, SignificanceTest
from affidavit.statistics.jackknife import effective_units
from affidavit.statistics.mover import mover_difference_bounds, pairs_of
from affidavit.statistics.small_samples import degenerate_rate_bounds, skew_logit_t_bounds
from affidavit.statistics.types import Bounds
from audit.family_claims import TOO_FEW, Chance, FamilyNumber, usable

MOST_LABELS: Final = 8
"""Beyond it there are too many sets of labels to bound: 127 at eight."""


def label_sets(n_labels: int) -> FloatArray:
    """Return [2^(K-1) - 1, K] indicators of the sets of labels without the first, one of each pair of complements.

    >>> label_sets(3).astype(int).tolist()
    [[0, 1, 0], [0, 0, 1], [0, 1, 1]]
    """
    codes = np.arange(1, 2 ** (n_labels - 1))
    members = (codes[:, None] >> np.arange(n_labels - 1)) & 1
    return np.column_stack([np.zeros(len(codes)), members]).astype(np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Distributions:
    """Distributions over K labels in T strata, by group: evidence whose sums are counts, flattened [T * K]."""

    evidence: Evidence
    n_labels: int
    strata: tuple[str | None, ...]
    """The true label that each stratum holds; one None where nothing is conditioned on."""

    def counts(self, sums: FloatArray) -> FloatArray:
        """Return sums as counts [..., T, K]."""
        return sums.reshape(*sums.shape[:-1], len(self.strata), self.n_labels)

    def shares(self, sums: FloatArray) -> FloatArray:
        """Return the distributions [..., T, K], NaN in a stratum without rows."""
        counts = self.counts(sums)
        return np.asarray(divide(counts, counts.sum(-1, keepdims=True)))

    @cached_property
    def values(self) -> FloatArray:
        """Each group's distributions, [G, T, K]."""
        return self.shares(self.evidence.totals)

    @cached_property
    def _rows(self) -> FloatArray:
        """Rows of each (unit, group) in each stratum, [R, T]."""
        return np.asarray(self.counts(self.evidence.grouped.sums).sum(-1))

    @cached_property
    def n_units(self) -> FloatArray:
        """Units with rows in a stratum, [G, T]."""
        grouped = self.evidence.grouped
        units = np.zeros((len(grouped.groups), len(self.strata)))
        np.add.at(units, grouped.group, (self._rows > 0) * grouped.copies[:, None])
        return units

    @cached_property
    def compared(self) -> tuple[NDArray[np.int64], ...]:
        """Per stratum the groups that can be compared."""
        enough = (self.n_units >= self.evidence.options.compared_units) & ~np.isnan(self.values[:, :, 0])
        return tuple(np.flatnonzero(column) for column in enough.T)

    @cached_property
    def spoken_for(self) -> NDArray[np.int64]:
        """Groups that are compared in some stratum with another one."""
        taken = [groups for groups in self.compared if len(groups) > 1]
        return np.unique(np.concatenate(taken)) if taken else np.zeros(0, dtype=np.int64)

    @property
    def partly_left_out(self) -> tuple[str, ...]:
        """Groups that are compared in some strata and have rows, but not the units or a partner, in another."""
        return tuple(
            f"{group_label(self.evidence, int(g))} ({stratum})"
            for g in self.spoken_for
            for t, (groups, stratum) in enumerate(zip(self.compared, self.strata, strict=True))
            if self.n_units[g, t] > 0 and (g not in groups or len(groups) < 2)
        )

    @property
    def n_pairs(self) -> int:
        """Bounds that must hold together: pairs of groups times sets of labels, over strata."""
        n_sets: int = 2 ** (self.n_labels - 1) - 1
        return sum(len(g) * (len(g) - 1) // 2 for g in self.compared) * n_sets

    def distance(self, shares: FloatArray) -> FloatArray:
        """Return the widest total variation between two compared groups in any stratum, from shares [..., G, T, K]."""
        widest = np.zeros(shares.shape[:-3])
        for t, groups in enumerate(self.compared):
            if len(groups) > 1:
                widest = np.maximum(widest, self._widest_of(shares[..., groups, t, :]))
        return widest if len(self.spoken_for) else np.full(widest.shape, np.nan)

    def _widest_of(self, shares: FloatArray) -> FloatArray:
        """Return the widest total variation between two groups [..., G, K]: over sets of labels, or over pairs.

        Both say the same; the sets are far fewer where there are many groups.
        """
        n_groups = shares.shape[-2]
        n_pairs = n_groups * (n_groups - 1) // 2
        if self.n_labels <= MOST_LABELS and n_groups * 2 ** (self.n_labels - 1) < n_pairs * self.n_labels:
            gaps = (np.ptp(shares @ chosen, axis=-1) for chosen in label_sets(self.n_labels))
            return reduce(np.maximum, gaps)
        widest = np.zeros(shares.shape[:-2])
        for i, j in zip(*pairs_of(n_groups), strict=True):
            widest = np.maximum(widest, np.abs(shares[..., i, :] - shares[..., j, :]).sum(-1) / 2)
        return widest

    def widest(self) -> tuple[str, str, str | None] | None:
        """Return the two groups that are furthest apart, and the stratum; None where all are the same."""
        found = [
            (float(np.abs(self.values[a, t] - self.values[b, t]).sum() / 2), int(a), int(b), stratum)
            for t, (groups, stratum) in enumerate(zip(self.compared, self.strata, strict=True))
            for a, b in zip(*(groups[side] for side in pairs_of(len(groups))), strict=True)
        ]
        if not found:
            return None
        apart, a, b, stratum = max(found, key=lambda each: each[0])
        if apart == 0:
            return None
        return group_label(self.evidence, a), group_label(self.evidence, b), stratum

    def interval(self, level: float) -> Interval | str:
        """Return simultaneous bounds of the widest total variation, or the reason why there are none."""
        if not len(self.spoken_for):
            return TOO_FEW
        if self.n_labels > MOST_LABELS:
            return f"over more than {MOST_LABELS} labels there are too many sets of labels to bound"
        low, high = self._ends((1 - level) / self.n_pairs)
        if np.isnan(high):
            return "a compared group gives no standard error"
        how = "MOVER" if self.evidence.grouped.nested else "boxes"
        return Interval(low=low, high=high, level=level, method=f"simultaneous pairwise {how} over sets of labels")

    def p_value(self, *, below: float = 1.0) -> float:
        """Return the level at which the simultaneous bounds first exclude that all are the same, by bisection.

        Only a level under `below` is looked for; where there is none, `below` itself comes back.
        """
        start = float(np.log10(below))
        if not self._apart(start):
            return below
        excluded, included = start, float(MIN_LOG_P)
        for _ in range(BISECTIONS):
            middle = (excluded + included) / 2
            excluded, included = (middle, included) if self._apart(middle) else (excluded, middle)
        return float(10.0**excluded)

    def _apart(self, log_alpha: float) -> bool:
        return self._ends(min(10.0**log_alpha, 0.999) / self.n_pairs)[0] > 0

    def _ends(self, alpha: float) -> tuple[float, float]:
        """Return the least and largest the distance may be, each pair and set bounded at level 1 - alpha."""
        low, high = 0.0, 0.0
        for t, groups in enumerate(self.compared):
            if len(groups) < 2:
                continue
            pairs = self._differences(t, groups, alpha)
            ends = np.concatenate([pairs.low, -pairs.high])
            low = max(low, float(np.max(ends, initial=0.0, where=~np.isnan(ends))))
            high = float(np.maximum(high, np.abs(np.concatenate([pairs.low, pairs.high])).max()))  # NaN stays
        return min(low, 1.0), float(np.minimum(high, 1.0))

    def _differences(self, t: int, groups: NDArray[np.int64], alpha: float) -> Bounds:
        """Return bounds [P * S] of pairwise differences; groups that share units are boxed, at half the error each."""
        independent = self.evidence.grouped.nested
        rates, bounds = self._set_rates(t, groups, alpha if independent else alpha / 2)
        if not independent:
            i, j = pairs_of(len(groups))
            return Bounds((bounds.low[i] - bounds.high[j]).ravel(), (bounds.high[i] - bounds.low[j]).ravel())
        low, high = mover_difference_bounds(rates, bounds)
        return Bounds(low.ravel(), high.ravel())

    def _set_rates(self, t: int, groups: NDArray[np.int64], alpha: float) -> tuple[FloatArray, Bounds]:
        """Return [G, S] rates of every set of labels and their bounds, as a rate's own interval is made."""
        sets = label_sets(self.n_labels)
        rates = np.clip(self.values[groups, t] @ sets.T, 0, 1)
        covariance, df = self._spread[t]
        variance = np.einsum("sk,gkl,sl->gs", sets, covariance[groups], sets)
        errors = np.sqrt(np.maximum(variance, 0.0))
        errors[errors < 1e-12] = 0.0
        level = 1 - alpha
        spread = (errors > 0) & (rates > 0) & (rates < 1)
        low, high = skew_logit_t_bounds(rates, errors, degrees_of_freedom=df[groups][:, None], level=level)
        units = np.broadcast_to(self.n_units[groups, t][:, None], rates.shape)
        agreeing = degenerate_rate_bounds(rates[~spread], n_units=units[~spread], level=level)
        low[~spread], high[~spread] = agreeing
        return rates, Bounds(low, high)

    @cached_property
    def _spread(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Per stratum the jackknife covariance of each group's distribution [G, K, K], and degrees of freedom [G]."""
        return tuple(self._stratum_spread(t) for t in range(len(self.strata)))

    def _stratum_spread(self, t: int) -> tuple[FloatArray, FloatArray]:
        grouped = self.evidence.grouped
        n_groups = len(grouped.groups)
        covariance, df = np.full((n_groups, self.n_labels, self.n_labels), np.nan), np.ones(n_groups)
        totals, counts = self.counts(self.evidence.totals)[:, t], self.counts(grouped.sums)[:, t]
        for g in self.compared[t]:
            rows = np.flatnonzero((grouped.group == g) & (self._rows[:, t] > 0))
            copies = grouped.copies[rows].astype(np.float64)
            left = totals[g] - counts[rows]
            left_out = divide(left, left.sum(-1, keepdims=True))
            m = copies.sum()
            deviation = left_out - (copies @ left_out) / m
            covariance[g] = (m - 1) / m * (deviation * copies[:, None]).T @ deviation
            sizes = self._rows[rows, t]
            df[g] = m - 1 if grouped.multiplicity is not None else effective_units(sizes) - 1
        return covariance, np.maximum(df, 1.0)

    def chance(self) -> Chance | None:
        """Return the distance when units are dealt anew to groups."""
        dealt = self.evidence.permuted
        if dealt is None or not len(self.spoken_for):
            return None
        return usable(Chance(draws=self.distance(self.shares(dealt.sums)), exact=dealt.exact))


def total_variation(metric: str, distributions: Distributions, *, source: str) -> FamilyNumber:
    """Return the widest total variation between two groups, with its bounds, chance and test."""
    value = float(distributions.distance(distributions.values))
    chance, widest = distributions.chance(), distributions.widest()
    known = not np.isnan(value)
    return FamilyNumber(
        metric=metric,
        value=value,
        interval_at=distributions.interval,
        higher_is_better=False,
        source=source,
        groups=distributions.spoken_for,
        chance=None if chance is None else chance.expectation(bad_end=0.95),
        test=_test(distributions, value, chance) if known else None,
        label=widest[2] if widest else None,
        partly_left_out=distributions.partly_left_out,
        caveats=(f"widest between {widest[0]} and {widest[1]}",) if widest else (),
    )


def _test(distributions: Distributions, value: float, chance: Chance | None) -> SignificanceTest | None:
    """Test that all are the same, as gaps do: twice the smaller of the permutations' and the bounds' p-values."""
    if distributions.n_labels > MOST_LABELS:
        return None if chance is None else chance.test(value)
    null = "every group is the same"
    if chance is None:
        return SignificanceTest(null=null, p_value=distributions.p_value(), method="pairwise bounds")
    test = chance.test(value)
    if chance.exact:
        return test
    p_value = min(1.0, 2 * distributions.p_value(below=test.p_value))
    return SignificanceTest(null=null, p_value=p_value, method=f"{chance.method} and pairwise bounds, Bonferroni")
