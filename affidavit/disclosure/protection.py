"""Which groups a population hides: those with small counts, and those from which one would follow.

A population is protected against its own sums and against its neighbours: populations that it is a part of, or that
are a part of it. Where both tell a group, the difference is a count too (patients whose voice was not heard).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from affidavit.disclosure.lattice import Group, Line, group_in_words, holding, lines, statements_of
from affidavit.disclosure.linear import FloatArray
from affidavit.disclosure.populations import Counts, Population, with_everybody
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.suppression import TrueCounts, Unprotectable, withheld
from affidavit.disclosure.told import Slice
from affidavit.metric_names import Kind

_Cells = tuple[tuple[Group, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A population that bears on another, and what of it is hidden already."""

    population: Population
    hidden: frozenset[Group]

    def told(self, measure: int) -> Counts:
        """Return the counts that it tells."""
        return {g: n for g, n in self.population.measures()[measure].items() if g not in self.hidden}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One table of counts and what is asked of it; hashable, as the same table comes again and again."""

    counts: _Cells
    least: _Cells
    ceiling: _Cells
    hidden: frozenset[Group]
    kept: frozenset[Group]
    width: float
    zeros_told: bool = False
    beside: frozenset[Group] = frozenset()
    """Groups that the neighbour hides, of whose difference nothing is told either."""
    sums: bool = False
    """Whether no line may leave a small sum."""


def protected(
    population: Population,
    hidden: frozenset[Group],
    neighbours: Iterable[Neighbour],
    rule: DisclosureRule,
    *,
    kept: frozenset[Group] = frozenset(),
    least: int = 0,
) -> frozenset[Group]:
    """Return the groups that a population hides, those that are hidden already included.

    `least` is the least count of a hidden group that everybody knows of.
    """
    beside = tuple(neighbours)
    while True:
        wider = hidden
        for table in _tables(population, wider, beside, rule, kept=kept, least=least):
            hidden_here = (wider | table.beside).intersection(dict(table.counts))
            wider |= _solved(replace(table, hidden=hidden_here), rule) - (table.beside - wider)
        if wider == hidden:
            return hidden
        hidden = wider


def _tables(
    population: Population,
    hidden: frozenset[Group],
    neighbours: tuple[Neighbour, ...],
    rule: DisclosureRule,
    *,
    kept: frozenset[Group],
    least: int,
) -> Iterator[_Table]:
    """Return units and rows, and what they are less than a neighbour's."""
    widths = (float(rule.width), float(rule.width * population.rows_of_a_unit))
    for measure, counts in enumerate(population.measures()):
        if not counts:
            continue
        whole = with_everybody(counts)
        own_kept = kept.intersection(whole) | (whole.keys() - counts.keys() - hidden)
        low, high = _bounds(population, counts, measure, neighbours, least=least)
        main = _Table(
            counts=_cells(whole),
            least=_cells(low),
            ceiling=_cells(high),
            hidden=hidden.intersection(whole),
            kept=own_kept,
            width=widths[measure],
            sums=measure == 0,
        )
        yield main
        if rule.grain is not None:
            continue  # of two coarse counts the difference is not known to within a width, which is less than a grain
        for neighbour in neighbours:
            its = with_everybody(neighbour.population.measures()[measure])
            apart = {g: abs(its[g] - n) for g, n in whole.items() if g in its}
            if any(apart.values()):
                yield replace(
                    main,
                    counts=_cells(apart),
                    least=(),
                    ceiling=(),
                    hidden=frozenset(),
                    beside=neighbour.hidden,
                    kept=kept.intersection(apart),
                    zeros_told=rule.zeros == "shown",
                    sums=True,
                )


def _bounds(
    population: Population, counts: Counts, measure: int, neighbours: tuple[Neighbour, ...], *, least: int
) -> tuple[dict[Group, float], dict[Group, float]]:
    """Return the least and the greatest value that neighbours' told counts leave to each group."""
    low, high = dict.fromkeys(counts, float(least)), dict.fromkeys(counts, np.inf)
    for neighbour in neighbours:
        told = neighbour.told(measure)
        for g in counts.keys() & told.keys():
            if population.under(neighbour.population):
                high[g] = min(high[g], told[g])
            if neighbour.population.under(population):
                low[g] = max(low[g], told[g])
    return low, high


def _cells(counts: Mapping[Group, float]) -> _Cells:
    return tuple(sorted(counts.items()))


