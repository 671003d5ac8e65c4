"""Bounds of a spread over a box hold every point of it, and are attained where that is known."""

import numpy as np
import pytest

from affidavit.statistics.boxes import spread_bounds
from affidavit.statistics.types import Bounds


def spread(x: np.ndarray, weights: np.ndarray) -> float:
    mean = sum(w * v for w, v in zip(weights, x, strict=True))
    return float(sum(w * (v - mean) ** 2 for w, v in zip(weights, x, strict=True)))


@pytest.mark.parametrize("seed", range(6))
def test_no_point_of_the_box_lies_outside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    low = rng.random(n)
    high = low + rng.random(n) * 0.4
    weights = rng.random(n) + 0.1
    weights /= weights.sum()
    bounds = spread_bounds(Bounds(low, high), weights)
    points = low + (high - low) * rng.random((4000, n))
    corners = np.where(rng.random((400, n)) < 0.5, low, high)
    values = [spread(x, weights) for x in (*points, *corners)]
    assert min(values) >= bounds.low - 1e-9
    assert max(values) <= bounds.high + 1e-9


def test_the_least_is_attained() -> None:
    low, high = np.array([0.1, 0.3, 0.7]), np.array([0.2, 0.5, 0.9])
    weights = np.full(3, 1 / 3)
    grid = np.stack(np.meshgrid(*[np.linspace(a, b, 41) for a, b in zip(low, high, strict=True)]), -1).reshape(-1, 3)
    assert spread_bounds(Bounds(low, high), weights).low == pytest.approx(
        min(spread(x, weights) for x in grid), abs=1e-4
    )


def test_intervals_with_a_common_value_allow_no_spread() -> None:
    bounds = spread_bounds(Bounds(np.array([0.1, 0.2]), np.array([0.3, 0.4])), np.array([0.5, 0.5]))
    assert bounds.low == 0.0


def test_unknown_stays_unknown() -> None:
    assert np.isnan(spread_bounds(Bounds(np.array([np.nan, 0.2]), np.array([0.3, 0.4])), np.array([0.5, 0.5]))).all()
