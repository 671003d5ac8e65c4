"""The test of a probe keeps its level, whoever has more utterances, and intervals over units cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.records import Interval
from affidavit.testing import case_of
from privacy.probes.attribute import Told, linear_told
from privacy.probes.claims import Place, _rate_bounds, accuracy, told_apart
from privacy.probes.panel import Dealing, Panel, panel_of
from privacy.probes.speaker import Lineup, closed_set, lineup_of, open_set
from tests.privacy.probes.conftest import roster_of, vectors

pytestmark = pytest.mark.slow


def place(n_units: int) -> Place:
    frame = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(2 * n_units)],
            "speaker_id": [f"s{i % n_units:04d}" for i in range(2 * n_units)],
            "y_pred": "a",
        }
    )
    return Place(
        case=case_of(frame, by=()), run="run", condition="as-supplied", source="audio", attribute="g", caveats=()
    )


def probed(counts: np.ndarray, seed: int, shift: float) -> tuple[Panel, Told]:
    groups = np.arange(len(counts)) % 2
    roster = roster_of(counts, groups)
    rows = vectors(counts, groups, np.random.default_rng(seed), shift=shift)
    dealing = Dealing(least=5, folds=5, permutations=99, most_rows=8, seed=seed)
    panel = panel_of(roster, np.arange(len(roster)), "g", ("a", "b"), dealing)
    assert isinstance(panel, Panel)
    return panel, linear_told(rows[panel.place], panel)[0]


def covered(found: list[tuple[float, Any]]) -> float:
    """Share of intervals that hold the mean over all repetitions."""
    mean = np.mean([value for value, _ in found])
    intervals = [bounds(0.95) for _, bounds in found]
    assert all(isinstance(one, Interval) for one in intervals)
    return float(np.mean([one.low <= mean <= one.high for one in intervals]))


@pytest.mark.parametrize("unlike", [False, True])
def test_the_test_keeps_its_level(unlike: bool) -> None:
    """Alarms at 0.05 of 300: 5 % and at most 9 % (99 % binomial quantile 8.3 %), with three and twelve utterances."""
    alarms = 0
    for seed in range(300):
        counts = np.where(np.arange(30) % 2, 3, 12) if unlike else np.full(30, 6)
        panel, told = probed(counts, seed, 0.0)
        value = np.mean([(told.guessed[panel.group[panel.member] == g] == g).mean() for g in (0, 1)])
        alarms += (1 + (told.chance >= value - 1e-12).sum()) / 100 <= 0.05
    assert alarms <= 27


@pytest.mark.parametrize("shift", [0.0, 1.5, 3.0])
def test_intervals_of_the_balanced_accuracy_cover(shift: float) -> None:
    where = place(30)
    found = [accuracy(where, *probed(np.full(30, 6), seed, shift)) for seed in range(150)]
    assert covered(found) >= 0.92


@pytest.mark.parametrize("own", [0.5, 1.2])
def test_intervals_of_identification_and_of_equal_error_rates_cover(own: float) -> None:
    told, errors = [], []
    for seed in range(100):
        counts, groups = np.full(20, 6), np.zeros(20, dtype=np.int64)
        roster = roster_of(counts, groups)
        rows = vectors(counts, groups, np.random.default_rng(seed), shift=0.0, own=own)
        lineup = lineup_of(roster, np.arange(120), size=6, folds=5, least=5, seed=seed)
        assert isinstance(lineup, Lineup)
        told.append(told_apart(closed_set(rows[lineup.place], lineup), lineup))
        trials = open_set(rows[lineup.place], lineup)
        rate = trials.equal_error_rate()
        errors.append((rate, _rate_bounds(rate, [trials.equal_error_rate(without=unit) for unit in range(20)])))
    assert covered(told) >= 0.92
    assert covered(errors) >= 0.92
