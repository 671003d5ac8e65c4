from __future__ import annotations

import math
from dataclasses import replace

import pytest

from affidavit.errors import PlanError
from privacy.accounting import calibration
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.calibration import noise_for
from privacy.accounting.mechanisms import Neighbours, SubsampledGaussian


def steps(n: int, rate: float = 0.05, neighbours: Neighbours = "add-remove") -> SubsampledGaussian:
    sampler = "full" if rate == 1 else "poisson"
    return SubsampledGaussian(
        noise_multiplier=1.0,
        sample_rate=rate,
        sampler="full" if sampler == "full" else "poisson",
        neighbours=neighbours,
        n_times=n,
    )


@pytest.mark.parametrize(
    ("asked", "epsilon"),
    [
        pytest.param(steps(50), 2.0, marks=pytest.mark.slow),
        pytest.param(steps(20, neighbours="replace"), 3.0, marks=pytest.mark.slow),
        (steps(1, rate=1.0), 0.5),
    ],
)
def test_the_noise_is_enough_and_hardly_less_would_be(asked: SubsampledGaussian, epsilon: float) -> None:
    noise = noise_for(asked, epsilon=epsilon, delta=1e-4)
    enough = account((replace(asked, noise_multiplier=noise),), delta=1e-4)
    less = account((replace(asked, noise_multiplier=0.998 * noise),), delta=1e-4)
    assert isinstance(enough, Bounded)
    assert isinstance(less, Bounded)
    assert enough.epsilon <= epsilon < less.epsilon


@pytest.mark.slow
def test_a_small_loss_of_replacing_has_its_noise() -> None:
    """Renyi bounds of replacing end above it, whatever the noise: they are not to decide that there is none."""
    asked = steps(1, rate=1.0, neighbours="replace")
    noise = noise_for(asked, epsilon=0.05, delta=1e-4)
    enough = account((replace(asked, noise_multiplier=noise),), delta=1e-4)
    assert isinstance(enough, Bounded)
    assert 0.049 < enough.epsilon <= 0.05


def test_what_is_no_budget_is_refused() -> None:
    for epsilon, delta in ((0.0, 1e-4), (1e-9, 1e-4), (math.inf, 1e-4), (math.nan, 1e-4), (1.0, 0.0), (1.0, 1.0)):
        with pytest.raises(PlanError):
            noise_for(steps(50), epsilon=epsilon, delta=delta)


def test_a_budget_that_no_noise_keeps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MOST", 16.0)
    with pytest.raises(PlanError, match="no noise keeps"):
        noise_for(steps(16, rate=1.0), epsilon=0.1, delta=1e-5)
