from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest

from affidavit.errors import PlanError
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded, Unbounded
from privacy.accounting.mechanisms import Search, SubsampledGaussian
from privacy.accounting.renyi import ORDERS, own_account, renyi_bound, truncated_gamma

DELTA = 1e-5
TRIAL = SubsampledGaussian(
    noise_multiplier=2.0, sample_rate=0.05, sampler="poisson", neighbours="add-remove", n_times=200
)
Shape = float | Literal["poisson"]


def naive_renyi(order: int, noise: float, rate: float) -> float:
    """The Renyi loss of one sampled Gaussian at a whole order (Mironov, Talwar and Zhang 2019, section 3.3)."""
    terms = [
        math.comb(order, k) * (1 - rate) ** (order - k) * rate**k * math.exp((k * k - k) / (2 * noise**2))
        for k in range(order + 1)
    ]
    return math.log(math.fsum(terms)) / (order - 1)


def naive_search(mean: float, shape: Shape) -> float:
    """Theorems 2 and 6 of Papernot and Steinke, from the definition of each quantity, over whole orders only."""
    orders = range(2, 64)
    loss = {a: 200 * naive_renyi(a, 2.0, 0.05) for a in orders}

    def delta_at(epsilon: float) -> float:
        return min(math.exp(min((a - 1) * (loss[a] - epsilon) + a * math.log1p(-1 / a), 50)) / (a - 1) for a in orders)

    def searched(a: int) -> float:
        drawn = math.log(mean) / (a - 1)
        if shape == "poisson":
            return loss[a] + mean * delta_at(math.log1p(1 / (a - 1))) + drawn
        gamma = truncated_gamma(shape, mean)
        return loss[a] + (1 + shape) * min((1 - 1 / b) * loss[b] + math.log(1 / gamma) / b for b in orders) + drawn

    return min(searched(a) + math.log1p(-1 / a) - (math.log(DELTA) + math.log(a)) / (a - 1) for a in orders)


@pytest.mark.parametrize("shape", [0, 0.5, 1, 3.0, "poisson"])
@pytest.mark.parametrize("mean", [2.0, 10.0])
def test_two_accounts_of_a_search_agree_with_the_formulas(mean: float, shape: Shape) -> None:
    answer = account((Search(steps=(TRIAL,), mean=mean, shape=shape),), delta=DELTA)
    assert isinstance(answer, Bounded)
    assert answer.disagreement is None
    assert [one.accountant for one in answer.accounts] == ["Opacus RDP", "dp-accounting RDP"]
    assert answer.epsilon == pytest.approx(naive_search(mean, shape), rel=0.02)


@pytest.mark.parametrize("shape", [0, 0.5, 3.0])
def test_the_parameter_of_the_distribution_gives_its_mean(shape: float) -> None:
    """By summing the distribution itself: P(k) proportional to (1-g)^k times the product of (i + h) / (i + 1)."""
    for mean in (1.5, 10.0, 200.0):
        gamma = truncated_gamma(shape, mean)
        k = np.arange(1, 200_000)
        if shape == 0:
            logs = k * math.log1p(-gamma) - np.log(k)
        else:
            logs = k * math.log1p(-gamma) + np.cumsum(np.log((k - 1 + shape) / k))
        weights = np.exp(logs - logs.max())
        assert float((k * weights).sum() / weights.sum()) == pytest.approx(mean, rel=1e-3)


def test_searching_costs_more_than_one_training_and_far_less_than_all_trials() -> None:
    one = renyi_bound((TRIAL,), neighbours="add-remove", delta=DELTA)
    ten = renyi_bound((TRIAL.times(2000),), neighbours="add-remove", delta=DELTA)
    answer = account((Search(steps=(TRIAL,), mean=10, shape=0),), delta=DELTA)
    assert isinstance(answer, Bounded)
    assert one is not None
    assert ten is not None
    assert one < answer.epsilon < 3 * one
    assert answer.epsilon < ten


def test_a_search_and_steps_after_it_add_up() -> None:
    search = Search(steps=(TRIAL,), mean=10, shape=0.5)
    alone, after = account((search,), delta=DELTA), account((search, TRIAL), delta=DELTA)
    assert isinstance(alone, Bounded)
    assert isinstance(after, Bounded)
    assert alone.epsilon < after.epsilon
    assert after.disagreement is None


def test_a_trial_without_noise_leaves_the_search_unbounded() -> None:
    bare = SubsampledGaussian(noise_multiplier=0.0, sample_rate=1.0, sampler="full", neighbours="add-remove")
    assert isinstance(account((Search(steps=(bare,), mean=10, shape=0),), delta=DELTA), Unbounded)


def test_the_own_renyi_losses_are_the_definition() -> None:
    """Steps alone, over whole orders."""
    told = own_account((TRIAL,), neighbours="add-remove", delta=DELTA).epsilon
    naive = min(
        200 * naive_renyi(a, 2.0, 0.05) + math.log1p(-1 / a) - (math.log(DELTA) + math.log(a)) / (a - 1)
        for a in range(2, 64)
    )
    assert told == pytest.approx(naive, rel=2e-3)
    assert min(ORDERS) == 2


@pytest.mark.parametrize(
    ("mean", "shape"),
    [(1.0, 0), (0.5, "poisson"), (math.inf, 1), (10, -1.0), (10, math.inf), (10, math.nan), (10, "x")],
)
def test_a_distribution_that_is_none_is_refused(mean: float, shape: Shape) -> None:
    with pytest.raises(PlanError, match="no accountant answers"):
        Search(steps=(TRIAL,), mean=mean, shape=shape)
    with pytest.raises(PlanError):
        Search(steps=(), mean=10, shape=1)
