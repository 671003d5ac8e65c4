"""Do the intervals of citation numbers hold what they promise, with speakers who differ and talk unequally much?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums
from faithfulness.citation.measures import MEASURES, means
from faithfulness.citation.statistics import Layout

LAYOUT = Layout(n_modalities=3, n_labels=3)
OPTIONS = Statistics(n_resamples=999)
N_TABLES = 300


def unit_sums(n_units: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return sums by unit [R, S] and their clips: 1 to 60 clips, each speaker with an honesty of their own."""
    clips = np.exp(rng.uniform(0, np.log(60), n_units)).astype(np.int64)
    unit = np.repeat(np.arange(n_units), clips)
    honest = rng.beta(3.0, 2.0, n_units)[unit]
    n = len(unit)
    leading, blamed, label = rng.integers(3, size=n), rng.integers(3, size=n), rng.integers(3, size=n)
    named = np.where(rng.random(n) < honest, leading, blamed)
    sums = np.zeros((n_units, 3 * LAYOUT.width + 2))
    for m in range(3):
        cited = named == m
        mattered = rng.random(n) < np.where(leading == m, 0.6, 0.1)
        for k in range(3):
            counts = (np.ones(n, dtype=bool), cited, mattered, cited & mattered)
            for i, each in enumerate(counts):
                place = m * LAYOUT.width + i * 3 + k
                sums[:, place] += np.bincount(unit, weights=each & (label == k), minlength=n_units)
    return sums, clips


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [10, 25, 80])
def test_intervals_cover(n_units: int) -> None:
    whole, _ = unit_sums(200_000, np.random.default_rng(99))
    statistics = means(LAYOUT, MEASURES)
    expected = whole.sum(axis=0, keepdims=True)
    truth = {s.name: float(s.value(expected, expected)[0]) for s in statistics}
    held = dict.fromkeys(truth, 0)
    rng = np.random.default_rng(n_units)
    for table in range(N_TABLES):
        sums, clips = unit_sums(n_units, rng)
        grouped = GroupedSums(
            sums=sums,
            n_rows=clips,
            unit=np.arange(n_units),
            group=np.zeros(n_units, dtype=np.int64),
            n_units=n_units,
            groups=({},),
        )
        resampler = UnitResampler(n_units=n_units, n_resamples=OPTIONS.n_resamples, seed=table)
        evidence = Evidence(grouped=grouped, options=OPTIONS, resampler=resampler, seed=table)
        for statistic in statistics:
            interval = measure(evidence, statistic).interval(0, 0.95)
            assert isinstance(interval, Interval), f"{statistic.name}: {interval}"
            held[statistic.name] += interval.low <= truth[statistic.name] <= interval.high
    # 95 % less a tolerance of 2 points for the method, less two Monte Carlo errors.
    least = 0.93 - 2 * np.sqrt(0.95 * 0.05 / N_TABLES)
    assert {name: count / N_TABLES for name, count in held.items() if count / N_TABLES < least} == {}
