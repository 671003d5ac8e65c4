"""What becomes of every number of a report: told, blank (its group is told, the value is not), or gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from affidavit.disclosure.blanks import Blanks, blanks, is_made_of
from affidavit.disclosure.hiding import Hidden, SliceKey, hide
from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.protection import blank_values
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.told import Block, BlockKey, key_of_finding
from affidavit.records import Finding

Fate = Literal["told", "blank", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What is withheld, of groups and of values."""

    hidden: Hidden
    blocks: Mapping[BlockKey, Block]
    blank: Blanks
    """Values that are not told of groups that are."""

    def of_group_finding(self, finding: Finding) -> Fate:
        """Say what becomes of a finding about a group."""
        return self.of_row(key_of_finding(finding), (), group_of(finding.groups))

    def of_row(self, key: BlockKey, name: tuple[str, ...], group: Group) -> Fate:
        """Say what becomes of a group's row in a slice."""
        block = self.blocks[key]
        if group not in self.hidden.known.get(block.run, ()) or group in self.hidden.slices[key, name]:
            return "gone"
        part = block.slices[name]
        if part.label is not None:
            blank = self.blank.in_class(block.run, block.condition, group)
        else:
            blank = self.blank.among(block.run, block.condition, block.examination, group)
        return "blank" if blank or self.blank.made_of(block.run, part.metric, group) else "told"

    def of_gap(self, finding: Finding) -> Fate:
        """Say what becomes of a number over a family of groups: gone where any group of it is withheld.

        A value that is blank at one of its named ends would follow from it; where ends are not named, any would do.
        """
        compared = frozenset(finding.compared or ())
        if finding.run not in self.hidden.known:
            return "gone"  # of no run whose groups are known
        if any(_within(group, compared) for group in self._bears_on(finding) if group):
            return "gone"
        ends = {end for end in (finding.highest, finding.lowest) if end is not None}
        blank = [g for g in self.blank.behind(finding) if _within(g, compared)]
        if not ends:
            return "gone" if blank else "told"
        return "gone" if any(", ".join(level for _, level in g) in ends for g in blank) else "told"

    def _bears_on(self, finding: Finding) -> frozenset[Group]:
        """Return the groups that are withheld in what a gap may be one of."""
        found = self.hidden.everywhere[finding.run] | self.hidden.conditions.get(
            (finding.run, finding.condition), frozenset()
        )
        for key, block in self.blocks.items():
            if block.run != finding.run:
                continue
            same = block.examination == finding.examination and block.condition == finding.condition
            for name, part in block.slices.items():
                if same or is_made_of(finding.metric, part.metric):
                    found |= self.hidden.slices[key, name]
        return found


def decide_fates(
    blocks: Mapping[BlockKey, Block],
    conditions: Mapping[str, tuple[str, ...]],
    everybody: Mapping[str, int],
    rule: DisclosureRule,
) -> Fates:
    """Return what is withheld of a report's blocks; `conditions` and `everybody` are those of each run."""
    hidden = hide(blocks, conditions, everybody, rule)
    values: dict[SliceKey, frozenset[Group]] = {}
    for key, block in blocks.items():
        if block.run in hidden.known:
            for name, part in block.slices.items():
                values[key, name] = blank_values(part, hidden.slices[key, name], rule)
    return Fates(hidden=hidden, blocks=blocks, blank=blanks(blocks, values))


def _within(group: Group, features: Iterable[str]) -> bool:
    names = set(features)
    return all(feature in names for feature, _ in group)
