from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded, Unbounded
from privacy.accounting.composition import across, cliques
from privacy.accounting.mechanisms import SubsampledGaussian

DELTA = 1e-5


def steps(n: int, noise: float = 2.0) -> tuple[SubsampledGaussian, ...]:
    one = SubsampledGaussian(noise_multiplier=4 * noise, sample_rate=1.0, sampler="full", neighbours="add-remove")
    return (one.times(n),)


def pairs(*named: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(pair) for pair in named)


def epsilon_of(*mechanisms: SubsampledGaussian) -> float:
    answer = account(mechanisms, delta=DELTA)
    assert isinstance(answer, Bounded)
    return answer.epsilon


SITES = {"a": steps(10), "b": steps(30), "c": steps(20)}


@pytest.mark.parametrize(
    ("shared", "n", "at"),
    [
        (pairs(), 30, ("b",)),  # nobody is at two sites: the largest
        (pairs("ab", "ac", "bc"), 60, ("a", "b", "c")),  # anybody may be at all: the sum
        pytest.param(pairs("ac"), 30, ("b",), marks=pytest.mark.slow),  # 10 + 20 together are no more than 30
        pytest.param(pairs("ab"), 40, ("a", "b"), marks=pytest.mark.slow),
        (pairs("ab", "bc"), 50, ("b", "c")),  # a and c share nobody, so nobody is at all three
    ],
)
def test_losses_add_up_only_where_a_patient_may_be(
    shared: frozenset[frozenset[str]], n: int, at: tuple[str, ...]
) -> None:
    answer, sites = across(SITES, shared=shared, delta=DELTA)
    assert isinstance(answer, Bounded)
    assert answer.epsilon == pytest.approx(epsilon_of(*steps(n)), rel=1e-3)
    if n != 30 or not shared:
        assert sites == at


def test_one_site_without_noise_bounds_nothing() -> None:
    answer, sites = across({"a": steps(10), "b": steps(1, 0.0)}, shared=pairs(), delta=DELTA)
    assert isinstance(answer, Unbounded)
    assert sites == ("b",)


def test_no_site_costs_nothing() -> None:
    assert across({}, shared=pairs(), delta=DELTA) == (Bounded(epsilon=0.0, delta=DELTA), ())
    answer, sites = across({"a": ()}, shared=pairs(), delta=DELTA)
    assert answer == Bounded(epsilon=0.0, delta=DELTA)
    assert sites == ("a",)


def test_the_cliques_are_those_of_all_subsets() -> None:
    """The slow twin looks at every subset."""
    rng = np.random.default_rng(0)
    sites = tuple("abcdef")
    for _ in range(30):
        shared = frozenset(frozenset(pair) for pair in combinations(sites, 2) if rng.random() < 0.5)
        whole = [
            set(some)
            for size in range(1, 7)
            for some in combinations(sites, size)
            if all(frozenset(pair) in shared for pair in combinations(some, 2))
        ]
        largest = {tuple(sorted(some)) for some in whole if not any(some < other for other in whole)}
        found = list(cliques(sites, shared))
        assert set(found) == largest
        assert len(found) == len(largest)
