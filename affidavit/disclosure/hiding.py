"""Which groups every slice of a run hides.

What the populations of a run hide is nested, so that no two of them hide different groups of the same people. Hidden
everywhere in a run are groups that are small, and those that protect them; in every number of a condition those whose
difference from another condition is small, and theirs; in a family of metrics (of one examination, of one population,
or adding up) those of which any of it measured few or left out few, and theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from affidavit.disclosure.lattice import Group
from affidavit.disclosure.populations import EVERYBODY, Population, population_of, reference_of
from affidavit.disclosure.protection import Neighbour, protected
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.told import Block, BlockKey, Slice

SliceKey = tuple[BlockKey, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """Groups that are hidden."""

    everywhere: Mapping[str, frozenset[Group]]
    """By run."""
    conditions: Mapping[tuple[str, str], frozenset[Group]]
    """By run and condition, those that are hidden everywhere included."""
    slices: Mapping[SliceKey, frozenset[Group]]
    known: Mapping[str, frozenset[Group]]
    """By run, every group of which something is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One slice, its population and what it is called whatever the condition."""

    key: SliceKey
    examination: str
    part: Slice
    population: Population
    name: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    """What is hidden of a run, condition by condition; later conditions hide what earlier ones do."""

    rule: DisclosureRule
    everybody: Population
    hidden: frozenset[Group] = frozenset()
    conditions: dict[str, tuple[Population, frozenset[Group]]] = field(default_factory=dict)
    slices: dict[SliceKey, frozenset[Group]] = field(default_factory=dict)
    earlier: dict[tuple[str, ...], list[Neighbour]] = field(default_factory=dict)

    def hide_everywhere(self, references: Sequence[Population]) -> None:
        """Hide what is small in the fullest condition (the first of those of most groups), and what protects it.

        Conditions under which fewer were judged hide more by themselves.
        """
        enough = [one for one in references if not self.rule.small(one.units.get(EVERYBODY, self.rule.floor))]
        if enough:
            fullest = max(enough, key=lambda one: len(one.groups))
            kept = frozenset({EVERYBODY})
            self.hidden = protected(fullest, frozenset(), (), self.rule, kept=kept, least=self.rule.least)

    def hide_condition(self, condition: str, reference: Population, parts: Sequence[_Part]) -> None:
        """Hide what a condition hides, then what each family of its metrics does."""
        beside = [Neighbour(population=self.everybody, hidden=frozenset())]
        beside += [Neighbour(population=p, hidden=h) for p, h in self.conditions.values()]
        again = (h for p, h in self.conditions.values() if p.same_as(reference) and reference.same_as(p))
        own = next(again, None)  # what is told twice tells no more
        if own is None:
            own = self._beside(reference, self.hidden, beside)
        self.conditions[condition] = reference, own
        inside = [one for one in parts if one.population.same_as(reference) or one.population.of_one]
        for one in inside:
            self._hide(one, own)
        within = {one.key for one in inside}
        for family in _families([one for one in parts if one.key not in within], reference):
            self._hide_family(family, Neighbour(population=reference, hidden=own))

    def _hide_family(self, family: Sequence[_Part], reference: Neighbour) -> None:
        hidden, before = reference.hidden, None
        while before != hidden:
            before = hidden
            for population, names in _distinct(family):
                beside = [reference, *(one for name in names for one in self.earlier.get(name, []))]
                hidden = self._beside(population, hidden, beside)
        for one in family:
            self._hide(one, hidden)

    def _hide(self, one: _Part, hidden: frozenset[Group]) -> None:
        self.slices[one.key] = hidden
        self.earlier.setdefault(one.name, []).append(Neighbour(population=one.population, hidden=hidden))

    def _beside(
        self, population: Population, hidden: frozenset[Group], neighbours: Sequence[Neighbour]
    ) -> frozenset[Group]:
        """Return what a population hides beside those that it is a part of, or that are a part of it.

        Which those are is seen from what is told: two populations that differ both ways in groups that are hidden look
        nested to a reader, and in what is told of both they are. So it is asked again as more is hidden. Where what it
        tells would expose what one of them hides, it hides that too.
        """
        before = None
        while before != hidden:
            before = hidden
            unlike = _bearing(population, hidden, neighbours)
            hidden = protected(population, hidden, unlike, self.rule)
            for one in unlike:
                beside = Neighbour(population=population, hidden=hidden)
                if protected(one.population, one.hidden, (beside,), self.rule) != one.hidden:
                    hidden |= one.hidden
        return hidden


def _bearing(population: Population, hidden: frozenset[Group], neighbours: Sequence[Neighbour]) -> list[Neighbour]:
    """Return the neighbours, each once, that may be a part of a population, or it of them, as far as both are told."""
    bear = []
    for one in neighbours:
        own, its = population.without(hidden | one.hidden), one.population.without(hidden | one.hidden)
        nested = population.under(one.population) or one.population.under(population)
        if (nested or own.under(its) or its.under(own)) and one not in bear:
            bear.append(one)
    return bear


def hide(
    blocks: Mapping[BlockKey, Block],
    conditions: Mapping[str, tuple[str, ...]],
    everybody: Mapping[str, int],
    rule: DisclosureRule,
) -> Hidden:
    """Return what is hidden, from every slice; `conditions` and `everybody` say the order and the units of each run."""
    parts: dict[str, dict[str, list[_Part]]] = {run: {c: [] for c in own} for run, own in conditions.items()}
    for key, block in blocks.items():
        if block.run in parts:
            here = parts[block.run].setdefault(block.condition, [])
            here += [_part((key, name), block, part) for name, part in block.slices.items()]
    runs = {}
    for run, by_condition in parts.items():
        runs[run] = _Run(rule=rule, everybody=Population(units={EVERYBODY: everybody[run]}))
        references = {c: reference_of(one.population for one in own) for c, own in by_condition.items() if own}
        runs[run].hide_everywhere(list(references.values()))
        for condition, reference in references.items():
            runs[run].hide_condition(condition, reference, by_condition[condition])
    return Hidden(
        everywhere={run: one.hidden for run, one in runs.items()},
        conditions={(run, c): groups for run, one in runs.items() for c, (_, groups) in one.conditions.items()},
        slices={key: groups for one in runs.values() for key, groups in one.slices.items()},
        known={
            run: frozenset({EVERYBODY}).union(*(p.population.groups for own in by_c.values() for p in own))
            for run, by_c in parts.items()
        },
    )


def _part(key: SliceKey, block: Block, part: Slice) -> _Part:
    name = tuple(word for word in (*key[0], *key[1]) if word != block.condition)
    return _Part(key=key, examination=block.examination, part=part, population=population_of(part), name=name)


def _distinct(family: Iterable[_Part]) -> list[tuple[Population, list[tuple[str, ...]]]]:
    """Return the populations of a family, each once, with the names that it goes by."""
    found: dict[object, tuple[Population, list[tuple[str, ...]]]] = {}
    for one in family:
        same = tuple(frozenset(counts.items()) for counts in one.population.measures())
        found.setdefault(same, (one.population, []))[1].append(one.name)
    return list(found.values())


def _families(parts: Sequence[_Part], reference: Population) -> list[list[_Part]]:
    """Return parts that must hide alike: of one examination, classes, equal populations, and what those leave."""
    root: dict[object, object] = {}

    def find(token: object) -> object:
        while root.setdefault(token, token) != token:
            token = root[token]
        return token

    for one in parts:
        for token in _tokens(one, reference):
            root[find(token)] = find(one.examination)
    families: dict[object, list[_Part]] = {}
    for one in parts:
        families.setdefault(find(one.examination), []).append(one)
    return list(families.values())


def _tokens(one: _Part, reference: Population) -> Iterable[object]:
    """Return what a part shares with those that must hide alike: known by the counts of single features' groups."""
    if one.part.label is not None:
        yield "classes"
    for measure, (own, whole) in enumerate(zip(one.population.measures(), reference.measures(), strict=True)):
        marginal = {g: n for g, n in own.items() if len(g) == 1}
        if marginal and any(marginal.values()):
            yield measure, frozenset(marginal.items())
            if marginal.keys() <= whole.keys():
                yield measure, frozenset((g, whole[g] - n) for g, n in marginal.items())
