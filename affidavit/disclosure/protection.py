"""Which groups are withheld in each part of a report, and which values of groups that are told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.disclosure.lattice import Group, Line, group_in_words, holding, lines, statements_of
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.suppression import TrueCounts, Unprotectable, withheld
from affidavit.disclosure.told import OF_EVERYBODY, Block, Slice
from affidavit.metric_names import Kind

EVERYBODY: Final[Group] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What a block does not tell."""

    groups: frozenset[Group] = frozenset()
    """Groups of which nothing is told there."""
    values: frozenset[tuple[tuple[str, ...], Group]] = frozenset()
    """Slices and groups whose size is told and whose value is not: a small count is behind it."""


def protect_groups(units: Mapping[Group, int], rule: DisclosureRule) -> frozenset[Group]:
    """Return the groups of a run that are withheld everywhere: the small ones and those that protect them."""
    if EVERYBODY not in units:
        return frozenset()
    table = _table(units, lines(units), rule, cost=units)
    table = replace(table, kept=frozenset({_place(units)[EVERYBODY]}), small_sum=rule.small)
    small = [i for i, group in enumerate(units) if rule.small(units[group])]
    return _groups(table, units, small, rule)


def protect_block(
    block: Block, units: Mapping[Group, int], withheld_groups: frozenset[Group], rule: DisclosureRule
) -> Withheld:
    """Return what one block withholds beyond the groups that are withheld everywhere.

    A slice may rest on fewer units than its group has: where few are missing, or few are left, the group goes too.
    """
    groups = withheld_groups
    while True:
        wider = groups
        for part in block.slices.values():
            wider = _by_counts(part, units, wider, rule)
        if wider == groups:
            break
        groups = wider
    values = {(name, group) for name, part in block.slices.items() for group in _by_values(part, units, groups, rule)}
    return Withheld(groups=groups, values=frozenset(values))


def _by_counts(
    part: Slice, units: Mapping[Group, int], gone: frozenset[Group], rule: DisclosureRule
) -> frozenset[Group]:
    """Return the groups whose rows or units in this slice must not be told, and those that protect them."""
    if part.metric in OF_EVERYBODY:
        return gone
    own = {group: told for group, told in part.by_group.items() if group in units and told.units <= units[group]}
    few = {g for g, t in own.items() if rule.small(t.units) or rule.small(units[g] - t.units) or rule.small(t.n)}
    if not (gone | few) & own.keys():
        return gone
    bounded = np.array([np.inf if g in gone else units[g] for g in own], dtype=float)
    wide = float(rule.width * _rows_of_a_unit(part))
    measured = replace(_all_zero_or_more({g: t.units for g, t in own.items()}, units, rule), ceiling=bounded)
    rows = replace(_all_zero_or_more({g: t.n for g, t in own.items()}, units, rule), width=wide)
    left = _all_zero_or_more({g: units[g] - t.units for g, t in own.items()}, units, rule)
    left = replace(left, zeros_told=rule.zeros == "shown", small_sum=rule.small)
    for table in (measured, rows, left):
        small = [i for i, group in enumerate(own) if group in gone or group in few]
        gone |= _groups(table, own, small, rule)
    return gone


def _all_zero_or_more(counts: Mapping[Group, int], units: Mapping[Group, int], rule: DisclosureRule) -> TrueCounts:
    return replace(_table(counts, lines(counts), rule, cost=units), least=0.0)


def _rows_of_a_unit(part: Slice) -> int:
    """Return the most rows that a unit has on average in any group: a range of rows narrower than that names a unit."""
    return max((math.ceil(told.n / told.units) for told in part.by_group.values() if told.units), default=1)


def _by_values(
    part: Slice, units: Mapping[Group, int], gone: frozenset[Group], rule: DisclosureRule
) -> frozenset[Group]:
    """Return the groups whose value must not be told: it is a small count, or a share that makes one."""
    if part.kind is Kind.COUNT:
        return frozenset(
            g for g, t in part.by_group.items() if g not in gone and t.value is not None and rule.small(t.value)
        )
    counts = part.numerators()
    if counts is None:
        return frozenset()
    blank = frozenset(g for g, (k, whole) in counts.items() if rule.small(k) or rule.small(whole - k))
    if not (blank | gone) & counts.keys():
        return frozenset()
    for known in ({g: k for g, (k, _) in counts.items()}, {g: whole - k for g, (k, whole) in counts.items()}):
        table = _table(known, lines(known), rule, cost=units)
        ceiling = np.array([np.inf if g in gone else counts[g][1] for g in known], dtype=float)
        unknown = [i for i, group in enumerate(known) if group in gone or group in blank]
        table = replace(table, least=0.0, ceiling=ceiling, zeros_told=rule.zeros == "shown")
        blank |= _groups(table, known, unknown, rule)
    return blank - gone


def _table(
    counts: Mapping[Group, int], found: Iterable[Line], rule: DisclosureRule, *, cost: Mapping[Group, int]
) -> TrueCounts:
    return TrueCounts(
        names=tuple(group_in_words(group) for group in counts),
        values=np.array(list(counts.values()), dtype=float),
        cost=np.array([cost.get(group, counts[group]) for group in counts], dtype=float),
        statements=tuple(statements_of(holding(found, counts), _place(counts))),
        ceiling=np.full(len(counts), np.inf),
        least=float(rule.least),
        width=float(rule.width),
    )


def _place(counts: Mapping[Group, int]) -> dict[Group, int]:
    return {group: i for i, group in enumerate(counts)}


def _groups(table: TrueCounts, counts: Iterable[Group], small: Iterable[int], rule: DisclosureRule) -> frozenset[Group]:
    """Return the groups of a protecting set; every group where none protects."""
    names = list(counts)
    try:
        return frozenset(names[i] for i in withheld(table, small, rule))
    except Unprotectable:
        return frozenset(names)
