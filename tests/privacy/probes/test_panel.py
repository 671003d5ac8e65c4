"""As many utterances of each unit, units in one fold each, and what is left out is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affidavit.schema import UNKNOWN
from privacy.probes.panel import Dealing, Panel, panel_of
from tests.privacy.probes.conftest import roster_of

DEALING = Dealing(least=3, folds=3, permutations=20, most_rows=8, seed=1)


def made(counts: list[int], groups: list[int], levels: tuple[str, ...] = ("a", "b")) -> Panel:
    roster = roster_of(np.array(counts), np.array(groups))
    panel = panel_of(roster, np.arange(len(roster)), "g", levels, DEALING)
    assert isinstance(panel, Panel)
    return panel


def test_every_unit_has_as_many_rows_whatever_it_brought() -> None:
    panel = made([12, 12, 12, 12, 12, 4, 4, 4, 4, 4], [0] * 5 + [1] * 5)
    assert panel.size == 4
    assert np.bincount(panel.member).tolist() == [4] * 10


def test_units_with_fewer_rows_are_left_out_and_counted() -> None:
    panel = made([6, 6, 6, 6, 6, 1, 6, 6, 6, 6, 6], [0] * 6 + [1] * 5)
    assert panel.size == 6
    assert panel.unit.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert "1 units that have fewer utterances are left out" in panel.caveats


def test_no_more_rows_than_asked_for() -> None:
    assert made([30] * 8, [0, 1] * 4).size == 8


def test_who_is_unknown_or_in_two_groups_is_in_none() -> None:
    roster = roster_of(np.full(10, 3), np.array([0, 1, 0, 1, 0, 1, 0, 1, 2, 0]))
    codes = roster.groups["g"].copy()
    codes[-1] = 1
    panel = panel_of(replace(roster, groups={"g": codes}), np.arange(30), "g", ("a", "b", UNKNOWN), DEALING)
    assert isinstance(panel, Panel)
    assert panel.unit.tolist() == list(range(8))
    assert panel.levels == ("a", "b")
    assert "1 units whose g is unknown are left out" in panel.caveats
    assert "1 units that lie in several groups of g are left out" in panel.caveats


def test_a_group_of_few_units_takes_no_part_and_is_named() -> None:
    panel = made([3] * 8, [0, 1, 0, 1, 0, 1, 2, 0], ("a", "b", "c"))
    assert panel.levels == ("a", "b")
    assert panel.left_out == ("c",)


def test_one_group_alone_is_no_panel() -> None:
    roster = roster_of(np.full(5, 3), np.zeros(5, dtype=np.int64))
    told = panel_of(roster, np.arange(15), "g", ("a", "b"), DEALING)
    assert isinstance(told, str)
    assert "fewer than two groups of g have 3 units" in told


def test_labels_are_dealt_to_units() -> None:
    panel = made([3] * 12, [0] * 8 + [1] * 4)
    assert panel.dealt.shape == (20, 12)
    assert (panel.dealt.sum(axis=1) == 4).all()
    assert len({row.tobytes() for row in panel.dealt}) > 15


@pytest.mark.parametrize("seed", range(3))
def test_a_unit_is_told_in_one_fold(seed: int) -> None:
    panel = made([3] * 12, [0, 1] * 6)
    assert panel.fold.shape == (12,)
    assert set(np.bincount(panel.fold)) == {4}
