"""Draws whom a step takes and the noise that protects them, from a generator that nobody can foretell.

The secret source is AES-256 in counter mode under a key from the operating system, made anew for each process and never
written down. It protects against an adversary who would rebuild the noise from a seed (a few dozen bits for `random`,
`numpy` and `torch`). It does not protect against what is left of floating point: sums and noise are double precision,
their result is rounded to the parameters' own, and the least bits of a rounded sum can tell more than its real value
would (Mironov 2012). Normal variables end at 8.6 standard deviations, which a real one passes once in 1e17 draws.

A simulated source draws from a seed instead. What it protects is nothing, and a card that rests on it says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from numpy.typing import NDArray

_PRECISION: Final = 53
_CHUNK: Final = 1 << 20

Words = NDArray[np.uint64]


class _Keystream:
    """AES-256-CTR under a key from the operating system; a forked process gets a key of its own."""

    def __init__(self) -> None:
        self._owner, self._stream = os.getpid(), _stream()

    def __call__(self, n: int, /) -> Words:
        if os.getpid() != self._owner:  # a copy of the state would give both processes the same noise
            self._owner, self._stream = os.getpid(), _stream()
        return np.frombuffer(self._stream.update(bytes(8 * n)), dtype=np.uint64)


def _stream() -> CipherContext:
    return Cipher(AES(os.urandom(32)), CTR(bytes(16))).encryptor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Uniform and normal variables in double precision from words of 64 bits."""

    words: Callable[[int], Words]
    name: str
    simulated: bool

    def uniform(self, n: int) -> NDArray[np.float64]:
        """Return n multiples of 2^-53 in 0 (included) to 1 (excluded)."""
        return (self.words(n) >> np.uint64(64 - _PRECISION)).astype(np.float64) * 2.0**-_PRECISION

    def normal(self, n: int) -> NDArray[np.float64]:
        """Return n standard normal variables (Box and Muller 1958)."""
        out = np.empty(n)
        for at in range(0, n, _CHUNK):
            size = min(_CHUNK, n - at)
            half = -(-size // 2)
            radius = np.sqrt(-2.0 * np.log(1.0 - self.uniform(half)))  # of 2^-53 to 1: never the logarithm of 0
            angle = 2.0 * np.pi * self.uniform(half)
            both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
            out[at : at + size] = both[:size]
        return out

    def included(self, n: int, *, rate: float) -> NDArray[np.int64]:
        """Return which of n units a step takes: each with that chance, whoever else is taken (Poisson sampling)."""
        return np.flatnonzero(self.uniform(n) < rate)

    def below(self, n: int) -> int:
        """Return an integer in 0 to n - 1, each as likely but for a share of n / 2^53."""
        return int(self.uniform(1)[0] * n)

    def seed(self) -> int:
        """Return a seed of 63 bits, for the draws of a model in training."""
        return int(self.words(1)[0] >> np.uint64(1))


def secret_source() -> Source:
    """Return the source of a private training."""
    return Source(words=_Keystream(), name="AES-256-CTR under a key from the operating system", simulated=False)


def simulated_source(rng: np.random.Generator) -> Source:
    """Return a source that can be drawn again, for simulations and tests."""
    return Source(
        words=lambda n: rng.integers(0, 2**64, size=n, dtype=np.uint64), name="seeded (simulated)", simulated=True
    )
