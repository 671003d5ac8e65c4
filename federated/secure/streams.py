"""What hides a vector? Words from AES-256 in counter mode under a key of full length, added modulo a power of two.

A word has 32 or 64 bits, and a modulus of fewer bits takes the lower ones, so that every residue is as likely as any
other. Memory beyond the vector is one chunk, whatever the vector's length.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from federated.secure.contents import Words

_CHUNK_BYTES: Final = 1 << 20
_ZEROS: Final = bytes(_CHUNK_BYTES)
KEY_BYTES: Final = 32


def word_type(bits: int) -> np.dtype[Any]:
    """Return the type of a word that holds a residue modulo 2^bits."""
    return np.dtype(np.uint32 if bits <= 32 else np.uint64)


def add_mask(vector: Words, key: bytes, *, negative: bool = False) -> None:
    """Add the key's stream to a vector in place, or take it away, modulo the word's own size.

    Raises:
        ValueError: the key does not have 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a mask's key has {KEY_BYTES} bytes, not {len(key)}")
    stream = Cipher(AES(key), CTR(bytes(16))).encryptor()
    buffer = bytearray(_CHUNK_BYTES)
    words = np.frombuffer(buffer, dtype=vector.dtype)
    change = np.subtract if negative else np.add
    for at in range(0, len(vector), len(words)):
        part = vector[at : at + len(words)]
        stream.update_into(memoryview(_ZEROS)[: part.nbytes], memoryview(buffer)[: part.nbytes])
        change(part, words[: len(part)], out=part)


def reduce(vector: Words, *, bits: int) -> None:
    """Keep the lower bits of each word, in place."""
    if bits < 8 * vector.dtype.itemsize:
        np.bitwise_and(vector, vector.dtype.type((1 << bits) - 1), out=vector)
