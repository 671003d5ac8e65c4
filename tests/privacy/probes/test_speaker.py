"""Equal error rates equal their slow twin; sessions are kept apart; leaving a unit out leaves all of it out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affidavit.records import Interval
from privacy.probes.claims import _rate_bounds
from privacy.probes.speaker import SAME_SESSION, Lineup, closed_set, crossing, lineup_of, open_set
from tests.privacy.probes.conftest import roster_of, vectors


def made(
    n_units: int = 12, *, own: float = 1.0, sessions: int | None = None, seed: int = 0
) -> tuple[np.ndarray, Lineup]:
    counts, groups = np.full(n_units, 6), np.zeros(n_units, dtype=np.int64)
    roster = roster_of(counts, groups, sessions=sessions)
    rows = vectors(counts, groups, np.random.default_rng(seed), shift=0.0, own=own, width=8)
    lineup = lineup_of(roster, np.arange(len(roster)), size=6, folds=4, least=5, seed=seed)
    assert isinstance(lineup, Lineup)
    return rows[lineup.place], lineup


def slow_crossing(same: list[float], different: list[float]) -> float:
    """The threshold at which misses and false alarms are nearest, over all scores."""
    best = min(
        (abs(np.mean([s < t for s in same]) - np.mean([d >= t for d in different])), t)
        for t in [*same, *different, np.inf]
    )[1]
    return float((np.mean([s < best for s in same]) + np.mean([d >= best for d in different])) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_crossing_is_that_of_all_thresholds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    same, different = rng.normal(0.5, 0.2, 80), rng.normal(0.2, 0.2, 300)
    edges = np.linspace(-1, 2, 4001)
    found = crossing(np.histogram(same, edges)[0].astype(float), np.histogram(different, edges)[0].astype(float))
    assert found == pytest.approx(slow_crossing(list(same), list(different)), abs=0.01)


@pytest.mark.parametrize(
    ("same", "different", "rate"), [([0, 0, 4], [4, 0, 0], 0.0), ([2, 2], [2, 2], 0.5), ([4, 0], [0, 4], 1.0)]
)
def test_crossings_that_are_known(same: list[int], different: list[int], rate: float) -> None:
    assert crossing(np.array(same, float), np.array(different, float)) == pytest.approx(rate)


def test_without_pairs_there_is_no_rate() -> None:
    assert np.isnan(crossing(np.zeros(3), np.ones(3)))


def test_pairs_are_counted_once_and_within_folds() -> None:
    rows, lineup = made()
    trials = open_set(rows, lineup)
    assert trials.same.sum() == 12 * 15
    assert trials.different.sum() / 2 == 4 * 3 * 36  # four folds of three units: three pairs of units each


def test_pairs_of_one_session_are_no_trials() -> None:
    rows, lineup = made(sessions=3)
    assert lineup.across_sessions
    assert open_set(rows, lineup).same.sum() == 12 * (15 - 3)


def test_leaving_a_unit_out_leaves_all_its_pairs_out() -> None:
    rows, lineup = made()
    trials = open_set(rows, lineup)
    keep = np.arange(12) != 3
    same = trials.same[keep].sum(axis=0)
    with_it = trials.different[3]
    different = trials.different.sum(axis=0) / 2 - with_it
    assert trials.equal_error_rate(without=3) == crossing(same, different)


def test_sessions_stay_whole_in_the_closed_set() -> None:
    _, lineup = made(sessions=2)
    for session in np.unique(lineup.session):
        assert len(set(lineup.fold[lineup.session == session])) == 1
    for unit in range(12):
        assert len(set(lineup.fold[lineup.member == unit])) == 2


def test_without_dialogues_it_says_that_sessions_may_tell() -> None:
    assert SAME_SESSION in made()[1].caveats


def test_units_with_a_voice_of_their_own_are_told_and_others_are_not() -> None:
    rows, lineup = made(24, own=3.0)
    assert closed_set(rows, lineup).accuracy() > 0.95
    assert open_set(rows, lineup).equal_error_rate() < 0.05
    rows, lineup = made(own=0.0)
    assert closed_set(rows, lineup).accuracy() < 0.25
    assert open_set(rows, lineup).equal_error_rate() == pytest.approx(0.5, abs=0.08)


def test_who_is_left_out_is_neither_asked_nor_told() -> None:
    rows, lineup = made(own=0.5)
    found = closed_set(rows, lineup)
    others = lineup.member != 4
    told = [s if f == 4 else f for f, s in zip(found.first, found.second, strict=True)]
    assert found.accuracy(without=4) == pytest.approx(np.mean(np.array(told)[others] == lineup.member[others]))


def drawn_from(dialogues: list[str], units: list[int], *, folds: int = 4, size: int = 6) -> Lineup:
    roster = roster_of(np.ones(len(units), dtype=np.int64), np.zeros(len(units), dtype=np.int64))
    roster = replace(roster, unit=np.array(units), dialogues=tuple(dialogues))
    lineup = lineup_of(roster, np.arange(len(units)), size=size, folds=folds, least=5, seed=0)
    assert isinstance(lineup, Lineup)
    return lineup


def test_one_unit_of_one_dialogue_is_left_out_and_does_not_undo_the_parting() -> None:
    units = [u for u in range(13) for _ in range(6)]
    lineup = drawn_from([f"{u}-{i % 2 if u else 0}" for i, u in enumerate(units)], units)
    assert lineup.across_sessions
    assert 0 not in lineup.unit
    assert any(said.startswith("1 units") for said in lineup.caveats)


@pytest.mark.parametrize("size", [2, 4])
def test_every_unit_is_enrolled_in_another_dialogue_than_it_is_told(size: int) -> None:
    units = [u for u in range(40) for _ in range(10)]
    lineup = drawn_from([f"{u}-{i % 10 == 0}" for i, u in enumerate(units)], units, size=size)
    assert len(lineup.unit) == 40
    assert all(len(set(lineup.fold[lineup.member == unit])) == 2 for unit in range(40))


def test_a_dialogue_of_two_units_is_in_one_fold_and_none_of_its_pairs_is_a_trial() -> None:
    units = [u for u in range(12) for _ in range(6)]
    pairs = [f"{u // 2}-{i % 3}" for i, u in enumerate(units)]
    lineup = drawn_from(pairs, units)
    assert lineup.across_sessions
    for session in np.unique(lineup.session):
        assert len(set(lineup.fold[lineup.session == session])) == 1
    told_together = replace(lineup, unit_fold=np.arange(12) // 4)
    trials = open_set(np.random.default_rng(0).normal(size=(72, 3)), told_together)
    strangers = 3 * 6 * 36 - 6 * 3 * 4  # three folds of six pairs of units, less what six couples say in one room
    assert trials.different.sum() / 2 == strangers


def test_a_rate_that_no_unit_changes_has_no_interval() -> None:
    assert isinstance(_rate_bounds(0.5, [0.5] * 10)(0.95), str)
    assert isinstance(_rate_bounds(1.0, [1.0] * 10)(0.95), Interval)


def test_too_few_units_are_no_lineup() -> None:
    roster = roster_of(np.full(4, 6), np.zeros(4, dtype=np.int64))
    assert "fewer than 8 units" in str(lineup_of(roster, np.arange(24), size=6, folds=4, least=5, seed=0))
