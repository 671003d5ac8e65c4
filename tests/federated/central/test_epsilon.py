"""What noise for whole sites costs, worked out by hand, and that the noise is the one that was counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from federated.central.options import CentralOptions
from federated.central.server import CentralNoise
from federated.central.shares import DistributedNoise, shares_of
from tests.federated.sites.test_mechanism import by_hand

SELDOM = 1e-6
DELTA = 1e-5


def _options(**more: Any) -> CentralOptions:
    return CentralOptions(**{"rounds": 5, "clip_norm": 2.0, "delta": DELTA, "noise_multiplier": 6.0, **more})


@pytest.mark.parametrize(("protects", "reach"), [("patients", 2.0), ("devices", 1.0)])
@pytest.mark.parametrize("adaptive", [None, {"budget_share": 0.3}])
def test_rounds_cost_what_one_gaussian_costs(tmp_path: Path, protects: Any, reach: float, adaptive: Any) -> None:
    """Five rounds at noise z, the bound being moved once or twice: one Gaussian mechanism at reach sqrt(5) / z."""
    noise = CentralNoise(_options(protects=protects, adaptive_clipping=adaptive), folder=tmp_path, run="run")
    for number in range(1, 6):
        current = noise.begin(number)
        for _ in range(4):
            current.admit(np.ones(3, np.float32))
        current.intend([0.2, 1.0, 0.7, 1.0])
        current.release(np.append(np.zeros(3), 2.9))
    exact = by_hand(reach * np.sqrt(5) / 6.0, DELTA)
    told = noise.told()["epsilon"]
    noise.close()
    assert exact * (1 - 1e-4) <= told <= exact * 1.01


def test_sums_of_different_numbers_of_sites_cost_what_each_of_them_costs(tmp_path: Path) -> None:
    options = _options(least=4)
    shares = shares_of(options, colluding=2)
    noise = DistributedNoise(options, shares, folder=tmp_path, run="run")
    for number, n in enumerate((4, 5, 9), 1):
        noise.begin(number).intend([1.0] * n)
    each = [6.0 * np.sqrt((n - 2) / (4 - 2)) for n in (4, 5, 9)]
    exact = by_hand(2.0 * float(np.sqrt(sum(z**-2 for z in each))), DELTA)
    told = noise.told()["epsilon"]
    noise.close()
    assert exact * (1 - 1e-4) <= told <= exact * 1.01


def test_the_servers_noise_is_normal_and_another_one_each_round(tmp_path: Path) -> None:
    noise = CentralNoise(_options(noise_multiplier=1.5), folder=tmp_path, run="run")
    released = []
    for number in range(1, 6):
        current = noise.begin(number)
        current.intend([1.0, 0.5, 0.25])
        released.append(current.release(np.append(np.zeros(4000), 1.75)))
    noise.close()
    drawn = np.concatenate([one[:-1] for one in released])
    assert stats.kstest(drawn, stats.norm(scale=1.5 * 2.0).cdf).pvalue > SELDOM
    assert {one[-1] for one in released} == {1.75}
    assert np.abs(np.corrcoef([one[:-1] for one in released])[np.triu_indices(5, 1)]).max() < 5.5 / np.sqrt(4000)


def test_a_share_has_the_law_of_a_rounded_normal_variable() -> None:
    shares = shares_of(_options(noise_multiplier=1.0))
    grid = shares.grid(n_sites=5)
    steps = shares.noise(grid, n_noised=100_000)(100_000)
    scale = shares.deviation / grid.step
    edges = np.round(scale * np.linspace(-2.5, 2.5, 41)) + 0.5
    counts, _ = np.histogram(steps, [-np.inf, *edges, np.inf])
    expected = np.diff(stats.norm.cdf([-np.inf, *edges, np.inf], scale=scale)) * len(steps)
    assert stats.chisquare(counts, expected).pvalue > SELDOM


@pytest.mark.parametrize("sites_per_patient", [1, 3])
def test_the_count_that_moves_the_bound_has_its_own_noise(tmp_path: Path, sites_per_patient: int) -> None:
    """Half of all are clipped, so that noise alone moves the bound: z / (2 sqrt(share)) for each site of a patient."""
    adaptive = {"rate": 0.1, "budget_share": 0.25, "ceiling": 1e9, "floor": 1e-9}
    options = _options(adaptive_clipping=adaptive, noise_multiplier=3.0, sites_per_patient=sites_per_patient)
    noise = CentralNoise(options, folder=tmp_path, run="run")
    moved = []
    for number in range(1, 81):
        current = noise.begin(number)
        bound = current.clip_norm
        for i in range(20):
            current.admit(np.array([(0.5, 2.0)[i % 2] * bound], np.float32))
        current.intend([1.0] * 20)
        current.release(np.array([0.0, 20.0]))
        moved.append(-np.log(noise.clip_norm / bound) * 20 / 0.1)
    noise.close()
    expected = sites_per_patient * 3.0 / (2 * np.sqrt(0.25))
    assert np.std(moved) == pytest.approx(expected, rel=5 / np.sqrt(2 * 80))
    assert abs(np.mean(moved)) < 5 * expected / np.sqrt(80)
