"""What a site draws is what its ledger counts: whom, how much noise, and what that costs, found by other routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from scipy import stats
from scipy.optimize import brentq

from federated.sites.private import PrivateTraining
from privacy.dpsgd.course import Course
from privacy.dpsgd.gradients import Clipped, LoopGradients
from tests.federated.sites.conftest import order_of
from tests.privacy.dpsgd.conftest import Toy, new_toy

SELDOM = 1e-6
"""A secret source cannot be seeded: a test of it errs once in a million runs."""


def by_hand(mu: float, delta: float) -> float:
    """Return epsilon of a Gaussian mechanism whose sensitivity is mu standard deviations (Balle and Wang 2018)."""

    def over(epsilon: float) -> float:
        low, high = -epsilon / mu + mu / 2, -epsilon / mu - mu / 2
        return float(stats.norm.cdf(low) - np.exp(epsilon) * stats.norm.cdf(high)) - delta

    return float(brentq(over, 0.0, 50.0))


def _start(site: PrivateTraining) -> np.ndarray:
    return np.asarray(site.layout.gathered(site.reasoner))


def test_the_cost_of_full_batches_is_that_of_one_gaussian_worked_out_by_hand(private: Any) -> None:
    """Six steps of everybody at noise 4 are one Gaussian mechanism at sqrt(6) / 4."""
    site = private(sample_rate=1.0, noise_multiplier=4.0)
    for number in (1, 2):
        site.train(_start(site), order_of(site, number=number))
    exact = by_hand(np.sqrt(6) / 4, 1e-4)
    assert exact * (1 - 1e-4) <= site.told()["epsilon"] <= exact * 1.01


def test_the_cost_of_sampled_batches_and_of_the_count_is_what_another_accountant_says(private: Any) -> None:
    site = private(sample_rate=0.3, noise_multiplier=1.3, counted="noised", count_noise=4.0)
    for number in (1, 2):
        site.train(_start(site), order_of(site, number=number))
    other = PLDAccountant()
    other.compose(SelfComposedDpEvent(PoissonSampledDpEvent(0.3, GaussianDpEvent(1.3)), 6))
    other.compose(GaussianDpEvent(4.0))
    assert site.told()["epsilon"] == pytest.approx(other.get_epsilon(1e-4), rel=0.01)


def test_a_round_that_was_cut_short_costs_as_much_as_a_whole_one(private: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = private(sample_rate=1.0, noise_multiplier=4.0)
    with monkeypatch.context() as patched:
        patched.setattr(Course, "step", _cut_short)
        with pytest.raises(KeyboardInterrupt):
            site.train(_start(site), order_of(site))
    site.train(_start(site), order_of(site))
    assert site.told()["epsilon"] >= by_hand(np.sqrt(6) / 4, 1e-4) * (1 - 1e-4)


def _cut_short(*_: Any) -> None:
    raise KeyboardInterrupt


def _taken(site: PrivateTraining, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Train for a round, and return whom each step took; a step that took nobody is an empty list.

    Gradients are zeros: they have no part in who is taken.
    """
    found: list[list[str]] = []
    step = Course.step

    def stepped(self: Course, *given: Any) -> None:
        found.append([])
        step(self, *given)

    def spied(self: LoopGradients, rows: Sequence[Any], **_: Any) -> Clipped:
        found[-1] += [str(row[0].unit) for row in rows]
        return Clipped(sums=[torch.zeros_like(value) for value in self.parameters], norms=torch.zeros(len(rows)))

    monkeypatch.setattr(Course, "step", stepped)
    monkeypatch.setattr(LoopGradients, "clipped", spied)
    site.train(_start(site), order_of(site))
    return found


