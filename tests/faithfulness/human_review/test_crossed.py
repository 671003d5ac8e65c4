"""The crossed interval: its formula by hand, what it says of too little, and how often it holds the truth."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import t

from affidavit.records import Interval
from faithfulness.human_review.crossed import (
    NO_SPREAD,
    NOTHING,
    ONE_REVIEWER,
    ONE_UNIT,
    Crossed,
    crossed_interval,
)


def crossed(scores: np.ndarray, keep: np.ndarray | None = None) -> Crossed:
    """Return the reviews of a matrix of units and reviewers."""
    places = [(u, r) for u, r in product(*map(range, scores.shape)) if keep is None or keep[u, r]]
    return Crossed(
        score=np.array([scores[place] for place in places]),
        weight=np.ones(len(places)),
        unit=np.array([u for u, _ in places], dtype=np.int64),
        reviewer=np.array([r for _, r in places], dtype=np.int64),
    )


def test_the_interval_is_that_of_a_slow_twin() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(1, 5, size=(9, 3)).astype(float)
    found = crossed_interval(crossed(scores), 0.9, low=1.0, high=4.0)
    assert isinstance(found, Interval)
    mean = scores.mean()
    units = scores.mean(axis=1).var(ddof=1) / 9
    people = scores.mean(axis=0).var(ddof=1) / 3
    degrees = min((units + people) ** 2 / (units**2 / 8 + people**2 / 2), 8)
    half = t.ppf(0.95, degrees) * np.sqrt(units + people)
    assert found.low == pytest.approx(max(mean - half, 1.0))
    assert found.high == pytest.approx(min(mean + half, 4.0))


def test_weights_count_as_repetitions_do_in_the_mean() -> None:
    reviews = crossed(np.array([[1.0, 2.0], [3.0, 4.0]]))
    heavy = Crossed(
        score=reviews.score, weight=np.array([3.0, 1.0, 1.0, 1.0]), unit=reviews.unit, reviewer=reviews.reviewer
    )
    assert heavy.mean == pytest.approx((3 * 1 + 2 + 3 + 4) / 6)


def test_too_little_is_said_and_never_an_interval() -> None:
    nothing = crossed(np.zeros((0, 0)))
    assert crossed_interval(nothing, 0.95, low=1, high=4) == NOTHING
    assert crossed_interval(crossed(np.array([[1.0], [2.0]])), 0.95, low=1, high=4) == ONE_REVIEWER
    assert crossed_interval(crossed(np.array([[1.0, 2.0]])), 0.95, low=1, high=4) == ONE_UNIT
    assert crossed_interval(crossed(np.full((3, 3), 2.0)), 0.95, low=1, high=4) == NO_SPREAD


def coverage(n_reviewers: int, of_reviewers: float, *, n_tables: int, share: float = 1.0) -> tuple[float, float]:
    """Return how often the crossed interval, and one over units alone, hold the true mean."""
    rng = np.random.default_rng([n_reviewers, n_tables])
    held = alone = 0
    for _ in range(n_tables):
        scores = (
            rng.normal(0, 0.3**0.5, (40, 1))
            + rng.normal(0, of_reviewers**0.5, (1, n_reviewers))
            + rng.normal(0, 0.4**0.5, (40, n_reviewers))
        )
        keep = rng.random(scores.shape) < share
        keep[:, 0] |= ~keep.any(axis=1)
        found = crossed_interval(crossed(scores, keep), 0.95, low=-9.0, high=9.0)
        assert isinstance(found, Interval)
        held += found.low <= 0 <= found.high
        means = np.where(keep, scores, np.nan)
        units = np.nanmean(means, axis=1)
        alone += abs(units.mean()) <= t.ppf(0.975, 39) * units.std(ddof=1) / np.sqrt(40)
    return held / n_tables, alone / n_tables


def test_the_interval_holds_the_truth_where_one_over_units_does_not() -> None:
    held, alone = coverage(4, 0.1, n_tables=300)
    assert held > 0.9
    assert alone < 0.85


@pytest.mark.parametrize(("n_reviewers", "of_reviewers"), [(3, 0.1), (3, 0.0), (6, 0.1), (6, 0.02)])
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_coverage(n_reviewers: int, of_reviewers: float, share: float) -> None:
    held, _ = coverage(n_reviewers, of_reviewers, n_tables=300, share=share)
    assert 0.91 <= held <= 0.995
