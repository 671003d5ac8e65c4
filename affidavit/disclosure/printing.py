"""How each number of a group, and each gap between groups, is told under a rule; which counts are behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from affidavit.disclosure.coarsening import Number, coarse_count, coarse_gap, coarse_number, coarse_rate
from affidavit.disclosure.fates import Fates
from affidavit.disclosure.hiding import SliceKey
from affidavit.disclosure.lattice import Group
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.told import BlockKey
from affidavit.metric_names import Kind
from affidavit.records import Finding

DIFFERENCE: Final = "_difference"
SAME: Final = 1e-9
Counts = dict[Group, tuple[int, int]]


@dataclass(slots=True, kw_only=True)
class Printing:
    """Numbers of one report under one rule."""

    rule: DisclosureRule
    fates: Fates
    _counts: dict[SliceKey, Counts] = field(default_factory=dict)

    def of_group(self, number: Number, place: SliceKey, group: Group) -> Number:
        """Return a number about a group as it is told; `place` is the slice that it is one of."""
        key, name = place
        if self.rule.grain is None:
            return number
        if self.fates.blocks[key].slices[name].kind is Kind.COUNT:
            return coarse_count(number, self.rule)
        counts = self._behind(place).get(group)
        return coarse_number(number, self.rule) if counts is None else coarse_rate(number, counts, self.rule)

    def of_gap(self, finding: Finding, number: Number) -> Number:
        """Return a gap as it is told: a difference of two rates from the rates as they are told."""
        ends = None if self.rule.grain is None else self._ends(finding)
        if ends is None or number.value is None:
            return coarse_number(number, self.rule)
        (highest, high), (lowest, low) = ends
        if high.value is None or low.value is None or abs(high.value - low.value - number.value) > SAME:
            return coarse_number(number, self.rule)  # not their plain difference: borrowed, debiased or shrunken
        return coarse_gap(number, (self.of_group(high, *highest), self.of_group(low, *lowest)), self.rule)

    def _ends(self, finding: Finding) -> tuple[tuple[tuple[SliceKey, Group], Number], ...] | None:
        """Return where the two groups of a gap are told, and their exact values; None where that is not known."""
        if not finding.metric.endswith(DIFFERENCE) or finding.highest is None or finding.lowest is None:
            return None
        stem = finding.metric.removesuffix(DIFFERENCE)
        key: BlockKey = ("finding", finding.run, finding.condition, finding.examination, stem, str(finding.property))
        block = self.fates.blocks.get(key)
        if block is None or not self._behind((key, ())):
            return None
        found = []
        for end in (finding.highest, finding.lowest):
            cells = {
                group: told
                for group, told in block.slices[()].by_group.items()
                if {f for f, _ in group} == set(finding.compared or ())
                and ", ".join(level for _, level in group) == end
            }
            if len(cells) != 1:
                return None
            (group, told), *_ = cells.items()
            found.append((((key, ()), group), Number(value=told.value)))
        return tuple(found)

    def _behind(self, place: SliceKey) -> Counts:
        """Return the counts behind each rate of a slice; nothing where its values are no rates of counts."""
        if place not in self._counts:
            key, name = place
            self._counts[place] = self.fates.blocks[key].slices[name].numerators() or {}
        return self._counts[place]
