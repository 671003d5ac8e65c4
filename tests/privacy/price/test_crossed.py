"""The variance of a contrast over patients and seeds: slow twins by hand, and coverage by simulation."""

import numpy as np
import pytest

from affidavit.confusion import FloatArray
from privacy.price.crossed import Arm, Contrast, Crossed, crossed
from privacy.price.findings import Gap
from tests.privacy.price.drawn import RATE, Population

ALIKE = Population(units=(30, 30, 15), lost=(0.1, 0.1, 0.1), group_seed_spread=0.03)


def measured(population: Population, seed: int = 0) -> Crossed:
    rng = np.random.default_rng(seed)
    return crossed(population.evidence(rng), population.contrast(), RATE, population.n_runs)


def by_hand(told: Crossed, group: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sums right and in all [U, R] of a group's units, and accuracies [R]."""
    grouped = told.measured.evidence.grouped
    own = grouped.sums[grouped.group == group]
    right, all_of = own[:, ::2], own[:, 1::2]
    return right, all_of, right.sum(axis=0) / all_of.sum(axis=0)


def test_the_value_is_the_mean_of_the_twins_less_that_of_the_private_models() -> None:
    told = measured(ALIKE)
    for group in range(3):
        accuracies = by_hand(told, group)[2]
        assert told.value[group] == pytest.approx(accuracies[:3].mean() - accuracies[3:].mean())


@pytest.mark.parametrize("paired", [True, False])
def test_both_parts_of_the_variance_equal_a_slow_twin(paired: bool) -> None:
    population = Population(units=(12, 9), lost=(0.1, 0.2), uneven=True, paired=paired, group_seed_spread=0.05)
    told = measured(population)
    for group in range(2):
        right, all_of, accuracies = by_hand(told, group)
        left_out = []
        for unit in range(len(right)):
            others = np.arange(len(right)) != unit
            rest = right[others].sum(axis=0) / all_of[others].sum(axis=0)
            left_out.append(rest[:3].mean() - rest[3:].mean())
        m = len(left_out)
        units = (m - 1) / m * np.sum((np.array(left_out) - np.mean(left_out)) ** 2)
        if paired:
            seeds = np.var([accuracies[s] - accuracies[3 + s] for s in range(3)], ddof=1) / 3
        else:
            seeds = np.var(accuracies[:3], ddof=1) / 3 + np.var(accuracies[3:], ddof=1) / 3
        variance, df = (part[group] for part in told._parts())
        assert variance == pytest.approx(units + seeds)
        assert 2 <= df <= m + 4


def test_groups_that_share_no_unit_share_seeds_in_their_difference() -> None:
    # what a seed does to both groups alike leaves their difference alone
    told = measured(Population(units=(40, 40), lost=(0.1, 0.1), seed_spread=0.1))
    own = np.sqrt(told._parts()[0]).sum()
    assert told.pairs.standard_error[0] < 0.6 * own


def test_one_twin_lends_no_variance_of_seeds() -> None:
    values = np.array([[0.8, 0.6, 0.7, 0.5]])
    contrast = Contrast(
        arms=(Arm(places=(0,), seeds=(0,)), Arm(places=(1, 2, 3), seeds=(0, 1, 2))), coefficients=(1.0, -1.0)
    )
    variance, df = contrast.seed_variance(values)
    assert variance[0] == pytest.approx(np.var([0.6, 0.7, 0.5], ddof=1) / 3)
    assert df[0] == 2


def test_two_models_of_one_seed_are_not_paired() -> None:
    arm, other = Arm(places=(0, 1), seeds=(0, 0)), Arm(places=(2, 3), seeds=(0, 0))
    assert not Contrast(arms=(arm, other), coefficients=(1.0, -1.0)).paired


def test_a_copy_of_every_model_is_no_second_seed() -> None:
    values = np.array([[0.8, 0.7, 0.75, 0.6, 0.5, 0.58]])
    copied = np.concatenate([values, values], axis=1)
    for other in ((0, 1, 2), (5, 6, 7)):
        once = Contrast(
            arms=(Arm(places=(0, 1, 2), seeds=(0, 1, 2)), Arm(places=(3, 4, 5), seeds=other)), coefficients=(1, -1)
        )
        twice = Contrast(
            arms=(
                Arm(places=(0, 1, 2, 6, 7, 8), seeds=(0, 1, 2) * 2),
                Arm(places=(3, 4, 5, 9, 10, 11), seeds=other * 2),
            ),
            coefficients=(1, -1),
        )
        assert twice.paired == once.paired
        for told, expected in zip(twice.seed_variance(copied), once.seed_variance(values), strict=True):
            assert told == pytest.approx(expected)
        assert copied @ twice.weights(12) == pytest.approx(values @ once.weights(6))


def test_seeds_weigh_alike_however_many_models_one_has() -> None:
    arm = Arm(places=(0, 1, 2), seeds=(0, 1, 1))
    assert Contrast(arms=(arm,), coefficients=(1.0,)).weights(3) == pytest.approx([0.5, 0.25, 0.25])


def test_the_range_of_a_contrast_is_that_of_its_coefficients() -> None:
    arms = (Arm(places=(0,), seeds=(0,)), Arm(places=(1,), seeds=(0,)))
    assert Contrast(arms=arms, coefficients=(1.0, -1.0)).ends(0.0, 1.0) == (-1.0, 1.0)
    assert Contrast(arms=arms, coefficients=(6.0, -2.0)).ends(0.0, 1.0) == (-2.0, 6.0)
    assert Contrast(arms=arms[:1], coefficients=(1.0,)).ends(0.0, None) == (0.0, None)
    assert Contrast(arms=arms, coefficients=(1.0, -1.0)).ends(0.0, None) == (-np.inf, None)


def test_groups_that_are_apart_by_rounding_alone_are_not_apart() -> None:
    sure = Population(units=(10, 10), lost=(0.0, 0.0), right=1.0, unit_spread=0, unit_loss_spread=0, seed_spread=0)
    told = measured(sure)
    told.measured.value[:] = [1e-16, 0.0]
    assert Gap(told=told).value == 0
    assert Gap(told=told).extremes is None


def test_units_that_all_agree_are_not_taken_for_certainty() -> None:
    sure = Population(
        units=(10,), lost=(0.0,), right=1.0, unit_spread=0, unit_loss_spread=0, seed_spread=0, group_seed_spread=0
    )
    interval = measured(sure).interval(0, 0.95)
    assert not isinstance(interval, str)
    assert interval.low < 0 < interval.high


def covered(population: Population, n: int) -> tuple[FloatArray, float, float]:
    """Return how often intervals hold by group, how often that of the gap does, how often groups are told apart."""
    rng, truth = np.random.default_rng(1), population.truth()
    own, gap, apart = np.zeros(len(truth)), 0, 0
    for _ in range(n):
        told = crossed(population.evidence(rng), population.contrast(), RATE, population.n_runs)
        for group, lost in enumerate(truth):
            interval = told.interval(group, 0.95)
            assert not isinstance(interval, str)
            own[group] += interval.low <= lost <= interval.high
        bounds = Gap(told=told).interval(0.95)
        assert not isinstance(bounds, str)
        gap += bounds.low - 1e-12 <= np.ptp(truth) <= bounds.high + 1e-12
        apart += told.p_value() < 0.05
    return own / n, gap / n, apart / n


def test_intervals_over_patients_and_seeds_cover_and_equal_losses_are_not_told_apart() -> None:
    own, gap, apart = covered(ALIKE, 300)
    assert own.min() > 0.91  # 0.952 over 1,000 draws
    assert gap > 0.92
    assert apart < 0.08


def test_ignoring_seeds_would_not_cover() -> None:
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        told = crossed(ALIKE.evidence(rng), ALIKE.contrast(), RATE, ALIKE.n_runs)
        half = 2.05 * told.measured.standard_error[0]
        hits += abs(told.value[0] - 0.1) <= half
    assert hits / 200 < 0.85


@pytest.mark.slow
@pytest.mark.parametrize(
    "population",
    [
        Population(units=(30, 30, 15), lost=(0.1, 0.1, 0.1), seed_spread=0),
        Population(units=(60, 60, 60), lost=(0.1, 0.1, 0.3), seed_spread=0.08, group_seed_spread=0.05),
        Population(units=(8, 8, 8), lost=(0.1, 0.1, 0.1)),
        Population(units=(40, 20, 10), lost=(0.05, 0.1, 0.2), uneven=True, paired=False, group_seed_spread=0.02),
        Population(units=(200, 200), lost=(0.1, 0.1), group_seed_spread=0.02, unit_loss_spread=0.1),
        Population(units=(200, 200), lost=(0.1, 0.1), group_seed_spread=0.01, seed_spread=0.01, unit_loss_spread=0.2),
        Population(units=(30, 30, 15), lost=(0.1, 0.1, 0.1), group_seed_spread=0.03, n_seeds=5),
    ],
)
def test_coverage_where_patients_weigh_most_and_where_seeds_do(population: Population) -> None:
    own, gap, apart = covered(population, 1500)
    assert own.min() > 0.93
    assert gap > 0.935
    if np.ptp(population.truth()) == 0:
        assert apart < 0.065
