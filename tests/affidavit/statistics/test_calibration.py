"""Calibration errors: reference numbers, twins written from the definition, and what they are equal to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

from affidavit.statistics.calibration import (
    bin_moments,
    bins_taking_part,
    consistency_errors,
    debiased_squared_error,
    design_effect,
    equal_mass_edges,
    expected_calibration_error,
    unit_scores,
)

Floats = NDArray[np.float64]
REFERENCE = {50: 0.155, 100: 0.111, 200: 0.078, 1000: 0.035, 5000: 0.016}
"""Methods 6.1: the plug-in error of a perfectly calibrated model, 15 bins of equal width."""


def unit_sums(values: Floats, unit: NDArray[np.int64], bins: NDArray[np.int64], n_bins: int) -> Floats:
    sums = np.zeros((unit.max() + 1, n_bins))
    np.add.at(sums, (unit, bins), values)
    return sums


def calibrated(rng: np.random.Generator, n: int) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    confidence = rng.uniform(0.3, 1.0, n)
    return confidence, rng.random(n) < confidence, np.minimum((confidence * 15).astype(int), 14)


@pytest.mark.parametrize("n", list(REFERENCE))
def test_the_plug_in_of_a_calibrated_model_is_large_and_the_debiased_error_is_zero(
    rng: np.random.Generator, n: int
) -> None:
    plug_in, debiased = [], []
    for _ in range(400 if n < 1000 else 150):
        confidence, right, bins = calibrated(rng, n)
        rows = unit_sums(np.ones(n), np.arange(n), bins, 15)
        residual = unit_sums(confidence - right, np.arange(n), bins, 15)
        plug_in.append(float(expected_calibration_error(rows.sum(0), residual.sum(0))))
        moments = bin_moments(rows, residual).sum(0)
        debiased.append(float(debiased_squared_error(moments, bins_taking_part(moments, least_units=2))))
    assert np.mean(plug_in) == pytest.approx(REFERENCE[n], abs=0.001 + 3 * np.std(plug_in) / len(plug_in) ** 0.5)
    assert abs(np.mean(debiased)) < 3.5 * np.std(debiased) / len(debiased) ** 0.5


def test_the_plug_in_squared_is_not_zero(rng: np.random.Generator) -> None:
    """So that the test above could fail: without the second term the error is far from zero."""
    confidence, right, bins = calibrated(rng, 200)
    rows, residual = np.bincount(bins, minlength=15), np.bincount(bins, weights=confidence - right, minlength=15)
    kept = rows > 0
    assert (residual[kept] ** 2 / rows[kept]).sum() / 200 > 0.005


def test_equals_its_definition_unit_by_unit(rng: np.random.Generator) -> None:
    n, n_bins = 300, 6
    unit, bins = rng.integers(0, 25, n), rng.integers(0, n_bins, n)
    residual = rng.normal(0.1, 0.4, n)
    total, expected = 0, 0.0
    for b in range(n_bins):
        inside = bins == b
        members = sorted(set(unit[inside]))
        distance = residual[inside].mean()
        scatter = sum((residual[inside & (unit == u)] - distance).sum() ** 2 for u in members)
        noise = len(members) / (len(members) - 1) * scatter / inside.sum() ** 2
        expected += inside.sum() * (distance**2 - noise)
        total += inside.sum()
    moments = bin_moments(unit_sums(np.ones(n), unit, bins, n_bins), unit_sums(residual, unit, bins, n_bins)).sum(0)
    assert debiased_squared_error(moments, bins_taking_part(moments)) == pytest.approx(expected / total)


def test_is_kumars_formula_where_rows_are_units(rng: np.random.Generator) -> None:
    """sum_b p_b [(conf_b - acc_b)^2 - acc_b (1 - acc_b) / (n_b - 1)], confidences of a bin being equal."""
    n = 400
    bins = rng.integers(0, 5, n)
    level = np.array([0.2, 0.4, 0.5, 0.7, 0.9])
    right = rng.random(n) < level[bins] - 0.1
    kumar = 0.0
    for b in range(5):
        accuracy, size = right[bins == b].mean(), (bins == b).sum()
        kumar += size / n * ((level[b] - accuracy) ** 2 - accuracy * (1 - accuracy) / (size - 1))
    rows = unit_sums(np.ones(n), np.arange(n), bins, 5)
    moments = bin_moments(rows, unit_sums(level[bins] - right, np.arange(n), bins, 5)).sum(0)
    assert debiased_squared_error(moments, bins_taking_part(moments)) == pytest.approx(kumar, abs=1e-14)


def test_rows_of_a_unit_that_stray_together_are_no_miscalibration(rng: np.random.Generator) -> None:
    """30 units, each wholly right or wrong with the stated chance: Kumar's formula sees an error, this does not."""
    naive, over_units = [], []
    for _ in range(600):
        right = np.repeat(rng.random(30) < 0.6, 20)
        residual = 0.6 - right
        unit = np.repeat(np.arange(30), 20)
        zero = np.zeros(600, dtype=np.int64)
        for found, who in ((naive, np.arange(600)), (over_units, unit)):
            moments = bin_moments(unit_sums(np.ones(600), who, zero, 1), unit_sums(residual, who, zero, 1)).sum(0)
            found.append(float(debiased_squared_error(moments, np.array([True]))))
    assert np.mean(naive) > 0.006
    assert abs(np.mean(over_units)) < 3.5 * np.std(over_units) / 600**0.5


