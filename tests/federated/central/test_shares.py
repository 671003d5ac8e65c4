"""Noise that the sites add: enough for whoever came, rounded without a price, and counted for who came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from affidavit.errors import BudgetSpentError, FederationError, PlanError
from federated.central.options import CentralOptions
from federated.central.shares import DistributedNoise, NoiseShares, shares_of
from federated.secure.client import SecureClient
from federated.secure.rehearsal import rehearse, roster_of, signing_keys
from federated.secure.stages import Stage
from federated.secure.terms import Terms
from federated.secure.topologies import topology
from privacy.dpsgd.randomness import simulated_source
from privacy.ledger.book import read_book

SITES = ("east", "north", "south", "west", "zenith")
SIZE = 4000


def _shares(**more: Any) -> NoiseShares:
    return NoiseShares(**{"noise_multiplier": 1.2, "clip_norm": 2.0, "least": 3, **more})


def test_who_comes_adds_up_to_what_was_promised_or_more() -> None:
    """Slowly: variances of the honest shares, over the bound."""
    for least, colluding in [(3, 0), (4, 2), (7, 6)]:
        shares = _shares(least=least, colluding=colluding)
        for n in range(least, 12):
            variance = sum(shares.deviation**2 for _ in range(n - max(1, colluding)))
            assert shares.effective(n) == pytest.approx(np.sqrt(variance) / 2.0)
            assert shares.effective(n) >= 1.2 * (1 - 1e-12)
        with pytest.raises(ValueError, match="at the least"):
            shares.effective(least - 1)


@pytest.mark.parametrize("colluding", [0, 1, 2])
def test_no_site_is_left_with_less_than_was_promised_once_it_takes_its_own_share_off(colluding: int) -> None:
    """Every site gets the model, and knows its own share, with whomever it colludes or with nobody."""
    shares = _shares(least=4, colluding=colluding)
    for n in (4, 6, 9):
        unknown = (n - max(1, colluding)) * shares.deviation**2
        assert np.sqrt(unknown) / 2.0 >= 1.2 * (1 - 1e-12)
        assert shares.effective(n) <= np.sqrt(unknown) / 2.0 * (1 + 1e-12)


def test_with_a_tenth_of_a_sigma_each_dropouts_would_take_noise_away() -> None:
    """The fault that the threshold mends: shares for all n leave sqrt(1 - d / (n - 1)) of it when d drop out."""
    for_all, for_threshold = _shares(least=10), _shares(least=7)
    left = np.sqrt((7 - 1) * for_all.deviation**2) / 2.0  # to a site that knows its own
    assert left == pytest.approx(1.2 * np.sqrt(1 - 3 / 9))
    assert for_threshold.effective(7) == pytest.approx(1.2)


def test_a_patient_at_several_sites_moves_several_updates() -> None:
    options = _options(sites_per_patient=2)
    assert shares_of(options).deviation == pytest.approx(2 * shares_of(_options()).deviation)
    assert shares_of(options).effective(3) == pytest.approx(1.2)


@pytest.mark.parametrize("colluding", [3, 4, -1])
def test_nobody_left_to_keep_a_secret_is_refused(colluding: int) -> None:
    with pytest.raises(PlanError, match="collude"):
        _shares(colluding=colluding)


@pytest.mark.parametrize("deviation", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("n", [2, 5])
def test_rounded_shares_sum_to_a_normal_variable_and_uniform_ones(deviation: float, n: int) -> None:
    """The probabilities of the sum by convolution, beside the density that the proof gives them, at whole numbers.

    The difference falls as exp(-pi^2 s^2 / 2), with no other term in sight.
    """
    reach = 12 * int(np.ceil(deviation))
    steps = np.arange(-reach, reach + 1)
    one = norm.cdf((steps + 0.5) / deviation) - norm.cdf((steps - 0.5) / deviation)
    total = one
    for _ in range(n - 1):
        total = np.convolve(total, one)
    places = np.arange(-n * reach, n * reach + 1)

    # a normal variable plus n uniform ones, on a fine lattice; whole numbers are the sampled points of its density
    fine = 64
    lattice = np.arange(-n * reach * fine, n * reach * fine + 1) / fine
    density = norm.pdf(lattice, scale=np.sqrt(n) * deviation)
    frequency = np.fft.rfftfreq(len(lattice), 1 / fine)
    smooth = np.fft.irfft(np.fft.rfft(density) * np.sinc(frequency) ** n, len(lattice))
    slow = smooth[::fine]

    assert slow.shape == places.shape
    worst = float(np.abs(total - slow).max())
    assert worst < 3 * n * np.exp(-(np.pi**2) * deviation**2 / 2) * norm.pdf(0) + 1e-12


@pytest.mark.parametrize("n_sites", [3, 10, 1000])
def test_the_grid_has_room_for_every_site_and_its_noise(n_sites: int) -> None:
    grid = _shares().grid(n_sites=n_sites)
    grid.check(n_sites=n_sites, size=1_000_000)
    noise = _shares().noise(grid, n_noised=100_000)(100_000)
    assert np.abs(noise).max() <= grid.noise_room
    assert grid.max_norm == grid.max_value == 2.0
    finer = grid.step / 2
    assert n_sites * (2.0 + 9 * _shares().deviation) / finer > 2**31 - 3 * n_sites  # no finer one would do


def test_a_grid_too_coarse_for_the_noise_is_refused() -> None:
    with pytest.raises(PlanError, match="too coarse"):
        _shares().grid(n_sites=1000, bits=20)


def test_a_share_is_normal_in_whole_steps_and_public_numbers_have_none() -> None:
    shares = _shares()
    grid = shares.grid(n_sites=5)
    steps = shares.noise(grid, n_noised=50_000, source=simulated_source(np.random.default_rng(0)))(50_003)
    assert steps.dtype == np.int64
    assert not steps[50_000:].any()
    assert np.std(steps[:50_000]) * grid.step == pytest.approx(shares.deviation, rel=4 / np.sqrt(2 * 50_000))
    assert abs(np.mean(steps[:50_000])) * grid.step < 4 * shares.deviation / np.sqrt(50_000)
    again = shares.noise(grid, n_noised=100)(100)
    assert not np.array_equal(again, shares.noise(grid, n_noised=100)(100))  # a secret of its own each time


@pytest.mark.parametrize("dropped", [(), ("south",), ("south", "zenith")])
def test_the_sum_of_who_came_has_the_noise_that_is_counted(dropped: tuple[str, ...]) -> None:
    """Through the secure sum itself, with sites that drop out before they send: variance by who is in it."""
    shares = _shares()
    grid = shares.grid(n_sites=5)
    keys = signing_keys(SITES)
    terms = Terms(
        run="run", purpose="train", roster=roster_of(keys), size=SIZE, encoding=grid,
        topology=topology(5, colluding=0, dropped=2), n_rounds=1,
    )  # fmt: skip
    clients = {
        site: SecureClient(site=site, key=keys[site], terms=terms, noise=shares.noise(grid, n_noised=SIZE - 1))
        for site in SITES
    }
    rng = np.random.default_rng(1)
    vectors = {site: rng.normal(size=SIZE) for site in SITES}
    for vector in vectors.values():
        vector *= 1.9 / np.linalg.norm(vector)

    total = rehearse(clients, vectors, drops=dict.fromkeys(dropped, Stage.MASKED))

    assert set(total.contributors) == set(SITES) - set(dropped)
    left = total.total - sum(vectors[site] for site in total.contributors)
    n = len(total.contributors)
    assert np.std(left[:-1]) == pytest.approx(np.sqrt(n) * shares.deviation, rel=5 / np.sqrt(2 * SIZE))
    assert np.sqrt((n - 1) / n) * np.std(left[:-1]) / 2.0 == pytest.approx(
        shares.effective(n), rel=5 / np.sqrt(2 * SIZE)
    )
    assert abs(left[-1]) < 5 * grid.step
    assert (total.saturated, total.scaled) == (0, 0)


# ---- the ledger ----


def _options(**more: Any) -> CentralOptions:
    return CentralOptions(**{"rounds": 3, "clip_norm": 2.0, "delta": 1e-5, "noise_multiplier": 1.2, "least": 3, **more})


def test_the_ledger_counts_who_came_before_the_sum_is_opened(tmp_path: Path) -> None:
    options = _options()
    shares = shares_of(options, colluding=1)
    noise = DistributedNoise(options, shares, folder=tmp_path, run="run")
    try:
        for number, n in enumerate((3, 5), 1):
            current = noise.begin(number)
            with pytest.raises(RuntimeError, match="intended"):
                current.release(np.zeros(4))
            current.intend([1.0] * n)
            total = np.arange(4.0)
            assert current.release(total) is total
        with pytest.raises(FederationError, match="too few"):
            noise.begin(3).intend([1.0] * 2)
        with pytest.raises(ValueError, match="above 1"):
            noise.begin(3).intend([1.0, 1.0, 2.0])
        with pytest.raises(RuntimeError, match="seen by itself"):
            noise.begin(3).admit(np.zeros(3, np.float32))
    finally:
        noise.close()
    run = read_book(tmp_path / "federation.ledger.jsonl").runs["run"]
    assert not run.unconfirmed
    steps = run.steps
    assert sorted(step.noise_multiplier for step in steps) == pytest.approx([1.2, 1.2 * np.sqrt(4 / 2)])


def test_rounds_fit_the_budget_and_more_who_come_leave_room(tmp_path: Path) -> None:
    options = _options(noise_multiplier=None, epsilon=2.0)
    spent = []
    for n, folder in [(3, "few"), (6, "many")]:
        noise = DistributedNoise(options, shares_of(options), folder=tmp_path / folder, run="run")
        for number in range(1, 4):
            noise.begin(number).intend([1.0] * n)
        spent.append(noise.told()["epsilon"])
        if n == 3:
            with pytest.raises(BudgetSpentError):
                noise.begin(4).intend([1.0] * 3)
        noise.close()
    assert 1.95 < spent[0] <= 2.0
    assert spent[1] < 0.8 * spent[0]


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="adaptive"):
        DistributedNoise(_options(adaptive_clipping={}), _shares(), folder=tmp_path, run="run")
    with pytest.raises(PlanError, match="not those of the plan"):
        DistributedNoise(_options(), _shares(noise_multiplier=0.3), folder=tmp_path, run="run")
