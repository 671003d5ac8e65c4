"""Which subgroup is furthest from everybody? The greatest P(g) |rate(g) - rate(all)|, beside what chance alone finds.

With z = numerator - rate(all) x denominator, P(g) (rate(g) - rate(all)) is the sum of z over g, divided by all rows:
it adds over cells, and units dealt anew to cells leave the rate of everybody as it is. So nothing is counted twice,
and 1,999 permutations of thousands of subgroups are a few sparse products.

Three draws stand behind the number. *Chance* deals the searched units anew to the cells; where a unit lies in several
cells, it is resampled around equality instead. The *band* is the level-quantile of max_g |D*_g - D_g| over bootstrap
draws of units (linearised), and no subgroup that was searched is further from its estimate than that: the greatest
true violation lies within the band of the greatest estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import ndtr, stdtrit

from affidavit.records import NullExpectation
from affidavit.statistics.jackknife import effective_units
from affidavit.statistics.levels import normal_critical
from affidavit.tally import FloatArray, GroupedSums, IntArray
from audit.subgroups.conjunctions import Conjunctions, greatest_over
from audit.subgroups.draws import Draws
from audit.subgroups.halves import BoolArray, CellSums
from audit.subgroups.rates import Rate

TAIL_DRAWS: Final = 20
"""A quantile is read from draws only if this many lie beyond it."""
_EQUAL: Final = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Residuals:
    """z [R, K] of the searched units for K rates, the rates of everybody [K], and all rows (or weights)."""

    values: FloatArray
    by_cell: FloatArray
    """[C, K]"""
    denominators: FloatArray
    """[C, K]"""
    rates: FloatArray
    """NaN where a rate has nothing to be computed on; its z are 0."""
    rows: FloatArray
    """[R]"""
    total: float


def residuals(sums: CellSums, rates: Sequence[Rate]) -> Residuals:
    """Return what each unit adds to the distance of its cell from everybody."""
    numerator = sums.sums @ np.stack([rate.numerator for rate in rates], axis=1)
    denominator = sums.sums @ np.stack([rate.denominator for rate in rates], axis=1)
    above, below = (sums.copies @ part for part in (numerator, denominator))
    overall = np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
    values = numerator - np.nan_to_num(overall) * denominator
    rows = sums.sums.sum(axis=1)
    return Residuals(
        values=values,
        by_cell=sums.totals(values),
        denominators=sums.totals(denominator),
        rates=overall,
        rows=rows,
        total=float(sums.copies @ rows),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Searched:
    """What the searched units say of all conjunctions."""

    conjunctions: Conjunctions
    rates: tuple[Rate, ...]
    residuals: Residuals
    violations: FloatArray
    """P(g) (rate(g) - rate(all)), [G, K]."""
    compared: IntArray
    """The subgroups that have the units to be compared."""
    chance: FloatArray
    """The greatest violation under each draw of chance, [B]."""
    how: str
    deviations: FloatArray
    """max_g |D*_g - D_g| of each bootstrap draw, [B]."""
    largest_error: float
    """The greatest bootstrap standard error of a compared violation."""
    worth: float
    """How many units of equal size the searched ones are worth."""

    @property
    def greatest(self) -> float:
        """The greatest violation."""
        return float(np.abs(self.violations[self.compared]).max(initial=0.0))

    def ranked(self, n: int) -> list[tuple[int, int]]:
        """Return the n greatest violations as (subgroup, rate).

        Of equal ones the worse side comes first, then the one of fewer features.
        """
        values = self.violations[self.compared]
        low = np.array([rate.low_is_worse for rate in self.rates])
        better_side = (values < 0) != low
        size = np.array([self.conjunctions.size(int(g)) for g in self.compared])
        depth = np.broadcast_to(size[:, None], values.shape)
        magnitude = np.round(np.abs(values) / _EQUAL) * _EQUAL
        order = np.lexsort((depth.ravel(), better_side.ravel(), -magnitude.ravel()))[:n]
        places = np.stack(np.unravel_index(order, values.shape), axis=1)
        return [(int(self.compared[g]), int(k)) for g, k in places]

    def expectation(self) -> NullExpectation:
        """Return what chance alone finds."""
        return NullExpectation(
            value=float(self.chance.mean()), high=float(np.quantile(self.chance, 0.95)), method=self.how
        )

    def band(self, level: float) -> float:
        """Return how far the greatest true violation can be from the greatest estimate at this level.

        Where the draws do not resolve the level, the widest normal bound of a single one (Bonferroni). Both are widened
        from the normal to Student's t of the searched units (see `widened`): at equality of 60 units of 1 to 40 rows,
        half of them searched, the plain band left 0 out in 7.6 % of tables instead of 5 %.
        """
        if len(self.deviations) * (1 - level) >= TAIL_DRAWS:
            plain = float(np.quantile(self.deviations, level))
        else:
            alpha = (1 - level) / max(1, len(self.compared) * len(self.rates))
            plain = normal_critical(1 - alpha) * self.largest_error
        return widened(plain, self.largest_error, n_units=self.worth)


def widened(band: float, error: float, *, n_units: float) -> float:
    """Return a band drawn from so many units as wide as few of them ask for.

    As many standard errors as the band has in the normal are as many in Student's t, times sqrt(m / (m - 1)): a
    bootstrap over m units is too narrow by that (as Hesterberg 2015 expands percentiles).

    >>> round(widened(0.2, 0.1, n_units=10**6), 4), round(widened(0.2, 0.1, n_units=10), 4)
    (0.2, 0.2445)
    """
    freedom = max(1.0, n_units - 1)
    if not error > 0:
        return band
    critical = -stdtrit(freedom, ndtr(-band / error)) * np.sqrt((freedom + 1) / freedom)
    return float(critical * error) if np.isfinite(critical) else band


def search(
    sums: CellSums,
    rates: tuple[Rate, ...],
    *,
    conjunctions: Conjunctions,
    compared: BoolArray,
    draws: Draws,
) -> Searched:
    """Search all conjunctions that `compared` [G] allows."""
    found = residuals(sums, rates)
    violations = np.asarray(conjunctions.members @ found.by_cell) / found.total
    chosen = np.flatnonzero(compared)
    deviations, error = _deviations(sums, found, conjunctions=conjunctions, chosen=chosen, draws=draws)
    chance, how = _chance(sums, found, conjunctions=conjunctions, chosen=chosen, draws=draws)
    return Searched(
        conjunctions=conjunctions,
        rates=rates,
        residuals=found,
        violations=violations,
        compared=chosen,
        chance=deviations if chance is None else chance,
        how=how,
        deviations=deviations,
        largest_error=error,
        worth=worth_of(sums, found.rows),
    )


def worth_of(sums: CellSums, rows: FloatArray) -> float:
    """Return how many units of equal size the units with so many rows (or weight) [R] are worth (Satterthwaite)."""
    if sums.alike:
        return float(sums.n_units)
    return float(effective_units(np.bincount(sums.unit, weights=rows)))


def over_cells(sums: CellSums, values: FloatArray) -> GroupedSums:
    """Return values [R, Q] with the cells as groups."""
    named: tuple[Mapping[str, str], ...] = ({},) * sums.n_cells
    return sums.grouped(values, named)


def _chance(
    sums: CellSums,
    found: Residuals,
    *,
    conjunctions: Conjunctions,
    chosen: IntArray,
    draws: Draws,
) -> tuple[FloatArray | None, str]:
    around = f"{draws.options.n_resamples} bootstrap draws of the searched units around equality"
    dealt = draws.dealt(sums, found.values)
    if dealt is None:
        return None, around
    greatest = greatest_over(conjunctions.members[chosen], dealt.sums) / found.total
    return greatest, dealt.named("the searched units")


def _deviations(
    sums: CellSums,
    found: Residuals,
    *,
    conjunctions: Conjunctions,
    chosen: IntArray,
    draws: Draws,
) -> tuple[FloatArray, float]:
    """Return max |D*_g - D_g| of each draw [B], linearised, and the greatest bootstrap standard error.

    D*_g - D_g = (Z*_g - Z_g - share_g (Z* - 0) - D_g (W* - W)) / W, share_g being the part of the denominator in g.
    """
    columns = np.column_stack([found.values, found.rows])
    drawn = draws.evidence(over_cells(sums, columns)).replicates
    members = conjunctions.members[chosen]
    below = found.denominators.sum(axis=0)
    share = np.asarray(members @ found.denominators) / np.where(below > 0, below, 1.0)
    violation = np.asarray(members @ found.by_cell) / found.total
    deviations, variance = np.zeros(len(drawn)), 0.0
    for k in range(share.shape[1]):
        moved = _moved(drawn, members, found, (share[:, k], violation[:, k]), k)
        deviations = np.maximum(deviations, np.abs(moved).max(axis=0, initial=0.0))
        variance = max(variance, float((moved**2).mean(axis=1).max(initial=0.0)))
    return deviations, variance**0.5


def _moved(
    drawn: FloatArray, members: csr_matrix, found: Residuals, of_group: tuple[FloatArray, FloatArray], k: int
) -> FloatArray:
    """Return D*_g - D_g of one rate, [g, B]."""
    share, violation = of_group
    z = drawn[:, :, k]
    in_group = members @ (z - found.by_cell[None, :, k]).T
    everybody = np.outer(share, z.sum(axis=1))
    rows = np.outer(violation, drawn[:, :, -1].sum(axis=1) - found.total)
    return np.asarray((in_group - everybody - rows) / found.total)
