"""Gaps: the interval covers, the test keeps its level, chance is printed, and small groups are named."""

import numpy as np
import pytest

from affidavit.confusion import ratio_statistic
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, measure_gap
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums

RATE = ratio_statistic("rate", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="test")
DIFFERENCE = GapKind(name="rate_difference", scale="difference")
RATIO = GapKind(name="rate_ratio", scale="ratio")


def evidence_of(
    successes: np.ndarray, rows: np.ndarray, group: np.ndarray, seed: int = 0, n_permutations: int = 199
) -> Evidence:
    options = Statistics(n_resamples=100, n_permutations=n_permutations)
    grouped = GroupedSums(
        sums=np.stack([successes, rows], axis=1).astype(float),
        n_rows=rows,
        unit=np.arange(len(rows)),
        group=group,
        n_units=len(rows),
        groups=tuple({"g": f"group {g}"} for g in range(int(group.max()) + 1)),
    )
    resampler = UnitResampler(n_units=len(rows), n_resamples=100, seed=seed)
    return Evidence(grouped=grouped, options=options, resampler=resampler, seed=seed)


def drawn(rng: np.random.Generator, rates: list[float], per_group: int, seed: int) -> Evidence:
    group = np.repeat(np.arange(len(rates)), per_group)
    rate = np.array(rates)[group]
    p = rng.beta(9 * rate, 9 * (1 - rate))  # intraclass correlation 0.1
    rows = rng.integers(10, 20, len(group))
    return evidence_of(rng.binomial(rows, p), rows, group, seed)


@pytest.mark.parametrize("rates", [[0.6, 0.6], [0.7, 0.5], [0.6] * 6, [0.8, 0.6, 0.6, 0.6, 0.6, 0.5]])
def test_bounds_cover_the_true_gap_and_ratio(rates: list[float]) -> None:
    rng = np.random.default_rng(len(rates))
    simulations, covered = 200, {"difference": 0, "ratio": 0}
    for seed in range(simulations):
        evidence = drawn(rng, rates, 10, seed)
        for kind, truth in ((DIFFERENCE, max(rates) - min(rates)), (RATIO, min(rates) / max(rates))):
            interval = measure_gap(evidence, [RATE], kind).interval(0.95)
            assert isinstance(interval, Interval)
            covered[kind.scale] += interval.low - 1e-12 <= truth <= interval.high + 1e-12
    assert min(covered.values()) / simulations >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / simulations)


