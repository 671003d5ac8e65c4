"""Which further counts must be withheld so that no withheld one follows from those that are told?

Claim: given the small counts, `withheld` returns a set of counts such that each of them keeps a range of candidates of
at least `rule.width`, and no line of told counts leaves a small remainder. Small tables are solved exactly for the
fewest units withheld (the sliding protection levels of Fischetti and Salazar 2000, by integer programming); larger ones
by cheapest paths. Either way the set is proved afterwards by `affidavit.disclosure.candidates`, and widened until the
proof holds.

| counts | withheld |
|---|---|
| none small | none |
| whatever is withheld, something follows | every count that may be, and `Unprotectable` if that is not enough |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from affidavit.disclosure.candidates import candidates
from affidavit.disclosure.directions import sure_widths
from affidavit.disclosure.exact import fewest_units
from affidavit.disclosure.linear import Counts, FloatArray, Statement, coefficients_of
from affidavit.disclosure.rule import DisclosureRule

CHEAP: Final = 1e-4
"""Cost of moving a count that is withheld already: not nothing, so that paths stay short."""


class Unprotectable(Exception):  # noqa: N818 - caught within this package, where everything is then withheld
    """Even with everything withheld that may be, a small count follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCounts:
    """A table before release: true whole numbers and the sums that everybody knows to hold between them."""

    names: tuple[str, ...]
    values: FloatArray
    cost: FloatArray
    """Units behind each count: what it costs to withhold it."""
    statements: tuple[Statement, ...]
    ceiling: FloatArray
    """The greatest value that a count can be thought to have; infinite where nothing says so."""
    least: FloatArray
    """The least value that a count can be thought to have, shape (counts,)."""
    width: float = 3.0
    """Greatest less least candidate that every withheld count must keep."""
    kept: frozenset[int] = frozenset()
    """Counts that are told elsewhere, and so cannot be withheld."""
    zeros_told: bool = False
    """Whether a count may be known to be zero: that speaks of nobody."""
    told: tuple[FloatArray, FloatArray] | None = None
    """What is known of counts that are told, least and greatest; None where they are told exactly."""
    small_sum: Callable[[float], bool] | None = None
    """Says of a sum of withheld counts whether it is too small to follow; None where sums may be small."""

    def after(self, withheld: Iterable[int]) -> Counts:
        """Return what everybody knows once these are withheld."""
        low, high = (self.values.copy(), self.values.copy()) if self.told is None else (e.copy() for e in self.told)
        gone = sorted(withheld)
        low[gone] = np.minimum(self.least, self.values)[gone]
        high[gone] = self.ceiling[gone]
        return Counts(names=self.names, low=low, high=high, statements=self.statements)


def withheld(table: TrueCounts, small: Iterable[int], rule: DisclosureRule) -> frozenset[int]:
    """Return the counts to withhold: the small ones and those that protect them.

    Raises:
        Unprotectable: nothing protects them.
    """
    chosen = frozenset(small)
    if not chosen or (table.zeros_told and not table.values.any()):
        return chosen
    if chosen & table.kept:
        raise Unprotectable
    if len(table.names) <= rule.exact_cells and _exposed(table, chosen):
        best = fewest_units(
            (table.values, table.cost, table.statements),
            room=(np.minimum(table.least, table.values), table.ceiling),
            protected=chosen,
            kept=table.kept,
            width=table.width,
        )
        chosen = chosen if best is None else best
    return _proved(table, chosen)


def _proved(table: TrueCounts, chosen: frozenset[int]) -> frozenset[int]:
    while (exposed := _exposed(table, chosen)) or (thin := _thin_line(table, chosen)) is not None:
        if exposed:
            more = _path(table, chosen, exposed[0]) or _neighbours(table, chosen, exposed[0])
        else:
            more = thin or frozenset()
        if not more - chosen:
            more = frozenset(range(len(table.names))) - table.kept
        if not more - chosen:
            raise Unprotectable
        chosen |= more
    return chosen


def _exposed(table: TrueCounts, chosen: frozenset[int]) -> list[int]:
    """Return the withheld counts whose candidates are too few, the smallest count first."""
    down = np.maximum(table.values - np.minimum(table.least, table.values), 0.0)
    sure = sure_widths(table.statements, chosen, (down, table.ceiling - table.values))
    unsure = [i for i in chosen if sure[i] < table.width]
    order = sorted(unsure, key=lambda i: (table.values[i], i))
    found = candidates(table.after(chosen), order, enough=table.width)
    narrow = [i for i in order if found[i].width < table.width - 0.5]
    return [i for i in narrow if not (table.zeros_told and found[i].high == 0)]


def _thin_line(table: TrueCounts, chosen: frozenset[int]) -> frozenset[int] | None:
    """Return what to withhold because a line leaves a small sum of withheld counts; None where no line does."""
    if table.small_sum is None:
        return None
    for statement in table.statements:
        gone = [i for i in statement.coefficients if i in chosen]
        if not gone or len({statement.coefficients[i] for i in gone}) > 1:
            continue
        if table.small_sum(float(sum(table.values[i] for i in gone))):
            free = [i for i in statement.coefficients if i not in chosen and i not in table.kept and table.values[i]]
            return frozenset(sorted(free, key=lambda i: (table.cost[i], i))[:1])
    return None


def _path(table: TrueCounts, chosen: frozenset[int], exposed: int) -> frozenset[int]:
    """Return the cheapest counts that, withheld, let an exposed one move by the width, up or down."""
    ways = [way for sign in (1.0, -1.0) if (way := _way(table, chosen, exposed, sign)) is not None]
    return min(ways, default=(0.0, frozenset[int]()), key=lambda way: way[0])[1]


def _way(table: TrueCounts, chosen: frozenset[int], exposed: int, sign: float) -> tuple[float, frozenset[int]] | None:
    n = len(table.values)
    cost = np.where(np.isin(np.arange(n), sorted(chosen)), CHEAP, table.cost + 1.0)
    up, down = table.ceiling - table.values, table.values - np.minimum(table.least, table.values)
    for i in table.kept:
        up[i] = down[i] = 0.0
    low, high = np.zeros(2 * n), np.concatenate([up, down])
    moving, still = (exposed, n + exposed) if sign > 0 else (n + exposed, exposed)
    if high[moving] < table.width:
        return None
    low[moving], high[moving], high[still] = table.width, table.width, 0.0
    matrix = coefficients_of(table.statements, n)
    flat = LinearConstraint(csr_array(np.hstack([matrix, -matrix])), 0.0, 0.0)
    solved = milp(np.concatenate([cost, cost]), bounds=Bounds(low, high), constraints=(flat,))
    if solved.x is None:
        return None
    moved = np.flatnonzero(solved.x[:n] + solved.x[n:] > CHEAP)
    return float(solved.fun), frozenset(int(i) for i in moved)


def _neighbours(table: TrueCounts, chosen: frozenset[int], exposed: int) -> frozenset[int]:
    """Return the cheapest told count of a statement that speaks of an exposed one."""
    near = {i for s in table.statements if exposed in s.coefficients for i in s.coefficients}
    return frozenset(sorted(near - chosen - table.kept, key=lambda i: (table.cost[i], i))[:1])