def test_a_bin_without_units_to_compare_takes_no_part() -> None:
    moments = bin_moments(
        np.array([[4.0, 3.0], [5.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 9.0], [1.0, 0.0], [1.0, 0.0]])
    )
    summed = moments.sum(0)
    assert bins_taking_part(summed).tolist() == [True, False]
    alone = bin_moments(np.array([[4.0], [5.0], [2.0]]), np.array([[1.0], [1.0], [1.0]])).sum(0)
    both = debiased_squared_error(summed, bins_taking_part(summed))
    assert both == pytest.approx(float(debiased_squared_error(alone, np.array([True]))))
    assert np.isnan(debiased_squared_error(summed, np.array([False, False])))
    assert np.isnan(expected_calibration_error(np.zeros(3), np.zeros(3)))


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_curves_equal_those_of_scikit_learn(rng: np.random.Generator, strategy: str) -> None:
    probability = rng.beta(2, 3, 500)
    outcome = rng.random(500) < probability
    edges = equal_mass_edges(probability, 10) if strategy == "quantile" else np.linspace(0, 1, 11)[1:-1]
    bins = np.searchsorted(edges, probability)
    rows, hits = np.bincount(bins), np.bincount(bins, weights=outcome)
    stated = np.bincount(bins, weights=probability)
    accuracy, confidence = calibration_curve(outcome, probability, n_bins=10, strategy=strategy)
    assert (hits / rows)[rows > 0] == pytest.approx(accuracy)
    assert (stated / rows)[rows > 0] == pytest.approx(confidence)


def test_equal_values_share_a_bin_and_no_bin_is_empty() -> None:
    values = np.array([0.5] * 90 + [0.9] * 10)
    assert equal_mass_edges(values, 10).tolist() == [0.5]
    assert equal_mass_edges(np.full(7, 0.3), 10).tolist() == []