def test_each_patient_is_in_a_step_by_a_coin_of_their_own(private: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Poisson sampling: sizes are binomial, pairs independent, and who has many turns is no likelier."""
    n, steps, rate = 10, 600, 0.3
    site = private(sizes=(1, 9, 1, 20, 2, 1, 1, 3, 1, 1), steps=steps, sample_rate=rate, units_at_once=3)
    taken = _taken(site, monkeypatch)
    assert len(taken) == steps
    assert all(len(set(names)) == len(names) for names in taken)

    names = sorted({name for step in taken for name in step})
    assert len(names) == n
    there = np.array([[name in step for name in names] for step in taken])
    each = stats.binomtest(int(there.sum()), n * steps, rate).pvalue
    alone = min(stats.binomtest(int(one), steps, rate).pvalue for one in there.sum(axis=0))
    sizes = np.bincount(there.sum(axis=1), minlength=n + 1)
    expected = steps * stats.binom.pmf(np.arange(n + 1), n, rate)
    merged = [*sizes[1:6], sizes[0] + sizes[6:].sum()], [*expected[1:6], expected[0] + expected[6:].sum()]
    assert min(each, alone * n, stats.chisquare(*merged).pvalue) > SELDOM
    pairs = np.corrcoef(there.T)[np.triu_indices(n, 1)]
    assert np.abs(pairs).max() < 5.5 / np.sqrt(steps)
    after = np.corrcoef(there[:-1].sum(axis=1), there[1:].sum(axis=1))[0, 1]
    assert abs(after) < 5 / np.sqrt(steps)


@pytest.mark.parametrize("adaptive", [None, {"budget_share": 0.2}])
def test_a_step_that_takes_nobody_adds_all_of_its_noise_once(private: Any, adaptive: Any) -> None:
    """With a chance of 1e-9 each, what is left is the noise: normal, of deviation z times the bound."""
    options = {"optimizer": "sgd", "steps": 1, "sample_rate": 1e-9, "clip_norm": 0.7, "noise_multiplier": 1.1}
    site = private(adaptive_clipping=adaptive, rounds=20, **options)
    start = _start(site)
    runs = [site.train(start, order_of(site, run=f"run {i}")).update for i in range(20)]
    noise = np.concatenate(runs).astype(np.float64) * (1e-9 * len(site.units)) / (0.1 * 0.7)
    deviation = 1.1 if adaptive is None else 1.1 / np.sqrt(0.8)
    assert stats.kstest(noise, stats.norm(scale=deviation).cdf).pvalue > SELDOM
    assert np.std(noise) == pytest.approx(deviation, rel=5 / np.sqrt(2 * len(noise)))
    assert abs(np.mean(noise)) < 5 * deviation / np.sqrt(len(noise))
    assert len({update.tobytes() for update in runs}) == 20
    across = np.corrcoef(np.stack(runs))[np.triu_indices(20, 1)]
    assert np.abs(across).max() < 6 / np.sqrt(len(start))


class Broken(Toy):
    """A model that one patient's turns break: what is told to the server must not say so."""

    def losses(self, units: Any, *, rng: np.random.Generator) -> torch.Tensor:
        found = super().losses(units, rng=rng)
        factors = [float("nan") if str(row[0].unit) == "patient 2" else 1.0 for row in units]
        return found * torch.tensor(factors)


def test_a_patient_whose_gradient_is_not_finite_adds_nothing_and_is_not_told(private: Any) -> None:
    options = {"simulated": True, "noise_multiplier": 0.0, "delta": None, "optimizer": "sgd", "sample_rate": 1.0}
    model = Broken(new_toy().module)
    site = private(sizes=(1, 2, 3, 4), reasoner=model, steps=1, **options)
    start = _start(site)
    answer = site.train(start, order_of(site))
    assert np.isfinite(answer.update).all()
    assert answer.facts.model_dump(exclude_none=True) == {}

    others = tuple(unit for unit in site.units if unit.pieces[0][0].unit != "patient 2")
    assert len(others) == 3
    without = private(folder="without", units=others, steps=1, **options)
    np.testing.assert_allclose(answer.update * 4, without.train(start, order_of(without)).update * 3, atol=1e-5)


def test_the_noised_number_moves_by_one_for_one_patient(private: Any) -> None:
    """Drawn again from the same numbers, with one patient more: the sensitivity that the ledger counts."""
    options = {"simulated": True, "noise_multiplier": 1.0, "delta": None, "counted": "noised"}
    told = [private(folder=f"{n}", sizes=(1,) * n, **options)._number().told for n in (30, 31, 35)]
    assert [one - told[0] for one in told] == [0, 1, 5]
