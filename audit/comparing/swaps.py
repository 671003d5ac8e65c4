"""Are two runs right equally often? Tests that swap the two runs' answers, a whole unit at a time.

Where the two runs are alike, it does not matter which answers of a unit are called the first run's. A difference of
sums has its sign flipped by that; where items are the units, that test of accuracy is McNemar's, and exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from affidavit.confusion import FloatArray
from affidavit.evidence import Evidence
from affidavit.records import SignificanceTest
from affidavit.statistics.permutation import permutation_p_value, sign_flip_p_value
from audit.comparing.statistics import Metric

NULL: Final = "both runs do equally well"
_BLOCK: Final = 2**22
_CONVOLVED: Final = 20_000_000
"""Units times items gained or lost, up to which all sign patterns are gone through."""


def swap_test(
    evidence: Evidence, group: int, metric: Metric, *, has_units: bool, rng: np.random.Generator
) -> SignificanceTest | None:
    """Test one metric in one group; None where it is undefined, or there are fewer units than groups are compared by.

    Without `has_units` each item is a unit.

    Source: McNemar 1947 (items as units); Fisher 1935 (sign flips); Noreen 1989 (swaps, any metric).
    """
    grouped = evidence.grouped
    if grouped.units()[group] < evidence.options.compared_units:
        return None
    own, n_permutations = grouped.group == group, evidence.options.n_permutations
    sums, copies = grouped.sums[own], grouped.copies[own]
    if metric.change.ratio is not None:
        differences = sums @ metric.change.ratio[0]
        if not has_units and not grouped.weighted:
            return _mcnemar(differences, copies)
        return _sign_flips(differences, n_permutations, rng)
    return _swaps(sums, None if grouped.multiplicity is None else copies, metric, n_permutations, rng)


def _mcnemar(differences: FloatArray, copies: NDArray[np.int64]) -> SignificanceTest:
    worse, better = int(copies[differences < 0].sum()), int(copies[differences > 0].sum())
    p_value = mcnemar_exact_p_value(worse, better)
    return SignificanceTest(null=NULL, p_value=p_value, method=f"exact McNemar, {better} gained and {worse} lost")


def mcnemar_exact_p_value(only_first: int, only_second: int) -> float:
    """Two-sided p-value that of the items which one run alone got right, either is as likely: binomial with 1/2.

    | case | p-value |
    |---|---|
    | no such items | 1 |

    Source: McNemar 1947; exact form, Cochran 1950.

    >>> mcnemar_exact_p_value(0, 5)
    0.0625
    """
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def _sign_flips(differences: FloatArray, n_permutations: int, rng: np.random.Generator) -> SignificanceTest:
    moving = differences[differences != 0]  # flipping a zero changes nothing
    whole = bool(np.all(moving == np.rint(moving)))
    if whole and len(moving) * np.abs(moving).sum() <= _CONVOLVED:
        p_value = exact_sign_flip_p_value(moving.astype(np.int64))
        return SignificanceTest(null=NULL, p_value=p_value, method="exact sign flips of units' differences")
    p_value = sign_flip_p_value(moving, n_permutations=n_permutations, rng=rng)
    how = _how(len(moving), n_permutations, "sign flips of units' differences")
    return SignificanceTest(null=NULL, p_value=p_value, method=how)


def exact_sign_flip_p_value(differences: NDArray[np.int64]) -> float:
    """Two-sided p-value of "whole differences [m] are symmetric about 0" over all 2^m sign patterns, however many.

    The distribution of |sum s_i d_i| is convolved unit by unit, so the p-value does not end where permutations do. With
    differences of 1 it is McNemar's.

    | case | p-value |
    |---|---|
    | no differences, or all 0 | 1 |

    Source: Fisher 1935; Pagano, Tritchler 1983 (the distribution in polynomial time).

    >>> exact_sign_flip_p_value(np.array([1, 2, 3]))
    0.25
    """
    steps = np.abs(differences)
    reach, observed = int(steps.sum()), abs(int(differences.sum()))
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for step in np.sort(steps[steps > 0]):
        chances = (np.roll(chances, step) + np.roll(chances, -step)) / 2  # never beyond reach, so nothing wraps
    return float(min(2 * chances[reach + observed :].sum(), 1.0)) if observed else 1.0


def _swaps(
    sums: FloatArray,
    copies: NDArray[np.int64] | None,
    metric: Metric,
    n_permutations: int,
    rng: np.random.Generator,
) -> SignificanceTest | None:
    width = sums.shape[1] // 2
    total = sums if copies is None else sums * copies[:, None]
    both = total.sum(axis=0)
    middle = (both[:width] + both[width:]) / 2
    reference = np.tile(2 * middle, 2)  # the same classes for both, whichever way they are swapped
    observed = float(np.abs(metric.change.value(both, reference)))
    if np.isnan(observed):
        return None
    half = (sums[:, width:] - sums[:, :width]) / 2
    moving = np.abs(half).any(axis=1)
    n_moving = int(moving.sum()) if copies is None else _MANY
    drawn = _signs(n_moving, n_permutations, rng) if copies is None else _dealt(copies[moving], n_permutations, rng)
    null = []
    for signs in drawn:
        shift = signs @ half[moving]
        swapped = np.concatenate([middle - shift, middle + shift], axis=1)
        null.append(np.abs(metric.change.value(swapped, np.broadcast_to(reference, swapped.shape))))
    p_value = permutation_p_value(observed, np.concatenate(null), exact=2**n_moving <= n_permutations)
    how = _how(n_moving, n_permutations, "swaps of units' answers")
    return SignificanceTest(null=NULL, p_value=p_value, method=how)


_MANY: Final = 64
"""Stands for more moving units than can be listed."""


def _how(n_moving: int, n_permutations: int, what: str) -> str:
    n_moving = min(n_moving, _MANY)
    return f"all {2**n_moving:,} {what}" if 2**n_moving <= n_permutations else f"{n_permutations:,} {what}"


def _signs(m: int, n_permutations: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield sign patterns [b, m]: all of them where they are no more than asked for."""
    if m < _MANY and 2**m <= n_permutations:
        yield np.array(list(product((1.0, -1.0), repeat=m)), dtype=np.float64).reshape(2**m, m)
        return
    size = max(1, _BLOCK // m)
    for start in range(0, n_permutations, size):
        flipped = rng.integers(0, 2, size=(min(size, n_permutations - start), m))
        yield 1.0 - 2.0 * flipped.astype(np.float64)


def _dealt(copies: NDArray[np.int64], n_permutations: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield sums of signs [b, R] of so many items each."""
    yield copies - 2.0 * rng.binomial(copies, 0.5, size=(n_permutations, len(copies)))
