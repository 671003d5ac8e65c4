"""Gaps between groups: the interval covers however small and extreme the groups are, over all pairs together."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.records import Interval
from privacy.canaries.gap import gap_interval


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [
        ((40,) * 6, (0.6,) * 6),
        ((15, 15, 15), (0.5, 0.5, 0.9)),
        ((10, 200), (1.0, 0.5)),
        ((30, 30), (0.02, 0.98)),
    ],
)
def test_the_interval_of_a_gap_covers(sizes: tuple[int, ...], shares: tuple[float, ...]) -> None:
    rng, n_runs, covered, truth = np.random.default_rng(0), 200, 0, max(shares) - min(shares)
    for _ in range(n_runs):
        parts = [(rng.random(n) < share).astype(np.float64) for n, share in zip(sizes, shares, strict=True)]
        found = gap_interval(parts, n_rules=1, level=0.95)
        assert isinstance(found, Interval)
        covered += found.low - 1e-12 <= truth <= found.high + 1e-12
    assert covered / n_runs >= 0.95 - 3 * (0.05 * 0.95 / n_runs) ** 0.5


def test_one_group_alone_has_no_gap() -> None:
    assert isinstance(gap_interval([np.ones(20)], n_rules=1, level=0.95), str)
