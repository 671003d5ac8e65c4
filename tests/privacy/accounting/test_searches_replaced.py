"""A search is accounted for under the relation of all that it stands beside: replacing moves each sum by two clips."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.mechanisms import Mechanism, Search, SubsampledGaussian

TRIAL = SubsampledGaussian(
    noise_multiplier=4.0, sample_rate=0.05, sampler="poisson", neighbours="add-remove", n_times=100
)


def epsilon_of(*mechanisms: Mechanism) -> float:
    answer = account(mechanisms, delta=1e-5)
    assert isinstance(answer, Bounded)
    return answer.epsilon


@pytest.mark.parametrize("shape", [1, "poisson"])
def test_a_search_under_replace_costs_what_one_with_half_the_noise_costs(shape: float | Literal["poisson"]) -> None:
    def search(trial: SubsampledGaussian) -> Search:
        return Search(steps=(trial,), mean=5.0, shape=shape)

    replaced = epsilon_of(search(replace(TRIAL, neighbours="replace")))
    assert replaced == pytest.approx(epsilon_of(search(replace(TRIAL, noise_multiplier=2.0))), rel=1e-9)
    assert replaced > 1.5 * epsilon_of(search(TRIAL))


def test_one_step_under_replace_makes_the_search_beside_it_one_of_replacing() -> None:
    search = Search(steps=(TRIAL,), mean=5.0, shape=1)
    step = replace(TRIAL, noise_multiplier=1000.0, n_times=1)
    beside = epsilon_of(search, replace(step, neighbours="replace"))
    halved = Search(steps=(replace(TRIAL, noise_multiplier=2.0),), mean=5.0, shape=1)
    assert beside == pytest.approx(epsilon_of(halved, replace(step, noise_multiplier=500.0)), rel=1e-9)
