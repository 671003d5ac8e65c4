"""What can a metric be, where sites withheld groups? Bounds that contain every table that fits what is told.

A withheld group holds x hits, misses and false calls of each label, between none and the remainder's (see
`federated.pooled.totals`). A ratio of told sums plus such x is widest at the ends:

| ratio | least | greatest |
|---|---|---|
| hits / truths | all misses of the remainder, none of its hits | all its hits, none of its misses |
| 2 hits / (truths + calls) | all its misses and false calls, no hits | all its hits, no other |
| calls / rows | all its rows not called so | all its rows called so, none else |

Exact for one ratio, but for the demand that a withheld group holds a patient at all; a mean of ratios is bounded by the
means of bounds, which contains it. A label that only the remainder has may or may not take part, at any value.

The interval reaches from the least value to the greatest, less and plus t times the largest standard error that any
completion gives. For a ratio A/B of what is told and a value r in [low, high] that is at most the root of
q(r) / D(r)^2, with q(r) = (a - r b)' M (a - r b), M told plus remaining moments (a withheld group's are a part of the
remainder's, both positive semidefinite), and D(r) the least denominator that r can have: A / r below A/B, where misses
were withheld, and (B - A) / (1 - r) above, where hits were. For a mean of ratios the mean of their errors contains the
error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.records import Interval
from affidavit.statistics.levels import t_critical
from affidavit.statistics.small_samples import degenerate_standard_error
from federated.pooled.measures import Measure
from federated.pooled.totals import Remainder

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Between:
    """A metric that lies between two ends, and the largest standard error that it can have."""

    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    sites: tuple[str, ...]
    """Who withheld."""

    def interval(self, level: float) -> Interval | str:
        """Return the interval of the metric whatever was withheld."""
        reach = float(t_critical(1 - level, self.degrees_of_freedom)) * self.standard_error
        if np.isnan(reach):
            return "what is told is too little to say how patients differ"
        who = f"{len(self.sites)} site" + ("s" if len(self.sites) > 1 else "")
        return Interval(
            low=max(self.low - reach, 0.0),
            high=min(self.high + reach, 1.0),
            level=level,
            method=f"bounds over what {who} withheld, widened by linearised t over patients",
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ToldPart:
    """What was told of a group: sums, moments, patients."""

    sums: FloatArray
    moments: FloatArray
    n_units: float


def between(measure: Measure, told: ToldPart, rest: Remainder, *, reference: FloatArray | None = None) -> Between:
    """Return what a metric can be; NaN where nothing told makes any value more likely than another.

    `reference` fixes which labels count; where None, those that the group has, and those that it may have.
    """
    takes = measure.taking_part(told.sums if reference is None else reference)
    may = measure.taking_part(told.sums + rest.sums) & ~takes & (reference is None)
    ends = [_ends(measure, t, told.sums, rest.sums) for t in range(len(takes))]
    sure = [ends[t] for t in np.flatnonzero(takes)]
    n = len(sure) + int(may.sum())
    worth = _least_effective(measure, told, rest)
    if not sure or not n or np.isnan([end for pair in sure for end in pair]).any():
        return Between(low=0.0, high=1.0, standard_error=float("nan"), degrees_of_freedom=1.0, sites=rest.sites)
    low, high = (sum(pair[end] for pair in sure) for end in (0, 1))
    if may.any():  # a label that takes part with any value, or does not
        low, high = low / n, (high + int(may.sum())) / n
        low, high = min(low, sum(p[0] for p in sure) / len(sure)), max(high, sum(p[1] for p in sure) / len(sure))
    else:
        low, high = low / n, high / n
    errors = [_largest_error(measure, int(t), told, rest, ends[t]) for t in np.flatnonzero(takes)]
    error = float("nan") if may.any() else float(np.mean(errors))
    enough = told.n_units >= 2 and worth > 1 + 1e-9
    factor = worth / (worth - 1) if enough else float("nan")  # at least (m - 1)/m (m_e / (m_e - 1))^2, rooted, of any
    if error == 0:  # no two of the told patients differ: not taken for certainty
        error = float(np.max(degenerate_standard_error(np.clip([low, high], 0, 1), n_units=told.n_units)))
    return Between(
        low=float(np.clip(low, 0, 1)),
        high=float(np.clip(high, 0, 1)),
        standard_error=error * factor,
        degrees_of_freedom=max(worth - 1, 1.0),
        sites=rest.sites,
    )


def _ends(measure: Measure, term: int, told: FloatArray, rest: FloatArray) -> tuple[float, float]:
    """Return the least and the greatest value of one ratio.

    Its numerator is c times a count x that the denominator holds too (hits among truths, calls among rows): with y the
    rest of the denominator, (A + c x) / (B + c x + y) grows with x and falls with y.
    """
    a, b = measure.numerators[term], measure.denominators[term]
    above, below = float(told @ a), float(told @ b)
    more = float(rest @ a)
    other = max(float(rest @ b) - more, 0.0)
    low = above / (below + other) if below + other > 0 else float("nan")
    high = (above + more) / (below + more) if below + more > 0 else float("nan")
    return low, high


def _largest_error(measure: Measure, term: int, told: ToldPart, rest: Remainder, ends: tuple[float, float]) -> float:
    """Return the largest root of q(r) / D(r)^2 over the values r that the ratio can have; see the module."""
    a, b = measure.numerators[term], measure.denominators[term]
    above, below = float(told.sums @ a), float(told.sums @ b)
    if below <= 0:
        return float("nan")
    moments = told.moments + rest.moments
    aa, ab, bb = float(a @ moments @ a), float(a @ moments @ b), float(b @ moments @ b)  # q(r) = aa - 2 r ab + r^2 bb
    value = above / below
    falling = _largest((aa, -2 * ab, bb), ends[0], value) / above**2 if above > 0 else aa / below**2
    rising = (aa - 2 * ab + bb) / below**2
    if below > above:  # in s = 1 - r
        rising = _largest((aa - 2 * ab + bb, 2 * ab - 2 * bb, bb), 1 - ends[1], 1 - value) / (below - above) ** 2
    return math.sqrt(max(falling, rising, 0.0))


def _largest(q: tuple[float, float, float], low: float, high: float) -> float:
    """Return the largest x^2 (q0 + q1 x + q2 x^2) for x in [low, high]: at an end, or where the slope is 0."""
    turns = 9 * q[1] ** 2 - 32 * q[0] * q[2]
    places = [low, high]
    if q[2] > 0 and turns >= 0:
        places += [(-3 * q[1] + sign * math.sqrt(turns)) / (8 * q[2]) for sign in (-1, 1)]
    return max(x**2 * (q[0] + q[1] * x + q[2] * x**2) for x in places if low <= x <= high)


def _least_effective(measure: Measure, told: ToldPart, rest: Remainder) -> float:
    """Return the fewest effective patients that any completion has.

    Patients with s rows in all, none with more than n, have at most s n squares: (T + s)^2 / (Q + s n) is least at
    s = T - 2 Q / n, T the told rows, Q their squares; and no more than all of the remainder's squares can be added.
    """
    rows = float(told.sums @ measure.sizes)
    squares = float(measure.sizes @ told.moments @ measure.sizes)
    more = float(measure.sizes @ rest.moments @ measure.sizes)
    if squares <= 0:
        return float("nan")
    largest = float(np.sqrt(more))  # one patient may hold all of the squares
    added = min(max(rows - 2 * squares / largest, 0.0), largest) if largest > 0 else 0.0
    return min((rows + added) ** 2 / (squares + added * largest), told.n_units)
