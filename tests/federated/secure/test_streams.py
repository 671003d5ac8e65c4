"""Masks are the block cipher's words, every residue is as likely, and what was added is taken away to the bit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from scipy import stats

from federated.secure.streams import add_mask, reduce, word_type

KEY = bytes(range(32))


def naive(n: int, width: int) -> list[int]:
    """The slow twin: encrypt the counter block by block, and cut little-endian words."""
    cipher = Cipher(AES(KEY), ECB()).encryptor()
    blocks = b"".join(cipher.update(i.to_bytes(16, "big")) for i in range(n * width // 16 + 1))
    return [int.from_bytes(blocks[at : at + width], "little") for at in range(0, n * width, width)]


@pytest.mark.parametrize("bits", [32, 64])
def test_the_mask_is_aes_in_counter_mode_added_modulo_the_word(bits: int) -> None:
    vector = np.full(37, (1 << bits) - 3, dtype=word_type(bits))
    add_mask(vector, KEY)
    assert vector.tolist() == [(word - 3) % (1 << bits) for word in naive(37, bits // 8)]


@pytest.mark.parametrize("n", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 600_001])
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_what_was_added_is_taken_away(n: int, bits: int) -> None:
    before = np.random.default_rng(1).integers(0, 1 << min(bits, 63), size=n).astype(word_type(bits))
    vector = before.copy()
    add_mask(vector, KEY)
    assert n == 0 or not np.array_equal(vector, before)
    add_mask(vector, KEY, negative=True)
    reduce(vector, bits=bits)
    assert np.array_equal(vector, before)


def test_a_chunk_is_not_masked_like_the_one_before() -> None:
    vector = np.zeros(1 << 20, dtype=np.uint32)
    add_mask(vector, KEY)
    assert len({vector[at : at + 4].tobytes() for at in range(0, len(vector), 1 << 16)}) == 16


def test_every_residue_is_as_likely_the_largest_among_them() -> None:
    vector = np.zeros(512_000, dtype=np.uint32)
    add_mask(vector, KEY)
    reduce(vector, bits=8)
    counts = np.bincount(vector.astype(np.int64), minlength=256)
    assert len(counts) == 256
    assert stats.chisquare(counts).pvalue > 1e-6
    off_by_one = np.bincount(np.random.default_rng(1).integers(0, 255, size=len(vector)), minlength=256)
    assert stats.chisquare(off_by_one).pvalue < 1e-6, "the shipped fault, planted: the largest residue never comes"


def test_memory_does_not_grow_with_the_vector() -> None:
    vector = np.zeros(4_000_000, dtype=np.uint32)
    tracemalloc.start()
    add_mask(vector, KEY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("key", [b"", bytes(4), bytes(31), bytes(33)])
def test_a_shorter_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        add_mask(np.zeros(3, dtype=np.uint32), key)
