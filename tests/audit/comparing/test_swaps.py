"""Tests that swap two runs' answers: slow twins, and how often they err when nothing differs."""

from itertools import product
from math import comb

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.evidence import Evidence
from affidavit.plan import Statistics
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.permutation import sign_flip_p_value
from affidavit.tally import GroupedSums
from audit.comparing.statistics import metrics
from audit.comparing.swaps import exact_sign_flip_p_value, mcnemar_exact_p_value, swap_test

K = 3
Codes = NDArray[np.int64]


def evidence_of(truth: Codes, first: Codes, second: Codes, unit: Codes, *, n_permutations: int = 4096) -> Evidence:
    """Return evidence of one group with class sums of both runs by unit."""
    n_units = int(unit.max()) + 1
    sums = np.zeros((n_units, 6 * K))
    for t, a, b, u in zip(truth, first, second, unit, strict=True):
        for offset, answer in ((0, a), (3 * K, b)):
            sums[u, offset + t] += t == answer
            sums[u, offset + K + t] += 1
            sums[u, offset + 2 * K + answer] += 1
    grouped = GroupedSums(
        sums=sums,
        n_rows=np.bincount(unit),
        unit=np.arange(n_units),
        group=np.zeros(n_units, dtype=np.int64),
        n_units=n_units,
        groups=({},),
    )
    options = Statistics(n_permutations=n_permutations)
    return Evidence(
        grouped=grouped, options=options, resampler=UnitResampler(n_units=n_units, n_resamples=100, seed=0), seed=0
    )


def drawn(
    rng: np.random.Generator, *, n_units: int = 8, per_unit: int = 6, lift: float = 0.0
) -> tuple[Codes, Codes, Codes, Codes]:
    unit = np.repeat(np.arange(n_units), per_unit)
    truth = rng.integers(0, K, len(unit))
    answers = [
        np.where(rng.random(len(unit)) < rate, truth, rng.integers(0, K, len(unit))) for rate in (0.5, 0.5 + lift)
    ]
    return truth, answers[0], answers[1], unit


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (0, 1), (0, 8), (3, 3), (2, 9), (40, 61)])
def test_mcnemar_equals_the_sum_of_binomial_chances(lost: int, gained: int) -> None:
    n = lost + gained
    chances = [comb(n, k) / 2**n for k in range(n + 1)]
    slow = min(2 * sum(chances[: min(lost, gained) + 1]), 1.0)
    assert mcnemar_exact_p_value(lost, gained) == pytest.approx(slow)
    assert mcnemar_exact_p_value(gained, lost) == pytest.approx(slow)
    ones = np.array([1] * gained + [-1] * lost)
    assert exact_sign_flip_p_value(ones) == pytest.approx(slow), "with units of one item the sign flips are McNemar's"


def test_sign_flips_equal_every_pattern_listed() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        d = rng.integers(-4, 6, size=rng.integers(1, 10))
        totals = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in product((1, -1), repeat=len(d))]
        slow = np.mean([total >= abs(d.sum()) for total in totals])
        assert exact_sign_flip_p_value(d) == pytest.approx(slow)
        assert sign_flip_p_value(d.astype(float), n_permutations=4096, rng=rng) == pytest.approx(slow)


def test_sign_flips_do_not_end_where_permutations_do() -> None:
    assert exact_sign_flip_p_value(np.full(60, 2)) == pytest.approx(2.0**-59)
    assert exact_sign_flip_p_value(np.zeros(3, dtype=np.int64)) == 1.0


@pytest.mark.parametrize("which", [0, 1, 2])
def test_swaps_equal_every_way_to_swap_units(which: int) -> None:
    rng = np.random.default_rng(3)
    truth, first, second, unit = drawn(rng)
    evidence = evidence_of(truth, first, second, unit)
    metric = metrics(K)[which]

    def statistic(a: Codes, b: Codes) -> float:
        """The metric of b less that of a, over the classes that either names or that are true."""
        values = []
        for answers in (a, b):
            hits = np.array([((truth == k) & (answers == k)).sum() for k in range(K)])
            true = np.array([(truth == k).sum() for k in range(K)])
            called = np.array([(answers == k).sum() for k in range(K)])
            values.append([hits.sum() / true.sum(), (hits / true).mean(), (2 * hits / (true + called)).mean()][which])
        return abs(values[1] - values[0])

    observed, reached = statistic(first, second), []
    for swapped in product((False, True), repeat=8):
        there = np.array(swapped)[unit]
        value = statistic(np.where(there, second, first), np.where(there, first, second))
        reached.append(value >= observed - 1e-12)
    test = swap_test(evidence, 0, metric, has_units=True, rng=np.random.default_rng(0))
    assert test is not None
    assert test.p_value == pytest.approx(np.mean(reached))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_level_and_power(which: int) -> None:
    rng = np.random.default_rng(which)
    rejected = {}
    for lift in (0.0, 0.25):
        p = []
        for _ in range(200):
            evidence = evidence_of(*drawn(rng, n_units=12, per_unit=12, lift=lift), n_permutations=199)
            test = swap_test(evidence, 0, metrics(K)[which], has_units=True, rng=rng)
            assert test is not None
            p.append(test.p_value)
        rejected[lift] = np.mean(np.array(p) <= 0.05)
    assert rejected[0.0] <= 0.09, "200 draws at 0.05: two standard errors above are 0.081"
    assert rejected[0.25] > 0.6


def test_too_few_units_are_not_tested() -> None:
    evidence = evidence_of(*drawn(np.random.default_rng(0), n_units=4))
    assert swap_test(evidence, 0, metrics(K)[0], has_units=True, rng=np.random.default_rng(0)) is None
