"""No group under the floor leaves a site, nor follows from what does."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.disclosure.lattice import group_of, lines
from affidavit.disclosure.rule import DisclosureRule
from federated.pooled.contribution import SiteCounts
from federated.pooled.withholding import withheld_groups
from tests.federated.pooled.conftest import counts_of, hospital, plan_of


def test_a_lone_small_group_takes_another_with_it() -> None:
    units = {(): 60, (("accent", "Irish"),): 25, (("accent", "Scottish"),): 30, (("accent", "Welsh"),): 5}
    gone = withheld_groups(units, DisclosureRule())
    assert (("accent", "Welsh"),) in gone
    assert len(gone) == 2
    assert () not in gone


def test_groups_of_nobody_are_told_and_everybody_small_tells_nothing() -> None:
    units = {(): 60, (("accent", "Irish"),): 60, (("accent", "unlisted"),): 0}
    assert withheld_groups(units, DisclosureRule()) == frozenset()
    assert withheld_groups({(): 7, (("accent", "Irish"),): 7}, DisclosureRule()) == {(), (("accent", "Irish"),)}


def follows(counts: SiteCounts) -> dict[tuple[tuple[str, str], ...], int]:
    """Return what somebody with a pencil finds out: a line with one unknown is solved, until nothing moves."""
    known = {group_of(c.groups): c.n_units for c in counts.cells if c.n_units is not None}
    every = [group_of(c.groups) for c in counts.cells]
    found: dict[tuple[tuple[str, str], ...], int] = {}
    moved = True
    while moved:
        moved = False
        for line in lines(every):
            members = (line.parent, *line.children)
            unknown = [g for g in members if g not in known]
            if len(unknown) != 1:
                continue
            (one,) = unknown
            children = sum(known[c] for c in line.children if c != one)
            known[one] = children if one == line.parent else known[line.parent] - children
            found[one] = known[one]
            moved = True
    return found


@pytest.mark.parametrize("seed", range(6))
def test_nothing_under_the_floor_leaves_or_follows(seed: int) -> None:
    plan = plan_of(floor=11, conditions=("TAV",))
    counts = counts_of(hospital("north", n_patients=50 + 4 * seed, seed=seed), plan)
    told = [cell for cell in counts.cells if not cell.withheld]
    assert counts.withheld
    assert all(cell.n_units == 0 or cell.n_units >= 11 for cell in told if cell.n_units is not None)
    assert all(not cell.sums and not cell.moments for cell in counts.cells if cell.withheld)
    assert not {group: n for group, n in follows(counts).items() if 0 < n < 11}


def test_a_remainder_within_a_line_is_never_small() -> None:
    plan = plan_of(floor=11, conditions=("TAV",))
    counts = counts_of(hospital("north", n_patients=70, seed=3), plan)
    known = {group_of(c.groups): c.n_units for c in counts.cells if c.n_units is not None}
    for line in lines([group_of(c.groups) for c in counts.cells]):
        gone = [child for child in line.children if child not in known]
        if gone and line.parent in known:
            rest = known[line.parent] - sum(known[c] for c in line.children if c in known)
            assert rest == 0 or rest >= 11
    assert np.array(counts.withheld).size
