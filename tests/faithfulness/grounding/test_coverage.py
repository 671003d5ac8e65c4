"""Do the intervals of cue grounding hold what they promise, with speakers who differ and talk unequally much?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.measured_cues import ASPECTS
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums
from faithfulness.grounding.measures import main_statistics
from faithfulness.grounding.sums import PARTS, WIDTH

OPTIONS = Statistics(n_resamples=999)
N_TABLES = 300


def unit_sums(n_units: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return sums by unit [R, S] and their clips: 1 to 40 clips, each speaker with a truth of their own.

    A rationale states 0 to 5 cues of the face; every number of it and of its controls is drawn.
    """
    clips = np.exp(rng.uniform(0, np.log(40), n_units)).astype(np.int64)
    unit = np.repeat(np.arange(n_units), clips)
    n = len(unit)
    truth, talk = rng.beta(4.0, 2.0, n_units)[unit], rng.uniform(0.3, 0.9, n_units)[unit]
    stated = rng.binomial(5, talk)
    unknown = rng.binomial(stated, 0.1)
    checked = stated - unknown
    supported = rng.binomial(checked, truth)
    salient = rng.binomial(6, 0.4, n)
    by_part = {
        "checked": checked,
        "supported": supported,
        "contradicted": rng.binomial(checked - supported, 0.3),
        "unknown": unknown,
        "salient": salient,
        "recalled": rng.binomial(salient, 0.5 * talk),
        "checked_shuffled": rng.binomial(5, 0.6, n),
        "salient_shuffled": salient,
        "recalled_shuffled": rng.binomial(salient, 0.25),
        "checked_random": checked,
        "supported_random": checked * 0.3,
        "checked_template": np.full(n, 13),
        "supported_template": salient,
    }
    by_part["supported_shuffled"] = rng.binomial(by_part["checked_shuffled"], 0.4)
    sums = np.zeros((n_units, WIDTH))
    sums[:, 0] = clips
    for part, values in by_part.items():
        place = 1 + ASPECTS.index("face") * len(PARTS) + PARTS.index(part)
        sums[:, place] = np.bincount(unit, weights=values, minlength=n_units)
    return sums, clips


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [10, 25, 80])
def test_intervals_cover(n_units: int) -> None:
    whole, _ = unit_sums(200_000, np.random.default_rng(99))
    statistics = [s for s in main_statistics() if s.name != "unsupported_cue_rate_random"]  # drawn without any spread
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
