"""The instruments err as rarely as they say, and their numbers are those of slow twins."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

from privacy.dpsgd.inspections import declared_sampler, inspect_contribution, inspect_noise, inspect_sampler

TRIALS = 250


def alarms(holds: list[bool]) -> int:
    return holds.count(False)


def test_honest_noise_is_seldom_called_too_small_and_its_bounds_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    found = [inspect_noise(rng.normal(0, 2.6, (5, 20)), clip_norm=2.0, claimed=1.3, level=0.9) for _ in range(TRIALS)]
    inside = sum(one.low <= 1.3 <= one.high for one in found)
    assert stats.binomtest(inside, TRIALS, 0.9).pvalue > 1e-4
    assert stats.binomtest(alarms([one.holds for one in found]), TRIALS, 0.05).pvalue > 1e-4


def test_more_noise_than_claimed_breaks_no_promise() -> None:
    noise = np.random.default_rng(0).normal(0, 3.0, (50, 20))
    assert inspect_noise(noise, clip_norm=1.0, claimed=1.0).holds


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.array([[np.nan]])])
def test_noise_that_is_none_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        inspect_noise(bad, clip_norm=1.0, claimed=1.0)


@pytest.mark.parametrize("norm", [0.0, 1.0, 4.0])
@pytest.mark.parametrize(("n", "width"), [(30, 40), (2, 5), (10, 3)])
def test_the_bounds_of_a_contribution_hold_its_norm(n: int, width: int, norm: float) -> None:
    """Few coordinates and few repeats included, where bounds from a normal distribution err ten times too often."""
    rng, inside, broken = np.random.default_rng(1), 0, []
    direction = np.ones(width) / math.sqrt(width) * norm
    for _ in range(TRIALS):
        without = rng.normal(0, 1.0, (n, width))
        found = inspect_contribution(
            rng.normal(0, 1.0, (n, width)) + direction, without, clip_norm=norm + 1e-9, level=0.9
        )
        inside += found.low <= norm <= found.high
        broken.append(found.holds)
    assert stats.binomtest(inside, TRIALS, 0.9, alternative="less").pvalue > 1e-4
    assert stats.binomtest(alarms(broken), TRIALS, 0.05, alternative="greater").pvalue > 1e-4


def test_the_squared_norm_is_the_mean_product_of_two_differences() -> None:
    rng = np.random.default_rng(2)
    with_, without = rng.normal(1, 1, (6, 4)), rng.normal(0, 1, (6, 4))
    apart = with_ - without
    slow = np.mean([a @ b for a, b in itertools.permutations(apart, 2)])
    assert inspect_contribution(with_, without, clip_norm=1.0).measured == pytest.approx(math.sqrt(max(0.0, slow)))


def test_where_noise_is_next_to_nothing_the_bounds_close_on_the_norm() -> None:
    rng, direction = np.random.default_rng(3), np.array([3.0, 4.0])
    for scale in (0.0, 1e-9, 1e-4, 0.01, 0.03):
        apart = direction + rng.normal(0, scale, (20, 2))
        found = inspect_contribution(apart, np.zeros((20, 2)), clip_norm=4.9)
        assert not found.holds
        assert found.low == pytest.approx(5, abs=1e-9 + 2 * scale)
        assert found.high == pytest.approx(5, abs=1e-9 + 2 * scale)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_contribution_that_is_no_number_holds_no_promise(bad: float) -> None:
    """Sums that ran away are refused; they are not a contribution of nothing."""
    with_ = np.ones((4, 3))
    with_[2, 1] = bad
    for pair in ((with_, np.zeros((4, 3))), (np.zeros((4, 3)), with_)):
        with pytest.raises(ValueError, match="finite"):
            inspect_contribution(*pair, clip_norm=1.0)
    with pytest.raises(ValueError, match="finite"):
        inspect_contribution(np.zeros((4, 0)), np.zeros((4, 0)), clip_norm=1.0)


@pytest.mark.parametrize(("clip_norm", "level"), [(0.0, 0.9), (math.inf, 0.9), (math.nan, 0.9), (1.0, 1.0), (1.0, 0.0)])
def test_bounds_and_levels_that_are_none_are_refused(clip_norm: float, level: float) -> None:
    for asked in (
        lambda: inspect_noise(np.ones(4), clip_norm=clip_norm, claimed=1.0, level=level),
        lambda: inspect_contribution(np.ones((4, 3)), np.zeros((4, 3)), clip_norm=clip_norm, level=level),
    ):
        with pytest.raises(ValueError, match="bound"):
            asked()


def test_a_contribution_that_is_seen_once_is_refused() -> None:
    with pytest.raises(ValueError, match="two tables"):
        inspect_contribution(np.zeros((1, 3)), np.zeros((1, 3)), clip_norm=1.0)


@pytest.mark.parametrize(
    ("n_steps", "n_units", "rate"),
    [(60, 80, 0.1), (200, 30, 0.3), (10, 1000, 0.005), (20, 300, 0.02), (100, 300, 0.01), (5, 100, 0.1), (20, 20, 0.8)],
)
def test_independent_draws_are_seldom_doubted(n_steps: int, n_units: int, rate: float) -> None:
    """Also where a unit is drawn once or less, as in a training of one epoch."""
    rng = np.random.default_rng(3)
    found = [
        inspect_sampler(rng.random((n_steps, n_units)) < rate, sample_rate=rate) for _ in range(TRIALS)
    ]  # at the level that is the default: far out, a distribution that is only alike in the middle shows
    assert stats.binomtest(alarms([one.holds for one in found]), TRIALS, 0.01, alternative="greater").pvalue > 1e-3
    for name in ("sizes_p", "turns_p", "overlaps_p", "rate_p"):
        rare = sum(getattr(one, name) < 0.05 for one in found)
        assert stats.binomtest(rare, TRIALS, 0.05, alternative="greater").pvalue > 1e-3, name


def test_a_shuffle_of_one_epoch_is_found() -> None:
    rng = np.random.default_rng(7)
    found = [inspect_sampler(shuffled(rng, 20, 300, 0.05), sample_rate=0.05) for _ in range(20)]
    assert alarms([one.holds for one in found]) == 20


def test_too_few_steps_to_tell_are_refused() -> None:
    with pytest.raises(ValueError, match="5 steps"):
        inspect_sampler(np.ones((4, 50), dtype=bool), sample_rate=0.5)


def test_the_variance_of_overlaps_is_that_of_simulated_draws() -> None:
    rng, n_steps, n_units, q = np.random.default_rng(4), 12, 9, 0.4
    drawn = rng.random((20_000, n_steps, n_units)) < q
    overlaps = (drawn[:, 1:] & drawn[:, :-1]).sum((1, 2))
    formula = n_units * ((n_steps - 1) * q**2 * (1 - q**2) + 2 * (n_steps - 2) * q**3 * (1 - q))
    assert overlaps.var() == pytest.approx(formula, rel=0.05)


def shuffled(rng: np.random.Generator, n_steps: int, n: int, rate: float) -> np.ndarray:
    drawn, size, left = np.zeros((n_steps, n), dtype=bool), round(rate * n), list[int]()
    for row in drawn:
        if len(left) < size:
            left = rng.permutation(n).tolist()
        row[left[:size]] = True
        left = left[size:]
    return drawn


def fixed_size(rng: np.random.Generator, n_steps: int, n: int, rate: float) -> np.ndarray:
    drawn = np.zeros((n_steps, n), dtype=bool)
    for row in drawn:
        row[rng.choice(n, round(rate * n), replace=False)] = True
    return drawn


def half_rate(rng: np.random.Generator, n_steps: int, n: int, rate: float) -> np.ndarray:
    return rng.random((n_steps, n)) < min(1.0, 1.5 * rate)


def everybody_together(rng: np.random.Generator, n_steps: int, n: int, rate: float) -> np.ndarray:
    """One coin for all: right on average, and no amplification at all for whoever sees a step's size."""
    return np.repeat(rng.random((n_steps, 1)) < rate, n, axis=1)


