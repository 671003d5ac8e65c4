"""The generator of a private training itself, and not one that a test made: its key and its counter."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from privacy.dpsgd.randomness import secret_source


def test_the_secret_stream_is_aes_256_in_counter_mode_under_32_bytes_of_the_operating_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shorter key, a padded one, or another mode gives other words than the block cipher of the counters 0 to 3."""
    key, asked = bytes(range(1, 33)), []

    def known(n: int) -> bytes:
        asked.append(n)
        return key[:n]

    monkeypatch.setattr(os, "urandom", known)
    words = secret_source().words(8)
    blocks = Cipher(AES(key), ECB()).encryptor().update(b"".join(i.to_bytes(16, "big") for i in range(4)))
    assert asked == [32]
    assert words.tobytes() == blocks


def test_the_stream_goes_on_where_it_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that began anew would give two steps the same noise, and their difference no noise at all."""
    monkeypatch.setattr(os, "urandom", lambda n: bytes(range(n)))
    whole, parts = secret_source(), secret_source()
    assert whole.words(9).tolist() == [*parts.words(2), *parts.words(4), *parts.words(3)]
