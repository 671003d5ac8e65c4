"""The chooser: each group gets the interval that its units allow, and that interval covers."""

from dataclasses import replace

import numpy as np
import pytest

from affidavit.confusion import class_sums, performance, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums

OPTIONS = Statistics(n_resamples=1000, n_permutations=99)
RATE = ratio_statistic("rate", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="test")


def evidence_of(sums: np.ndarray, group: np.ndarray, options: Statistics = OPTIONS, seed: int = 0) -> Evidence:
    n_units = len(sums)
    grouped = GroupedSums(
        sums=np.asarray(sums, dtype=float),
        n_rows=np.asarray(sums)[:, -1].astype(np.int64),
        unit=np.arange(n_units),
        group=group,
        n_units=n_units,
        groups=tuple({"g": str(g)} for g in range(int(group.max()) + 1)),
    )
    resampler = UnitResampler(n_units=n_units, n_resamples=options.n_resamples, seed=seed)
    return Evidence(grouped=grouped, options=options, resampler=resampler, seed=seed)


def rates(successes: list[int], rows: list[int]) -> Evidence:
    return evidence_of(np.stack([successes, rows], axis=1), np.zeros(len(rows), dtype=np.int64))


@pytest.mark.parametrize(
    ("successes", "rows", "method"),
    [
        ([1, 0, 1, 1, 0], [1] * 5, "Clopper-Pearson"),
        ([1, 0] * 15, [1] * 30, "Wilson"),
        ([3, 4, 2, 4, 1], [5] * 5, "logit t over units"),
        ([3, 4, 2, 4, 1] * 6, [5] * 30, "BCa bootstrap over units"),
        ([5] * 30, [5] * 30, "Clopper-Pearson over units"),
    ],
)
def test_each_group_gets_the_interval_its_units_allow(successes: list[int], rows: list[int], method: str) -> None:
    interval = measure(rates(successes, rows), RATE).interval(0, 0.95)
    assert isinstance(interval, Interval)
    assert interval.method == method
    assert 0 <= interval.low <= sum(successes) / sum(rows) <= interval.high <= 1
    assert interval.high - interval.low > 0.01, "zero uncertainty is the one answer that is surely wrong"


def test_a_plan_may_ask_for_the_wild_cluster_bootstrap() -> None:
    options = Statistics(n_resamples=1000, n_permutations=99, small_samples="wild-cluster")
    sums = np.stack([[3, 4, 2, 4, 1, 5, 2, 3], [5] * 8], axis=1)
    interval = measure(evidence_of(sums, np.zeros(8, dtype=np.int64), options), RATE).interval(0, 0.95)
    assert isinstance(interval, Interval)
    assert interval.method == "wild cluster bootstrap over units"
    other = measure(evidence_of(sums, np.zeros(8, dtype=np.int64)), RATE).interval(0, 0.95)
    assert isinstance(other, Interval)
    assert (interval.low, interval.high) == pytest.approx((other.low, other.high), abs=0.06)


def test_one_unit_alone_has_no_interval() -> None:
    estimate = measure(rates([3], [5]), RATE).estimate(0, 0.95, has_units=True)
    assert estimate.value == 0.6
    assert estimate.interval is None
    assert "one unit" in (estimate.why_no_interval or "")


def test_what_is_undefined_is_null_with_a_reason() -> None:
    estimate = measure(rates([0, 0], [0, 0]), RATE).estimate(0, 0.95, has_units=False)
    assert estimate.value is None
    assert estimate.n_clusters is None
    assert "undefined" in (estimate.why_no_interval or "")


def test_the_jackknife_equals_leaving_units_out_one_by_one() -> None:
    rng = np.random.default_rng(0)
    matrices = rng.integers(0, 5, (12, 9)).astype(float)
    group = np.repeat([0, 1], 6)
    sums = class_sums(matrices, 3)
    for statistic in performance(3):
        measured = measure(evidence_of(sums, group), statistic)
        for g in range(2):
            members = sums[group == g]
            total = members.sum(0)
            left = [float(statistic.value(total - one, total)) for one in members]
            naive = np.sqrt(5 / 6 * sum((x - np.mean(left)) ** 2 for x in left))
            assert measured.standard_error[g] == pytest.approx(naive)


