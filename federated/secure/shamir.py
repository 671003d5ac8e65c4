"""Who together can give back a secret? Shamir's shares (1979) of 256 bits, over the field of 2^256 + 297 elements.

Any `threshold` shares give the secret; fewer tell nothing of it, as every secret is then equally likely. The arithmetic
is Python's and takes a time that depends on the values: who can time a site's computations to the microsecond is not
kept out. No primitive of the `cryptography` package does this.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

PRIME: Final = 2**256 + 297
"""The smallest prime above 2^256, so that every secret of 32 bytes is an element."""
SHARE_BYTES: Final = 33


def split(secret: int, points: Sequence[int], *, threshold: int) -> dict[int, int]:
    """Return a share for each point: a random polynomial of degree threshold - 1 through the secret at 0.

    Raises:
        ValueError: the secret is no element, a point is 0 or there twice, or there are fewer points than the threshold.
    """
    if not 0 <= secret < PRIME:
        raise ValueError("the secret is no element of the field")
    if len({point % PRIME for point in points} - {0}) != len(points):
        raise ValueError("points must differ, and none may be 0: there lies the secret")
    if not 1 <= threshold <= len(points):
        raise ValueError(f"threshold={threshold} is not in 1 to {len(points)}, the number of points")
    coefficients = [secret, *(secrets.randbelow(PRIME) for _ in range(threshold - 1))]
    return {point: evaluate(coefficients, point) for point in points}


def evaluate(coefficients: Sequence[int], point: int) -> int:
    """Return a polynomial's value in the field, lowest coefficient first (Horner)."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % PRIME
    return value


def recover(shares: Mapping[int, int]) -> int:
    """Return the value at 0 of the polynomial of lowest degree through all the shares (Lagrange).

    Raises:
        ValueError: there is no share.
    """
    if not shares:
        raise ValueError("no share, no secret")
    total = 0
    for point, share in shares.items():
        above = below = 1
        for other in shares:
            if other != point:
                above = above * other % PRIME
                below = below * (other - point) % PRIME
        total = (total + share * above * pow(below, -1, PRIME)) % PRIME
    return total
