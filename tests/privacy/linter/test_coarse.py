"""The linter against rounded counts, intervals, and several releases: planted disclosures found, clean twins silent."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from affidavit.disclosure.lattice import Group, lines
from affidavit.disclosure.rule import DisclosureRule
from privacy.linter.attack import Attack, attack
from privacy.linter.printed import Printed
from privacy.linter.reading import table_of_cells
from privacy.linter.tables import Demands, Ends, ReleasedTable

WIDE = Demands(width=5, coarse=True)
M: Group = (("sex", "m"),)


def by_sex(units: list[str], *, base: int | None = 5, percent: list[str] | None = None) -> ReleasedTable:
    cells = {"sex": ["all", "f", "m"], "units": units} | ({} if percent is None else {"joy_percent": percent})
    return table_of_cells(cells, name="t", base=base)


def told(found: Attack) -> set[tuple[str, float, float]]:
    return {(one.what, one.low, one.high) for one in found.disclosures}


def test_an_unrounded_margin_beside_rounded_cells() -> None:
    clean = by_sex(["105", "90", "*"])
    assert attack((clean,), WIDE).disclosures == ()
    planted = by_sex(["103", "90", "*"])
    assert told(attack((planted,), WIDE)) == {("units of sex m in t", 11, 15)}


def test_a_percentage_to_four_digits_beside_rounded_counts() -> None:
    clean = by_sex(["100", "50", "50"], percent=["40.0", "40.0", "40.0"])
    assert attack((clean,), WIDE).disclosures == ()
    planted = by_sex(["100", "50", "50"], percent=["", "9.6154", ""])  # 5 of 52, and of no other n from 48 to 52
    assert ("joy_percent of sex f in t", 5, 5) in told(attack((planted,), WIDE))


def test_two_releases_rounded_to_different_bases() -> None:
    """92 of 102: to 5 they print 90 and 100, to 8 they print 96 and 104; only 92 prints both ways."""
    fives, eights = by_sex(["100", "90", "*"]), by_sex(["104", "96", "*"], base=8)
    demands = Demands(width=3, coarse=True)
    assert attack((fives,), demands).disclosures == ()
    assert attack((eights,), demands).disclosures == ()
    found = told(attack((fives,), demands, previous=((eights,),)))
    assert ("units of sex m in t", 8, 10) in found


def test_one_release_by_suppression_and_one_by_rounding() -> None:
    suppressed, rounded = by_sex(["102", "*", "*"], base=None), by_sex(["100", "90", "*"])
    assert attack((suppressed,), Demands(width=5)).disclosures == ()
    assert attack((rounded,), WIDE).disclosures == ()
    assert ("units of sex m in t", 10, 14) in told(attack((rounded,), WIDE, previous=((suppressed,),)))


def test_three_releases_tell_what_no_two_tell() -> None:
    first, second = by_sex(["102", "*", "*"], base=None), by_sex(["100", "90", "*"])
    third = table_of_cells({"sex": ["f", "m"], "units": ["96", "*"]}, name="t", base=8)
    demands = Demands(width=3, coarse=True)
    for pair in itertools.permutations((first, second, third), 2):
        assert attack(pair[:1], demands, previous=(pair[1:],)).disclosures == ()
    found = told(attack((first,), demands, previous=((second,), (third,))))
    assert ("units of sex m in t", 10, 10) in found


def test_intervals_are_read_as_intervals() -> None:
    clean = by_sex(["33-43", "22 to 32", "*"], base=None)
    assert clean.units[()] == (33, 43)
    assert attack((clean,), WIDE).disclosures == ()
    planted = by_sex(["33", "31\u201332", "*"], base=None)
    assert told(attack((planted,), WIDE)) == {("units of sex m in t", 1, 2)}


def test_a_small_number_that_is_printed_is_disclosed_though_it_is_rounded() -> None:
    assert ("units of sex m in t", 3, 7) in told(attack((by_sex(["100", "95", "5"]),), WIDE))


@pytest.mark.parametrize("seed", range(12))
def test_ranges_of_rounded_tables_agree_with_trying_every_table(seed: int) -> None:
    rng = np.random.default_rng([seed, 11])
    inner = rng.integers(0, 9, size=(2, 2))
    true: dict[Group, int] = {(): int(inner.sum())}
    for a, b in np.ndindex(2, 2):
        true[(("accent", str(a)),)] = int(inner[a].sum())
        true[(("age", str(b)),)] = int(inner[:, b].sum())
        true[(("accent", str(a)), ("age", str(b)))] = int(inner[a, b])
    gone = (("accent", "0"), ("age", "0"))
    units: dict[Group, Ends | None] = {g: (max(n // 4 * 4 - 1, 0), n // 4 * 4 + 4) for g, n in true.items()}
    units[gone] = None
    cells = [g for g in true if len(g) == 2]
    values = set()
    for filled in itertools.product(*(range(18) if units[g] is None else span(units[g]) for g in cells)):
        counts = dict(zip(cells, filled, strict=True))
        sums = {g: sum(n for cell, n in counts.items() if set(g) <= set(cell)) for g in true}
        assert all(sums[line.parent] == sum(sums[child] for child in line.children) for line in lines(sums))
        if all((ends := units[g]) is None or ends[0] <= n <= ends[1] for g, n in sums.items()):
            values.add(sums[gone])
    assert true[gone] in values
    found = attack((ReleasedTable(name="t", units=units),), Demands(width=50, coarse=True))
    (range_,) = [(d.low, d.high) for d in found.disclosures if d.kind == "withheld"]
    assert range_ == (min(values), max(values))


def span(ends: Ends | None) -> range:
    assert ends is not None
    return range(int(ends[0]), int(ends[1]) + 1)


@pytest.mark.parametrize(
    ("rule", "printed"),
    [
        (DisclosureRule(rounding=5), Printed(base=5)),
        (DisclosureRule(rounding=12, floor=7), Printed(base=12, floor=7)),
        (DisclosureRule(intervals_only=True), Printed(intervals_only=True)),
    ],
)
def test_the_linter_undoes_the_rule_by_its_own_arithmetic(rule: DisclosureRule, printed: Printed) -> None:
    for count in (0, *range(rule.floor, 200)):
        assert printed.ends(rule.told(count)) == rule.ends(rule.told(count))


def test_guesses_about_parts_that_contradict_are_dropped() -> None:
    """Counts printed as intervals may look like parts of others and be none."""
    clean = by_sex(["33-43", "22-32", "*"], base=None)
    impossible = replace(clean, bounds={"units": {M: (40.0, 40.0)}})
    found = attack((impossible,), WIDE)
    assert (found.contradictions, found.disclosures) == ((), ())