def test_a_deciding_interval_beyond_the_replicates_uses_t() -> None:
    evidence = rates([3, 4, 2, 4, 1] * 6, [5] * 30)
    interval = measure(evidence, RATE).interval(0, 0.9999)
    assert isinstance(interval, Interval)
    assert interval.method == "logit t over units"


def coverage(n_units: int, rate: float, icc: float, simulations: int) -> float:
    rng = np.random.default_rng([n_units, int(100 * rate), int(100 * icc)])
    covered = 0
    for seed in range(simulations):
        scale = (1 - icc) / icc if icc else 0.0
        p = rng.beta(rate * scale, (1 - rate) * scale, n_units) if icc else np.full(n_units, rate)
        rows = rng.integers(5, 30, n_units)
        evidence = evidence_of(
            np.stack([rng.binomial(rows, p), rows], axis=1), np.zeros(n_units, dtype=np.int64), seed=seed
        )
        interval = measure(evidence, RATE).interval(0, 0.95)
        assert isinstance(interval, Interval)
        covered += interval.low <= rate <= interval.high
    return covered / simulations


@pytest.mark.parametrize(("n_units", "rate", "icc"), [(8, 0.6, 0.1), (25, 0.6, 0.2), (60, 0.85, 0.1)])
def test_intervals_cover(n_units: int, rate: float, icc: float) -> None:
    simulations = 400
    noise = 3 * np.sqrt(0.95 * 0.05 / simulations)
    assert coverage(n_units, rate, icc, simulations) > 0.93 - noise


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [5, 8, 15, 25, 60, 200])
@pytest.mark.parametrize(("rate", "icc"), [(0.6, 0.0), (0.6, 0.2), (0.85, 0.1), (0.3, 0.3)])
def test_intervals_cover_everywhere(n_units: int, rate: float, icc: float) -> None:
    simulations = 2000
    noise = 3 * np.sqrt(0.95 * 0.05 / simulations)
    assert coverage(n_units, rate, icc, simulations) > 0.93 - noise


def f1_of_units(
    rng: np.random.Generator, n_units: int, *, rows_per_class: int, accuracy: float, icc: float
) -> np.ndarray:
    """Confusion matrices [U, 36] of units that speak each of six classes equally often."""
    own = rng.beta(accuracy * (1 / icc - 1), (1 - accuracy) * (1 / icc - 1), size=(n_units, 1))
    truth = np.tile(np.repeat(np.arange(6), rows_per_class), (n_units, 1))
    right = rng.random(truth.shape) < own
    answer = np.where(right, truth, (truth + rng.integers(1, 6, truth.shape)) % 6)
    cell = np.arange(n_units)[:, None] * 36 + truth * 6 + answer
    return np.bincount(cell.ravel(), minlength=n_units * 36).reshape(n_units, 36).astype(float)


def covered_and_narrow(n_units: int, rows_per_class: int, accuracy: float, icc: float, n: int) -> tuple[float, float]:
    """Return how often intervals of macro F1 per unit hold the truth: all of n, and the narrowest tenth."""
    rng = np.random.default_rng([n_units, rows_per_class])
    chosen = {"rows_per_class": rows_per_class, "accuracy": accuracy, "icc": icc}
    statistic = next(s for s in performance(6) if s.name == "macro_f1")
    many = class_sums(f1_of_units(rng, 20_000, **chosen), 6)
    truth = statistic.value(many, many).mean()
    groups = np.repeat(np.arange(n), n_units)
    sums = class_sums(f1_of_units(rng, n * n_units, **chosen), 6)
    evidence = evidence_of(sums, groups)
    evidence.grouped.n_rows[:] = 6 * rows_per_class
    mean = ratio_statistic("macro_f1_per_unit", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="test")
    measured = measure(evidence.per_unit([statistic]), replace(mean, counts_rows=False))
    found = [measured.interval(g, 0.95) for g in range(n)]
    ends = np.array([(i.low, i.high) for i in found if isinstance(i, Interval)])
    assert len(ends) == n
    held, width = (ends[:, 0] <= truth) & (truth <= ends[:, 1]), ends[:, 1] - ends[:, 0]
    return float(held.mean()), float(held[width <= np.quantile(width, 0.1)].mean())


