"""How are counts, and products of counts, summed exactly?

Non-negative integers modulo 2^bits, 64 unless told otherwise. A count beyond its bound is refused at the site: an exact
sum has no place for a value that was cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import PlanError
from federated.secure.contents import Words
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.streams import word_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Non-negative integers, none above `bound` at any site."""

    bound: int
    bits: int = 64

    def __post_init__(self) -> None:
        """Refuse what holds no count."""
        if not 8 <= self.bits <= 64 or self.bound < 1:
            raise _impossible("no count fits", f"{self.bound=}, {self.bits=}", "a bound from 1, 8 to 64 bits")

    def check(self, *, n_sites: int, size: int) -> None:
        """Hold the rule under which no sum overflows: n_sites * bound < 2^bits, whatever the vector's size.

        Raises:
            PlanError: a sum could overflow.
        """
        if n_sites * self.bound >= 1 << self.bits:
            found = f"{n_sites} sites of {size} counts up to {self.bound} each"
            raise _impossible("a sum could overflow", found, f"sites times bound below 2^{self.bits}")

    def width(self, size: int) -> int:
        """Return how many words a vector of `size` becomes."""
        return size

    def described(self) -> dict[str, str | int | float]:
        """Return what a site approves; the bound as text, as JSON's numbers end at 2^53."""
        return {"kind": "counts", "bits": self.bits, "bound": str(self.bound)}

    def encode(self, values: NDArray[Any], *, size: int) -> Words:
        """Return the counts of one site as words.

        Raises:
            SecureRefusalError: a value is no integer, negative or above the bound, or the vector has another length.
        """
        if values.shape != (size,) or values.dtype.kind not in "iu":
            raise SecureRefusalError(Reason.VALUES, f"this site's vector is not one of {size} integers")
        if size and (int(values.min()) < 0 or int(values.max()) > self.bound):
            words = f"a count of this site is negative or above {self.bound}, which the sum was sized for"
            raise SecureRefusalError(Reason.VALUES, words)
        return np.array(values, dtype=word_type(self.bits))

    def add_noise(self, words: Words, noise: NDArray[np.int64]) -> None:
        """Refuse noise: a count plus noise may be negative, which this encoding has no words for.

        Raises:
            SecureRefusalError: always; noised counts are summed as `FixedPoint` of step 1.
        """
        raise SecureRefusalError(
            Reason.VALUES, "exact counts take no noise; sum noised ones as fixed-point with step 1"
        )

    def integers(self, words: Words) -> NDArray[np.uint64]:
        """Return residues as they are."""
        return words.astype(np.uint64)

    def decode(self, integers: NDArray[Any]) -> NDArray[np.float64]:
        """Return counts as float64; exact up to 2^53."""
        return np.asarray(integers, dtype=np.float64)


def _impossible(what: str, found: str, allowed: str) -> PlanError:
    return PlanError(what, slug="plan-impossible", where="secure aggregation", found=found, allowed=allowed)