@lru_cache(maxsize=4096)
def _solved(table: _Table, rule: DisclosureRule) -> frozenset[Group]:
    """Return what one table hides: its small counts and those that protect them; every group where nothing does."""
    counts = dict(table.counts)
    low, high = dict(table.least), dict(table.ceiling)
    least = np.array([min(low.get(g, 0.0), n) for g, n in counts.items()])
    ceiling = np.array([max(high.get(g, np.inf), n) for g, n in counts.items()])
    small = {g for g, n in counts.items() if rule.small(n) and g not in table.kept}
    known = {g for i, g in enumerate(counts) if ceiling[i] <= least[i]}  # a neighbour tells it
    made = _true_counts(counts, lines(counts), width=table.width)
    place = _place(counts)
    made = replace(
        made,
        least=least,
        ceiling=ceiling,
        zeros_told=table.zeros_told,
        small_sum=rule.small if table.sums and rule.grain is None else None,
        kept=frozenset(place[g] for g in table.kept | (known - small)),
        told=told_ends(counts.values(), rule),
    )
    wanted = (table.hidden | small) - (known - small) - table.kept
    return table.hidden | _groups(made, counts, [place[g] for g in wanted], rule)


def blank_values(part: Slice, hidden: frozenset[Group], rule: DisclosureRule) -> frozenset[Group]:
    """Return the groups whose value must not be told: it is a small count, or a share that makes one."""
    if part.kind is Kind.COUNT:
        return frozenset(
            g for g, t in part.by_group.items() if g not in hidden and t.value is not None and rule.small(t.value)
        )
    counts = part.numerators() if part.share_of_everybody is None else None
    if counts is None:
        return frozenset()
    made = {g: k for g, (k, _) in counts.items()}
    left = {g: whole - k for g, (k, whole) in counts.items()}
    first, second = sorted((_cells(made), _cells(left)))  # a rate and its complement are blank alike
    return _blank(first, second, hidden.intersection(counts), rule) - hidden


@lru_cache(maxsize=4096)
def _blank(made: _Cells, left: _Cells, hidden: frozenset[Group], rule: DisclosureRule) -> frozenset[Group]:
    whole = {g: n + dict(left)[g] for g, n in made}
    blank = frozenset(g for g, n in (*made, *left) if rule.small(n))
    while blank | hidden:
        before = blank
        for counts, other in ((dict(made), dict(left)), (dict(left), dict(made))):
            table = replace(
                _true_counts(counts, lines(counts), width=float(rule.width)),
                ceiling=np.array([np.inf if g in hidden else whole[g] for g in counts], dtype=float),
                zeros_told=rule.zeros == "shown",
                told=_share_ends(counts, other, rule),
            )
            unknown = [i for i, group in enumerate(counts) if group in hidden or group in blank]
            blank |= _groups(table, counts, unknown, rule)
        if blank == before:
            break
    return blank


def told_ends(counts: Iterable[float], rule: DisclosureRule) -> tuple[FloatArray, FloatArray] | None:
    """Return what counts leave known once they are printed, least and greatest; None where they are printed exactly.

    A small one is never printed; where something else tells it, it is known.
    """
    if rule.grain is None:
        return None
    whole = [round(count) for count in counts]
    told = [(n, n) if rule.small(n) else rule.ends(rule.told(n)) for n in whole]
    ends = np.array(told, dtype=float).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _share_ends(
    counts: Mapping[Group, float], other: Mapping[Group, float], rule: DisclosureRule
) -> tuple[FloatArray, FloatArray] | None:
    """Return what is known of one part of each group where the part and the group are printed.

    Which of the two parts is printed is not said here: what is known of either is not less than what both printed say.
    """
    both = told_ends(counts.values(), rule)
    whole = told_ends((n + other[g] for g, n in counts.items()), rule)
    rest = told_ends((other[g] for g in counts), rule)
    if both is None or whole is None or rest is None:
        return None
    return np.maximum(both[0], whole[0] - rest[1]), np.minimum(both[1], whole[1] - rest[0])


def _true_counts(counts: Mapping[Group, float], found: Iterable[Line], *, width: float) -> TrueCounts:
    return TrueCounts(
        names=tuple(group_in_words(group) for group in counts),
        values=np.array(list(counts.values()), dtype=float),
        cost=np.array(list(counts.values()), dtype=float),
        statements=tuple(statements_of(holding(found, counts), _place(counts))),
        ceiling=np.full(len(counts), np.inf),
        least=np.zeros(len(counts)),
        width=width,
    )


def _place(counts: Iterable[Group]) -> dict[Group, int]:
    return {group: i for i, group in enumerate(counts)}


def _groups(table: TrueCounts, counts: Iterable[Group], small: Iterable[int], rule: DisclosureRule) -> frozenset[Group]:
    """Return the groups of a protecting set; every group where none protects."""
    names = list(counts)
    try:
        return frozenset(names[i] for i in withheld(table, small, rule))
    except Unprotectable:
        return frozenset(names)