@pytest.mark.parametrize("n_units", [2, 3, 5])
@pytest.mark.parametrize(("rows_per_class", "accuracy", "icc"), [(1, 0.17, 0.1), (4, 0.5, 0.1), (12, 0.8, 0.01)])
def test_few_units_that_agree_by_luck_are_not_taken_to_be_sure(
    n_units: int, rows_per_class: int, accuracy: float, icc: float
) -> None:
    n = 600
    held, narrow = covered_and_narrow(n_units, rows_per_class, accuracy, icc, n)
    assert held >= 0.95 - 3 * (0.05 * 0.95 / n) ** 0.5
    if n_units < 5:
        assert narrow >= 0.85, "without the error of rows it is 0.4 to 0.7 for 24 rows a unit and more"


def test_few_units_are_as_uncertain_as_their_rows_at_least() -> None:
    """Twelve clips of two actors, as many right in each, but for one: nothing is known of actors from two."""
    plain = measure(rates([30, 31], [60, 60]), RATE)
    assert plain.standard_error[0] == pytest.approx((61 / 120 * 59 / 120 / 120) ** 0.5)
    apart = measure(rates([10, 50], [60, 60]), RATE)
    assert apart.standard_error[0] == pytest.approx(1 / 3), "the spread of units where it is the larger"
    five = measure(rates([30, 31, 30, 31, 30], [60] * 5), RATE)
    assert five.standard_error[0] < (0.25 / 300) ** 0.5
    alike = measure(rates([30, 30], [60, 60]), RATE)
    assert alike.standard_error[0] == 0
    interval = alike.interval(0, 0.95)
    assert isinstance(interval, Interval)
    assert interval.method == "Clopper-Pearson over units"


def test_rows_as_units_give_what_one_row_a_unit_gives() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 9, 300)
    rows = np.eye(9)[codes]
    group = np.arange(300) % 2
    many = evidence_of(class_sums(rows, 3), group)
    many = Evidence(
        grouped=GroupedSums(
            sums=many.grouped.sums,
            n_rows=np.ones(300, dtype=np.int64),
            unit=many.grouped.unit,
            group=group,
            n_units=300,
            groups=many.grouped.groups,
        ),
        options=OPTIONS,
        resampler=many.resampler,
        seed=0,
    )
    patterns, multiplicity = np.unique(codes * 2 + group, return_counts=True)
    few = Evidence(
        grouped=GroupedSums(
            sums=class_sums(np.eye(9)[patterns // 2], 3),
            n_rows=multiplicity,
            unit=np.arange(len(patterns)),
            group=patterns % 2,
            n_units=300,
            groups=many.grouped.groups,
            multiplicity=multiplicity,
        ),
        options=OPTIONS,
        resampler=many.resampler,
        seed=0,
    )
    for statistic in performance(3):
        a, b = measure(many, statistic), measure(few, statistic)
        assert a.value == pytest.approx(b.value)
        assert a.standard_error == pytest.approx(b.standard_error)
        assert a.n_units.tolist() == b.n_units.tolist()
        for g in range(2):
            first, second = a.interval(g, 0.95), b.interval(g, 0.95)
            assert isinstance(first, Interval)
            assert isinstance(second, Interval)
            assert (first.low, first.high) == pytest.approx((second.low, second.high), abs=0.03)