def test_the_test_keeps_its_level_and_finds_a_planted_gap() -> None:
    rng = np.random.default_rng(0)
    p_null, p_planted = [], []
    for seed in range(200):
        for rates, found in (([0.6] * 3, p_null), ([0.75, 0.6, 0.45], p_planted)):
            test = measure_gap(drawn(rng, rates, 16, seed), [RATE], DIFFERENCE).against_chance()[1]
            assert test is not None
            found.append(test.p_value)
    assert np.mean(np.array(p_null) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(np.array(p_planted) <= 0.05) > 0.9


def test_a_p_value_may_lie_below_what_permutations_resolve() -> None:
    rng = np.random.default_rng(0)
    test = measure_gap(drawn(rng, [0.95, 0.2], 40, 0), [RATE], DIFFERENCE).against_chance()[1]
    assert test is not None
    assert test.p_value < 1 / 200
    assert "pairwise t" in test.method


def test_few_units_are_permuted_exhaustively() -> None:
    group = np.repeat([0, 1], 5)
    successes = np.array([9, 9, 9, 9, 9, 1, 1, 1, 1, 1])
    gap = measure_gap(evidence_of(successes, np.full(10, 10), group, n_permutations=999), [RATE], DIFFERENCE)
    expected, test = gap.against_chance()
    assert expected is not None
    assert test is not None
    assert test.method == "all arrangements of units"
    assert test.p_value == pytest.approx(2 / 252)


def test_chance_alone_gives_a_gap_and_it_is_printed() -> None:
    rng = np.random.default_rng(0)
    gaps, expectations = [], []
    for seed in range(60):
        gap = measure_gap(drawn(rng, [0.6] * 8, 12, seed), [RATE], DIFFERENCE)
        expected = gap.against_chance()[0]
        assert expected is not None
        assert expected.high > expected.value > 0
        gaps.append(gap.value)
        expectations.append(expected.value)
    assert np.mean(expectations) == pytest.approx(np.mean(gaps), rel=0.12)


def test_a_group_under_the_declared_number_of_units_is_not_compared() -> None:
    group = np.array([0] * 6 + [1] * 6 + [2] * 4)
    rng = np.random.default_rng(0)
    gap = measure_gap(evidence_of(rng.integers(3, 9, 16), np.full(16, 10), group), [RATE], DIFFERENCE)
    assert gap.left_out == ("group 2",)


def test_a_group_of_one_unit_is_named_and_not_compared() -> None:
    group = np.array([0] * 6 + [1] * 6 + [2])
    rng = np.random.default_rng(0)
    evidence = evidence_of(rng.integers(3, 9, 13), np.full(13, 10), group)
    gap = measure_gap(evidence, [RATE], DIFFERENCE)
    assert gap.left_out == ("group 2",)
    assert gap.extremes() is not None
    lonely = evidence_of(np.array([5, 6]), np.array([10, 10]), np.array([0, 1]))
    nothing = measure_gap(lonely, [RATE], DIFFERENCE)
    estimate = nothing.estimate(0.95, has_units=True)
    assert estimate.value is None
    assert estimate.why_no_interval == "fewer than two groups can be compared"


def test_units_that_all_agree_do_not_make_the_gap_certain() -> None:
    group = np.repeat([0, 1], 5)
    evidence = evidence_of(np.array([10] * 5 + [0] * 5), np.full(10, 10), group)
    interval = measure_gap(evidence, [RATE], DIFFERENCE).interval(0.95)
    assert isinstance(interval, Interval)
    assert interval.low < 0.9


def test_the_detectable_effect_is_detected_as_often_as_promised() -> None:
    rng = np.random.default_rng(5)
    effect = np.median(
        [
            e.value
            for seed in range(40)
            if (e := measure_gap(drawn(rng, [0.5, 0.5], 25, seed), [RATE], DIFFERENCE).detectable(0.95))
        ]
    )
    found = 0
    for seed in range(200):
        interval = measure_gap(drawn(rng, [0.5 + effect / 2, 0.5 - effect / 2], 25, seed), [RATE], DIFFERENCE).interval(
            0.95
        )
        assert isinstance(interval, Interval)
        found += interval.low > 0
    assert found / 200 == pytest.approx(0.8, abs=0.1)


def test_paired_groups_use_what_their_units_share() -> None:
    """Units that speak in both conditions of an utterance-level feature: their own level cancels in the gap."""
    rng = np.random.default_rng(0)
    n = 40
    level = rng.beta(2, 2, n)
    rows = np.full(2 * n, 200)
    unit, group = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    successes = rng.binomial(rows, np.tile(level, 2))
    grouped = GroupedSums(
        sums=np.stack([successes, rows], axis=1).astype(float),
        n_rows=rows,
        unit=unit,
        group=group,
        n_units=n,
        groups=({"g": "a"}, {"g": "b"}),
    )
    options = Statistics(n_resamples=100, n_permutations=99)
    resampler = UnitResampler(n_units=n, n_resamples=100, seed=0)
    paired = measure_gap(Evidence(grouped=grouped, options=options, resampler=resampler, seed=0), [RATE], DIFFERENCE)
    apart = measure_gap(evidence_of(successes, rows, group), [RATE], DIFFERENCE)
    narrow, wide = paired.interval(0.95), apart.interval(0.95)
    assert isinstance(narrow, Interval)
    assert isinstance(wide, Interval)
    assert narrow.high < wide.high / 3
    expected = paired.against_chance()[0]
    assert expected is not None
    assert "Gaussian" in expected.method
