"""The minimum detectable effect: Bloom's multiplier, and the power that it really has."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.statistics.power import minimum_detectable_effect


def test_blooms_multiplier() -> None:
    """Bloom 1995: 2.80 standard errors, two-sided 0.05, power 0.8, many units."""
    assert minimum_detectable_effect(1.0, degrees_of_freedom=1e6, alpha=0.05) == pytest.approx(2.80, abs=0.005)


def test_elementwise_and_undefined() -> None:
    effects = minimum_detectable_effect([0.1, 0.2, np.nan, 0.0], degrees_of_freedom=[10, 10, 10, 10], alpha=0.05)
    assert effects[1] == pytest.approx(2 * effects[0])
    assert np.isnan(effects[2:]).all()
    assert np.isnan(minimum_detectable_effect(0.1, degrees_of_freedom=0, alpha=0.05))


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (1.0, 0.8), (0.05, 1.0), (0.05, 0.01)])
def test_refused(alpha: float, power: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        minimum_detectable_effect(0.1, degrees_of_freedom=5, alpha=alpha, power=power)


def test_an_effect_of_that_size_is_found_that_often(rng: np.random.Generator) -> None:
    m = 20
    effect = float(minimum_detectable_effect(1 / m**0.5, degrees_of_freedom=m - 1, alpha=0.05, power=0.8))
    tables = rng.normal(effect, 1, (10_000, m))
    t = tables.mean(axis=1) / (tables.std(axis=1, ddof=1) / m**0.5)
    assert np.mean(np.abs(t) > 2.093) == pytest.approx(0.8, abs=0.02)
