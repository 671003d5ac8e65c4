"""How many ways there are to deal units to groups of fixed sizes within strata, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from affidavit.statistics.types import IntArray

_COUNTABLE = 10**15


def count_arrangements(group: IntArray, strata: IntArray) -> int | None:
    """How many: the product over strata of n_s! / prod_g n_sg!; None above 10**15.

    >>> count_arrangements(np.array([0] * 5 + [1] * 5), np.zeros(10, dtype=int))
    252
    """
    sizes = _sizes(group, strata)
    logarithm = float(np.sum(gammaln(sizes.sum(axis=1) + 1)) - np.sum(gammaln(sizes + 1)))
    if logarithm > np.log(_COUNTABLE):
        return None
    total = 1
    for row in sizes:
        for left, size in zip(np.cumsum(row[::-1])[::-1], row, strict=True):
            total *= comb(int(left), int(size))
    return total


def all_labelings(group: IntArray, strata: IntArray) -> NDArray[np.intp]:
    """Every distinct assignment [A, U] of group labels to units that keeps group sizes within strata."""
    labels = np.zeros((1, len(group)), dtype=np.intp)
    for stratum, sizes in enumerate(_sizes(group, strata)):
        places = np.flatnonzero(strata == stratum)
        within = np.array(list(_labelings(tuple(int(size) for size in sizes), 0)), dtype=np.intp)
        labels = np.repeat(labels, len(within), axis=0)
        labels[:, places] = np.tile(within, (len(labels) // len(within), 1))
    return labels


def _labelings(sizes: tuple[int, ...], label: int) -> Iterator[list[int]]:
    """All sequences holding `label + k` sizes[k] times: places for the first label, the rest by recursion."""
    if len(sizes) == 1:
        yield [label] * sizes[0]
        return
    n = sum(sizes)
    for rest in _labelings(sizes[1:], label + 1):
        for places in combinations(range(n), sizes[0]):
            remaining = iter(rest)
            taken = set(places)
            yield [label if place in taken else next(remaining) for place in range(n)]


def _sizes(group: IntArray, strata: IntArray) -> NDArray[np.intp]:
    """Units by stratum and group [T, G]."""
    n_groups = int(group.max(initial=0)) + 1
    n_strata = int(strata.max(initial=0)) + 1
    return np.bincount(strata * n_groups + group, minlength=n_strata * n_groups).reshape(n_strata, n_groups)
