"""Krippendorff's alpha: the published example, a twin over pairs, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.statistics.krippendorff import (
    Distance,
    coincidences,
    interval,
    krippendorff_alpha,
    nominal,
    nominal_alpha,
    ordinal,
)

Floats = NDArray[np.float64]
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)
"""Four observers, twelve units, 0 where an observer is missing: Krippendorff 2011, section C."""


def counted(observers: NDArray[np.int64], n_labels: int) -> Floats:
    return np.stack([(observers == label).sum(axis=0) for label in range(1, n_labels + 1)], axis=1).astype(float)


@pytest.mark.parametrize(
    ("distance", "published"), [(nominal, 0.743), (ordinal, 0.815), (interval(np.arange(1.0, 6.0)), 0.849)]
)
def test_the_published_example(distance: Distance, published: float) -> None:
    observed = coincidences(counted(PUBLISHED, 5)).sum(axis=0)
    assert float(krippendorff_alpha(observed, distance)) == pytest.approx(published, abs=5e-4)


def slow_alpha(observers: NDArray[np.int64], distance: Floats) -> float:
    """Disagreement of pairs within units, each pair weighing 1 / (n - 1), over that of all pairs of paired values."""
    units = [[int(v) - 1 for v in column if v] for column in observers.T]
    units = [unit for unit in units if len(unit) > 1]
    within = sum(
        distance[a, b] / (len(unit) - 1)
        for unit in units
        for i, a in enumerate(unit)
        for j, b in enumerate(unit)
        if i != j
    )
    values = [value for unit in units for value in unit]
    anywhere = sum(distance[a, b] for i, a in enumerate(values) for j, b in enumerate(values) if i != j)
    return 1 - (within / len(values)) / (anywhere / (len(values) * (len(values) - 1)))


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_loop_over_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    observers = rng.integers(0, 5, (6, 15))
    observed = coincidences(counted(observers, 4)).sum(axis=0)
    same = 1.0 - np.eye(4)
    assert krippendorff_alpha(observed, nominal) == pytest.approx(slow_alpha(observers, same))
    far = (np.arange(4.0)[:, None] - np.arange(4.0)) ** 2
    assert krippendorff_alpha(observed, interval(np.arange(4.0))) == pytest.approx(slow_alpha(observers, far))
    assert nominal_alpha(np.trace(observed), observed.sum(axis=0)) == pytest.approx(slow_alpha(observers, same))


def test_ordinal_distances_count_the_answers_between() -> None:
    values = np.array([3.0, 5.0, 2.0])
    found = ordinal(values)
    assert found[0, 1] == pytest.approx((3 + 5 - (3 + 5) / 2) ** 2)
    assert found[0, 2] == pytest.approx((3 + 5 + 2 - (3 + 2) / 2) ** 2)
    assert np.diag(found).tolist() == [0, 0, 0]


def test_everybody_agrees_nobody_agrees_and_there_is_nothing_to_agree_about() -> None:
    assert krippendorff_alpha(coincidences(np.array([[3.0, 0], [0, 3]])).sum(0), nominal) == pytest.approx(1)
    assert float(krippendorff_alpha(coincidences(np.array([[1.0, 1], [1, 1]])).sum(0), nominal)) < 0
    assert np.isnan(krippendorff_alpha(coincidences(np.array([[3.0, 0], [3, 0]])).sum(0), nominal))
    assert np.isnan(nominal_alpha(np.array(6.0), np.array([6.0, 0.0])))
    assert not coincidences(np.array([[1.0, 0.0]])).any(), "one annotator makes no pair"


def test_chance_alone_is_zero() -> None:
    rng = np.random.default_rng(1)
    votes = rng.multinomial(8, [0.5, 0.3, 0.2], size=20_000).astype(float)
    assert abs(float(krippendorff_alpha(coincidences(votes).sum(0), nominal))) < 0.01
