"""Counts are summed to the last bit or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.errors import PlanError
from federated.secure.counts import Counts
from federated.secure.refusals import Reason, SecureRefusalError


def test_counts_up_to_64_bits_come_back() -> None:
    counts = Counts(bound=(1 << 62) - 1)
    counts.check(n_sites=4, size=3)
    values = np.array([0, 1, (1 << 62) - 1], dtype=np.int64)
    words = counts.encode(values, size=3)
    total = words + words + words + words
    assert [int(value) for value in counts.integers(total)] == [0, 4, 4 * ((1 << 62) - 1)]


def test_a_bound_whose_sum_could_overflow_is_refused() -> None:
    with pytest.raises(PlanError, match="overflow"):
        Counts(bound=1 << 62).check(n_sites=4, size=1)
    Counts(bound=63, bits=8).check(n_sites=4, size=1)
    with pytest.raises(PlanError, match="overflow"):
        Counts(bound=64, bits=8).check(n_sites=4, size=1)


@pytest.mark.parametrize(
    "values",
    [
        np.array([-1, 0]),
        np.array([101, 0]),
        np.array([0.0, 1.0]),
        np.array([1]),
        np.array([True, False]),
        np.array([1 << 63, 0], dtype=np.uint64),
    ],
)
def test_what_is_no_count_within_the_bound_is_refused(values: np.ndarray) -> None:
    with pytest.raises(SecureRefusalError) as refusal:
        Counts(bound=100).encode(values, size=2)
    assert refusal.value.reason is Reason.VALUES


def test_counts_take_no_noise() -> None:
    with pytest.raises(SecureRefusalError, match="fixed-point"):
        Counts(bound=10).add_noise(np.zeros(2, dtype=np.uint64), np.zeros(2, dtype=np.int64))


@pytest.mark.parametrize(("bound", "bits"), [(0, 64), (1, 7), (1, 65)])
def test_impossible_counts_are_refused(bound: int, bits: int) -> None:
    with pytest.raises(PlanError, match="no count"):
        Counts(bound=bound, bits=bits)
