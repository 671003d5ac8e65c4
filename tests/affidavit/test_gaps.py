"""Gaps: the interval covers, the test keeps its level, chance is printed, and small groups are named."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from affidavit.confusion import Statistic, class_sums, ratio_statistic, unweighted_average_recall
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.simultaneous import simultaneous_differences
from affidavit.tally import GroupedSums

RATE = ratio_statistic("rate", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="test")
DIFFERENCE = GapKind(name="rate_difference", scale="difference")
RATIO = GapKind(name="rate_ratio", scale="ratio")


def evidence_of(
    successes: np.ndarray, rows: np.ndarray, group: np.ndarray, seed: int = 0, n_permutations: int = 199
) -> Evidence:
    options = Statistics(n_resamples=100, n_permutations=n_permutations, compared_units=5)
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


MIXES = [([5] * 6 + [60] * 4, 0.85), ([8] * 6 + [60] * 4, 0.85), ([12] * 6 + [60] * 4, 0.9), ([5] + [60] * 3, 0.85)]


def false_alarms(sizes: list[int], rate: float, simulations: int, level: float) -> float:
    """Return how often the interval of a gap that is not there excludes zero, groups small and large together."""
    rng = np.random.default_rng([len(sizes), sizes[0]])
    group = np.repeat(np.arange(len(sizes)), sizes)
    found = 0
    for seed in range(simulations):
        p = rng.beta(9 * rate, 9 * (1 - rate), len(group))
        evidence = evidence_of(rng.binomial(10, p), np.full(len(group), 10), group, seed)
        interval = measure_gap(evidence, [RATE], DIFFERENCE).interval(level)
        assert isinstance(interval, Interval)
        found += interval.low > 0
    return found / simulations


@pytest.mark.parametrize(("sizes", "rate"), MIXES)
def test_a_small_group_by_a_boundary_makes_no_gap_certain_by_luck(sizes: list[int], rate: float) -> None:
    assert false_alarms(sizes, rate, 150, 0.95) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_few_rows_of_word_errors_make_no_gap_certain_by_luck() -> None:
    """Gamma-Poisson errors, rows as units, six groups of 12 beside four of 200: plain t errs in a fifth of tables."""
    rate = ratio_statistic("w", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="test", high=None)
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(10), [12] * 6 + [200] * 4)
    found, simulations = 0, 150
    for seed in range(simulations):
        words = rng.integers(3, 18, len(group))
        errors = rng.poisson(rng.gamma(0.7, 0.154, len(group)) * words)
        interval = measure_gap(evidence_of(errors, words, group, seed), [rate], DIFFERENCE).interval(0.95)
        assert isinstance(interval, Interval)
        found += interval.low > 0
    assert found / simulations <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "rate"), [*MIXES, ([20] * 8, 0.9), ([10] * 4 + [200] * 4, 0.95), ([30, 60], 0.5)])
@pytest.mark.parametrize("level", [0.95, 0.99375])
def test_false_alarms_at_nominal_and_deciding_levels(sizes: list[int], rate: float, level: float) -> None:
    alpha, simulations = 1 - level, 1500
    rate_found = false_alarms(sizes, rate, simulations, level)
    print(f"sizes {sizes} rate {rate} level {level}: {rate_found:.4f}")
    assert rate_found <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / simulations) + 0.25 * alpha


Draw = Callable[[np.random.Generator], Evidence]


def plain_t_false_alarms(
    draw: Callable[[np.random.Generator], Evidence], statistic: Statistic, simulations: int
) -> float:
    """Return how often Welch t on every pair, Bonferroni, denies equality: what the bounds of gaps replaced."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(simulations):
        measured = measure(draw(rng), statistic)
        pairs = simultaneous_differences(
            measured.value,
            covariance=np.diag(measured.believable_error() ** 2),
            degrees_of_freedom=measured.degrees_of_freedom,
            level=0.95,
        )
        found += bool(np.any((pairs.low > 0) | (pairs.high < 0)))
    return found / simulations


@pytest.mark.slow
def test_plain_t_errs_where_small_groups_meet_large_ones() -> None:
    """Why gaps are not bounded by plain t (docs/decisions/002): should this fail, t is well enough and simpler."""

    def proportions(sizes: list[int], rate: float) -> Draw:
        group = np.repeat(np.arange(len(sizes)), sizes)
        return lambda rng: evidence_of(
            rng.binomial(10, rng.beta(9 * rate, 9 * (1 - rate), len(group))), np.full(len(group), 10), group
        )

    def word_errors(rng: np.random.Generator) -> Evidence:
        group = np.repeat(np.arange(10), [12] * 6 + [200] * 4)
        words = rng.integers(3, 18, len(group))
        return evidence_of(rng.poisson(rng.gamma(0.7, 0.154, len(group)) * words), words, group)

    for sizes, rate in MIXES:
        alarms = plain_t_false_alarms(proportions(sizes, rate), RATE, 600)
        print(f"plain t, sizes {sizes} rate {rate}: {alarms:.3f}")
        assert alarms > 0.06
    errors = ratio_statistic("w", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="test", high=None)
    alarms = plain_t_false_alarms(word_errors, errors, 400)
    print(f"plain t, word errors: {alarms:.3f}")
    assert alarms > 0.06


