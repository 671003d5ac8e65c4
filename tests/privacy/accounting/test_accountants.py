from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from affidavit.errors import PlanError
from privacy.accounting import accountants
from privacy.accounting.accountants import HOPELESS, account, account_by, within
from privacy.accounting.answers import Account, Bounded, Unbounded, bounded
from privacy.accounting.mechanisms import Mechanism, Neighbours, Search, SubsampledGaussian
from privacy.accounting.renyi import own_account, renyi_bound

DELTA = 1e-5


def steps(
    noise: float, rate: float, n: int, neighbours: Neighbours = "add-remove", *, full: bool = False
) -> SubsampledGaussian:
    return SubsampledGaussian(
        noise_multiplier=noise,
        sample_rate=rate,
        sampler="full" if full else "poisson",
        neighbours=neighbours,
        n_times=n,
    )


def epsilon_of(*mechanisms: Mechanism, delta: float = DELTA) -> float:
    answer = account(mechanisms, delta=delta)
    assert isinstance(answer, Bounded)
    assert answer.disagreement is None
    return answer.epsilon


def gaussian_epsilon(noise: float, *, sensitivity: float, n: int = 1, delta: float = DELTA) -> float:
    """The closed form of n Gaussians without sampling (Balle and Wang 2018, theorem 8)."""
    mu = sensitivity * math.sqrt(n) / noise

    def excess(epsilon: float) -> float:
        above = norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)
        return float(above - delta)

    return float(brentq(excess, 0, 60))


def integrated_delta(epsilon: float, noise: float, rate: float, neighbours: Neighbours, n: int) -> float:
    """The definition: the larger of the two hockey-stick divergences, on a grid of one or two outcomes."""
    x = np.linspace(-9 * noise - 1, 9 * noise + 2, 4001 if n == 1 else 2001)
    still = norm.pdf(x, 0, noise)
    first = (1 - rate) * still + rate * norm.pdf(x, 1, noise)
    second = still if neighbours == "add-remove" else (1 - rate) * still + rate * norm.pdf(x, -1, noise)
    width = x[1] - x[0]
    if n == 2:
        first, second, width = np.outer(first, first), np.outer(second, second), width**2
    grown = math.exp(epsilon)
    return float(max(np.maximum(p - grown * q, 0).sum() * width for p, q in ((first, second), (second, first))))


def test_the_values_of_opacus_own_tests() -> None:
    """Its RDP test takes 2,250 steps at rate 0.04 and noise 1.5, its PRV test 2,249 (90 // 0.04)."""
    rdp = own_account((steps(1.5, 0.04, 2250),), neighbours="add-remove", delta=DELTA)
    assert rdp.epsilon == pytest.approx(7.32911117143, abs=1e-7)
    other = account_by("rdp", (steps(1.5, 0.04, 2250),), delta=DELTA)
    assert other.epsilon == pytest.approx(7.32911117143, rel=1e-4)  # dp-accounting approximates a fractional order
    prv = account_by("prv", (steps(1.5, 0.04, 2249),), delta=DELTA)
    assert prv.epsilon == pytest.approx(6.777395712150674, abs=1e-7)


@pytest.mark.parametrize(
    ("n", "prv", "pld"), [(39, 3.64, 3.63), pytest.param(13, 2.512, 2.501, marks=pytest.mark.slow)]
)
def test_the_values_that_were_measured_with_both_libraries_alone(n: int, prv: float, pld: float) -> None:
    answer = account((steps(1.0, 1 / 13, n),), delta=DELTA)
    assert isinstance(answer, Bounded)
    assert [one.epsilon for one in answer.accounts] == pytest.approx([prv, pld], abs=0.005)
    assert [one.accountant for one in answer.accounts] == ["Opacus PRV", "dp-accounting PLD"]
    assert answer.epsilon == answer.accounts[0].epsilon
    rdp = account_by("rdp", (steps(1.0, 1 / 13, n),), delta=DELTA).epsilon
    assert rdp is not None
    assert rdp > answer.epsilon


