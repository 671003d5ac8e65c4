from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from privacy.accounting.prv import ReplacePRV
from privacy.accounting.renyi_replace import replacement_losses


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_the_distribution_of_the_loss_of_replacing_is_the_definition(rate: float, scale: float) -> None:
    """Its slow twin solves for the outcome at which the loss has each value."""

    def loss(x: float) -> float:
        still = norm.logpdf(x, 0, scale)
        p = np.logaddexp(np.log1p(-rate) + still, np.log(rate) + norm.logpdf(x, 1, scale)) if rate < 1 else None
        q = np.logaddexp(np.log1p(-rate) + still, np.log(rate) + norm.logpdf(x, -1, scale)) if rate < 1 else None
        if p is None or q is None:
            return float(norm.logpdf(x, 1, scale) - norm.logpdf(x, -1, scale))
        return float(p - q)

    variable = ReplacePRV(sample_rate=rate, scale=scale)
    for t in (-3.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 3.0):
        x = brentq(lambda x, t=t: loss(x) - t, -1e4, 1e4, xtol=1e-10)
        twin = (1 - rate) * norm.cdf(x / scale) + rate * norm.cdf((x - 1) / scale)
        assert float(variable.cdf(t)) == pytest.approx(float(twin), abs=1e-9)


def test_it_is_a_distribution() -> None:
    grid = ReplacePRV(sample_rate=0.1, scale=1.0).cdf(np.linspace(-40, 40, 2001))
    assert np.isfinite(grid).all()
    assert (np.diff(grid) >= 0).all()
    assert grid[0] == pytest.approx(0, abs=1e-12)
    assert grid[-1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.7, 1.0])
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_the_renyi_loss_of_replacing_is_the_integral(rate: float, scale: float) -> None:
    """By adaptive quadrature, and for a rate of 1 the closed form of Gaussians two apart."""
    orders = (1.5, 2.0, 4.0)
    told = replacement_losses(sample_rate=rate, scale=scale, orders=orders)
    for order, loss in zip(orders, told, strict=True):

        def integrand(x: float, order: float = order) -> float:
            logs = -(np.array([x, x - 1, x + 1]) ** 2) / (2 * scale**2) - np.log(scale * np.sqrt(2 * np.pi))
            share = np.log([max(1 - rate, 1e-300), rate])
            p, q = (
                np.logaddexp(share[0] + logs[0], share[1] + logs[1]),
                np.logaddexp(share[0] + logs[0], share[1] + logs[2]),
            )
            return float(np.exp(order * p + (1 - order) * q))

        middle = 2 * order - 1
        twin = quad(integrand, -1 - 12 * scale, middle + 12 * scale, limit=500, points=[0, 1, middle])[0]
        assert loss == pytest.approx(np.log(twin) / (order - 1), rel=1e-6, abs=1e-9)
        if rate == 1.0:
            assert loss == pytest.approx(order * 4 / (2 * scale**2), rel=1e-9)


def test_noise_too_small_for_a_grid_is_no_bound() -> None:
    assert np.isinf(replacement_losses(sample_rate=0.1, scale=1e-4, orders=(2.0,))).all()
