"""Numbers as they are told beside coarse counts (rounded, or intervals only): rates, intervals, gaps.

Claim: a rate of counts is a function of the coarse counts alone, so that it tells nothing that they do not. Of its
confidence interval the halves are told, rounded up; of every other number (a mean, an F1, a ratio) two decimals, or
with intervals only its confidence interval, its ends moved outwards. Every interval that is told holds the exact one.

| with | a rate of counts | its interval | another number |
|---|---|---|---|
| exact counts | as it is | as it is | as it is |
| rounding | rounded count over rounded count | that, more or less its halves and one step | two decimals |
| intervals only | middle of its interval | least to greatest rate, more or less its halves | its interval |
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from affidavit.disclosure.rule import DisclosureRule

FINE, ROUGH, WIDE = 0.01, 0.05, 0.1
TINY = 1e-9
Ends = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A value and its interval, before or after."""

    value: float | None
    ends: Ends | None = None
    """Of a confidence interval, or with intervals only of what is told."""
    method: str | None = None
    """How an interval that is told was made, where it is not the exact one."""


NOTHING = Number(value=None)
OF_COUNTS = "what coarse counts leave of the rate, and a confidence interval on either side"
OUTWARDS = "a confidence interval, its ends moved outwards"


def coarse_rate(number: Number, counts: tuple[int, int], rule: DisclosureRule) -> Number:
    """Return the share of two counts as it is told; `counts` are what it is made of and what it is a share of.

    >>> coarse_rate(Number(value=23 / 41), (23, 41), DisclosureRule(rounding=5)).value
    0.625
    """
    if rule.grain is None or number.value is None:
        return number
    if counts[1] <= 0:
        return coarse_number(number, rule)
    low, high = _rates(counts, rule)
    if rule.intervals_only and counts[0] > 0:
        exact = number.ends or (low, high)
        return _middle(_within(_around((low, high), _halves(number, 0.0), exact)), OF_COUNTS)
    step = rule.grain / max(rule.told(counts[1]), 1)
    ends = None if number.ends is None else _within(_around((low, high), _halves(number, step), number.ends))
    return Number(value=low, ends=ends, method=OF_COUNTS)


def _rates(counts: tuple[int, int], rule: DisclosureRule) -> Ends:
    """Return the rate of rounded counts, twice; with intervals only the least and the greatest rate."""
    made, whole = (rule.told(count) for count in counts)
    if not rule.intervals_only:
        return (min(made / whole, 1.0),) * 2
    (least, most), (fewest, all_) = rule.ends(made), rule.ends(whole)
    return least / all_, min(most / fewest, 1.0)


def coarse_gap(number: Number, ends: tuple[Number, Number], rule: DisclosureRule) -> Number:
    """Return a difference of two rates as it is told, from the rates as they are told, the higher first."""
    highest, lowest = ends
    if rule.intervals_only or number.value is None or highest.value is None or lowest.value is None:
        return coarse_number(number, rule)
    value = max(highest.value - lowest.value, 0.0)
    if number.ends is None:
        return Number(value=value)
    low, high = _around((value, value), _halves(number, FINE), number.ends)
    return Number(value=value, ends=(max(low, 0.0) if number.ends[0] >= 0 else low, high), method=OF_COUNTS)


def coarse_number(number: Number, rule: DisclosureRule) -> Number:
    """Return any other number as it is told: two decimals, or with intervals only its interval.

    >>> coarse_number(Number(value=0.4567, ends=(0.4011, 0.5123)), DisclosureRule(rounding=5))
    Number(value=0.46, ends=(0.4, 0.52), method='a confidence interval, its ends moved outwards')
    """
    if rule.grain is None or number.value is None:
        return number
    if rule.intervals_only:
        return NOTHING if number.ends is None else _middle(_outwards(number.ends, ROUGH), OUTWARDS)
    ends = None if number.ends is None else _outwards(number.ends, FINE)
    return Number(value=round(number.value, 2), ends=ends, method=OUTWARDS)


def coarse_count(number: Number, rule: DisclosureRule) -> Number:
    """Return a number that is a count as it is told; an interval about it is not."""
    if rule.grain is None or number.value is None:
        return number
    ends = rule.ends(rule.told(round(number.value)))
    if rule.intervals_only:
        return _middle((float(ends[0]), float(ends[1])), OF_COUNTS)
    return Number(value=float(rule.told(round(number.value))))


def coarse(value: float, rule: DisclosureRule) -> float:
    """Return a number without an interval beside coarse counts: to two decimals."""
    return value if rule.grain is None else round(value, 2)


def _halves(number: Number, step: float) -> Ends:
    """Return how far an interval goes down and up, rounded up to 0.01 (from 0.1 on to 0.05), and a step.

    What is rounded so hardly changes with a count.
    """
    if number.value is None or number.ends is None:
        return 0.0, 0.0
    down, up = (_up(half, FINE if half < WIDE else ROUGH) for half in _distances(number.value, number.ends))
    return down + step, up + step


def _distances(value: float, ends: Ends) -> Ends:
    return max(value - ends[0], 0.0), max(ends[1] - value, 0.0)


def _up(length: float, unit: float) -> float:
    return unit * math.ceil(length / unit - TINY)


def _around(told: Ends, halves: Ends, exact: Ends) -> Ends:
    """Return what is told of a number, and halves on either side, widened by hundredths until it holds `exact`."""
    low, high = told[0] - halves[0], told[1] + halves[1]
    return low - _up(max(low - exact[0], 0.0), FINE), high + _up(max(exact[1] - high, 0.0), FINE)


def _within(ends: Ends) -> Ends:
    return max(ends[0], 0.0), min(ends[1], 1.0)


def _outwards(ends: Ends, unit: float) -> Ends:
    low, high = unit * math.floor(ends[0] / unit + TINY), unit * math.ceil(ends[1] / unit - TINY)
    return round(min(low, ends[0]), 9), round(max(high, ends[1]), 9)


def _middle(ends: Ends, method: str) -> Number:
    return Number(value=(ends[0] + ends[1]) / 2, ends=ends, method=method)
