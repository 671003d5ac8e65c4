"""Divergences between a model and its annotators, against scipy and against votes counted pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from affidavit.statistics.divergence import (
    cross_entropy,
    distribution,
    entropy,
    expected_agreement,
    jensen_shannon_divergence,
)


def test_equals_scipy(rng: np.random.Generator) -> None:
    p, q = rng.dirichlet(np.full(5, 0.4), 50), rng.dirichlet(np.full(5, 0.4), 50)
    assert jensen_shannon_divergence(p, q) == pytest.approx(jensenshannon(p, q, base=2, axis=1) ** 2)
    assert entropy(p) == pytest.approx(scipy_entropy(p, base=2, axis=1))
    crossed = scipy_entropy(p, base=2, axis=1) + scipy_entropy(p, q, base=2, axis=1)
    assert cross_entropy(p, q, floor=1e-300) == pytest.approx(crossed)


def test_the_ends_of_the_range() -> None:
    one, other = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert jensen_shannon_divergence(one, one) == 0
    assert jensen_shannon_divergence(one, other) == 1
    assert entropy(one) == 0
    assert entropy(np.full(8, 1 / 8)) == pytest.approx(3)


def test_a_label_that_is_excluded_but_was_given_costs_the_floor() -> None:
    assert cross_entropy(np.array([0.5, 0.5]), np.array([1.0, 0.0]), floor=2**-10) == pytest.approx(5)
    assert cross_entropy(np.array([1.0, 0.0]), np.array([1.0, 0.0]), floor=2**-10) == 0


def test_agreement_equals_counting_pairs_of_annotators(rng: np.random.Generator) -> None:
    for _ in range(20):
        votes = rng.integers(0, 4, 7)
        pairs = [a == b for a, b in combinations(votes.tolist(), 2)]
        shares = np.bincount(votes, minlength=4) / 7
        assert expected_agreement(shares, annotators=7) == pytest.approx(np.mean(pairs))


def test_agreement_is_unbiased_and_the_plug_in_is_too_high(rng: np.random.Generator) -> None:
    """(1 - agreement) / n too high: six annotators of a distribution whose true agreement is known."""
    truth = np.array([0.6, 0.3, 0.1])
    shares = rng.multinomial(6, truth, size=60_000) / 6
    agreement = float((truth**2).sum())
    assert expected_agreement(shares, annotators=6).mean() == pytest.approx(agreement, abs=0.004)
    plug_in = expected_agreement(shares, annotators=None).mean()
    assert plug_in == pytest.approx(agreement + (1 - agreement) / 6, abs=0.004)


def test_rounded_shares_are_divided_by_their_sum() -> None:
    assert distribution(np.array([0.33, 0.33, 0.33])).tolist() == pytest.approx([1 / 3] * 3)
