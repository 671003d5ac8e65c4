"""Which groups does a site withhold, so that none under the floor is told, nor follows from what is?

The rule of `affidavit.disclosure` (11 patients, a range of at least `width` candidates), on the lattice of everybody,
features and intersections under one condition. The same rule says which totals of secure sums the server reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from affidavit.disclosure.lattice import Group, group_in_words, group_of, lines, statements_of
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.suppression import TrueCounts, Unprotectable, withheld
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.sums import BlockSums

Place = tuple[int, int]
"""A block of the plan, and a group of it."""


def withheld_places(plan: CountsPlan, blocks: Sequence[BlockSums]) -> frozenset[Place]:
    """Return the groups to withhold, under every condition of the plan."""
    gone: set[Place] = set()
    for condition in plan.conditions:
        own = [(b, sums) for b, sums in enumerate(blocks) if sums.block.condition == condition and not sums.block.joint]
        places = {group_of(group): (b, g) for b, sums in own for g, group in enumerate(sums.block.groups)}
        units = {group: int(blocks[b].n_units[g]) for group, (b, g) in places.items()}
        gone |= {places[group] for group in withheld_groups(units, DisclosureRule(floor=plan.floor))}
    small = {
        (b, g)
        for b, sums in enumerate(blocks)
        if sums.block.joint
        for g in range(len(sums.block.groups))
        if 0 < sums.n_units[g] < plan.floor
    }
    return frozenset(gone | small)


def withheld_groups(units: Mapping[Group, int], rule: DisclosureRule) -> frozenset[Group]:
    """Return the groups whose number of patients, and so whatever is summed over them, is withheld.

    Everybody stays told where that is safe; where nothing is, all are withheld. A group of nobody is told.
    """
    groups = tuple(units)
    values = np.array([units[group] for group in groups], dtype=np.float64)
    small = [i for i, count in enumerate(values) if rule.small(count)]
    if not small:
        return frozenset()
    everybody = groups.index(())
    if everybody in small:
        return frozenset(groups)
    table = TrueCounts(
        names=tuple(group_in_words(group) for group in groups),
        values=values,
        cost=np.where(values > 0, values, values[everybody]),  # to withhold nobody hides little, and puzzles readers
        statements=tuple(statements_of(lines(groups), {group: i for i, group in enumerate(groups)})),
        ceiling=np.full(len(groups), values[everybody]),
        least=np.full(len(groups), float(rule.least)),
        width=float(rule.width),
        kept=frozenset({everybody}),
        zeros_told=True,
        small_sum=rule.small,
    )
    try:
        return frozenset(groups[i] for i in withheld(table, small, rule))
    except Unprotectable:
        return frozenset(groups) - {()}
