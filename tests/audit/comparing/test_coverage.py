"""Changes, changes of gaps and their bounds, by simulation from two runs whose rates are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums
from audit.comparing.gap_change import gap_change
from audit.comparing.statistics import metrics

Rates = tuple[tuple[float, float], ...]
K, OPTIONS = 2, Statistics(n_resamples=400, n_permutations=99)


def simulated(rng: np.random.Generator, rates: Rates, *, units: int = 24, per_unit: int = 12) -> Evidence:
    """Return evidence of groups [G]: both runs meet the same items, and hard items and units are hard for both."""
    sums, group = [], []
    for g, pair in enumerate(rates):
        for _ in range(units):
            truth = np.arange(per_unit) % K
            ease = 0.8 * rng.random(per_unit) + 0.2 * rng.random()
            answers = [np.where(_right(ease, rate, rng), truth, 1 - truth) for rate in pair]
            row = [_class_sums(truth, answer) for answer in answers]
            sums.append(np.concatenate(row))
            group.append(g)
    grouped = GroupedSums(
        sums=np.array(sums),
        n_rows=np.full(len(group), per_unit),
        unit=np.arange(len(group)),
        group=np.array(group),
        n_units=len(group),
        groups=tuple({"g": str(g)} for g in range(len(rates))),
    )
    resampler = UnitResampler(n_units=len(group), n_resamples=OPTIONS.n_resamples, seed=int(rng.integers(2**31)))
    return Evidence(grouped=grouped, options=OPTIONS, resampler=resampler, seed=int(rng.integers(2**31)))


def _right(ease: FloatArray, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Right with probability rate + (ease - 1/2) x slope: its mean over items is the rate exactly."""
    return rng.random(len(ease)) < rate + (ease - 0.5) * 0.4


def _class_sums(truth: NDArray[np.int64], answer: NDArray[np.int64]) -> list[int]:
    hits = [((truth == k) & (answer == k)).sum() for k in range(K)]
    return [*hits, *((truth == k).sum() for k in range(K)), *((answer == k).sum() for k in range(K))]


def covered(
    rates: Rates, n_series: int, *, seed: int = 0, level: float = 0.9, which: int = 0
) -> tuple[float, float, float]:
    """Return the coverage of every group's change and of the change of the gap, and how often that excludes 0."""
    rng = np.random.default_rng(seed)
    truth = np.array(rates)
    changes, gap = truth[:, 1] - truth[:, 0], float(np.ptp(truth[:, 1]) - np.ptp(truth[:, 0]))
    inside, gaps, excluding = [], [], []
    for _ in range(n_series):
        evidence = simulated(rng, rates)
        metric = metrics(K)[which]
        measured = measure(evidence, metric.change)
        intervals = [measured.interval(g, level) for g in range(len(rates))]
        inside += [
            interval.low <= change <= interval.high
            for interval, change in zip(intervals, changes, strict=True)
            if isinstance(interval, Interval)
        ]
        bounds = gap_change(evidence, metric).interval(level)
        assert isinstance(bounds, Interval)
        gaps.append(bounds.low <= gap <= bounds.high)
        excluding.append(bounds.low > 0 or bounds.high < 0)
    return float(np.mean(inside)), float(np.mean(gaps)), float(np.mean(excluding))


EQUAL = ((0.6, 0.6), (0.6, 0.6), (0.6, 0.6))
WIDER = ((0.6, 0.75), (0.6, 0.6), (0.6, 0.35))
TURNED = ((0.7, 0.5), (0.6, 0.6), (0.5, 0.7))
"""The gap is as wide as before, between the same groups the other way round."""


@pytest.mark.parametrize("rates", [EQUAL, WIDER, TURNED])
def test_intervals_cover(rates: Rates) -> None:
    n_series = 60
    change, gap, excluding = covered(rates, n_series)
    slack = 2.5 * np.sqrt(0.9 * 0.1 / (3 * n_series))
    assert change >= 0.9 - slack
    assert gap >= 0.9 - 2.5 * np.sqrt(0.9 * 0.1 / n_series)
    assert excluding > 0.8 if rates is WIDER else excluding <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("rates", [EQUAL, WIDER, TURNED, ((0.75, 0.8), (0.75, 0.6)), ((0.6, 0.62),) * 6])
def test_intervals_cover_over_many_series(rates: Rates) -> None:
    n_series = 500
    change, gap, _ = covered(rates, n_series, seed=1)
    print(f"{rates}: change {change:.3f}, change of the gap {gap:.3f}")
    assert change >= 0.9 - 2.5 * np.sqrt(0.9 * 0.1 / (len(rates) * n_series)) - 0.01
    assert gap >= 0.9 - 2.5 * np.sqrt(0.9 * 0.1 / n_series)


def test_the_bounds_of_a_gaps_change_hold_for_whichever_pair_is_widest() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        evidence = simulated(rng, WIDER, units=8)
        change = gap_change(evidence, metrics(K)[0])
        narrow, wide = change.interval(0.5), change.interval(0.99)
        assert isinstance(narrow, Interval)
        assert isinstance(wide, Interval)
        assert wide.low <= narrow.low <= change.value <= narrow.high <= wide.high


@pytest.mark.slow
@pytest.mark.parametrize("which", [1, 2])
def test_changes_of_averages_over_classes_are_covered_too(which: int) -> None:
    """Both classes are as frequent and as hard, so both averages have the rate for their true value."""
    n_series = 400
    change, gap, _ = covered(WIDER, n_series, seed=2, which=which)
    print(f"{metrics(K)[which].name}: change {change:.3f}, change of the gap {gap:.3f}")
    assert change >= 0.9 - 2.5 * np.sqrt(0.9 * 0.1 / (3 * n_series)) - 0.01
    assert gap >= 0.9 - 2.5 * np.sqrt(0.9 * 0.1 / n_series)
