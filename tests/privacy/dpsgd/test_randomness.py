"""The source: uniform, normal, independent, never the same twice, and not foretold by a seed of anybody else's."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from scipy import stats

from privacy.dpsgd.randomness import Source, _Keystream, secret_source, simulated_source

N = 200_000
SELDOM = 1e-6
"""A secret source cannot be seeded: a test of it errs once in a million runs."""


def known_words() -> Source:
    """The keystream under a key that the test knows, which repeats."""
    stream = Cipher(AES(bytes(range(32))), CTR(bytes(16))).encryptor()
    return Source(
        words=lambda n: np.frombuffer(stream.update(bytes(8 * n)), dtype=np.uint64), name="known", simulated=True
    )


def test_the_keystream_is_aes_in_counter_mode() -> None:
    """Of a zero plaintext the first block is the block cipher's output on the counter 0 (NIST SP 800-38A, 6.5)."""
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    key = bytes(range(32))
    block = Cipher(AES(key), ECB()).encryptor().update(bytes(16))
    assert known_words().words(2).tobytes() == block


@pytest.mark.parametrize("make", [secret_source, known_words, lambda: simulated_source(np.random.default_rng(3))])
def test_normal_variables_are_normal(make: object) -> None:
    values = make().normal(N)  # type: ignore[operator]
    assert stats.kstest(values, "norm").pvalue > SELDOM
    assert abs(values.mean()) < 5 / math.sqrt(N)
    assert abs(values.var() - 1) < 5 * math.sqrt(2 / N)
    assert abs(stats.kurtosis(values)) < 5 * math.sqrt(24 / N)
    beyond = int((np.abs(values) > 3).sum())
    assert stats.binomtest(beyond, N, 2 * stats.norm.sf(3)).pvalue > SELDOM


def test_the_halves_of_box_and_muller_are_independent() -> None:
    values = known_words().normal(N)
    first, second = values[: N // 2], values[N // 2 :]
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / math.sqrt(N / 2)
    assert abs(np.corrcoef(first**2, second**2)[0, 1]) < 5 / math.sqrt(N / 2)
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 5 / math.sqrt(N)


def test_uniform_variables_are_uniform_and_every_bit_counts() -> None:
    values = known_words().uniform(N)
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    lowest = (values * 2**53).astype(np.uint64) & np.uint64(1)
    assert stats.binomtest(int(lowest.sum()), N, 0.5).pvalue > 1e-3


def test_the_least_and_the_greatest_word_give_finite_numbers() -> None:
    for word in (0, 2**64 - 1):
        source = Source(words=lambda n, w=word: np.full(n, w, dtype=np.uint64), name="extreme", simulated=True)  # type: ignore[misc]
        assert np.isfinite(source.normal(3)).all()
        assert 0 <= float(source.uniform(1)[0]) < 1
        assert source.below(7) in range(7)


def test_odd_none_and_many_are_given_in_full() -> None:
    source = known_words()
    assert [len(source.normal(n)) for n in (0, 1, 7, (1 << 20) + 3)] == [0, 1, 7, (1 << 20) + 3]


def test_two_secrets_have_nothing_in_common() -> None:
    assert not np.array_equal(secret_source().words(4), secret_source().words(4))


def test_a_forked_process_draws_other_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the state would add the same noise in both processes, and a difference would take it off again."""
    keystream = _Keystream()
    stream = keystream._stream
    monkeypatch.setattr(os, "getpid", lambda: -1)
    keystream(1)
    assert keystream._stream is not stream
    assert keystream._owner == -1


def test_each_unit_is_drawn_by_a_coin_of_its_own() -> None:
    source, n, rate = known_words(), 40, 0.3
    drawn = np.zeros((4000, n), dtype=bool)
    for row in drawn:
        row[source.included(n, rate=rate)] = True
    counts = drawn.sum(0)
    assert stats.chisquare(np.bincount(drawn.sum(1), minlength=n + 1)[5:20],
                           _binomial(4000, n, rate, drawn)).pvalue > 1e-3  # fmt: skip
    assert (np.abs(counts - 4000 * rate) < 5 * math.sqrt(4000 * rate * (1 - rate))).all()
    together = np.corrcoef(drawn.T.astype(float)) - np.eye(n)
    assert np.abs(together).max() < 5.5 / math.sqrt(4000)


def _binomial(times: int, n: int, rate: float, drawn: np.ndarray) -> np.ndarray:
    """Return the expected counts of sizes 5 to 19, scaled to how many were seen there."""
    expected: np.ndarray = times * stats.binom.pmf(np.arange(5, 20), n, rate)
    seen: np.ndarray = expected * ((drawn.sum(1) >= 5) & (drawn.sum(1) < 20)).sum() / expected.sum()
    return seen


def test_all_are_drawn_at_rate_one() -> None:
    assert secret_source().included(9, rate=1.0).tolist() == list(range(9))


def test_a_simulated_source_repeats_and_says_what_it_is() -> None:
    first, second = (simulated_source(np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first.normal(5), second.normal(5))
    assert first.simulated
    assert "simulated" in first.name
    assert not secret_source().simulated
