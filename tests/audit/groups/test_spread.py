"""The spread between groups: unbiased where groups are equal, found where they are not."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from affidavit.confusion import accuracy, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, measure_gap
from affidavit.grouped_sums import GroupedSums
from affidavit.plan import Statistics
from affidavit.records import Finding
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.testing import case_of, predictions_frame
from audit.groups.spread import BELOW_NOISE, EXAMINATION, spread

FAST = Statistics(n_resamples=1000, n_permutations=199)


def table(rng: np.random.Generator, rates: list[float], n_units: int, per_unit: int) -> pd.DataFrame:
    unit = np.repeat(np.arange(n_units * len(rates)), per_unit)
    group = unit % len(rates)
    right = rng.random(len(unit)) < np.array(rates)[group]
    truth = rng.integers(0, 2, len(unit))
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(unit))],
            "speaker_id": [f"s{u}" for u in unit],
            "accent": [f"a{g}" for g in group],
            "y_true": np.array(["joy", "anger"])[truth],
            "y_pred": np.array(["joy", "anger"])[np.where(right, truth, 1 - truth)],
        }
    )


def spread_of(frame: pd.DataFrame, statistics: Statistics = FAST) -> Finding:
    claims = EXAMINATION.examine(case_of(frame, ("accent",), statistics=statistics)).claims
    return next(claim.finding for claim in claims if claim.finding.metric == "accuracy_spread")


RIGHT = ratio_statistic("right", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="")


def grouped_evidence(
    rng: np.random.Generator, rates: NDArray[np.float64], n_units: int, *, icc: float, unlike: bool = False
) -> Evidence:
    """Right answers and rows of each unit; unlike units have 1 to 200 rows."""
    group = np.repeat(np.arange(len(rates)), n_units)
    clips = np.floor(2 ** rng.uniform(0, np.log2(201), len(group))) if unlike else rng.integers(15, 26, len(group))
    own = rng.beta(rates[group] * (1 - icc) / icc, (1 - rates[group]) * (1 - icc) / icc)
    sums = np.stack([rng.binomial(clips.astype(int), own), clips], axis=1).astype(float)
    grouped = GroupedSums(
        sums=sums,
        n_rows=clips.astype(np.int64),
        unit=np.arange(len(group)),
        group=group,
        n_units=len(group),
        groups=tuple({"accent": f"a{g}"} for g in range(len(rates))),
    )
    resampler = UnitResampler(n_units=len(group), n_resamples=1000, seed=int(rng.integers(2**31)))
    return Evidence(grouped=grouped, options=FAST, resampler=resampler, seed=0)


@pytest.mark.slow  # three seconds for each of four designs
@pytest.mark.parametrize(
    ("rates", "n_units", "icc", "unlike"),
    [
        ([0.9, 0.8], 50, 0.3, False),
        ([0.65, 0.55], 50, 0.1, True),
        ([0.65, 0.65], 8, 0.3, True),
        ([0.95, 0.95, 0.85], 30, 0.3, False),
    ],
)
def test_intervals_cover_where_the_bootstrap_did_not(
    rates: list[float], n_units: int, icc: float, unlike: bool
) -> None:
    """The double correction covered 0.92 to 0.93 of these."""
    rng, n, covered = np.random.default_rng(4), 1000, 0
    true = np.std(rates, ddof=1)
    for _ in range(n):
        evidence = grouped_evidence(rng, np.array(rates), n_units, icc=icc, unlike=unlike)
        interval = spread("accuracy_spread", evidence, RIGHT).interval_at(0.95)
        assert not isinstance(interval, str)
        covered += interval.low <= true + 1e-12 and true <= interval.high
    assert covered / n >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / n)


def test_equals_a_slow_twin() -> None:
    frame = table(np.random.default_rng(0), [0.5, 0.7, 0.9], 30, 6)
    means, errors = [], []
    for _, rows in frame.groupby("accent"):
        right = (rows["y_true"] == rows["y_pred"]).groupby(rows["speaker_id"]).agg(["sum", "count"]).to_numpy()
        left_out = [(right[:, 0].sum() - s) / (right[:, 1].sum() - n) for s, n in right]
        means.append(right[:, 0].sum() / right[:, 1].sum())
        m = len(left_out)
        errors.append((m - 1) / m * sum((x - np.mean(left_out)) ** 2 for x in left_out))
    wanted = np.sqrt(max(np.var(means, ddof=1) - np.mean(errors), 0))
    assert spread_of(frame).estimate.value == pytest.approx(wanted, abs=1e-10)


def test_the_naive_spread_of_equal_groups_is_not_reported() -> None:
    rng = np.random.default_rng(1)
    found = [spread_of(table(rng, [0.6] * 12, 20, 3)) for _ in range(20)]
    naive = np.sqrt(0.24 / 60)
    values = [finding.estimate.value for finding in found]
    assert np.mean([value**2 for value in values if value is not None]) < 0.5 * naive**2
    assert any(BELOW_NOISE in finding.caveats for finding in found)
    assert all(finding.estimate.interval is not None and finding.estimate.interval.low == 0 for finding in found)


@pytest.mark.parametrize(("rates", "n_units"), [([0.5, 0.7, 0.9], 8), ([0.97, 0.97, 0.9], 24)])
def test_few_units_take_the_box_and_never_the_bootstrap(rates: list[float], n_units: int) -> None:
    """Few are also 24 units that are nearly always right: those that are not have hardly been met."""
    rng = np.random.default_rng(2)
    evidence = grouped_evidence(rng, np.array(rates), n_units, icc=0.4)
    interval = spread("accuracy_spread", evidence, RIGHT).interval_at(0.95)
    assert not isinstance(interval, str)
    assert interval.method == "box of simultaneous intervals over units"


def test_of_two_groups_it_is_their_gap_over_the_root_of_two() -> None:
    frame = table(np.random.default_rng(2), [0.5, 0.9], 30, 20)
    interval = spread_of(frame).estimate.interval
    case = case_of(frame, ("accent",), statistics=FAST)
    gap = measure_gap(
        case.book.evidence("run", "as-supplied", ("accent",)),
        [accuracy(2)],
        GapKind(name="accuracy_difference", scale="difference"),
    ).interval(0.95)
    assert interval is not None
    assert not isinstance(gap, str)
    assert (interval.low, interval.high) == pytest.approx((gap.low / np.sqrt(2), gap.high / np.sqrt(2)))


def test_one_group_has_no_spread() -> None:
    finding = spread_of(predictions_frame(conditions=("TAV",)).assign(accent="Irish"))
    assert finding.estimate.value is None
    assert finding.verdict == "inconclusive"


@pytest.mark.slow  # 300 tables for each of four designs
@pytest.mark.parametrize("n_units", [8, 30])
@pytest.mark.parametrize("rates", [[0.6] * 6, [0.45, 0.55, 0.6, 0.65, 0.75, 0.8]])
def test_intervals_cover(n_units: int, rates: list[float]) -> None:
    rng = np.random.default_rng(3)
    true = np.std(rates, ddof=1)
    covered = 0
    for _ in range(300):
        interval = spread_of(table(rng, rates, n_units, 5)).estimate.interval
        assert interval is not None
        covered += interval.low <= true + 1e-12 and true <= interval.high
    assert covered / 300 >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / 300)
