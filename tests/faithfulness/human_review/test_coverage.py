"""Do the intervals over units hold what they promise: of scores, agreement, and an automatic score beside people?"""

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
from faithfulness.human_review.matching import Scores
from faithfulness.human_review.measures import ALPHA, COMPARED, FURTHER, N_SUMS, SCORES, review_sums

OPTIONS = Statistics(n_resamples=999)
N_TABLES = 150
CHOSEN = (*SCORES, ALPHA, *COMPARED, *FURTHER[:2])
SEVERITY = np.array([-0.4, 0.0, 0.4])


def unit_sums(n_units: int, rng: np.random.Generator) -> tuple[FloatArray, np.ndarray]:
    """Return sums by unit [U, S] and their cards: 1 to 4, read by the same three people, who differ."""
    cards = rng.integers(1, 5, n_units)
    unit = np.repeat(np.arange(n_units), cards)
    thought = 2.6 + rng.normal(0, 0.4, n_units)[unit] + rng.normal(0, 0.6, len(unit))
    said = np.clip(np.rint(thought[:, None] + SEVERITY + rng.normal(0, 0.5, (len(unit), 3))), 1, 4).astype(int)
    control = np.clip(np.rint(1.5 + SEVERITY + rng.normal(0, 0.5, (len(unit), 3))), 1, 4).astype(int)
    automatic = np.rint(2 * (thought + rng.normal(0, 0.8, len(unit))))
    scores = [
        Scores(row=i, own=dict(zip("abc", own, strict=True)), shuffled=dict(zip("abc", other, strict=True)))
        for i, (own, other) in enumerate(zip(said.tolist(), control.tolist(), strict=True))
    ]
    sums = np.zeros((n_units, N_SUMS))
    np.add.at(sums, unit, review_sums(scores, automatic.tolist()))
    return sums, cards


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [15, 40, 120])
def test_intervals_cover(n_units: int) -> None:
    whole, _ = unit_sums(12_000, np.random.default_rng(99))
    expected = whole.sum(axis=0, keepdims=True)
    truth = {s.name: float(s.value(expected, expected)[0]) for s in CHOSEN}
    held = dict.fromkeys(truth, 0)
    rng = np.random.default_rng(n_units)
    for table in range(N_TABLES):
        sums, cards = unit_sums(n_units, rng)
        grouped = GroupedSums(
            sums=sums,
            n_rows=cards,
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
    least = 0.93 - 2 * np.sqrt(0.95 * 0.05 / N_TABLES)
    assert {name: count / N_TABLES for name, count in held.items() if count / N_TABLES < least} == {}
