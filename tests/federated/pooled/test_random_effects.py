"""How far sites differ: against slow twins, printed tables of others, and simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, t

from federated.pooled.random_effects import generalised_q, leave_one_out, random_effects

# log odds ratios of the 13 BCG trials (Colditz et al. 1994), the textbook example of meta-analysis
BCG = np.array(
    [-0.9387, -1.6662, -1.3863, -1.4564, -0.2191, -0.9581, -1.6338, 0.0120, -0.4717, -1.4012, -0.3408, 0.4466, -0.0173]
)
BCG_V = np.array(
    [0.3571, 0.2081, 0.4334, 0.0203, 0.0520, 0.0099, 0.2270, 0.0040, 0.0570, 0.0754, 0.0125, 0.5342, 0.0716]
)


def tau2_by_bisection(y: np.ndarray, v: np.ndarray, target: float) -> float:
    """Return where Q meets the target, by halving, from the definition."""
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        w = [1 / (each + middle) for each in v]
        mean = sum(a * b for a, b in zip(w, y, strict=True)) / sum(w)
        q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
        low, high = (middle, high) if q > target else (low, middle)
    return low


def test_the_textbook_trials_against_the_definition_and_metafor() -> None:
    found = random_effects(BCG, np.sqrt(BCG_V), level=0.95)
    assert found.tau**2 == pytest.approx(tau2_by_bisection(BCG, BCG_V, 12.0), abs=1e-9)
    for end, p in ((found.tau_low, 0.975), (found.tau_high, 0.025)):
        assert end**2 == pytest.approx(tau2_by_bisection(BCG, BCG_V, float(chi2.ppf(p, 12))), abs=1e-9)
    assert generalised_q(0.0, BCG, BCG_V) == pytest.approx(163.165, abs=0.5)  # Q as printed for these trials
    w = 1 / (BCG_V + found.tau**2)
    mean = (w * BCG).sum() / w.sum()
    error = np.sqrt((w * (BCG - mean) ** 2).sum() / 12 / w.sum())
    assert found.mean == pytest.approx(mean)
    assert found.high - found.mean == pytest.approx(t.ppf(0.975, 12) * error, rel=1e-6)
    assert 0.8 < found.i_squared_low < found.i_squared < found.i_squared_high < 1


def test_sites_that_agree_have_no_tau_and_an_interval_no_narrower_than_the_normal_error() -> None:
    found = random_effects(np.array([0.7, 0.7, 0.7]), np.array([0.05, 0.04, 0.06]), level=0.95)
    assert found.tau == 0
    assert found.i_squared == 0
    assert found.standard_error == pytest.approx(1 / np.sqrt(1 / 0.05**2 + 1 / 0.04**2 + 1 / 0.06**2))
    assert found.high - found.mean == pytest.approx(t.ppf(0.975, 2) * found.standard_error)


def test_without_one_site_is_the_summary_of_the_others() -> None:
    y, e = np.array([0.6, 0.7, 0.9, 0.65]), np.array([0.05, 0.04, 0.03, 0.06])
    for i, found in enumerate(leave_one_out(y, e, level=0.9)):
        assert found == random_effects(np.delete(y, i), np.delete(e, i), level=0.9)
    assert leave_one_out(y[:2], e[:2], level=0.9) == ()


@pytest.mark.parametrize("errors", [[0.1, 0.0], [0.1, float("nan")], [0.1]])
def test_what_is_no_standard_error_is_refused(errors: list[float]) -> None:
    with pytest.raises(ValueError, match="two sites"):
        random_effects(np.linspace(0.5, 0.7, len(errors)), np.array(errors), level=0.95)


def test_intervals_cover_the_mean_and_tau() -> None:
    rng, tau, hits, taus = np.random.default_rng(11), 0.08, 0, 0
    for _ in range(600):
        errors = rng.uniform(0.03, 0.08, 8)
        values = 0.7 + rng.normal(0, tau, 8) + rng.normal(0, errors)
        found = random_effects(values, errors, level=0.95)
        hits += found.low <= 0.7 <= found.high
        taus += found.tau_low <= tau <= found.tau_high
    assert hits / 600 > 0.925
    assert taus / 600 > 0.925
