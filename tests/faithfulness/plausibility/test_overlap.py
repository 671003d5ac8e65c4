"""Overlap: every number against a slow twin, the random controls against all draws."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from faithfulness.plausibility.overlap import average_precision, average_precision_at_random, overlap
from faithfulness.plausibility.passages import Evidence, mask, merged


def some_places(rng: np.random.Generator, n_words: int) -> Evidence:
    starts = rng.integers(0, n_words, rng.integers(0, 4))
    return merged((int(start), int(min(start + rng.integers(1, 6), n_words))) for start in starts)


def slow_iou_f1(pointed: Evidence, marked: Evidence) -> float:
    def alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
        first, second = set(range(*one)), set(range(*other))
        return len(first & second) / len(first | second) >= 0.5

    if not pointed:
        return 0.0
    precision = np.mean([any(alike(one, other) for other in marked) for one in pointed])
    recall = np.mean([any(alike(one, other) for one in pointed) for other in marked])
    return 0.0 if precision + recall == 0 else float(2 * precision * recall / (precision + recall))


def test_word_and_place_agreement_are_those_of_slow_twins() -> None:
    rng = np.random.default_rng(0)
    for _ in range(80):
        pointed, marked = some_places(rng, 20), some_places(rng, 20)
        if not marked:
            with pytest.raises(ValueError, match="nothing is marked"):
                overlap(pointed, marked)
            continue
        found = overlap(pointed, marked)
        p, m = mask(pointed, 20), mask(marked, 20)
        assert found.f1 == pytest.approx(f1_score(m, p, zero_division=0))
        assert found.recall == pytest.approx((p & m).sum() / m.sum())
        assert found.precision == (pytest.approx((p & m).sum() / p.sum()) if p.any() else None)
        assert found.iou_f1 == pytest.approx(slow_iou_f1(pointed, marked))


def test_the_random_control_is_the_mean_over_all_draws() -> None:
    marked = ((1, 3), (5, 6))
    found = overlap(((0, 2),), marked)
    every = [f1_score(mask(marked, 7), np.isin(np.arange(7), drawn)) for drawn in combinations(range(7), 2)]
    assert found.f1_at_random(7) == pytest.approx(np.mean(every))
    assert overlap((), marked).f1_at_random(7) == 0


def test_average_precision_is_that_of_scikit_learn_ties_and_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        values, marked = np.round(rng.normal(size=12), 0), rng.random(12) < 0.3
        if marked.any():
            assert average_precision(values, marked) == pytest.approx(average_precision_score(marked, values))
    with pytest.raises(ValueError, match="nothing is marked"):
        average_precision(np.zeros(3), np.zeros(3, dtype=bool))


@pytest.mark.parametrize(("n_words", "n_marked"), [(1, 1), (4, 1), (5, 2), (5, 5), (6, 3)])
def test_average_precision_at_random_is_the_mean_over_all_orders(n_words: int, n_marked: int) -> None:
    marked = np.arange(n_words) < n_marked
    every = [average_precision(np.array(order, dtype=float), marked) for order in permutations(range(n_words))]
    assert average_precision_at_random(n_words, n_marked) == pytest.approx(np.mean(every))
