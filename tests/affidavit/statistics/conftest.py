"""Units drawn with a known rate and a known intraclass correlation, and how far a simulated coverage may stray."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DrawUnits = Callable[..., Floats]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_261_121)


@pytest.fixture
def draw_units(rng: np.random.Generator) -> DrawUnits:
    """Successes [..., m] of units with sizes [m]: each unit's own rate is Beta with mean `rate`."""

    def draw(shape: tuple[int, ...], sizes: Floats, *, rate: float | Floats, icc: float) -> Floats:
        concentration = 1 / icc - 1
        own = rng.beta(
            np.broadcast_to(rate * np.float64(concentration), shape),
            np.broadcast_to((1 - rate) * np.float64(concentration), shape),
        )
        return rng.binomial(sizes.astype(int), own).astype(np.float64)

    return draw


@pytest.fixture
def covers() -> Callable[..., None]:
    """Assert that the share of True is not below `floor` by more than three standard deviations of the simulation."""

    def check(inside: NDArray[np.bool_], floor: float = 0.95, ceiling: float = 1.0) -> None:
        noise = 3 * np.sqrt(floor * (1 - floor) / len(inside))
        assert floor - noise <= np.mean(inside) <= ceiling + noise, f"covered {np.mean(inside):.3f} of {len(inside)}"

    return check
