"""Permutation tests that move units, never rows: is there any difference between groups at all?

An attribute of the unit (accent, age band) is reassigned between units; paired differences of units have their signs
flipped. Where all arrangements can be listed they are, and the p-value is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from affidavit.statistics.arrangements import all_labelings, count_arrangements
from affidavit.statistics.types import FloatArray, IntArray

_BLOCK_ENTRIES = 2**22
_KEPT_ENTRIES = 2**25
_TIE = 1e-10


@dataclass(frozen=True, kw_only=True)
class UnitShuffler:
    """The same random orders of U units, again and again: for several families, metrics or conditions at once.

    Kept between calls while U x B <= 2**25, else drawn again from the seed. Not for strata.
    """

    n_units: int
    n_permutations: int
    seed: int

    def orders(self) -> Iterable[NDArray[np.int32]]:
        """The orders, as blocks [b, U], each row a uniformly random permutation of 0 .. U-1."""
        return self._kept if self.n_units * self.n_permutations <= _KEPT_ENTRIES else self._drawn()

    @cached_property
    def _kept(self) -> tuple[NDArray[np.int32], ...]:
        return tuple(self._drawn())

    def _drawn(self) -> Iterator[NDArray[np.int32]]:
        rng = np.random.default_rng(self.seed)
        size = max(1, _BLOCK_ENTRIES // max(self.n_units, 1))
        for start in range(0, self.n_permutations, size):
            units = np.arange(self.n_units, dtype=np.int32)
            yield rng.permuted(np.tile(units, (min(size, self.n_permutations - start), 1)), axis=1)


class PermutedSums(NamedTuple):
    """Sums by group under each arrangement; `exact` when these are all arrangements, each once.

    `n_arrangements` is None when there are more than 10**15: more than can matter.
    """

    sums: FloatArray
    exact: bool
    n_arrangements: int | None


def permuted_group_sums(
    sums: FloatArray,
    group: IntArray,
    *,
    n_groups: int,
    n_permutations: int,
    rng: np.random.Generator | UnitShuffler,
    strata: IntArray | None = None,
) -> PermutedSums:
    """Sums by group [B, G, S] when units [U] with sums [U, S] are dealt anew to the groups, group sizes kept.

    With `strata` [U] units change places only within their stratum (corpus, site), and the sizes of groups within
    strata are kept. All distinct arrangements when there are at most `n_permutations` (B is then their number, the
    observed one among them), else `n_permutations` random ones. Ask `permutation_p_value` with the `exact` returned.

    A `UnitShuffler` in place of `rng` deals the same random orders in every call.

    Raises:
        ValueError: if a `UnitShuffler` is asked to respect strata, or is of another size or number of orders.

    Source: Fisher 1935; Pesarin, Salmaso 2010 (exchangeability within strata).
    """
    blocks = np.zeros(len(group), dtype=np.intp) if strata is None else np.unique(strata, return_inverse=True)[1]
    n_arrangements = count_arrangements(group, blocks)
    exact = n_arrangements is not None and n_arrangements <= n_permutations
    orders: Iterable[NDArray[np.integer[Any]]]
    if isinstance(rng, UnitShuffler):
        _check_shuffler(rng, len(group), n_permutations, strata)
    if exact:
        orders = _all_orders(group, blocks)
    elif isinstance(rng, UnitShuffler):
        orders = rng.orders()
    else:
        orders = _random_orders(group, blocks, n_permutations, rng)
    boundaries = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=n_groups))])
    dealt = [_dealt_sums(order, boundaries, sums) for order in orders]
    return PermutedSums(np.concatenate(dealt), exact, n_arrangements)


def permutation_p_value(observed: float, null: FloatArray, *, exact: bool) -> float:
    """The share of arrangements whose statistic [B] is at least the observed one (large = against the null).

    Random arrangements: (1 + #) / (1 + B), never 0. All arrangements: # / B, the observed one being among them.
    Values within 1e-10 of the observed, relatively, count as equal to it.

    | case | p-value |
    |---|---|
    | observed NaN, or no arrangements | NaN |
    | a NaN among the null | counts as at least the observed (cautious) |

    Source: Phipson, Smyth 2010; Davison, Hinkley 1997, eq. 4.11.

    >>> permutation_p_value(2.0, np.array([0.0, 1.0, 2.0]), exact=False)
    0.5
    """
    if np.isnan(observed) or len(null) == 0:
        return float("nan")
    tolerance = _TIE * max(abs(observed), float(np.nanmax(np.abs(null), initial=0.0)))
    reached = np.count_nonzero(~(null < observed - tolerance))
    return float(reached / len(null) if exact else (1 + reached) / (1 + len(null)))


def sign_flip_p_value(differences: FloatArray, *, n_permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p-value of "paired differences [m] of units are symmetric about 0", by flipping signs of whole units.

    Statistic |sum d|; all 2^m sign patterns when 2^m <= n_permutations, else random ones with the +1 rule.

    | case | p-value |
    |---|---|
    | no differences, or a NaN | NaN |
    | all differences 0 | 1 |

    Source: Fisher 1935 (Design of Experiments, on Darwin's paired plants).

    >>> sign_flip_p_value(np.array([1.0, 2.0, 3.0]), n_permutations=1000, rng=np.random.default_rng(0))
    0.25
    """
    if len(differences) == 0 or np.any(np.isnan(differences)):
        return float("nan")
    exact = 2 ** len(differences) <= n_permutations
    signs = _sign_patterns(len(differences), n_permutations, rng, exact=exact)
    null = np.concatenate([np.abs(pattern @ differences) for pattern in signs])
    return permutation_p_value(float(np.abs(differences.sum())), null, exact=exact)


def _sign_patterns(m: int, n_permutations: int, rng: np.random.Generator, *, exact: bool) -> Iterator[FloatArray]:
    if exact:
        yield np.array(list(product((1.0, -1.0), repeat=m)), dtype=np.float64)
        return
    size = max(1, _BLOCK_ENTRIES // m)
    for start in range(0, n_permutations, size):
        flipped = rng.integers(0, 2, size=(min(size, n_permutations - start), m))
        yield 1.0 - 2.0 * flipped.astype(np.float64)


def _check_shuffler(shuffler: UnitShuffler, n_units: int, n_permutations: int, strata: IntArray | None) -> None:
    if strata is not None:
        raise ValueError("A UnitShuffler moves units across strata; pass an rng to permute within them.")
    if (shuffler.n_units, shuffler.n_permutations) != (n_units, n_permutations):
        raise ValueError(f"Expected a UnitShuffler of {n_units} units, {n_permutations} orders, got {shuffler}.")


def _all_orders(group: IntArray, blocks: IntArray) -> Iterator[NDArray[np.intp]]:
    """Every arrangement as an order [b, U] of the units, those of group 0 first."""
    yield np.argsort(all_labelings(group, blocks), axis=1, kind="stable")


def _random_orders(
    group: IntArray, blocks: IntArray, n_permutations: int, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Random arrangements as orders [b, U]: the places of each stratum are filled with its units, shuffled."""
    by_group = np.argsort(group, kind="stable")
    places = _places_by_stratum(blocks[by_group])
    size = max(1, _BLOCK_ENTRIES // max(len(group), 1))
    for start in range(0, n_permutations, size):
        order = np.empty((min(size, n_permutations - start), len(group)), dtype=np.intp)
        for place in places:
            order[:, place] = rng.permuted(np.tile(by_group[place], (len(order), 1)), axis=1)
        yield order


def _places_by_stratum(stratum: IntArray) -> list[NDArray[np.intp]]:
    places = np.argsort(stratum, kind="stable")
    return np.split(places, np.cumsum(np.bincount(stratum))[:-1])


def _dealt_sums(order: NDArray[np.integer[Any]], boundaries: NDArray[Any], sums: FloatArray) -> FloatArray:
    """Sums by group [b, G, S] of units in the given orders, as one sparse product of [b G, U] with [U, S]."""
    n_rows, n_units = order.shape
    starts = (np.arange(n_rows)[:, None] * n_units + boundaries[None, :-1]).ravel()
    pointers = np.append(starts, n_rows * n_units)
    shape = (len(starts), n_units)
    chosen = csr_matrix((np.ones(order.size), order.ravel(), pointers), shape=shape)
    return np.asarray(chosen @ sums).reshape(n_rows, len(boundaries) - 1, sums.shape[1])
