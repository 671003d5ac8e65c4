"""Each strategy beside a slow twin that is written from its paper, with the paper's own symbols."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from federated.rounds.folding import AdditiveFold
from federated.rounds.options import RoundOptions
from federated.sites.answers import Answers
from federated.sites.options import PlainOptions
from federated.sites.plain import PlainTraining
from federated.strategies.additive import Moments, advanced, contribution
from federated.strategies.options import FedAdam, FedAvg, FedProx, Krum, QFair, TrimmedMean
from federated.strategies.robust import combined, least_sites
from federated.updates.layout import Layout, Vector
from federated.updates.local import RoundOrder


def _updates(n: int, size: int = 7, *, seed: int = 0) -> list[Vector]:
    return [row.astype(np.float32) for row in np.random.default_rng(seed).normal(size=(n, size))]


@pytest.mark.parametrize("q", [0.0, 0.3, 1.0, 2.0, 5.0])
def test_q_ffl_is_algorithm_2(q: float) -> None:
    """Li et al. 2020: w = w - sum of F^q L (w - w_k) / sum of (q F^(q-1) |L (w - w_k)|^2 + L F^q)."""
    rng, rate = np.random.default_rng(1), 0.05
    model = rng.normal(size=7).astype(np.float32)
    ends, losses, steepness = [model + u for u in _updates(4)], list(rng.uniform(0.2, 3, 4)), 1 / rate
    options = QFair(q=q, local_learning_rate=rate)

    numerator, denominator = np.zeros(7), 0.0
    for w_k, f_k in zip(ends, losses, strict=True):
        gradient = steepness * (model.astype(float) - w_k)
        numerator += f_k**q * gradient
        denominator += q * f_k ** (q - 1) * float(gradient @ gradient) + steepness * f_k**q
    slow = model - numerator / denominator

    parts = [
        contribution(np.asarray(w_k - model), weight=1, loss=float(f_k), options=options)
        for w_k, f_k in zip(ends, losses, strict=True)
    ]
    np.testing.assert_allclose(advanced(model, sum(parts), options=options)[0], slow, rtol=2e-6, atol=1e-7)


def test_fedadam_is_algorithm_2() -> None:
    """Reddi et al. 2021, Adam: v_-1 = tau^2, no bias correction, x = x + eta m / (sqrt(v) + tau)."""
    eta, beta_1, beta_2, tau = 0.3, 0.7, 0.95, 0.05
    options = FedAdam(server_learning_rate=eta, beta_1=beta_1, beta_2=beta_2, tau=tau)
    model, moments = np.ones(7, np.float32), None
    x, m, v = np.ones(7), np.zeros(7), np.full(7, tau**2)
    for t in range(5):
        weights, updates = [1.0, 0.25, 0.5], _updates(3, seed=t)
        delta = np.array([math.fsum(w * float(u[i]) for w, u in zip(weights, updates, strict=True)) for i in range(7)])
        delta /= sum(weights)
        m = beta_1 * m + (1 - beta_1) * delta
        v = beta_2 * v + (1 - beta_2) * delta * delta
        x = x + eta * m / (np.sqrt(v) + tau)
        total = sum(
            contribution(u, weight=w, loss=None, options=options) for w, u in zip(weights, updates, strict=True)
        )
        model, moments = advanced(model, total, options=options, moments=moments)

    np.testing.assert_allclose(model, x, rtol=1e-5)
    assert isinstance(moments, Moments)
    np.testing.assert_allclose(moments.first, m, rtol=1e-9)
    np.testing.assert_allclose(moments.second, v, rtol=1e-9)


@pytest.mark.parametrize("options", [FedAvg(server_learning_rate=0.3), FedProx(proximal=0.5, server_learning_rate=0.3)])
def test_the_server_moves_by_its_rate_times_the_mean(options: FedAvg | FedProx) -> None:
    model, updates = np.ones(7, np.float32), _updates(5)
    total = sum(contribution(u, weight=1, loss=None, options=options) for u in updates)

    moved, _ = advanced(model, total, options=options)

    np.testing.assert_allclose(moved, 1 + 0.3 * np.mean(updates, axis=0, dtype=np.float64), rtol=1e-6)


class Bowl:
    """Half the squared distance to a point: its gradient is the difference, and every step can be written down."""

    def __init__(self, target: float) -> None:
        self.module, self.target = nn.Linear(3, 1, bias=False), target

    def parameter_groups(self) -> dict[str, Any]:
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Any, *, rng: np.random.Generator) -> torch.Tensor:
        return 0.5 * (self.module.weight - self.target).square().sum().expand(len(units))


@pytest.mark.parametrize("mu", [0.0, 0.4, 2.0])
def test_fedprox_steps_on_the_loss_and_on_mu_times_the_way_from_what_was_received(tmp_path: Path, mu: float) -> None:
    """Li et al. 2020, equation 2: h = F + mu / 2 |w - w_t|^2, so that a step is -eta (grad F + mu (w - w_t))."""
    reasoner: Any = Bowl(4.0)
    layout, rate, received = Layout.of(reasoner), 0.1, np.array([1.0, -2.0, 0.5], np.float32)
    training = PlainTraining(
        site="east",
        reasoner=reasoner,
        layout=layout,
        rows=[[], [], []],  # the bowl looks at none of them
        n_units=3,
        options=PlainOptions(epochs=2, rows_per_step=1, optimizer="sgd", learning_rate=rate, clip_norm=1e9),
        seed=0,
        answers=Answers(tmp_path),
    )
    order = RoundOrder(run="r", round=1, attempt=1, layout=layout.digest, proximal=mu)

    w = received.astype(float)
    for _ in range(6):
        w = w - rate * ((w - 4.0) + mu * (w - received))

    np.testing.assert_allclose(training.train(received, order).update, w - received, rtol=1e-5)


@pytest.mark.parametrize(("n", "faulty", "kept"), [(3, 0, 1), (5, 1, 1), (6, 1, 3), (7, 2, 1), (8, 2, 4)])
def test_krum_is_brute_force_over_neighbours(n: int, faulty: int, kept: int) -> None:
    """Blanchard et al. 2017: the least sum of squared distances to n - f - 2 others, over all choices of them."""
    for seed in range(20):
        updates = _updates(n, seed=seed)
        scores = []
        for i in range(n):
            far = [
                math.fsum((float(a) - float(b)) ** 2 for a, b in zip(updates[i], updates[j], strict=True))
                for j in range(n)
                if j != i
            ]
            scores.append(min(math.fsum(some) for some in itertools.combinations(far, n - faulty - 2)))
        best = sorted(range(n), key=lambda i: scores[i])[:kept]
        found = combined(updates, options=Krum(most_faulty=faulty, kept=kept))
        if n == 3:  # the two that are nearest to each other are alike
            assert any(np.array_equal(found, updates[i]) for i in sorted(range(n), key=lambda i: scores[i])[:2])
        else:
            np.testing.assert_allclose(
                found, np.mean([updates[i] for i in best], axis=0, dtype=float), rtol=1e-5, atol=1e-7
            )


def test_krum_takes_the_same_one_in_whatever_order_they_came() -> None:
    """Of three, the two that are nearest to each other are always alike: a tie must not go to who came first."""
    updates = _updates(3, seed=4)
    chosen = {
        combined([updates[i] for i in order], options=Krum(most_faulty=0)).tobytes()
        for order in itertools.permutations(range(3))
    }

    assert len(chosen) == 1


@pytest.mark.parametrize(
    ("trimmed", "n"),
    [(0.0, 3), (0.0, 5), (0.1, 10), (0.1, 12), (0.2, 5), (0.29, 5), (1 / 3, 3), (1 / 3, 12), (0.4, 10), (0.49, 12)],
)
def test_trimmed_mean_is_brute_force(trimmed: float, n: int) -> None:
    """Yin et al. 2018: of each coordinate, without the largest and the smallest beta n."""
    updates, cut = _updates(n), int(Fraction(trimmed).limit_denominator(1000) * n)
    slow = [math.fsum(sorted(float(u[i]) for u in updates)[cut : n - cut]) / (n - 2 * cut) for i in range(7)]

    np.testing.assert_allclose(combined(updates, options=TrimmedMean(trimmed=trimmed)), slow, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("hundredths", [1, 3, 7, 10, 15, 20, 25, 29, 30, 33, 40, 49])
def test_the_fewest_sites_of_a_trimmed_mean_are_those_of_whom_somebody_is_cut_off(hundredths: int) -> None:
    share = Fraction(hundredths, 100)
    slow = next(n for n in range(3, 1000) if share * n >= 1)

    assert least_sites(TrimmedMean(trimmed=hundredths / 100)) == slow


def test_as_many_are_cut_off_as_the_plan_says() -> None:
    """0.29 of 100 sites are 29, and a little less in binary."""
    updates = [np.array([float(i)], np.float32) for i in range(100)]
    updates[28][0] = -1e6

    assert combined(updates, options=TrimmedMean(trimmed=0.29))[0] == pytest.approx(np.mean(range(29, 71)), abs=0.6)


def test_a_contribution_is_made_in_double_precision() -> None:
    update = np.array([1 / 3, 0.1, 1e-20], np.float32)

    part = contribution(update, weight=1 / 3, loss=None, options=FedAvg())
    fair = contribution(update, weight=1, loss=1e3, options=QFair(q=3, local_learning_rate=1e-31))

    np.testing.assert_array_equal(part[:-1], [float(x) * (1 / 3) for x in update])
    assert np.isfinite(fair).all()


def test_a_fold_is_the_exact_sum_and_not_that_of_one_order() -> None:
    rng = np.random.default_rng(7)
    updates = [(rng.normal(size=50) * 10.0 ** rng.integers(-12, 12)).astype(np.float32) for _ in range(40)]
    exact = np.array([math.fsum(float(update[i]) for update in updates) for i in range(50)])
    for seed in range(3):
        fold = AdditiveFold(50, FedAvg())
        for i in np.random.default_rng(seed).permutation(40):
            fold.add(updates[i], weight=1, loss=None)
        seen: list[Any] = []
        fold.result(np.zeros(50, np.float32), None, released=partial(_looked_at, seen))
        np.testing.assert_array_equal(seen[0][:-1], exact)
        assert seen[0][-1] == 40


def _looked_at(seen: list[Any], total: Any) -> Any:
    seen.append(total)
    return total


@pytest.mark.parametrize("early", ["early_stopping", "patience", "until", "target"])
def test_no_plan_stops_by_what_it_sees(early: str) -> None:
    """How many rounds there are is fixed beforehand: an option that looks at results is none."""
    with pytest.raises(ValidationError, match=early):
        RoundOptions.model_validate({"rounds": 3, early: 1})
