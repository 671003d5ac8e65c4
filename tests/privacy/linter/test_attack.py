from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.disclosure.lattice import Group, lines
from privacy.linter.attack import Attack, attack
from privacy.linter.tables import Demands, Ends, ReleasedTable, Share

_spec = importlib.util.spec_from_file_location("planting", Path(__file__).with_name("planting.py"))
assert _spec is not None
assert _spec.loader is not None
planting: Any = importlib.util.module_from_spec(_spec)
sys.modules["planting"] = planting
_spec.loader.exec_module(planting)


def attacked(release: Any) -> Attack:
    return attack((release.table,), Demands(), previous=() if release.previous is None else ((release.previous,),))


def planted_is_found(seed: int) -> bool:
    rng = np.random.default_rng([seed, 6])
    release = planting.PLANTINGS[seed % len(planting.PLANTINGS)](rng)
    found = attacked(release).disclosures
    return any(d.what.startswith(f"{release.target} ") and d.low <= release.value <= d.high < d.low + 11 for d in found)


def clean_is_silent(seed: int) -> bool:
    found = attacked(planting.clean(np.random.default_rng([seed, 7])))
    return not found.disclosures and not found.contradictions and found.withheld > 0


@pytest.mark.parametrize("kind", range(7))
def test_every_kind_of_planted_disclosure_is_found(kind: int) -> None:
    assert all(planted_is_found(kind + 7 * turn) for turn in range(5))


def test_clean_tables_are_silent() -> None:
    assert all(clean_is_silent(seed) for seed in range(24))


@pytest.mark.slow
def test_all_of_500_planted_disclosures_are_found_and_none_in_500_clean_tables() -> None:
    assert [seed for seed in range(500) if not planted_is_found(seed)] == []
    assert [seed for seed in range(500) if not clean_is_silent(seed)] == []


def every_table(table: ReleasedTable, *, at_most: int) -> list[dict[Group, int]]:
    """Return every table of whole numbers that is consistent with what is told: slow and obvious."""
    gone = [group for group, ends in table.units.items() if ends is None]
    found = []
    for values in itertools.product(range(at_most + 1), repeat=len(gone)):
        filled = {g: int(e[0]) for g, e in table.units.items() if e is not None} | dict(zip(gone, values, strict=True))
        if all(filled[line.parent] == sum(filled[child] for child in line.children) for line in lines(filled)):
            found.append(filled)
    return found


def test_the_attack_agrees_with_trying_every_table() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for turn in range(24):
        inner = rng.integers(0, 4, size=(2, 2))
        counts = planting.margins(inner)
        groups = list(counts)
        gone = {groups[i] for i in rng.choice(len(groups), int(rng.integers(1, 4)), replace=False)}
        if turn % 3 == 0:
            gone = {group for group in groups if len(group) == 2}
        units: dict[Group, Ends | None] = {g: None if g in gone else (n, n) for g, n in counts.items()}
        table = ReleasedTable(name="t", units=units)
        tables = every_table(table, at_most=6 if len(gone) == 4 else int(inner.sum()))
        pinned = {g for g in gone if max(t[g] for t in tables) - min(t[g] for t in tables) < 2}
        found = attack((table,), Demands(floor=2, width=2))
        named = {g for g in gone if any(d.kind == "withheld" and d.what == name_of(g) for d in found.disclosures)}
        assert named == pinned
        seen.add(bool(pinned))
    assert seen == {True, False}


def name_of(group: Group) -> str:
    return f"units of {', '.join(f'{f} {level}' for f, level in group) or 'everybody'} in t"


def test_a_disclosure_names_what_discloses() -> None:
    table = ReleasedTable(
        name="t",
        units={(): (30, 30), (("sex", "f"),): None, (("sex", "m"),): (25, 25)},
    )
    (found,) = attack((table,), Demands()).disclosures
    assert (found.low, found.high) == (5, 5)
    assert found.by == ("units of t: everybody sums over sex",)
    assert "units of sex f in t is 5" in found.told()


def test_features_of_rows_do_not_add_up() -> None:
    units: dict[Group, Ends | None] = {(): (30, 30), (("room", "a"),): None, (("room", "b"),): (25, 25)}
    table = ReleasedTable(name="t", units=units, overlapping=frozenset({"room"}))
    assert attack((table,), Demands()).disclosures == ()


def test_a_group_that_was_left_out_follows_too() -> None:
    units: dict[Group, Ends | None] = {
        (): (100, 100),
        (("sex", "f"),): (60, 60),
        (("sex", "m"),): (40, 40),
        (("age", "old"), ("sex", "f")): (30, 30),
        (("age", "young"), ("sex", "f")): (30, 30),
        (("age", "old"), ("sex", "m")): (33, 33),
    }
    found = attack((ReleasedTable(name="t", units=units, closed=False),), Demands()).disclosures
    assert any("age young, sex m" in one.what and one.low == one.high == 7 for one in found)


def test_shares_that_are_no_shares_of_counts_contradict_and_disclose_nothing() -> None:
    units: dict[Group, Ends | None] = {(): (100, 100), (("sex", "f"),): (50, 50), (("sex", "m"),): (50, 50)}
    share = Share(
        name="f1", of_rows=False, by_group={(): (0.2, 0.2), (("sex", "f"),): (0.5, 0.5), (("sex", "m"),): None}
    )
    found = attack((ReleasedTable(name="t", units=units, shares=(share,)),), Demands())
    assert found.disclosures == ()
    assert found.contradictions


def test_a_share_of_a_withheld_count_bounds_it() -> None:
    units: dict[Group, Ends | None] = {(): (100, 100), (("sex", "f"),): None, (("sex", "m"),): None}
    share = Share(
        name="joy",
        of_rows=False,
        by_group={(): (0.5, 0.5), (("sex", "f"),): (0.0, 0.0), (("sex", "m"),): (0.555, 0.556)},
    )
    found = attack((ReleasedTable(name="t", units=units, shares=(share,)),), Demands()).disclosures
    assert {(d.what, d.low, d.high) for d in found if d.what.startswith("units of sex")} == {
        ("units of sex f in t", 10, 10),
        ("units of sex m in t", 90, 90),
    }
