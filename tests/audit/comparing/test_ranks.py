"""Ranks from pairwise intervals: by hand, and how often every true rank is inside."""

import numpy as np
import pytest
from scipy.stats import t as student

from affidavit.records import Estimate, Interval
from audit.comparing.ranks import PairOutcome, Ranking


def outcome(difference: float | None, half: float = 0.1) -> PairOutcome:
    """Return an outcome whose half width grows as the level does."""

    def interval_at(level: float) -> Interval | str:
        if difference is None:
            return "undefined"
        reach = half * (1 - 0.95) / (1 - level)
        return Interval(low=difference - reach, high=difference + reach, level=level, method="m")

    interval = interval_at(0.95)
    return PairOutcome(
        estimate=Estimate(
            value=difference,
            interval=interval if isinstance(interval, Interval) else None,
            why_no_interval=interval if isinstance(interval, str) else None,
            n=10,
            n_clusters=5,
        ),
        interval_at=interval_at,
    )


def test_ranks_by_hand() -> None:
    pairs = {("a", "b"): outcome(0.5), ("a", "c"): outcome(0.2), ("b", "c"): outcome(-0.35)}
    ranking = Ranking(runs=("a", "b", "c"), pairs=pairs)
    found = {run: (ranking.rank(run), ranking.interval(run, 0.95)) for run in "abc"}
    assert {run: rank for run, (rank, _) in found.items()} == {"a": 3, "b": 1, "c": 2}
    ends = {
        run: (interval.low, interval.high) for run, (_, interval) in found.items() if isinstance(interval, Interval)
    }
    assert ends == {"a": (2, 3), "b": (1, 1), "c": (2, 3)}, "half widths are 0.3 over three pairs: a and c may be equal"


def test_a_pair_without_interval_puts_nobody_anywhere_and_one_without_value_leaves_no_rank() -> None:
    flat = PairOutcome(
        estimate=Estimate(value=0.4, why_no_interval="one unit", n=3, n_clusters=1), interval_at=lambda _: "one unit"
    )
    ranking = Ranking(runs=("a", "b"), pairs={("a", "b"): flat})
    assert ranking.estimate("b", 0.95).value == 1
    interval = ranking.interval("b", 0.95)
    assert isinstance(interval, Interval)
    assert (interval.low, interval.high) == (1, 2)
    undefined = Ranking(runs=("a", "b"), pairs={("a", "b"): outcome(None)})
    assert undefined.estimate("a", 0.95).value is None
    assert undefined.estimate("a", 0.95).why_no_interval


@pytest.mark.parametrize("truth", [(0.0, 0.0, 0.0, 0.0), (0.0, 0.1, 0.3, 0.3), (0.0, 0.4, 0.8, 1.2)])
def test_every_true_rank_is_inside_at_least_as_often_as_stated(truth: tuple[float, ...]) -> None:
    rng, runs, level, n_units, n_series = np.random.default_rng(0), ("a", "b", "c", "d"), 0.9, 20, 400
    inside, widths = [], []
    for _ in range(n_series):
        values = np.array(truth) + rng.normal(0, 1, (n_units, 1)) + rng.normal(0, 0.3, (n_units, 4))
        pairs = {}
        for i, j in zip(*np.triu_indices(4, 1), strict=True):
            d = values[:, j] - values[:, i]
            pairs[runs[i], runs[j]] = _paired(d.mean(), d.std(ddof=1) / np.sqrt(n_units), n_units)
        ranking = Ranking(runs=runs, pairs=pairs)
        ends = [ranking.interval(run, level) for run in runs]
        true = [(1 + sum(x > own for x in truth), 4 - sum(x < own for x in truth)) for own in truth]
        inside.append(all(e.low <= best and worst <= e.high for e, (best, worst) in zip(ends, true, strict=True)))
        widths.append(np.mean([e.high - e.low for e in ends]))
    assert np.mean(inside) >= level - 2 * np.sqrt(level * (1 - level) / n_series)
    assert np.mean(widths) < 1 if len(set(truth)) == 4 else np.mean(widths) <= 3


def _paired(difference: float, error: float, n_units: int) -> PairOutcome:
    def interval_at(level: float) -> Interval:
        half = student.ppf((1 + level) / 2, n_units - 1) * error
        return Interval(low=difference - half, high=difference + half, level=level, method="t")

    estimate = Estimate(value=difference, interval=interval_at(0.9), n=n_units, n_clusters=n_units)
    return PairOutcome(estimate=estimate, interval_at=interval_at)
