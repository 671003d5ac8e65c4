"""Debiased variance between groups: reference numbers, unbiasedness, the double correction, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.statistics.between_group_variance import (
    debiased_between_group_variance,
    debiased_between_group_variance_bounds,
)

Floats = NDArray[np.float64]


def _with_variance(variance: float, n_groups: int = 8) -> Floats:
    shape = np.linspace(-1, 1, n_groups)
    return 0.6 + shape * (variance / shape.var(ddof=1)) ** 0.5


def test_reference_arithmetic() -> None:
    """Methods 6.4 (2): V 0.00586 -> V1 0.00184; V* 0.00964 -> twice corrected 0.00160."""
    sampling = np.full(8, 0.00402)
    values = _with_variance(0.00586)
    assert debiased_between_group_variance(values, sampling) == pytest.approx(0.00184)
    replicates = np.tile(_with_variance(0.00964), (50, 1))
    bounds = debiased_between_group_variance_bounds(values, sampling, replicates, level=0.95)
    assert np.allclose(bounds, 0.00160)


def test_once_for_the_plug_in_twice_for_its_bootstrap(rng: np.random.Generator) -> None:
    """The reference's simulation: true variance 0.00181, groups of about 60 rows."""
    truth = _with_variance(0.00181)
    p = rng.binomial(60, truth, (20_000, 8)) / 60
    sampling = p * (1 - p) / 59
    plug_in = p.var(axis=1, ddof=1).mean()
    bootstrap = (rng.binomial(60, p) / 60).var(axis=1, ddof=1).mean()
    assert plug_in - 0.00181 > 0.003
    assert plug_in - sampling.mean() == pytest.approx(0.00181, abs=1e-4)
    assert bootstrap - sampling.mean() > 0.005
    assert bootstrap - 2 * sampling.mean() == pytest.approx(0.00181, abs=1.5e-4)
    assert np.mean([debiased_between_group_variance(*row) for row in zip(p, sampling, strict=True)]) == pytest.approx(
        0.00181, abs=1e-4
    )


def test_undefined() -> None:
    one = np.array([0.5])
    assert np.isnan(debiased_between_group_variance(one, one))
    assert np.isnan(debiased_between_group_variance_bounds(one, one, np.ones((9, 1)), level=0.95)).all()
    unknown = np.array([0.5, np.nan])
    assert np.isnan(debiased_between_group_variance(unknown, np.ones(2)))
    assert np.isnan(debiased_between_group_variance_bounds(unknown, np.ones(2), np.ones((9, 2)), level=0.95)).all()


@pytest.mark.slow
@pytest.mark.parametrize("deviation", [0.0, 0.06, 0.12])
@pytest.mark.parametrize(("n_groups", "rows"), [(2, 60), (8, 60), (24, 100)])
def test_coverage(rng: np.random.Generator, covers, n_groups: int, rows: int, deviation: float) -> None:  # noqa: ANN001
    """Of the variance between the groups' own true rates, which is known here."""
    inside = []
    for _ in range(500):
        rates = np.clip(rng.normal(0.6, deviation, n_groups), 0.05, 0.95)
        p = rng.binomial(rows, rates) / rows
        replicates = rng.binomial(rows, p, (600, n_groups)) / rows
        low, high = debiased_between_group_variance_bounds(p, p * (1 - p) / (rows - 1), replicates, level=0.95)
        inside.append(low <= rates.var(ddof=1) <= high)
    covers(np.array(inside), 0.945)
