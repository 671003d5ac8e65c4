"""What each strategy is said to do, by slow twins, and that it stops where it means nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.errors import PlanError
from federated.strategies.additive import Moments, advanced, contribution
from federated.strategies.options import FedAdam, FedAvg, Krum, QFair, TrimmedMean
from federated.strategies.robust import combined, least_sites
from federated.updates.layout import Vector


def _updates(n: int, size: int = 11, *, seed: int = 0) -> list[Vector]:
    return [row.astype(np.float32) for row in np.random.default_rng(seed).normal(size=(n, size))]


def test_fedavg_is_the_weighted_mean_of_the_sites_models() -> None:
    model, updates, weights = np.ones(11, np.float32), _updates(3), [1.0, 2.0, 5.0]
    total = sum(contribution(u, weight=w, loss=None, options=FedAvg()) for u, w in zip(updates, weights, strict=True))

    next_model, moments = advanced(model, total, options=FedAvg())

    slow = sum(w * (model + u) for u, w in zip(updates, weights, strict=True)) / 8
    np.testing.assert_allclose(next_model, slow, rtol=1e-6)
    assert next_model.dtype == np.float32
    assert moments is None


def test_fedadam_goes_on_from_its_moments_as_the_paper_says() -> None:
    options = FedAdam(server_learning_rate=0.1, beta_1=0.8, beta_2=0.9, tau=0.01)
    model, moments = np.zeros(11, np.float32), None
    first, second, slow = np.zeros(11), np.full(11, 0.01**2), np.zeros(11)
    for seed in range(4):
        mean = np.mean(_updates(3, seed=seed), axis=0, dtype=np.float64)
        total = sum(contribution(u, weight=2, loss=None, options=options) for u in _updates(3, seed=seed))
        model, moments = advanced(model, total, options=options, moments=moments)
        first, second = 0.8 * first + 0.2 * mean, 0.9 * second + 0.1 * mean**2
        slow = slow + 0.1 * first / (np.sqrt(second) + 0.01)

    np.testing.assert_allclose(model, slow, rtol=1e-5)
    assert isinstance(moments, Moments)
    np.testing.assert_allclose(moments.second, second, rtol=1e-6)


def test_q_ffl_moves_towards_the_site_that_does_worse() -> None:
    """Two sites pull in opposite directions; equal weights cancel, and with q the one with the higher loss wins."""
    towards_first, model = np.array([1.0, 0.0], np.float32), np.zeros(2, np.float32)

    def moved(q: float) -> float:
        options = QFair(q=q, local_learning_rate=0.1)
        total = contribution(towards_first, weight=1, loss=4.0, options=options) + contribution(
            -towards_first, weight=1, loss=1.0, options=options
        )
        return float(advanced(model, total, options=options)[0][0])

    assert moved(0) == pytest.approx(0, abs=1e-7)
    assert 0 < moved(0.1) < 1
    assert moved(1) > 0


@pytest.mark.parametrize("loss", [None, -0.5, float("nan")])
def test_q_ffl_wants_a_loss(loss: float | None) -> None:
    with pytest.raises(ValueError, match="loss"):
        contribution(np.ones(3, np.float32), weight=1, loss=loss, options=QFair(local_learning_rate=0.1))


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_a_weight_is_above_zero(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        contribution(np.ones(3, np.float32), weight=weight, loss=None, options=FedAvg())


def test_a_total_of_other_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="total"):
        advanced(np.ones(3, np.float32), np.ones(5), options=FedAvg())
    with pytest.raises(ValueError, match="total"):
        advanced(np.ones(3, np.float32), np.array([1.0, 1.0, 1.0, 0.0]), options=FedAvg())


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(7)))
def test_the_order_of_replies_changes_nothing(order: list[int]) -> None:
    updates = _updates(7)
    shuffled = [updates[i] for i in order]

    np.testing.assert_array_equal(combined(shuffled, options=TrimmedMean()), combined(updates, options=TrimmedMean()))
    np.testing.assert_array_equal(
        combined(shuffled, options=Krum(most_faulty=2)), combined(updates, options=Krum(most_faulty=2))
    )


@pytest.mark.parametrize("options", [TrimmedMean(trimmed=0.3), Krum(most_faulty=2), Krum(most_faulty=2, kept=3)])
def test_two_wild_sites_of_seven_move_a_robust_strategy_little_and_the_mean_far(options: TrimmedMean | Krum) -> None:
    honest, wild = _updates(5), [np.full(11, 1e6, np.float32), np.full(11, -3e7, np.float32)]

    robust = combined([*honest, *wild], options=options)

    assert np.abs(robust).max() <= np.abs(honest).max()
    assert np.abs(np.mean([*honest, *wild], axis=0)).max() > 1e6


def test_krum_is_its_slow_twin() -> None:
    updates = _updates(9, size=200_000, seed=3)  # more than one block
    scores = []
    for one in updates:
        distances = sorted(float(np.sum((one.astype(float) - other) ** 2)) for other in updates if other is not one)
        scores.append(sum(distances[: 9 - 2 - 2]))

    np.testing.assert_array_equal(combined(updates, options=Krum(most_faulty=2)), updates[int(np.argmin(scores))])


def test_trimmed_mean_is_its_slow_twin_over_several_blocks() -> None:
    updates = _updates(5, size=150_000, seed=4)

    slow = np.sort(np.stack(updates), axis=0)[1:4].astype(float).mean(axis=0)

    np.testing.assert_allclose(combined(updates, options=TrimmedMean(trimmed=0.2)), slow, rtol=1e-5, atol=1e-7)


def test_too_few_sites_are_refused() -> None:
    with pytest.raises(PlanError, match="too few sites for krum"):
        combined(_updates(6), options=Krum(most_faulty=2))
    with pytest.raises(PlanError, match="too few sites for trimmed-mean"):
        combined(_updates(4), options=TrimmedMean(trimmed=0.2))
    assert least_sites(Krum(most_faulty=1, kept=9)) == 10
