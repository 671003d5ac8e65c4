"""Do the intervals of plausibility hold what they promise, with speakers who differ and talk unequally much?"""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.confusion import FloatArray
from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums
from faithfulness.plausibility.rationales import COLUMNS, FURTHER, MAIN

OPTIONS = Statistics(n_resamples=999)
N_TABLES = 200
CHOSEN = tuple(s for s in (*MAIN, *FURTHER) if s.name not in {"misquotation_rate", "evidence_iou_f1"})


def unit_sums(n_units: int, rng: np.random.Generator) -> tuple[FloatArray, np.ndarray]:
    """Return sums by unit [U, S] and their turns: 1 to 30, each unit's rationales as good as its reasoner allows."""
    turns = np.exp(rng.uniform(0, np.log(30), n_units)).astype(np.int64)
    unit = np.repeat(np.arange(n_units), turns)
    good = rng.random(len(unit)) < rng.beta(3.0, 2.0, n_units)[unit]
    points = good | (rng.random(len(unit)) < 0.8)
    f1 = np.where(good, rng.uniform(0.4, 1.0, len(unit)), np.where(points, rng.uniform(0, 0.3, len(unit)), 0.0))
    each = dict.fromkeys(COLUMNS, np.ones(len(unit)))
    each |= {"f1": f1, "f1_dealt": f1, "points": points, "precision": f1 * points, "recall": f1}
    each |= {name: rng.uniform(0, 0.5, len(unit)) for name in ("random", "shuffled", "template", "first_sentence")}
    each |= {"beyond": f1 - each["random"], "room": 1 - each["random"]}
    sums = np.stack([np.bincount(unit, weights=each[name], minlength=n_units) for name in COLUMNS], axis=1)
    return sums, turns


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [10, 25, 80])
def test_intervals_cover(n_units: int) -> None:
    whole, _ = unit_sums(200_000, np.random.default_rng(99))
    expected = whole.sum(axis=0, keepdims=True)
    truth = {s.name: float(s.value(expected, expected)[0]) for s in CHOSEN}
    held = dict.fromkeys(truth, 0)
    rng = np.random.default_rng(n_units)
    for table in range(N_TABLES):
        sums, turns = unit_sums(n_units, rng)
        grouped = GroupedSums(
            sums=sums,
            n_rows=turns,
            unit=np.arange(n_units),
            group=np.zeros(n_units, dtype=np.int64),
            n_units=n_units,
            groups=({},),
        )
        resampler = UnitResampler(n_units=n_units, n_resamples=OPTIONS.n_resamples, seed=table)
        evidence = Evidence(grouped=grouped, options=OPTIONS, resampler=resampler, seed=table)
        for statistic in CHOSEN:
            interval = measure(evidence, statistic).interval(0, 0.95)
            assert isinstance(interval, Interval), f"{statistic.name}: {interval}"
            held[statistic.name] += interval.low <= truth[statistic.name] <= interval.high
    # 95 % less a tolerance of 2 points for the method, less two Monte Carlo errors.
    least = 0.93 - 2 * np.sqrt(0.95 * 0.05 / N_TABLES)
    assert {name: count / N_TABLES for name, count in held.items() if count / N_TABLES < least} == {}
