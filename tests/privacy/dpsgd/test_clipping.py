"""Clipping bounds everything, and the adaptive bound finds the quantile it is told, from any start."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from privacy.dpsgd.clipping import factors, moved, shares
from privacy.dpsgd.options import AdaptiveClipping


def test_a_norm_is_bounded_and_a_small_one_left_alone() -> None:
    norms = torch.tensor([0.0, 0.5, 1.0, 1.0001, 1e30, math.inf, math.nan], dtype=torch.float64)
    found = factors(norms, clip_norm=1.0)
    assert found[:3].tolist() == [1, 1, 1]
    assert (found[3:5] * norms[3:5] <= 1).all()
    assert (found[3:5] * norms[3:5] > 1 - 1e-5).all()
    assert found[5:].tolist() == [0, 0]


def test_rounding_does_not_lift_a_clipped_gradient_above_the_bound() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        gradient = torch.from_numpy(rng.standard_normal(1000) * rng.exponential(10)).float()
        factor = factors(gradient.double().norm(), clip_norm=0.7).float()
        assert float((factor * gradient).double().norm()) <= 0.7 or float(gradient.double().norm()) <= 0.7


def test_without_a_bound_nothing_is_clipped() -> None:
    assert factors(torch.tensor([0.0, 3.0, 1e20]), clip_norm=math.inf).tolist() == [1, 1, 1]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_the_two_noises_together_are_the_stated_one(share: float) -> None:
    """As one Gaussian mechanism of noise 1, the sums move by 1/gradients and the count by 1/2 over its noise."""
    found = shares(1.3, AdaptiveClipping(budget_share=share))
    moves = math.hypot(1 / found.gradients, 0.5 / found.count)
    assert 1 / moves == pytest.approx(1.3)
    assert found.gradients > 1.3


def test_without_adaptation_the_gradients_have_all_of_it() -> None:
    assert shares(1.3, None).gradients == 1.3


def follow(start: float, norms: np.ndarray, adaptive: AdaptiveClipping, *, noise: float, seed: int = 0) -> float:
    rng, bound, n = np.random.default_rng(seed), start, 50
    for _ in range(300):
        drawn = rng.choice(norms, n)
        count = float(np.where(drawn <= bound, 0.5, -0.5).sum()) + noise * float(rng.standard_normal())
        bound = moved(bound, adaptive, noised_count=count, expected=n)
    return bound


@pytest.mark.parametrize("start", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("quantile", [0.5, 0.8])
def test_the_bound_finds_the_quantile_from_any_start(start: float, quantile: float) -> None:
    norms = np.random.default_rng(1).lognormal(0.0, 1.0, 5000)
    found = follow(start, norms, AdaptiveClipping(quantile=quantile, rate=0.2), noise=2.0)
    assert abs(float((norms <= found).mean()) - quantile) < 0.12


def test_the_sign_matters() -> None:
    """Counting the clipped, as one framework did, sends the bound to its floor or ceiling."""
    norms = np.random.default_rng(1).lognormal(0.0, 1.0, 5000)
    adaptive, rng, bound = AdaptiveClipping(quantile=0.5), np.random.default_rng(0), 1.2
    for _ in range(300):
        drawn = rng.choice(norms, 50)
        bound = moved(bound, adaptive, noised_count=float(np.where(drawn > bound, 0.5, -0.5).sum()), expected=50)
    assert bound in (adaptive.floor, adaptive.ceiling)


def test_gradients_that_vanish_take_the_bound_to_its_floor_and_no_further() -> None:
    adaptive = AdaptiveClipping(floor=0.01)
    assert follow(1.0, np.zeros(3), adaptive, noise=0.0) == 0.01
    assert follow(1.0, np.full(3, 1e9), AdaptiveClipping(ceiling=50), noise=0.0) == 50


def test_noise_alone_moves_the_bound_by_a_factor_of_e_at_most() -> None:
    found = moved(1.0, AdaptiveClipping(rate=1.0), noised_count=-1e6, expected=1.0)
    assert found == pytest.approx(math.e)


def test_a_floor_above_the_ceiling_is_refused() -> None:
    with pytest.raises(ValidationError, match="floor"):
        AdaptiveClipping(floor=2, ceiling=1)
