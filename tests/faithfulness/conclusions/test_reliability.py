"""A judge's agreement with people, and rates without its errors: known values, planted errors, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from affidavit.confusion import FloatArray
from faithfulness.conclusions.reliability import (
    Variances,
    agreement_sums,
    binary_sums,
    cohen_kappa,
    corrected_rate,
    coverage,
    prevalence,
    rogan_gladen,
    rogan_gladen_standard_error,
    sensitivity,
    specificity,
)


def _drawn(n: int, n_labels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(-1, n_labels, size=n)
    judged = np.where(rng.random(n) < 0.6, gold, rng.integers(-1, n_labels, size=n))
    return gold, np.where(rng.random(n) < 0.1, -1, judged)


def test_kappa_equals_scikit_learn_over_the_judged_rows() -> None:
    gold, judged = _drawn(400, 4)
    both = (gold >= 0) & (judged >= 0)
    kappa = cohen_kappa(agreement_sums(gold, judged, 4).sum(axis=0), 4)
    assert float(kappa) == pytest.approx(cohen_kappa_score(gold[both], judged[both]))


def test_the_two_by_two_of_the_textbook() -> None:
    table = np.array([[45.0, 15.0, 3.0], [25.0, 15.0, 2.0]]).reshape(-1)
    assert float(cohen_kappa(table, 2)) == pytest.approx(0.1304, abs=1e-4)
    assert float(coverage(table, 2)) == pytest.approx(100 / 105)


def test_rates_by_class_equal_counting_by_hand() -> None:
    gold, judged = _drawn(300, 3, seed=1)
    sums = agreement_sums(gold, judged, 3).sum(axis=0)
    kept = (gold >= 0) & (judged >= 0)
    g, j = gold[kept], judged[kept]
    for k in range(3):
        assert sensitivity(sums, 3)[k] == pytest.approx(np.mean(j[g == k] == k))
        assert specificity(sums, 3)[k] == pytest.approx(np.mean(j[g != k] != k))
        assert prevalence(sums, 3)[k] == pytest.approx(np.mean(j == k))
    assert float(coverage(sums, 3)) == pytest.approx(np.mean(judged[gold >= 0] >= 0))


def test_undefined_is_not_zero() -> None:
    nothing = np.zeros(6)
    assert np.isnan(cohen_kappa(nothing, 2))
    assert np.isnan(coverage(nothing, 2))
    assert np.isnan(sensitivity(nothing, 2)).all()
    only_one = np.array([9.0, 0, 0, 0, 0, 0])
    assert np.isnan(cohen_kappa(only_one, 2))
    abstained = np.array([0.0, 0, 9, 0, 0, 0])
    assert float(coverage(abstained, 2)) == 0


def test_functions_of_sums_take_groups_at_once() -> None:
    gold, judged = _drawn(200, 3, seed=2)
    sums = agreement_sums(gold, judged, 3)
    groups = np.stack([sums[:80].sum(axis=0), sums[80:].sum(axis=0)])
    for function in (cohen_kappa, coverage, sensitivity, specificity, prevalence):
        apart = np.stack([function(group, 3) for group in groups])
        assert function(groups, 3) == pytest.approx(apart)


@pytest.mark.parametrize(
    ("observed", "sens", "spec", "value", "clipped"),
    [
        (0.30, 0.9, 0.8, 1 / 7, False),
        (0.05, 0.9, 0.8, 0.0, True),
        (0.98, 0.9, 0.8, 1.0, True),
        (0.40, 1.0, 1.0, 0.4, False),
    ],
)
def test_rogan_gladen_by_hand(observed: float, sens: float, spec: float, value: float, clipped: bool) -> None:
    found = rogan_gladen(*(np.array([x]) for x in (observed, sens, spec)))
    assert found.value[0] == pytest.approx(value)
    assert bool(found.clipped[0]) is clipped


@pytest.mark.parametrize(("sens", "spec"), [(0.5, 0.5), (0.3, 0.6), (np.nan, 0.9)])
def test_a_judge_no_better_than_a_coin_corrects_nothing(sens: float, spec: float) -> None:
    found = rogan_gladen(np.array([0.4]), np.array([sens]), np.array([spec]))
    assert np.isnan(found.value[0])
    assert not found.clipped[0]


def _judged(truth: np.ndarray, sens: float, spec: float, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(np.where(truth, rng.random(len(truth)) < sens, rng.random(len(truth)) >= spec))


def test_a_gap_that_only_the_judge_makes_is_taken_away_by_group() -> None:
    rng = np.random.default_rng(6)
    everyone = np.ones(40_000, dtype=bool)
    observed, corrected = [], []
    for sens, spec in ((0.95, 0.95), (0.75, 0.85)):  # the same truth, two groups judged differently
        truth = rng.random(40_000) < 0.8
        says = _judged(truth, sens, spec, rng)
        sample = rng.random(40_000) < 0.25
        validation = binary_sums(truth, says, sample).sum(axis=0)
        observed.append(says.mean())
        corrected.append(float(corrected_rate(np.array([says.sum(), everyone.sum()], dtype=float), validation).value))
    assert observed[0] - observed[1] > 0.12
    assert abs(corrected[0] - corrected[1]) < 0.03
    assert corrected[0] == pytest.approx(0.8, abs=0.02)


def _binomial(hits: FloatArray, n: float) -> tuple[FloatArray, FloatArray]:
    rate = hits / n
    return rate, rate * (1 - rate) / n


def test_the_standard_error_covers() -> None:
    """95 % intervals of the corrected rate cover the truth in 94 to 96.5 % of 20,000 samples."""
    rng = np.random.default_rng(7)
    true, sens, spec, size, n, m = 0.4, 0.85, 0.8, 20_000, 400, 200
    observed, var_observed = _binomial(rng.binomial(n, true * sens + (1 - true) * (1 - spec), size).astype(float), n)
    sens_hat, var_sens = _binomial(rng.binomial(m, sens, size).astype(float), m)
    spec_hat, var_spec = _binomial(rng.binomial(m, spec, size).astype(float), m)
    found = rogan_gladen(observed, sens_hat, spec_hat)
    error = rogan_gladen_standard_error(found, sens_hat, spec_hat, Variances(var_observed, var_sens, var_spec))
    assert error.mean() == pytest.approx(found.unclipped.std(), rel=0.03)
    covered = np.mean(np.abs(found.unclipped - true) <= 1.959964 * error)
    assert 0.94 < covered < 0.965


def test_ignoring_the_judges_errors_covers_far_less() -> None:
    rng = np.random.default_rng(9)
    true, sens, spec, n = 0.4, 0.85, 0.8, 400
    observed, variance = _binomial(rng.binomial(n, true * sens + (1 - true) * (1 - spec), 5000).astype(float), n)
    assert np.mean(np.abs(observed - true) <= 1.96 * np.sqrt(variance)) < 0.8


def test_binary_sums_count_known_rows_alone() -> None:
    rng = np.random.default_rng(10)
    truth, says, known = (rng.random(100) < 0.5 for _ in range(3))
    tp, fn, fp, tn = binary_sums(truth, says, known).sum(axis=0)
    assert tp + fn + fp + tn == known.sum()
    assert tp == sum(t and s and k for t, s, k in zip(truth, says, known, strict=True))
    assert fp == sum(not t and s and k for t, s, k in zip(truth, says, known, strict=True))
