"""Likeness equals its slow twin, and whose it looks like is whose it is nearest to."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.inversion.fidelity import MOST_PSNR, assigned, nearest_unit, psnr, ssim


def slow_ssim(x: np.ndarray, y: np.ndarray, peak: float) -> float:
    """Every whole window of seven by seven, from the definition."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    told = []
    for i in range(x.shape[0] - 6):
        for j in range(x.shape[1] - 6):
            a, b = x[i : i + 7, j : j + 7], y[i : i + 7, j : j + 7]
            both = ((a - a.mean()) * (b - b.mean())).sum() / 48
            told.append(
                (2 * a.mean() * b.mean() + c1)
                * (2 * both + c2)
                / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (a.var(ddof=1) + b.var(ddof=1) + c2))
            )
    return float(np.mean(told))


def test_structural_similarity_equals_its_slow_twin() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((12, 10)), rng.random((12, 10))
    found = ssim(x, 0.5 * x + 0.5 * y, peak=1.0)
    assert found == pytest.approx(slow_ssim(x, 0.5 * x + 0.5 * y, 1.0))
    assert ssim(x, x, peak=1.0) == pytest.approx(1.0)


def test_pictures_over_time_are_averaged_and_vectors_have_none() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((3, 8, 8)), rng.random((3, 8, 8))
    one_by_one = [slow_ssim(a, b, 1.0) for a, b in zip(x, y, strict=True)]
    assert ssim(x, y, peak=1.0) == pytest.approx(np.mean(one_by_one))
    assert ssim(x[0, 0], y[0, 0], peak=1.0) is None
    assert ssim(x[:, :3, :3], y[:, :3, :3], peak=1.0) is None


def test_noise_is_told_in_decibels_and_perfection_is_finite() -> None:
    truth = np.zeros(1000)
    assert psnr(truth, truth + 0.01, peak=1.0) == pytest.approx(40.0)
    assert psnr(truth, truth, peak=1.0) == MOST_PSNR


def test_findings_without_order_are_given_the_best_one() -> None:
    truths = [np.full(3, float(i)) for i in range(4)]
    found = [truths[i] + 0.1 for i in (2, 0, 3, 1)]
    assert assigned(truths, found) == (1, 3, 0, 2)


def test_a_finding_looks_like_whom_it_is_nearest_to() -> None:
    gallery = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert nearest_unit(np.array([0.9, 0.2]), gallery, [7, 8, 9]) == 8