@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.slow), 16])
@pytest.mark.parametrize(("neighbours", "sensitivity"), [("add-remove", 1.0), ("replace", 2.0)])
def test_without_sampling_both_give_the_closed_form(neighbours: Neighbours, sensitivity: float, n: int) -> None:
    told = epsilon_of(steps(4.0, 1.0, n, neighbours, full=True))
    exact = gaussian_epsilon(4.0, sensitivity=sensitivity, n=n)
    assert exact <= told <= 1.01 * exact


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize(
    ("n", "rate"), [(2, 0.2), *(pytest.param(1, rate, marks=pytest.mark.slow) for rate in (0.2, 0.9))]
)
def test_both_bound_the_definition_and_not_by_much(neighbours: Neighbours, n: int, rate: float) -> None:
    told = epsilon_of(steps(1.2, rate, n, neighbours), delta=1e-3)
    assert integrated_delta(told, 1.2, rate, neighbours, n) <= 1e-3 * 1.001
    assert integrated_delta(0.985 * told, 1.2, rate, neighbours, n) > 1e-3


@pytest.mark.slow
def test_replacing_costs_more_than_adding_and_less_than_twice_the_sensitivity() -> None:
    add, replace = epsilon_of(steps(2.0, 0.1, 50)), epsilon_of(steps(2.0, 0.1, 50, "replace"))
    assert add < replace < epsilon_of(steps(1.0, 0.1, 50))


@pytest.mark.slow
def test_where_any_step_is_of_replacing_all_are() -> None:
    mixed = epsilon_of(steps(2.0, 0.1, 20), steps(2.0, 0.1, 30, "replace"))
    assert mixed == pytest.approx(epsilon_of(steps(2.0, 0.1, 50, "replace")), rel=1e-9)


@pytest.mark.slow
def test_the_order_and_grouping_of_steps_is_all_the_same() -> None:
    one = epsilon_of(steps(1.5, 0.05, 30), steps(3.0, 1.0, 1, full=True))
    other = epsilon_of(steps(3.0, 1.0, 1, full=True), steps(1.5, 0.05, 10), steps(1.5, 0.05, 20))
    assert one == pytest.approx(other, rel=1e-6)


@pytest.mark.slow
def test_more_steps_and_less_noise_cost_more() -> None:
    base = epsilon_of(steps(1.5, 0.05, 30))  # 0.6 s each, so that each fact is told once
    assert base < epsilon_of(steps(1.5, 0.05, 31))
    assert base < epsilon_of(steps(1.49, 0.05, 30))
    assert base < epsilon_of(steps(1.5, 0.06, 30))
    assert base < epsilon_of(steps(1.5, 0.05, 30), delta=DELTA / 2)


def test_nothing_taken_costs_nothing_and_no_noise_is_no_number() -> None:
    assert account((), delta=DELTA) == Bounded(epsilon=0.0, delta=DELTA)
    answer = account((steps(1.0, 0.1, 5), steps(0.0, 0.1, 1)), delta=DELTA)
    assert answer == Unbounded(because="a step added no noise")
    assert not within((steps(0.0, 0.1, 1),), epsilon=1e9, delta=DELTA)
    assert within((), epsilon=0.1, delta=DELTA)


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize("noise", [0.005, 0.1])
def test_an_epsilon_that_protects_nobody_is_told_by_the_coarse_bound(noise: float, neighbours: Neighbours) -> None:
    answer = account((steps(noise, 0.1, 10, neighbours),), delta=DELTA)
    assert isinstance(answer, Bounded)
    assert answer.epsilon > HOPELESS
    assert math.isfinite(answer.epsilon)
    assert answer.disagreement is not None


def test_a_delta_below_floating_point_is_left_to_the_coarse_bound_and_said() -> None:
    answer = account((steps(1.0, 0.1, 40),), delta=1e-16)
    assert isinstance(answer, Bounded)
    assert answer.disagreement is not None
    assert answer.disagreement.startswith("one accountant alone: dp-accounting RDP")


@pytest.mark.slow
@pytest.mark.parametrize("noise", [10.0, 100.0])
def test_a_very_small_epsilon_is_still_a_number_on_which_both_agree(noise: float) -> None:
    assert 0 < epsilon_of(steps(noise, 0.01, 10)) < 0.01


