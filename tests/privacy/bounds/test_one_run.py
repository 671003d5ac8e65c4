"""One-run bounds: the reference values, slow twins, and simulated mechanisms whose epsilon is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from privacy.bounds.gaussian import gdp_epsilon
from privacy.bounds.one_run import OneRun, one_run_epsilon, one_run_p_value
from privacy.bounds.one_run_gaussian import one_run_gaussian

N_RUNS = 200
ALLOWED = int(binom.ppf(0.99, N_RUNS, 0.05))
REFERENCE = (
    ((1000, 1000, 500, 1e-5), 0.0),
    ((1000, 1000, 600, 1e-5), 0.2972),
    ((1000, 100, 90, 1e-5), 1.6261),
    ((1000, 100, 100, 1e-5), 3.4654),
    ((1000, 100, 100, 0.0), 3.4930),
    ((10000, 1000, 1000, 1e-5), 5.5293),
)


def run_of(m: int, r: int, v: int) -> OneRun:
    return OneRun(n_canaries=m, n_guesses=r, n_correct=v)


@pytest.mark.parametrize(("given", "expected"), REFERENCE)
def test_the_reference_values_come_out(given: tuple[int, int, int, float], expected: float) -> None:
    m, r, v, delta = given
    bound = one_run_epsilon(run_of(m, r, v), delta=delta, confidence=0.95)
    assert bound.epsilon == pytest.approx(expected, abs=5e-5)
    assert (bound.epsilon == bound.ceiling) == (v == r)


def slow_p(m: int, r: int, v: int, epsilon: float, delta: float) -> float:
    """Word for word."""
    q = 1 / (1 + math.exp(-epsilon))
    beta = sum(binom.pmf(k, r, q) for k in range(v, r + 1))
    alpha = max((sum(binom.pmf(k, r, q) for k in range(v - i, v)) / i for i in range(1, v + 1)), default=0.0)
    return float(min(1.0, beta + 2 * m * delta * alpha))


@pytest.mark.parametrize(("m", "r", "v"), [(30, 20, 14), (30, 20, 0), (30, 0, 0), (12, 12, 12), (40, 9, 3)])
@pytest.mark.parametrize("epsilon", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("delta", [0.0, 1e-3])
def test_the_p_value_equals_its_slow_twin(m: int, r: int, v: int, epsilon: float, delta: float) -> None:
    assert one_run_p_value(run_of(m, r, v), epsilon, delta=delta) == pytest.approx(slow_p(m, r, v, epsilon, delta))


def test_every_epsilon_below_the_bound_is_refuted_and_the_next_is_not() -> None:
    for m, r, v, delta in ((1000, 400, 300, 1e-5), (200, 200, 150, 1e-3), (500, 50, 50, 1e-4)):
        bound = one_run_epsilon(run_of(m, r, v), delta=delta, confidence=0.95).epsilon
        below = np.linspace(0, bound - 1e-6, 50)
        assert max(one_run_p_value(run_of(m, r, v), float(e), delta=delta) for e in below) <= 0.05
        assert one_run_p_value(run_of(m, r, v), bound + 1e-6, delta=delta) > 0.05


def test_correcting_for_having_chosen_lowers_the_bound_and_its_ceiling() -> None:
    plain, corrected = (
        one_run_epsilon(run_of(1000, 100, 90), delta=1e-5, confidence=0.95, n_thresholds=k) for k in (1, 12)
    )
    stricter = one_run_epsilon(run_of(1000, 100, 90), delta=1e-5, confidence=1 - 0.05 / 12)
    assert corrected.epsilon == pytest.approx(stricter.epsilon)
    assert corrected.epsilon < plain.epsilon
    assert corrected.ceiling < plain.ceiling


def test_a_large_delta_takes_the_bound_away() -> None:
    values = [
        one_run_epsilon(run_of(1000, 100, 90), delta=delta, confidence=0.95).epsilon for delta in (0, 1e-5, 1e-3, 1e-1)
    ]
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0


def test_impossible_numbers_are_refused() -> None:
    for m, r, v in ((10, 11, 3), (10, 5, 6), (10, 5, -1)):
        with pytest.raises(ValueError, match="guesses"):
            run_of(m, r, v)


@pytest.mark.parametrize(("epsilon", "delta", "n_guesses"), [(1.0, 0.0, 500), (3.0, 0.0, 100), (1.0, 1e-4, 500)])
def test_randomised_response_exceeds_its_epsilon_no_more_often_than_promised(
    epsilon: float, delta: float, n_guesses: int
) -> None:
    """With probability delta a canary is simply told: the worst that such a mechanism may do to it."""
    rng = np.random.default_rng(5)
    q = delta + (1 - delta) / (1 + math.exp(-epsilon))
    correct = rng.binomial(n_guesses, q, N_RUNS)
    found = {
        int(v): one_run_epsilon(run_of(500, n_guesses, int(v)), delta=delta, confidence=0.95).epsilon
        for v in np.unique(correct)
    }
    assert sum(found[int(v)] > epsilon for v in correct) <= ALLOWED
    assert np.median([found[int(v)] for v in correct]) > 0.6 * epsilon


def best_guesses(included: np.ndarray, scores: np.ndarray, n_guesses: int) -> int:
    """Right guesses where the highest half of them says in, and the lowest out."""
    order, half = np.argsort(scores), n_guesses // 2
    return int(included[order[-half:]].sum() + (~included[order[:half]]).sum())


def test_a_gaussian_exceeds_neither_its_epsilon_nor_its_mu_more_often_than_promised() -> None:
    rng, m, r, mu = np.random.default_rng(6), 400, 80, 1.0
    epsilon, any_mechanism, gaussian, mus = gdp_epsilon(mu, delta=1e-5), 0, 0, []
    for _ in range(N_RUNS):
        included = rng.random(m) < 0.5
        v = best_guesses(included, mu * included + rng.normal(0, 1, m), r)
        bound = one_run_gaussian(run_of(m, r, v), delta=1e-5, confidence=0.95)
        plain = one_run_epsilon(run_of(m, r, v), delta=1e-5, confidence=0.95)
        any_mechanism += plain.epsilon > epsilon
        gaussian += bound.mu > mu
        mus.append(bound.mu)
        assert bound.epsilon.epsilon >= plain.epsilon  # it assumes more
    assert any_mechanism <= ALLOWED
    assert gaussian <= ALLOWED
    assert np.median(mus) > 0.4 * mu


def slow_excess(m: int, r: int, v: int, mu: float, alpha: float) -> float:
    """The recursion with every intermediate value kept."""
    right, wrong = {v: alpha * v / m}, {v: alpha * (r - v) / m}
    for i in range(v - 1, -1, -1):
        wrong[i] = max(wrong[i + 1], float(norm.cdf(norm.ppf(right[i + 1]) - mu)))
        right[i] = min(1.0, right[i + 1] + i / (r - i) * (wrong[i] - wrong[i + 1]))
    return right[0] + wrong[0] - r / m


@pytest.mark.parametrize(("m", "r", "v"), [(100, 40, 35), (100, 100, 70), (60, 20, 20), (50, 20, 10), (50, 0, 0)])
def test_the_gaussian_bound_is_where_the_slow_recursion_stops_refuting(m: int, r: int, v: int) -> None:
    bound = one_run_gaussian(run_of(m, r, v), delta=1e-5, confidence=0.95)
    assert slow_excess(m, r, v, bound.mu + 1e-4, 0.05) <= 1e-12
    if bound.mu:
        assert slow_excess(m, r, v, bound.mu - 1e-4, 0.05) > 0
    assert bound.ceiling >= bound.mu


@pytest.mark.slow
@pytest.mark.parametrize("mu", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("n_guesses", [20, 100, 400])
def test_both_bounds_hold_of_gaussians_at_many_sizes(mu: float, n_guesses: int) -> None:
    rng, m, n_runs = np.random.default_rng(7), 400, 1000
    epsilon, above, above_mu = gdp_epsilon(mu, delta=1e-5), 0, 0
    for _ in range(n_runs):
        included = rng.random(m) < 0.5
        run = run_of(m, n_guesses, best_guesses(included, mu * included + rng.normal(0, 1, m), n_guesses))
        above += one_run_epsilon(run, delta=1e-5, confidence=0.95).epsilon > epsilon
        above_mu += one_run_gaussian(run, delta=1e-5, confidence=0.95).mu > mu
    assert max(above, above_mu) <= binom.ppf(0.999, n_runs, 0.05)
