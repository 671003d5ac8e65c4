"""Do linearised intervals cover, at three sites of thirty patients? And the gap's, over all pairs at once?"""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.plan import Statistics
from federated.pooled.counts_plan import Block
from federated.pooled.estimates import pooled
from federated.pooled.gap_components import GapSetting
from federated.pooled.gaps import measured_gap
from federated.pooled.measures import measures
from federated.pooled.sums import BlockSums, block_sums

LABELS = ("anger", "joy", "sadness")
GROUPS = ("Irish", "Scottish", "Welsh")
SITE_SHIFT = (-0.05, 0.0, 0.05)
BLOCK = Block(
    condition="TAV",
    features=("accent",),
    groups=tuple({"accent": group} for group in GROUPS),
    joint=False,
    n_labels=3,
)
STATISTICS = Statistics()


def patients(
    rng: np.random.Generator, *, n: int, rate: float, correlation: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return class sums and groups of 3 sites of n patients: beta-distributed skill, 1 to `most` turns each."""
    spread = (1 - correlation) / correlation
    sums, groups = [], []
    for shift in SITE_SHIFT:
        for patient in range(n):
            mean = rate + shift
            skill = rng.beta(mean * spread, (1 - mean) * spread)
            turns = int(rng.integers(1, most + 1))
            truth = rng.integers(0, 3, turns)
            called = np.where(rng.random(turns) < skill, truth, (truth + rng.integers(1, 3, turns)) % 3)
            matrix = np.zeros((3, 3), dtype=np.int64)
            np.add.at(matrix, (truth, called), 1)
            sums.append([*np.diag(matrix), *matrix.sum(1), *matrix.sum(0)])
            groups.append(patient % 3)
    return np.array(sums, dtype=np.int64), np.array(groups)


def counted(sums: np.ndarray, groups: np.ndarray) -> BlockSums:
    """Return the sums over all sites: each site's own add up to just these."""
    n = len(sums)
    return block_sums(BLOCK, sums, np.arange(n), groups, sums[:, 3:6].sum(axis=1))


def coverages(*, rate: float, correlation: float, most: int = 20, times: int = 1500) -> dict[str, float]:
    """Return the shares of intervals that hold the true value, by metric, and of gaps' at once."""
    rng = np.random.default_rng([int(100 * rate), int(100 * correlation), most])
    hits = dict.fromkeys(["accuracy", "unweighted_average_recall", "macro_f1", "gap"], 0)
    for _ in range(times):
        block = counted(*patients(rng, n=30, rate=rate, correlation=correlation, most=most))
        for measure in measures(LABELS):  # with symmetric errors and equal labels all three are the rate
            interval = pooled(measure, block).interval(0, 0.95)
            assert not isinstance(interval, str)
            hits[measure.name] += interval.low <= rate <= interval.high
        gap = measured_gap(
            "accuracy_difference", [measures(LABELS)[0]], GapSetting(block=block, statistics=STATISTICS, seed=0)
        )
        held = gap.interval(0.95)
        assert not isinstance(held, str)
        hits["gap"] += held.low == 0  # every group has the same rate
    return {name: count / times for name, count in hits.items()}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.6, 0.85])
@pytest.mark.parametrize("correlation", [0.05, 0.3])
def test_intervals_cover_at_three_sites_of_thirty_patients(rate: float, correlation: float) -> None:
    """Thirty patients of a group, over all sites; macro F1 is biased by a little in small samples."""
    found = coverages(rate=rate, correlation=correlation)
    assert 0.935 < found["accuracy"] < 0.975, found
    assert found["unweighted_average_recall"] > 0.93, found
    assert found["macro_f1"] > 0.925, found
    assert found["gap"] > 0.94, found


def test_a_short_form_of_the_simulation_covers() -> None:
    found = coverages(rate=0.7, correlation=0.15, times=150)
    assert min(found.values()) > 0.9, found