@pytest.mark.parametrize("broken", [shuffled, fixed_size, half_rate, everybody_together])
def test_other_samplers_are_found_within_a_hundred_steps(broken: object) -> None:
    rng = np.random.default_rng(5)
    found = [inspect_sampler(broken(rng, 100, 60, 0.2), sample_rate=0.2) for _ in range(50)]  # type: ignore[operator]
    assert alarms([one.holds for one in found]) >= 49


def test_the_three_counts_tell_a_shuffle_from_fixed_sizes() -> None:
    rng = np.random.default_rng(6)
    dealt, drawn = (inspect_sampler(kind(rng, 200, 60, 0.2), sample_rate=0.2) for kind in (shuffled, fixed_size))
    assert dealt.size_dispersion == drawn.size_dispersion == 0
    assert dealt.turns_p < 1e-6 < drawn.turns_p
    assert dealt.overlaps_p < 1e-6 < drawn.overlaps_p


@pytest.mark.parametrize("bad", [0.0, 1.0])
def test_a_rate_that_draws_all_or_nobody_is_no_sampling(bad: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        inspect_sampler(np.ones((5, 5), dtype=bool), sample_rate=bad)


def test_a_loader_is_called_what_its_sampler_is() -> None:
    from opacus.utils.uniform_sampler import UniformWithReplacementSampler

    data = TensorDataset(torch.zeros(8, 1))
    assert declared_sampler(DataLoader(data, batch_size=2, shuffle=True)) == "shuffled"
    assert declared_sampler(DataLoader(data, batch_size=2)) == "sequential"
    mixed = BatchSampler(RandomSampler(data), batch_size=2, drop_last=False)
    assert declared_sampler(DataLoader(data, batch_sampler=mixed)) == "shuffled"
    ordered = BatchSampler(SequentialSampler(data), batch_size=2, drop_last=False)
    assert declared_sampler(DataLoader(data, batch_sampler=ordered)) == "sequential"
    poisson = UniformWithReplacementSampler(num_samples=8, sample_rate=0.25)
    assert declared_sampler(DataLoader(data, batch_sampler=poisson)) == "poisson"
    assert declared_sampler(object()) == "unknown"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of its own generator, and of hooks
def test_opacus_accounts_for_shuffled_batches_as_poisson_and_the_instrument_says_what_they_are() -> None:
    """What makes the inspection necessary: the accountant is told the rate of Poisson sampling either way."""
    from opacus import PrivacyEngine

    told = {}
    for poisson in (True, False):
        model = torch.nn.Linear(1, 1)
        engine = PrivacyEngine(accountant="prv")
        private, optimizer, loader = engine.make_private(
            module=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            data_loader=DataLoader(TensorDataset(torch.zeros(8, 1)), batch_size=2, shuffle=True),
            noise_multiplier=1.0,
            max_grad_norm=1.0,
            poisson_sampling=poisson,
        )
        private(torch.zeros(2, 1)).sum().backward()
        optimizer.step()
        told[declared_sampler(loader)] = engine.accountant.history
    assert told == {"poisson": [(1.0, 0.25, 1)], "shuffled": [(1.0, 0.25, 1)]}
