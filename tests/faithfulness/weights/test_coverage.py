"""Do the intervals of concordance hold what they promise, with speakers who differ and talk unequally much?"""

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
from faithfulness.weights.agreement import AgreementLayout

LAYOUT = AgreementLayout(n_modalities=3, n_labels=3)
OPTIONS = Statistics(n_resamples=999)
N_TABLES = 200


def unit_sums(n_units: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return sums by unit and their clips: 1 to 60 clips, each speaker's weights telling the truth as often as not."""
    clips = np.exp(rng.uniform(0, np.log(60), n_units)).astype(np.int64)
    unit = np.repeat(np.arange(n_units), clips)
    n = len(unit)
    leading, named = rng.integers(3, size=n), rng.integers(3, size=n)
    named = np.where(rng.random(n) < rng.beta(2.0, 2.0, n_units)[unit], leading, named)
    shares = rng.dirichlet((2, 2, 2), n) * 0.6
    shares[np.arange(n), named] += 0.4
    effects = rng.random((n, 3)) < np.where(np.arange(3) == leading[:, None], 0.6, 0.15)
    rows = LAYOUT.sums(shares, effects, rng.integers(3, size=n), np.zeros((n, 2), dtype=np.bool_))
    sums = np.zeros((n_units, rows.shape[1]))
    np.add.at(sums, unit, rows)
    return sums, clips


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [10, 25, 80])
def test_intervals_cover(n_units: int) -> None:
    whole, _ = unit_sums(20_000, np.random.default_rng(99))
    statistics = [LAYOUT.concordance(), LAYOUT.shuffled(), LAYOUT.excess()]
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