def test_a_group_that_cannot_be_compared_on_a_class_is_named_with_it() -> None:
    """Three speakers of group C have the class, all wrong; A and B are fine: silence would be a pass."""
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 20)
    fear = np.where((group < 2) | (np.arange(60) >= 57), 10, 0)
    joy = np.full(60, 10)
    right = np.where(group < 2, rng.binomial(fear, 0.9), 0)
    sums = np.stack([right, fear, rng.binomial(joy, 0.9), joy], axis=1).astype(float)
    grouped = GroupedSums(
        sums=sums,
        n_rows=fear + joy,
        unit=np.arange(60),
        group=group,
        n_units=60,
        groups=({"g": "A"}, {"g": "B"}, {"g": "C"}),
    )
    options = Statistics(n_resamples=100, n_permutations=99)
    resampler = UnitResampler(n_units=60, n_resamples=100, seed=0)
    evidence = Evidence(grouped=grouped, options=options, resampler=resampler, seed=0)
    eye = np.eye(4)
    recalls = [
        replace(ratio_statistic("recall", eye[2 * k], eye[2 * k + 1], source="t"), label=label)
        for k, label in enumerate(("fear", "joy"))
    ]
    assert measure_gap(evidence, recalls, DIFFERENCE).left_out == ("C (fear)",)


def test_permutations_that_lose_a_class_do_not_speak() -> None:
    """A gap in an average over classes, one of them in few units: the pairwise bounds still find it."""
    rng = np.random.default_rng(1)
    n = 240
    group = np.arange(n) % 12
    matrices = np.zeros((n, 3, 3))
    for u in range(n):
        for k in range(3 if u < 36 else 2):  # the third class in three units of each group
            right = rng.binomial(8, 0.3 if group[u] == 0 else 0.8)
            matrices[u, k, k], matrices[u, k, (k + 1) % 3] = right, 8 - right
    grouped = GroupedSums(
        sums=class_sums(matrices.reshape(n, 9), 3),
        n_rows=matrices.sum((1, 2)).astype(np.int64),
        unit=np.arange(n),
        group=group,
        n_units=n,
        groups=tuple({"g": str(g)} for g in range(12)),
    )
    options = Statistics(n_resamples=200, n_permutations=199)
    resampler = UnitResampler(n_units=n, n_resamples=200, seed=0)
    gap = measure_gap(
        Evidence(grouped=grouped, options=options, resampler=resampler, seed=0),
        [unweighted_average_recall()],
        DIFFERENCE,
    )
    test, expected = gap.test(), gap.null_expectation()
    assert test is not None
    assert test.p_value < 0.001
    assert expected is not None
    assert expected.value < gap.value / 2


def test_two_classes_have_one_gap_and_one_chance() -> None:
    """P(a) and P(b) sum to one: the widest and the mean gap are the same number, and so is what chance gives."""
    rng = np.random.default_rng(0)
    n = 30
    rows = np.full(2 * n, 50)
    unit, group = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    first = rng.binomial(rows, np.tile(rng.beta(5, 5, n), 2))
    grouped = GroupedSums(
        sums=np.stack([first, rows - first, rows], axis=1).astype(float),
        n_rows=rows,
        unit=unit,
        group=group,
        n_units=n,
        groups=({"g": "a"}, {"g": "b"}),
    )
    options = Statistics(n_resamples=400, n_permutations=99)
    resampler = UnitResampler(n_units=n, n_resamples=400, seed=0)
    evidence = Evidence(grouped=grouped, options=options, resampler=resampler, seed=0)
    eye = np.eye(3)
    rates = [ratio_statistic(f"rate {k}", eye[k], eye[2], source="t") for k in range(2)]
    widest = measure_gap(evidence, rates, GapKind(name="max", scale="difference"))
    mean = measure_gap(evidence, rates, GapKind(name="macro", scale="difference", combine="mean"))
    assert widest.value == pytest.approx(mean.value)
    first_null, second_null = widest.null_expectation(), mean.null_expectation()
    assert first_null is not None
    assert second_null is not None
    assert first_null.value == pytest.approx(second_null.value)
    ratio = measure_gap(evidence, rates, RATIO).null_expectation()
    assert ratio is not None
    assert 0 < ratio.high <= ratio.value <= 1


def test_the_test_keeps_its_level_and_finds_a_planted_gap() -> None:
    rng = np.random.default_rng(0)
    p_null, p_planted = [], []
    for seed in range(200):
        for rates, found in (([0.6] * 3, p_null), ([0.75, 0.6, 0.45], p_planted)):
            test = measure_gap(drawn(rng, rates, 16, seed), [RATE], DIFFERENCE).test()
            assert test is not None
            found.append(test.p_value)
    assert np.mean(np.array(p_null) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(np.array(p_planted) <= 0.05) > 0.9


def test_a_p_value_may_lie_below_what_permutations_resolve() -> None:
    rng = np.random.default_rng(0)
    test = measure_gap(drawn(rng, [0.95, 0.2], 40, 0), [RATE], DIFFERENCE).test()
    assert test is not None
    assert test.p_value < 1 / 200
    assert "pairwise bounds" in test.method


def test_few_units_are_permuted_exhaustively() -> None:
    group = np.repeat([0, 1], 5)
    successes = np.array([9, 9, 9, 9, 9, 1, 1, 1, 1, 1])
    gap = measure_gap(evidence_of(successes, np.full(10, 10), group, n_permutations=999), [RATE], DIFFERENCE)
    expected, test = gap.null_expectation(), gap.test()
    assert expected is not None
    assert test is not None
    assert test.method == "all arrangements of units"
    assert test.p_value == pytest.approx(2 / 252)


def test_chance_alone_gives_a_gap_and_it_is_printed() -> None:
    rng = np.random.default_rng(0)
    gaps, expectations = [], []
    for seed in range(60):
        gap = measure_gap(drawn(rng, [0.6] * 8, 12, seed), [RATE], DIFFERENCE)
        expected = gap.null_expectation()
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
    expected = paired.null_expectation()
    assert expected is not None
    assert "around equality" in expected.method
