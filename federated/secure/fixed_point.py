"""How do clipped updates become integers whose sum cannot overflow, and what does rounding do to the sensitivity?

A coordinate is divided by a step and cut off toward zero. The step is a power of two, so the division is exact, and the
grid's value is never larger in magnitude than the coordinate: the L2 norm after rounding is at most the norm before.
Rounding hence adds nothing to the sensitivity, which stays `max_norm`. Rounding to the nearest could add up to
step * sqrt(size) / 2, stochastic rounding up to step * sqrt(size). The price is a bias toward zero of less than a step
for each coordinate and site.

A vector is scaled down to `max_norm` (with room for the rounding errors of the norm itself), then cut to `max_value` by
coordinate. How many coordinates were cut and how many sites were scaled is summed beside the vector, so that nobody's
own count is told. They are functions of the data: published under a promise of privacy, they have to be accounted for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import PlanError
from federated.secure.contents import Words
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.streams import word_type

MIN_LEVELS: Final = 1 << 10
"""A coarser grid cuts most of an update to zero."""
_TOLD: Final = 1 + 1e-6
"""A norm that exceeds the bound by less was brought to the bound before, in single precision: not told as scaled."""
_EXTRA: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPoint:
    """Real values as multiples of a step, summed modulo 2^bits."""

    max_norm: float
    """The L2 norm that a site's vector has at most, before and after rounding."""
    max_value: float
    """The magnitude that a coordinate has at most; `max_norm` where it should never bind."""
    step: float
    """A power of two."""
    bits: int = 32
    noise_room: int = 0
    """Steps that noise added at a site may have in a coordinate; several tens of its standard deviations."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a grid."""
        mantissa, exponent = math.frexp(self.step) if math.isfinite(self.step) else (0.0, 0)
        if mantissa != 0.5 or abs(exponent) > 256:
            raise _impossible("the step of a grid is no power of two", f"step={self.step}", "0.5, 0.25, ...")
        if not (0 < self.max_value < math.inf and 0 < self.max_norm < math.inf):
            raise _impossible("a bound is not positive", f"{self.max_norm=}, {self.max_value=}", "above 0, finite")
        if not 8 <= self.bits <= 64 or self.noise_room < 0:
            found = f"bits={self.bits}, noise_room={self.noise_room}"
            raise _impossible("no words hold this grid", found, "8 to 64 bits, noise from 0 on")

    @property
    def levels(self) -> int:
        """The largest integer that a coordinate becomes."""
        return math.floor(Fraction(self.max_value) / Fraction(self.step))

    def check(self, *, n_sites: int, size: int) -> None:
        """Hold the rule under which no sum overflows.

        n_sites * (levels + noise_room) < 2^(bits - 1), and n_sites * size < 2^bits.

        Raises:
            PlanError: a sum could overflow, or the grid is coarser than 1024 levels.
        """
        if n_sites * (self.levels + self.noise_room) >= 1 << (self.bits - 1):
            found = f"{n_sites} sites of {self.levels} levels and {self.noise_room} of noise each"
            raise _impossible("a sum could overflow", found, f"a product below 2^{self.bits - 1}")
        if n_sites * size >= 1 << self.bits:
            found = f"{n_sites} sites of {size} coordinates each"
            raise _impossible("the count of cut coordinates could overflow", found, f"a product below 2^{self.bits}")
        if self.levels < MIN_LEVELS:
            raise _impossible("the grid is too coarse", f"{self.levels} levels", f"at least {MIN_LEVELS}")

    def width(self, size: int) -> int:
        """Return how many words a vector of `size` becomes."""
        return size + _EXTRA

    def described(self) -> dict[str, str | int | float]:
        """Return what a site approves."""
        bounds = {"max_norm": self.max_norm, "max_value": self.max_value, "step": self.step}
        return {"kind": "fixed-point", "bits": self.bits, "noise_room": self.noise_room, **bounds}

    def encode(self, values: NDArray[Any], *, size: int) -> Words:
        """Return values of one site as words: residues, then the coordinates that were cut, then 1 where scaled.

        Raises:
            SecureRefusalError: a value is not finite, or the vector has another length.
        """
        if values.shape != (size,) or values.dtype.kind not in "fiu":
            raise SecureRefusalError(Reason.VALUES, f"this site's vector is not one of {size} numbers")
        scaled = values.astype(np.float64)
        largest = float(np.abs(scaled).max(initial=0.0))
        if not math.isfinite(largest):
            raise SecureRefusalError(Reason.VALUES, "this site's vector holds a value that is not finite")
        clipped = self._scale(scaled, largest)
        within = self.levels * self.step
        saturated = int((np.abs(scaled) > self.max_value).sum())
        np.clip(scaled, -within, within, out=scaled)
        np.divide(scaled, self.step, out=scaled)
        words = np.empty(self.width(size), dtype=word_type(self.bits))
        words[:size] = np.trunc(scaled, out=scaled).astype(np.int64).astype(words.dtype)
        words[size:] = (saturated, clipped)
        return words

    def add_noise(self, words: Words, noise: NDArray[np.int64]) -> None:
        """Add whole steps of noise to encoded coordinates, in place.

        Raises:
            SecureRefusalError: it is not integers of the vector's size within `noise_room`.
        """
        size = len(words) - _EXTRA
        if noise.shape != (size,) or noise.dtype != np.int64:
            raise SecureRefusalError(Reason.VALUES, f"the noise is not {size} integers")
        if size and max(-int(noise.min()), int(noise.max())) > self.noise_room:
            raise SecureRefusalError(
                Reason.VALUES, f"the noise exceeds the {self.noise_room} steps that the sum has room for"
            )
        words[:size] += noise.astype(words.dtype)

    def _scale(self, scaled: NDArray[np.float64], largest: float) -> bool:
        """Bring the norm under its bound in place, and say whether that was worth telling."""
        if largest == 0.0:
            return False
        ratio = scaled / largest  # neither overflows nor underflows when squared
        norm, bound = math.sqrt(float(np.dot(ratio, ratio))), self.max_norm / largest
        room = 1 + (len(scaled) + 16) * 2.0**-52  # what summing the squares and scaling can be wrong by
        if norm * room > bound:
            np.multiply(ratio, self.max_norm / (norm * room), out=scaled)
        return norm > bound * _TOLD

    def integers(self, words: Words) -> NDArray[np.int64]:
        """Return residues as integers from -2^(bits - 1) on."""
        shift = 64 - self.bits
        return (words.astype(np.uint64) << np.uint64(shift)).view(np.int64) >> np.int64(shift)

    def decode(self, integers: NDArray[Any]) -> NDArray[np.float64]:
        """Return integers as values; exact up to 2^53 steps."""
        return np.asarray(integers, dtype=np.float64) * self.step


def fixed_point(*, max_norm: float, n_sites: int, bits: int = 32, max_value: float | None = None) -> FixedPoint:
    """Return the finest grid whose sum over `n_sites` cannot overflow.

    >>> fixed_point(max_norm=1.0, n_sites=10).step == 2.0**-27
    True
    """
    limit = max_norm if max_value is None else max_value
    if not (math.isfinite(limit) and limit > 0 and n_sites > 0 and 8 <= bits <= 64):
        raise _impossible("no grid exists", f"{limit=}, {n_sites=}, {bits=}", "positive bounds, 8 to 64 bits")
    most = ((1 << (bits - 1)) - 1) // n_sites
    if most == 0:
        raise _impossible("a sum could overflow", f"{n_sites} sites, {bits} bits", "fewer sites or more bits")
    exponent = math.frexp(limit / most)[1] - 1
    while int(math.ldexp(limit, -exponent)) > most:
        exponent += 1
    return FixedPoint(max_norm=max_norm, max_value=limit, step=math.ldexp(1.0, exponent), bits=bits)


def _impossible(what: str, found: str, allowed: str) -> PlanError:
    return PlanError(what, slug="plan-impossible", where="secure aggregation", found=found, allowed=allowed)
