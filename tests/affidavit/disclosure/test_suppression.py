from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.disclosure.candidates import candidates
from affidavit.disclosure.directions import sure_widths
from affidavit.disclosure.lattice import Group, group_in_words, holding, lines, statements_of
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.suppression import TrueCounts, Unprotectable, withheld

RULE = DisclosureRule()
GREEDY = DisclosureRule(exact_cells=0)


def counted(inner: np.ndarray) -> dict[Group, int]:
    counts: dict[Group, int] = {(): int(inner.sum())}
    for a in range(inner.shape[0]):
        counts[(("accent", f"a{a}"),)] = int(inner[a].sum())
    for b in range(inner.shape[1]):
        counts[(("age", f"b{b}"),)] = int(inner[:, b].sum())
    for a, b in np.ndindex(*inner.shape):
        counts[(("accent", f"a{a}"), ("age", f"b{b}"))] = int(inner[a, b])
    return counts


def table_of(counts: dict[Group, int], *, sums: bool = True) -> TrueCounts:
    place = {group: i for i, group in enumerate(counts)}
    values = np.array(list(counts.values()), dtype=float)
    return TrueCounts(
        names=tuple(group_in_words(group) for group in counts),
        values=values,
        cost=values,
        statements=tuple(statements_of(lines(counts), place)),
        least=np.ones(len(values)),
        ceiling=np.full(len(values), np.inf),
        kept=frozenset({place[()]}),
        small_sum=RULE.small if sums else None,
    )


def small(table: TrueCounts) -> list[int]:
    return [i for i, value in enumerate(table.values) if RULE.small(value)]


def safe(table: TrueCounts, gone: frozenset[int]) -> bool:
    found = candidates(table.after(gone), sorted(gone))
    return all(one.width >= table.width for one in found.values())


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 5), st.integers(2, 4), st.integers(0, 10_000))
@pytest.mark.parametrize("rule", [RULE, GREEDY])
def test_whatever_the_table_nothing_small_follows(rule: DisclosureRule, rows: int, columns: int, seed: int) -> None:
    inner = np.random.default_rng(seed).integers(0, 50, size=(rows, columns)) + 1
    table = table_of(counted(inner))
    try:
        gone = withheld(table, small(table), rule)
    except Unprotectable:
        assert table.values.min() < RULE.floor
        return
    assert set(small(table)) <= gone
    assert not gone & table.kept
    assert safe(table, gone)
    for statement in table.statements:
        hidden = [i for i in statement.coefficients if i in gone]
        if hidden and len({statement.coefficients[i] for i in hidden}) == 1:
            assert not RULE.small(sum(table.values[i] for i in hidden))


def fewest(table: TrueCounts) -> float:
    """Return what the cheapest safe set costs, by trying every set: slow and obvious."""
    must = frozenset(small(table))
    others = [i for i in range(len(table.values)) if i not in must | table.kept]
    sets = (must | set(more) for size in range(len(others) + 1) for more in itertools.combinations(others, size))
    costs = [sum(table.cost[i] + 1 for i in gone) for gone in sets if protects(table, gone, must)]
    return float(min(costs))


def protects(table: TrueCounts, gone: frozenset[int], must: frozenset[int]) -> bool:
    found = candidates(table.after(gone), sorted(must), enough=table.width)
    return all(one.width >= table.width for one in found.values())


@pytest.mark.parametrize("seed", [2])
def test_small_tables_lose_no_more_units_than_they_must(seed: int) -> None:
    inner = np.random.default_rng(seed).integers(12, 60, size=(2, 3))
    inner[0, 0] = 6
    table = table_of(counted(inner), sums=False)
    gone = withheld(table, small(table), RULE)
    assert sum(table.cost[i] + 1 for i in gone) == fewest(table)


def test_a_table_without_small_cells_loses_nothing() -> None:
    table = table_of(counted(np.full((4, 4), 20)))
    assert withheld(table, small(table), RULE) == frozenset()


def test_a_small_cell_alone_takes_others_with_it() -> None:
    table = table_of(counted(np.array([[5, 40, 60], [30, 50, 70], [80, 90, 95]])))
    gone = withheld(table, small(table), RULE)
    assert len(gone) > 1
    assert safe(table, gone)


def test_what_nothing_protects_is_said() -> None:
    counts: dict[Group, int] = {(): 20, (("sex", "f"),): 6}
    table = table_of({**counts, (("sex", "m"),): 14})
    assert withheld(table, small(table), RULE) == {1, 2}
    with pytest.raises(Unprotectable):
        withheld(replace(table, kept=frozenset({0, 2})), small(table), RULE)
    with pytest.raises(Unprotectable):
        withheld(replace(table, kept=frozenset({0, 1})), small(table), RULE)


def test_two_small_groups_of_a_line_do_not_leave_a_small_sum() -> None:
    counts: dict[Group, int] = {(): 100, (("accent", "a"),): 3, (("accent", "b"),): 4, (("accent", "c"),): 40}
    counts[(("accent", "d"),)] = 53
    table = table_of(counts)
    assert withheld(table, small(table), RULE) == {1, 2, 3}


def test_sure_widths_are_never_wider_than_the_truth() -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        table = table_of(counted(rng.integers(1, 30, size=(3, 3))))
        gone = frozenset(int(i) for i in rng.choice(len(table.values), 7, replace=False))
        down = table.values - np.minimum(table.least, table.values)
        sure = sure_widths(table.statements, gone, (down, table.ceiling - table.values))
        true = candidates(table.after(gone), sorted(gone))
        assert all(sure[i] <= true[i].width for i in gone)


def test_sums_that_do_not_hold_bind_nobody() -> None:
    counts: dict[Group, int] = {(): 30, (("room", "a"),): 20, (("room", "b"),): 25}
    assert holding(lines(counts), counts) == ()
    counts[(("room", "b"),)] = 10
    assert len(holding(lines(counts), counts)) == 1


def test_a_zero_is_small_only_where_the_rule_says_so() -> None:
    assert [RULE.small(n) for n in (0, 1, 10, 11)] == [False, True, True, False]
    assert DisclosureRule(zeros="withheld").small(0)
    assert (RULE.least, DisclosureRule(zeros="withheld").least) == (1, 0)
