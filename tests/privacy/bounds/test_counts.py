"""Bounds from counts: the reference values, a slow twin, and simulated mechanisms whose epsilon is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm

from privacy.bounds.counts import clopper_pearson_epsilon, error_bounds
from privacy.bounds.gaussian import CONDITION, gdp_bound, gdp_delta, gdp_epsilon, mu_of
from privacy.bounds.thresholds import AttackCounts, best_threshold, counts_above, split_counts

N_RUNS = 200
ALLOWED = int(binom.ppf(0.99, N_RUNS, 0.05))


@pytest.mark.parametrize(("n", "ceiling"), [(500, 4.906), (1000, 5.601)])
def test_a_perfect_attack_shows_the_ceiling_and_no_more(n: int, ceiling: float) -> None:
    bound = clopper_pearson_epsilon(n, n, 0, n, delta=1e-5, confidence=0.95)
    assert bound.epsilon == bound.ceiling == pytest.approx(ceiling, abs=5e-4)


def test_the_reference_counts_give_the_reference_bounds() -> None:
    bound = clopper_pearson_epsilon(300, 500, 5, 500, delta=1e-5, confidence=0.95)
    gaussian = gdp_bound(300, 500, 5, 500, delta=1e-5, confidence=0.95)
    assert bound.epsilon == pytest.approx(3.177, abs=5e-4)
    assert bound.ceiling == pytest.approx(4.906, abs=5e-4)
    assert bound.conditional is None
    assert gaussian.mu == pytest.approx(2.132, abs=5e-4)
    assert gaussian.epsilon.epsilon == pytest.approx(10.8, abs=0.05)
    assert gaussian.epsilon.conditional == CONDITION


def slow_upper(errors: int, n: int, alpha: float) -> float:
    """The rate at which so few errors have probability alpha."""
    return 1.0 if errors == n else float(brentq(lambda p: binom.cdf(errors, n, p) - alpha, 1e-12, 1 - 1e-12))


@pytest.mark.parametrize(("tp", "fp"), [(0, 0), (7, 2), (20, 0), (20, 30), (13, 29), (3, 25)])
@pytest.mark.parametrize("n_thresholds", [1, 10])
def test_the_bound_equals_its_slow_twin(tp: int, fp: int, n_thresholds: int) -> None:
    alpha, delta = 0.1 / n_thresholds, 1e-3
    fnr, fpr = slow_upper(20 - tp, 20, alpha / 2), slow_upper(fp, 30, alpha / 2)
    pairs = ((1 - fnr - delta, fpr), (1 - fpr - delta, fnr))
    expected = max(0.0, *(math.log(right / wrong) for right, wrong in pairs if right > 0))
    bound = clopper_pearson_epsilon(tp, 20, fp, 30, delta=delta, confidence=0.9, n_thresholds=n_thresholds)
    assert bound.epsilon == pytest.approx(expected, abs=1e-6)
    found = error_bounds(tp, 20, fp, 30, alpha=alpha)
    expected_mu = 0.0 if max(fnr, fpr) == 1 else max(0.0, norm.isf(fpr) - norm.ppf(fnr))
    assert (found.false_negative_rate, found.false_positive_rate) == pytest.approx((fnr, fpr), abs=1e-6)
    gaussian = gdp_bound(tp, 20, fp, 30, delta=delta, confidence=0.9, n_thresholds=n_thresholds)
    assert gaussian.mu == pytest.approx(expected_mu, abs=1e-5)


def test_a_perfectly_missed_non_member_side_speaks_too() -> None:
    one_side = clopper_pearson_epsilon(500, 500, 200, 500, delta=1e-5, confidence=0.95)
    assert one_side.epsilon > math.log(0.55 / 0.01)  # only TNR against FNR can say this


def test_without_trials_nothing_is_shown_and_nothing_could_be() -> None:
    for n_members, n_others in ((0, 10), (10, 0), (0, 0)):
        bound = clopper_pearson_epsilon(0, n_members, 0, n_others, delta=0.0, confidence=0.95)
        assert bound.epsilon == 0 == bound.ceiling
        assert gdp_bound(0, n_members, 0, n_others, delta=1e-5, confidence=0.95).noise_multiplier is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"tp": 11},
        {"fp": -1},
        {"delta": 1.0},
        {"confidence": 1.0},
        {"n_thresholds": 0},
    ],
)
def test_impossible_numbers_are_refused(wrong: dict[str, float]) -> None:
    given = {"tp": 5, "n_members": 10, "fp": 1, "n_non_members": 10, "delta": 1e-5, "confidence": 0.95} | wrong
    with pytest.raises(ValueError, match="="):
        clopper_pearson_epsilon(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("mu", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("epsilon", [0.0, 0.7, 3.0])
def test_delta_of_a_gaussian_equals_the_integral(mu: float, epsilon: float) -> None:
    x = np.linspace(-12, 12 + mu, 400_001)
    excess = np.maximum(0.0, norm.pdf(x - mu) - math.exp(epsilon) * norm.pdf(x))
    assert gdp_delta(epsilon, mu) == pytest.approx(np.trapezoid(excess, x), abs=1e-8)


def test_epsilon_and_delta_of_a_gaussian_are_inverse_and_rise() -> None:
    epsilons = [gdp_epsilon(mu, delta=1e-5) for mu in (0.0, 1e-4, 0.1, 1.0, 5.0, 40.0)]
    assert epsilons[:2] == [0.0, pytest.approx(0.0, abs=1e-3)]
    assert epsilons == sorted(epsilons)
    assert gdp_delta(epsilons[4], 5.0) == pytest.approx(1e-5, rel=1e-6)
    assert gdp_delta(2.0, 0.0) == 0.0
    with pytest.raises(ValueError, match="delta"):
        gdp_epsilon(1.0, delta=0.0)


def test_epsilon_of_a_gaussian_is_that_of_an_independent_library() -> None:
    library = pytest.importorskip("dp_accounting")
    for epsilon in (0.5, 2.0, 9.0):
        sigma = library.get_sigma_gaussian(epsilon, 1e-5)
        assert gdp_epsilon(1 / sigma, delta=1e-5) == pytest.approx(epsilon, rel=1e-4)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_randomised_response_exceeds_its_epsilon_no_more_often_than_promised(epsilon: float) -> None:
    rng, n = np.random.default_rng(1), 1500
    q = 1 / (1 + math.exp(-epsilon))
    tp, fp = rng.binomial(n, q, N_RUNS), rng.binomial(n, 1 - q, N_RUNS)
    found = [
        clopper_pearson_epsilon(int(a), n, int(b), n, delta=0.0, confidence=0.95).epsilon
        for a, b in zip(tp, fp, strict=True)
    ]
    assert sum(value > epsilon for value in found) <= ALLOWED
    assert np.median(found) > 0.7 * epsilon


@pytest.mark.parametrize("split", [True, False], ids=["split", "best of twenty"])
def test_a_gaussian_exceeds_its_mu_no_more_often_than_promised_however_the_threshold_was_chosen(split: bool) -> None:
    rng, n, mu, exceeded, plain = np.random.default_rng(2), 300, 1.0, 0, 0
    member = np.arange(2 * n) < n

    def value(counts: AttackCounts) -> float:
        return bound(counts, 1)

    def bound(counts: AttackCounts, n_thresholds: int) -> float:
        parts = (counts.tp, counts.n_members, counts.fp, counts.n_non_members)
        return mu_of(error_bounds(*parts, alpha=0.05 / n_thresholds))

    values = []
    for _ in range(N_RUNS if split else N_RUNS // 2):
        scores = rng.normal(mu * member, 1.0)
        if split:
            values.append(value(split_counts(scores, member, value=value, rng=rng)))
        else:
            thresholds = np.linspace(-1.5, 3.0, 20)
            counts = [counts_above(scores, member, threshold=float(at)) for at in thresholds]
            values.append(max(bound(one, 20) for one in counts))
            plain += max(map(value, counts)) > mu
    exceeded = sum(value > mu for value in values)
    assert exceeded <= binom.ppf(0.99, len(values), 0.05)
    assert np.median(values) > 0.5 * mu
    if not split:
        assert plain > exceeded  # the best of many, uncorrected, is worse


def test_the_best_threshold_is_the_best_of_all_that_there_are() -> None:
    rng = np.random.default_rng(3)
    scores, member = rng.normal(0, 1, 60), rng.random(60) < 0.5

    def value(counts: AttackCounts) -> float:
        return counts.tp - counts.fp

    at = best_threshold(scores, member, value=value)
    best = max(value(counts_above(scores, member, threshold=float(score))) for score in scores[scores < scores.max()])
    assert value(counts_above(scores, member, threshold=at)) == best
    assert best_threshold(np.ones(4), member[:4], value=value) == 1.0
    with pytest.raises(ValueError, match="two members"):
        split_counts(scores[:3], np.array([True, False, False]), value=value, rng=rng)


def test_infinite_scores_are_told_from_the_others_and_nan_from_none() -> None:
    member = np.array([False, False, True, True])

    def value(counts: AttackCounts) -> float:
        return counts.tp - counts.fp

    for scores in ([0.0, 1.0, np.inf, np.inf], [-np.inf, -np.inf, 0.0, 1.0], [-np.inf, -np.inf, np.inf, np.inf]):
        at = best_threshold(np.array(scores), member, value=value)
        assert value(counts_above(np.array(scores), member, threshold=at)) == 2
    with pytest.raises(ValueError, match="1 of 4 scores are NaN"):
        best_threshold(np.array([0.0, np.nan, 1.0, 2.0]), member, value=value)