def test_a_calibrated_model_shows_what_outcomes_drawn_row_by_row_show(rng: np.random.Generator) -> None:
    confidence, _, bins = calibrated(rng, 100)
    rows = np.bincount(bins, minlength=15)
    mean = np.bincount(bins, weights=confidence, minlength=15) / np.maximum(rows, 1)
    drawn = consistency_errors(rows, mean, scores=rng.standard_normal((4000, 15)), design_effect=1.0)
    twin = [
        np.abs(np.bincount(bins, weights=confidence - (rng.random(100) < confidence), minlength=15)).sum() / 100
        for _ in range(4000)
    ]
    assert drawn.mean() == pytest.approx(np.mean(twin), rel=0.02)
    assert np.quantile(drawn, 0.95) == pytest.approx(np.quantile(twin, 0.95), rel=0.03)
    assert drawn.mean() == pytest.approx(REFERENCE[100], abs=0.012)


@pytest.mark.parametrize("copies", [1, 4])
def test_the_design_effect_is_how_often_a_row_is_told(rng: np.random.Generator, copies: int) -> None:
    """Each row told four times is no more evidence than once: variance four times what independent rows have."""
    n = 200
    bins, residual = rng.integers(0, 3, n), rng.normal(0, 0.4, n)
    rows = copies * unit_sums(np.ones(n), np.arange(n), bins, 3)
    moments = bin_moments(rows, copies * unit_sums(residual, np.arange(n), bins, 3)).sum(0)
    squares = [copies * np.bincount(bins, weights=residual**power, minlength=3) for power in (0, 0, 1, 2)]
    effect = design_effect(moments, np.concatenate(squares))
    assert effect == pytest.approx(copies, rel=1e-9 if copies == 1 else 0.05)


def drawn_for(
    rng: np.random.Generator, confidence: Floats, right: NDArray[np.bool_], unit: NDArray[np.int64]
) -> tuple[float, Floats]:
    """Return the plug-in error in five bins, and those of calibrated models beside it."""
    bins = np.minimum(((confidence - 0.4) * 12.5).astype(int), 4)
    residual = confidence - right
    rows, found = unit_sums(np.ones(len(bins)), unit, bins, 5), unit_sums(residual, unit, bins, 5)
    squares = [np.bincount(bins, weights=residual**power, minlength=5) for power in (0, 0, 1, 2)]
    effect = design_effect(bin_moments(rows, found).sum(0), np.concatenate(squares))
    total = rows.sum(0)
    strays = found - found.sum(0) / total * rows
    scores = unit_scores(strays, rng.standard_normal((99, len(rows))), rng.standard_normal((99, 5)))
    mean = np.bincount(bins, weights=confidence, minlength=5) / total
    drawn = consistency_errors(total.astype(np.int64), mean, scores=scores, design_effect=effect)
    return float(expected_calibration_error(total, found.sum(0))), drawn


def test_calibrated_models_whose_units_stray_lie_within_what_is_drawn_for_them(rng: np.random.Generator) -> None:
    """40 units of 25 rows, each unit's rows straying together by 0.2 up or down: the mean, and 5 % beyond the end."""
    unit = np.repeat(np.arange(40), 25)
    plug_in, expected, beyond = [], [], 0
    for _ in range(300):
        confidence = rng.uniform(0.4, 0.8, 1000)
        right = rng.random(1000) < confidence + rng.choice([-0.2, 0.2], 40)[unit]
        value, drawn = drawn_for(rng, confidence, right, unit)
        plug_in.append(value)
        expected.append(drawn.mean())
        beyond += value > np.quantile(drawn, 0.95)
    assert np.mean(expected) == pytest.approx(np.mean(plug_in), rel=0.06)
    assert beyond / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_scores_are_normal_and_stray_together_where_units_do(rng: np.random.Generator) -> None:
    strays = np.stack([np.arange(1.0, 9.0), np.arange(1.0, 9.0), np.zeros(8)], axis=1)
    scores = unit_scores(strays, rng.standard_normal((5000, 8)), rng.standard_normal((5000, 3)))
    assert scores.std(axis=0) == pytest.approx([1, 1, 1], abs=0.04)
    correlation = np.corrcoef(scores.T)
    assert correlation[0, 1] == pytest.approx(1)
    assert abs(correlation[0, 2]) < 0.06
