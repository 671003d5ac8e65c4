from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from affidavit.errors import PlanError
from privacy.accounting.mechanisms import SubsampledGaussian, pooled

STEP = SubsampledGaussian(noise_multiplier=1.0, sample_rate=0.1, sampler="poisson", neighbours="add-remove")


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "shuffled"},
        {"sampler": "fixed-size"},
        {"sampler": "full"},  # with a rate of 0.1: amplification without Poisson sampling
        {"neighbours": "zero-out"},
        {"noise_multiplier": -1.0},
        {"noise_multiplier": math.inf},
        {"noise_multiplier": math.nan},
        {"sample_rate": 0.0},
        {"sample_rate": 1.1},
        {"sample_rate": math.nan},
        {"n_times": 0},
        {"n_times": 1.5},
        {"n_times": 10**17},
    ],
)
def test_what_no_accountant_answers_for_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match="no accountant answers") as raised:
        replace(STEP, **change)
    assert raised.value.remedy


def test_amplification_without_poisson_sampling_is_refused_with_the_way_out() -> None:
    """Who is added to batches of a fixed size pushes another out: adding one is no smaller a change than replacing."""
    with pytest.raises(PlanError, match=r"without amplification, as full .* neighbours replace"):
        replace(STEP, sampler="full")


def test_steps_of_a_kind_are_pooled_in_the_order_of_the_first() -> None:
    other = replace(STEP, noise_multiplier=2.0)
    assert pooled((STEP, other.times(3), STEP.times(4))) == (STEP.times(5), other.times(3))
