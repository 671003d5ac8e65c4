"""Any threshold of shares gives the secret back, and fewer are the shares of any secret whatever."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from federated.secure.shamir import PRIME, evaluate, recover, split

ELEMENTS = st.integers(0, 2**256 - 1)


def by_elimination(shares: Mapping[int, int]) -> int:
    """The slow twin: solve the Vandermonde equations for all coefficients, and take the first."""
    points = list(shares)
    rows = [[pow(point, power, PRIME) for power in range(len(points))] + [shares[point]] for point in points]
    for at in range(len(rows)):
        pivot = next(i for i in range(at, len(rows)) if rows[i][at])
        rows[at], rows[pivot] = rows[pivot], rows[at]
        inverse = pow(rows[at][at], PRIME - 2, PRIME)
        rows[at] = [value * inverse % PRIME for value in rows[at]]
        for i, row in enumerate(rows):
            if i != at and row[at]:
                rows[i] = [(a - row[at] * b) % PRIME for a, b in zip(row, rows[at], strict=True)]
    return rows[0][-1]


def is_prime(n: int) -> bool:
    """Miller and Rabin's test with the first primes as bases."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53):
        value = pow(base, odd, n)
        if value not in (1, n - 1) and not any((value := value * value % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True


def test_the_field_is_the_smallest_prime_one_that_holds_32_bytes() -> None:
    assert is_prime(PRIME)
    assert not any(is_prime(n) for n in range(2**256 + 1, PRIME, 2))


def test_a_published_example() -> None:
    """Secret 1234, coefficients 166 and 94: the worked example of the encyclopaedias, small enough for any field."""
    shares = {1: 1494, 2: 1942, 3: 2578, 4: 3402, 5: 4414, 6: 5614}
    assert {point: evaluate([1234, 166, 94], point) for point in shares} == shares
    assert recover({point: shares[point] for point in (2, 4, 5)}) == 1234


@given(secret=ELEMENTS, threshold=st.integers(1, 6), more=st.integers(0, 4), data=st.data())
def test_any_threshold_of_shares_gives_the_secret(secret: int, threshold: int, more: int, data: st.DataObject) -> None:
    shares = split(secret, tuple(range(1, threshold + more + 1)), threshold=threshold)
    chosen = data.draw(st.permutations(sorted(shares)))[:threshold]
    held = {point: shares[point] for point in chosen}
    assert recover(held) == secret == by_elimination(held)


@given(secret=ELEMENTS, other=ELEMENTS, threshold=st.integers(2, 6))
def test_fewer_shares_are_those_of_any_secret(secret: int, other: int, threshold: int) -> None:
    """For every other secret there is exactly one polynomial through it and the shares at hand."""
    shares = split(secret, tuple(range(1, threshold + 1)), threshold=threshold)
    held = {point: shares[point] for point in range(1, threshold)}
    fitting = {**held, 0: other}
    top = _through(fitting, threshold)
    assert recover({**held, threshold: top}) == other


def _through(known: Mapping[int, int], point: int) -> int:
    """The value at a point of the polynomial through all that is known: shift it to 0."""
    return recover({(at - point) % PRIME: value for at, value in known.items()})


def test_a_share_is_uniform_whatever_the_secret() -> None:
    shares = [split(0, (1, 2), threshold=2)[1] for _ in range(4000)]
    counts = [sum(share * 16 // PRIME == part for share in shares) for part in range(16)]
    assert stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize("threshold", [2, 3, 4, 7])
def test_one_share_less_gives_another_secret_whichever_is_missing(threshold: int) -> None:
    """The polynomial has its full degree: all of its coefficients are drawn."""
    secret = 12345
    shares = split(secret, tuple(range(1, threshold + 3)), threshold=threshold)
    for chosen in combinations(shares, threshold - 1):
        assert recover({point: shares[point] for point in chosen}) != secret


def test_two_shares_of_three_are_uniform_together() -> None:
    pairs = [split(0, (1, 2, 3), threshold=3) for _ in range(4000)]
    counts = [0] * 64
    for shares in pairs:
        counts[(shares[1] * 8 // PRIME) * 8 + shares[3] * 8 // PRIME] += 1
    assert stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize(
    ("secret", "points", "threshold"),
    [(PRIME, (1, 2), 2), (-1, (1, 2), 2), (1, (0, 1), 2), (1, (1, 1), 2), (1, (1, PRIME + 1), 1), (1, (1,), 2)],
)
def test_what_cannot_be_split_is_refused(secret: int, points: tuple[int, ...], threshold: int) -> None:
    with pytest.raises(ValueError, match="secret|points|threshold"):
        split(secret, points, threshold=threshold)


def test_no_share_no_secret() -> None:
    with pytest.raises(ValueError, match="no share"):
        recover({})
