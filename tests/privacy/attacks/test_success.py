"""Curves, rates and intervals of an attack beside slow twins, and their coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score, roc_curve

from affidavit.records import Interval
from privacy.attacks.epsilon import epsilon_bound
from privacy.attacks.gap import Groups
from privacy.attacks.intervals import auroc_interval, share_interval, tpr_interval
from privacy.attacks.paired import Pairs, pairs_of_units
from privacy.attacks.roc import auroc, curve, non_members_needed, threshold_at
from privacy.attacks.units import Scored

Draw = Callable[[np.random.Generator, int], np.ndarray]


def tied(rng: np.random.Generator, n: int, p: float) -> np.ndarray:
    return rng.binomial(6, p, n).astype(np.float64)


def scored(members: np.ndarray, non_members: np.ndarray, names: tuple[str, ...] = ()) -> Scored:
    n = len(members) + len(non_members)
    return Scored(
        score=np.concatenate([members, non_members]),
        member=np.arange(n) < len(members),
        n_rows=np.ones(n, dtype=np.int64),
        groups={},
        unit=names,
    )


def test_the_curve_and_its_area_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    members, others = tied(rng, 40, 0.6), tied(rng, 70, 0.4)
    truth, score = np.repeat([1, 0], [40, 70]), np.concatenate([members, others])
    assert auroc(members, others) == pytest.approx(roc_auc_score(truth, score))
    assert auroc(members, others) == pytest.approx(np.mean([(m > o) + (m == o) / 2 for m in members for o in others]))
    fpr, tpr, _ = roc_curve(truth, score, drop_intermediate=False)
    points = curve(members, others)
    assert (points.false_positives / 70).tolist() == pytest.approx(fpr[1:].tolist())
    assert (points.true_positives / 40).tolist() == pytest.approx(tpr[1:].tolist())


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_the_threshold_is_the_least_that_allows_so_many_false_alarms(rate: float) -> None:
    rng = np.random.default_rng(1)
    for others in (rng.normal(size=300), tied(rng, 300, 0.5)):
        threshold = threshold_at(others, rate)
        assert (others > threshold).mean() <= rate
        below = others[others < threshold]
        assert (others > below.max()).mean() > rate


def test_how_many_non_members_a_rate_takes() -> None:
    assert [non_members_needed(rate) for rate in (0.1, 0.01, 0.001)] == [100, 1000, 10_000]


def test_a_perfect_attack_and_one_on_equal_scores_have_no_false_certainty() -> None:
    perfect = auroc_interval(np.arange(10, 20.0), np.arange(8.0), 0.95)
    assert isinstance(perfect, Interval)
    assert perfect.high == 1.0
    assert perfect.low == pytest.approx(0.025 ** (1 / 8))
    assert isinstance(auroc_interval(np.ones(9), np.ones(9), 0.95), str)
    assert isinstance(auroc_interval(np.ones(1), np.ones(9), 0.95), str)
    assert share_interval(0, 0, 0.95) == "undefined: no units"


def test_the_variance_of_the_area_is_that_of_delong() -> None:
    rng = np.random.default_rng(2)
    members, others = tied(rng, 15, 0.6), tied(rng, 20, 0.4)
    wins = np.array([[(m > o) + (m == o) / 2 for o in others] for m in members])
    variance = wins.mean(axis=1).var(ddof=1) / 15 + wins.mean(axis=0).var(ddof=1) / 20
    interval = auroc_interval(members, others, 0.95)
    assert isinstance(interval, Interval)
    area = wins.mean()
    most = area * (1 - area)
    shrunk = sum(
        (n * wins.mean(axis=axis).var(ddof=1) + 4 * most) / (n + 4) / n for axis, n in ((1, len(members)), (0, 20))
    )
    assert shrunk > variance

    def reach(theta: float) -> float:  # the area lies z standard errors, as they are at theta, from both ends
        return float(abs(area - theta) / np.sqrt(shrunk / most * theta * (1 - theta)))

    assert [reach(end) for end in (interval.low, interval.high)] == pytest.approx([norm.isf(0.025)] * 2)


def test_the_paired_change_is_that_of_the_areas_and_narrower_than_unpaired() -> None:
    rng = np.random.default_rng(3)
    ease = rng.normal(size=200)
    first, second = (ease + rng.normal(0, 0.3, 200) + gain * (np.arange(200) < 100) for gain in (1.0, 0.5))
    pairs = Pairs(
        members_before=first[:100],
        members_after=second[:100],
        non_members_before=first[100:],
        non_members_after=second[100:],
    )
    interval = pairs.interval(0.95)
    assert isinstance(interval, Interval)
    assert pairs.change == pytest.approx(auroc(second[:100], second[100:]) - auroc(first[:100], first[100:]))
    assert interval.low < pairs.change < interval.high < 0
    apart = [auroc_interval(s[:100], s[100:], 0.95) for s in (first, second)]
    widths = [i.high - i.low for i in apart if isinstance(i, Interval)]
    assert interval.high - interval.low < 0.7 * np.hypot(*widths)


def test_units_are_paired_by_name_and_membership() -> None:
    before = scored(np.array([1.0, 2.0]), np.array([3.0, 4.0]), ("a", "b", "c", "d"))
    after = scored(np.array([20.0, 30.0]), np.array([40.0, 50.0]), ("b", "c", "d", "e"))
    pairs = pairs_of_units(before, after)
    assert (pairs.members_before.tolist(), pairs.members_after.tolist()) == ([2.0], [20.0])
    assert (pairs.non_members_before.tolist(), pairs.non_members_after.tolist()) == ([4.0], [40.0])
    assert pairs.unit == ("b", "d")
    assert isinstance(pairs.interval(0.95), str)
    same = pairs_of_units(before, before)
    assert same.interval(0.95) == "the two attacks rank every unit alike: no spread to build an interval from"


def test_epsilon_is_bounded_on_units_that_did_not_choose_the_threshold() -> None:
    rng = np.random.default_rng(4)
    sure = epsilon_bound(scored(rng.normal(6, 1, 400), rng.normal(0, 1, 400)), delta=1e-5, confidence=0.95, seed=1)
    assert not isinstance(sure, str)
    assert 3.0 < sure.epsilon <= sure.ceiling < 4.906  # 200 and 200 are counted, not 400 and 400
    few = epsilon_bound(scored(np.arange(3.0), np.arange(9.0)), delta=1e-5, confidence=0.95, seed=1)
    assert isinstance(few, str)


def test_the_bound_of_randomised_response_exceeds_its_epsilon_no_more_often_than_its_level() -> None:
    """Membership told with epsilon-private noise: 200 audits, each choosing its threshold anew."""
    epsilon, over = 1.0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        right = rng.random(400) < 1 / (1 + np.exp(-epsilon))
        told = np.where(np.arange(400) < 200, right, ~right) + rng.normal(0, 0.01, 400)
        bound = epsilon_bound(scored(told[:200], told[200:]), delta=0.0, confidence=0.95, seed=seed)
        assert not isinstance(bound, str)
        over += bound.epsilon > epsilon
    assert over <= binom.ppf(0.99, 200, 0.05)


def normal(d: float) -> tuple[Draw, Draw, float]:
    return lambda rng, m: rng.normal(d, 1, m), lambda rng, n: rng.normal(0, 1, n), float(norm.cdf(d / np.sqrt(2)))


@pytest.mark.slow
@pytest.mark.parametrize("d", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("m", "n"), [(10, 10), (15, 60), (50, 50), (10, 1000), (1000, 10)])
def test_coverage_of_the_area(d: float, m: int, n: int) -> None:
    member, other, truth = normal(d)
    rng, hits = np.random.default_rng(m), 0
    for _ in range(600):
        interval = auroc_interval(member(rng, m), other(rng, n), 0.95)
        hits += isinstance(interval, Interval) and interval.low <= truth <= interval.high
    assert hits >= binom.ppf(0.005, 600, 0.95)


def test_a_handful_of_members_among_a_thousand_others_is_covered() -> None:
    """As many as a rate of 1 % takes: the few members' own variance is too small where the area is large."""
    member, other, truth = normal(2.5)
    rng, hits = np.random.default_rng(6), 0
    for _ in range(150):
        interval = auroc_interval(member(rng, 10), other(rng, 1000), 0.95)
        hits += isinstance(interval, Interval) and interval.low <= truth <= interval.high
    assert hits >= binom.ppf(0.005, 150, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("d", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("m", "n"), [(20, 1000), (200, 1000)])
def test_coverage_of_members_found_at_few_false_alarms(d: float, m: int, n: int) -> None:
    member, other, _ = normal(d)
    truth = norm.sf(norm.isf(0.01) - d)
    rng, hits = np.random.default_rng(m), 0
    for _ in range(500):
        interval = tpr_interval(member(rng, m), other(rng, n), 0.01, 0.95)
        hits += isinstance(interval, Interval) and interval.low <= truth <= interval.high
    assert hits >= binom.ppf(0.005, 500, 0.95)


def test_few_draws_of_members_found_are_covered_also_with_ties() -> None:
    rng, hits = np.random.default_rng(5), 0
    for _ in range(60):
        interval = tpr_interval(tied(rng, 100, 0.8), tied(rng, 1000, 0.4), 0.01, 0.95)
        truth = binom.sf(5, 6, 0.8)  # 6 of 6 is the one score that fewer than 1 % of non-members exceed or reach
        hits += isinstance(interval, Interval) and interval.low <= truth <= interval.high
    assert hits >= 54


@pytest.mark.slow
@pytest.mark.parametrize("means", [(0.0, 0.0, 0.0), (1.0, 1.0, 2.5), (0.0, 1.0)])
@pytest.mark.parametrize("m", [15, 50, 200])
def test_coverage_of_the_gap(means: tuple[float, ...], m: int) -> None:
    truth = float(np.ptp(norm.cdf(np.array(means) / np.sqrt(2))))
    rng, hits = np.random.default_rng(m), 0
    for _ in range(500):
        parts = tuple(scored(rng.normal(d, 1, m), rng.normal(0, 1, m)) for d in means)
        interval = Groups(names=tuple(map(str, range(len(means)))), parts=parts).interval(0.95)
        hits += isinstance(interval, Interval) and interval.low <= truth <= interval.high
    assert hits >= binom.ppf(0.005, 500, 0.93)
