"""Partial information without most of what small samples add to it, with its uncertainty over units.

Of counts every information is too large: each cell that chance alone filled or left empty looks like knowledge, and
synergy, which rests on the whole table of two answers and a target, looks like most. Leaving out one block of units at
a time tells how fast the estimate falls as the sample grows (Quenouille 1956), and how much units differ (Tukey 1958):

    bias = (B - 1) (mean(left out) - whole),   error = sqrt((B - 1) / B sum (left out - mean)^2)

Informations are smooth and so corrected. What both tell together or apart (the union: redundancy and both uniques) has
a kink wherever two sources are equally good: there a jackknife takes the kink for bias, and its correction is too
large by the error's order. The bias of the union is therefore held between the least and the largest of those of the
three informations; the parts follow by their identities, so that they add up after the correction as before it.

Bounds are t with B - 1 degrees of freedom, from whichever of the two corrections reaches further: at a kink redundancy
and synergy are too low by about their error, and only the plain jackknife allows for it. The bias that is left besides
is of the order of the square of cells per judgement.
Simulated at level 0.95, 20 and 60 speakers of unequal skill and talk (`tests/faithfulness/information`): 0.92 to 1.00
where one modality is clearly better than the other, 0.87 to 1.00 where both are equally good.

Source: Quenouille 1956; Tukey 1958; of informations: Paninski 2003, section 4. The bound on the union's bias is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray
from affidavit.records import Interval
from affidavit.statistics.partial_information import partial_information
from affidavit.statistics.small_samples import t_bounds

QUANTITIES: Final = (
    "redundancy",
    "unique_first",
    "unique_second",
    "synergy",
    "information_first",
    "information_second",
    "information_together",
)
"""What is measured of a pair of modalities and a target, in this order; all in bits."""
METHOD: Final = "t over {} blocks of units, corrected for bias"
_NOTHING: Final = 1e-9
"""A spread that the solver's own accuracy explains is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The `QUANTITIES` [Q] of one group."""

    plug_in: FloatArray
    """Of the counts as they are: too large."""
    corrected: FloatArray
    """May be below 0 where there is little to tell."""
    plain: FloatArray
    """Corrected by the jackknife alone, which errs the other way at a kink; the same elsewhere."""
    standard_error: FloatArray
    n_blocks: int

    def value(self, quantity: int) -> float:
        """Return the estimate of one quantity, not below 0: no information is."""
        return max(float(self.corrected[quantity]), 0.0)

    def at_kink(self, quantity: int) -> bool:
        """Return whether the two corrections differ by what matters: sources are about equally good."""
        apart = abs(float(self.plain[quantity] - self.corrected[quantity]))
        return apart > max(0.5 * float(self.standard_error[quantity]), _NOTHING)

    def interval(self, quantity: int, level: float) -> Interval | str:
        """Return the interval of one quantity, or the reason why there is none."""
        error = self.standard_error[quantity]
        if not error > _NOTHING:
            return "it is the same whichever units are left out: no spread to build an interval from"
        both = np.array([self.corrected[quantity], self.plain[quantity]])
        bounds = t_bounds(both, error, degrees_of_freedom=self.n_blocks - 1, level=level)
        low, high = bounds.low.min(), bounds.high.max()
        # Where the correction leaves nothing above 0, what the counts say as they are is the cautious end.
        above = float(high) if high > 0 else float(self.plug_in[quantity])
        method = METHOD.format(self.n_blocks)
        return Interval(low=max(float(low), 0.0), high=max(above, self.value(quantity)), level=level, method=method)


def quantities(joint: FloatArray) -> FloatArray:
    """Return the plug-in `QUANTITIES` [..., Q] of joint tables [..., n1, n2, Y]."""
    found = partial_information(joint)
    parts = (found.redundant, found.unique_first, found.unique_second, found.synergistic)
    return np.stack([*parts, found.first, found.second, found.together], axis=-1)


def corrected(tables: FloatArray) -> Corrected:
    """Correct the quantities of tables [B, n1, n2, Y], one for each block of units.

    Raises:
        ValueError: there are fewer than two blocks.
    """
    if len(tables) < 2:
        raise ValueError(f"Expected at least two blocks, got {len(tables)}.")
    whole = tables.sum(axis=0)
    found = quantities(np.concatenate([whole[None], _left_out(whole, tables)]))
    return _corrected(found[0], found[1:])


def corrected_draws(tables: FloatArray) -> FloatArray:
    """Return the corrected quantities [D, Q] of many draws of tables [D, B, n1, n2, Y]."""
    n_blocks = tables.shape[1]
    whole = tables.sum(axis=1, keepdims=True)
    found = quantities(np.concatenate([whole, _left_out(whole, tables)], axis=1))
    return _without_bias(found[:, 0], found[:, 1:].mean(axis=1), n_blocks)


def _without_bias(whole: FloatArray, left_out: FloatArray, n_blocks: int) -> FloatArray:
    """Return the quantities [..., Q] less the bias that the means without a block tell of."""
    bias = (n_blocks - 1) * (left_out - whole)
    first, second, together = (bias[..., QUANTITIES.index(f"information_{x}")] for x in ("first", "second", "together"))
    smooth = np.stack([first, second, together], axis=-1)
    of_union = np.clip(bias[..., :3].sum(axis=-1), smooth.min(axis=-1), smooth.max(axis=-1))
    parts = (first + second - of_union, of_union - second, of_union - first, together - of_union)
    return np.asarray(whole - np.stack([*parts, first, second, together], axis=-1))


def _left_out(whole: FloatArray, tables: FloatArray) -> FloatArray:
    """Return what is left without each block; of weighted sums subtraction leaves dust, which is nothing."""
    left = whole - tables
    return np.asarray(np.where(left > _NOTHING * whole, left, 0.0))


def _corrected(whole: FloatArray, left_out: FloatArray) -> Corrected:
    n = len(left_out)
    mean = left_out.mean(axis=0)
    return Corrected(
        plug_in=whole,
        corrected=_without_bias(whole, mean, n),
        plain=np.asarray(n * whole - (n - 1) * mean),
        standard_error=np.asarray(np.sqrt((n - 1) / n * ((left_out - mean) ** 2).sum(axis=0))),
        n_blocks=n,
    )