def test_accountants_that_differ_are_said_to() -> None:
    one, other = (Account(accountant=name, version="1", epsilon=value) for name, value in (("a", 2.0), ("b", 2.03)))
    answer = bounded((one, other), delta=DELTA)
    assert isinstance(answer, Bounded)
    assert answer.epsilon == 2.03
    assert answer.disagreement == "the accountants differ by 1.5%: a 1 2, b 1 2.03"
    close = Account(accountant="b", version="1", epsilon=2.019)
    assert Bounded(epsilon=2.019, delta=DELTA, accounts=(one, close)).disagreement is None


def test_the_gdp_accountant_is_refused_by_name() -> None:
    with pytest.raises(PlanError, match="gdp") as raised:
        account_by("gdp", (steps(1.5, 0.04, 2249),), delta=DELTA)
    assert "understates" in str(raised.value)
    with pytest.raises(PlanError):
        account_by("prvv", (steps(1.5, 0.04, 2249),), delta=DELTA)


@pytest.mark.parametrize("accountant", ["prv", "pld"])
def test_an_accountant_that_knows_no_searches_leaves_none_out(accountant: str) -> None:
    search = Search(steps=(steps(4.0, 0.05, 20),), mean=10, shape=0)
    with pytest.raises(PlanError, match="would leave them out"):
        account_by(accountant, (search, steps(4.0, 0.05, 20)), delta=DELTA)
    assert account_by("rdp", (search,), delta=DELTA).epsilon == pytest.approx(epsilon_of(search), rel=0.01)


def test_thousands_of_steps_of_a_kind_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clip norms that change from step to step leave as many mechanisms that are alike."""
    asked: list[int] = []

    def counted(mechanisms: tuple[Mechanism, ...], **how: Any) -> float | None:
        asked.append(len(mechanisms))
        return renyi_bound(mechanisms, **how)

    monkeypatch.setattr(accountants, "renyi_bound", counted)
    assert within((steps(4.0, 1.0, 1, full=True),) * 50, epsilon=50, delta=DELTA)
    assert asked == [1]


@pytest.mark.slow
def test_the_gdp_accountant_does_understate() -> None:
    """Why it is refused: it lies below what two others agree on, and below a lower bound by definition."""
    from opacus.accountants import GaussianAccountant

    with pytest.warns(UserWarning, match="underestimate"):
        gdp = GaussianAccountant()
    gdp.history = [(1.0, 1 / 13, 39)]
    assert gdp.get_epsilon(DELTA) < 0.8 * epsilon_of(steps(1.0, 1 / 13, 39))


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-5, math.nan, 2.0])
def test_a_delta_that_is_none_is_refused(delta: float) -> None:
    with pytest.raises(PlanError, match="delta"):
        account((steps(1.0, 0.1, 1),), delta=delta)


def test_a_budget_is_kept_exactly_at_its_edge() -> None:
    taken = steps(4.0, 1.0, 16, full=True)
    spent = epsilon_of(taken)
    assert within((taken,), epsilon=spent, delta=DELTA)
    assert not within((taken,), epsilon=0.999 * spent, delta=DELTA)
    assert within((taken,), epsilon=2 * spent, delta=DELTA)
    assert not within((steps(0.2, 0.5, 2000),), epsilon=1.0, delta=DELTA)


def test_a_search_is_within_a_budget_as_its_account_says() -> None:
    search = Search(steps=(steps(4.0, 0.05, 20),), mean=10, shape=0)
    told = epsilon_of(search)
    assert within((search,), epsilon=1.001 * told, delta=DELTA)
    assert not within((search,), epsilon=0.999 * told, delta=DELTA)


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "delta"), [(1.0, 0.009)])
@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_a_single_step_at_a_generous_delta_is_a_number_on_which_both_agree(
    noise: float, delta: float, neighbours: Neighbours
) -> None:
    told = epsilon_of(steps(noise, 0.05, 1, neighbours), delta=delta)
    assert integrated_delta(told, noise, 0.05, neighbours, 1) <= 1.001 * delta


def test_a_delta_that_forgives_everything_costs_nothing() -> None:
    answer = account((steps(1.0, 0.05, 1),), delta=0.3)
    assert isinstance(answer, Bounded)
    assert answer.epsilon == 0
    assert integrated_delta(0.0, 1.0, 0.05, "add-remove", 1) <= 0.3
