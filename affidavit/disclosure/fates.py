"""What becomes of every number of a report: told, blank (its group is told, the value is not), or gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from affidavit.disclosure.blanks import Blanks, blanks, is_made_of
from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.protection import Withheld, protect_block, protect_groups
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.told import Block, BlockKey, key_of_finding
from affidavit.records import Finding

Fate = Literal["told", "blank", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """Groups that one block withholds beyond those that are withheld everywhere."""

    block: Block
    groups: frozenset[Group]

    def bears_on(self, finding: Finding) -> bool:
        """Say whether a gap may be one of this block's groups."""
        block = self.block
        if block.run != finding.run:
            return False
        same = block.examination == finding.examination and block.condition == finding.condition
        return same or any(is_made_of(finding.metric, part.metric) for part in block.slices.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What is withheld, of groups and of values."""

    groups: Mapping[str, frozenset[Group]]
    """By run: groups that are withheld everywhere."""
    units: Mapping[str, Mapping[Group, int]]
    blocks: Mapping[BlockKey, Block]
    withheld: Mapping[BlockKey, Withheld]
    further: tuple[Further, ...]
    blank: Blanks
    """Values that are not told of groups that are."""

    def of_group_finding(self, finding: Finding) -> Fate:
        """Say what becomes of a finding about a group."""
        key, group = key_of_finding(finding), group_of(finding.groups)
        if group not in self.units[finding.run] or group in self.withheld[key].groups:
            return "gone"
        blank = self.blank.among(finding.run, finding.condition, finding.examination, group)
        return "blank" if blank or self.blank.made_of(finding.run, finding.metric, group) else "told"

    def of_row(self, key: BlockKey, name: tuple[str, ...], group: Group) -> Fate:
        """Say what becomes of a row of a tied exhibit."""
        block = self.blocks[key]
        if group not in self.units[block.run] or group in self.withheld[key].groups:
            return "gone"
        part = block.slices[name]
        if part.label is not None:
            blank = (block.run, block.condition, part.label, group) in self.blank.labels
        else:
            blank = self.blank.among(block.run, block.condition, block.examination, group)
        return "blank" if blank or self.blank.made_of(block.run, part.metric, group) else "told"

    def of_gap(self, finding: Finding) -> Fate:
        """Say what becomes of a number over a family of groups: gone where any group of it is withheld.

        A value that is blank at one of its named ends would follow from it; where ends are not named, any would do.
        """
        compared = frozenset(finding.compared or ())
        if not self.units[finding.run]:
            return "gone"  # of no run whose groups are known
        if any(_within(group, compared) for group in self.groups[finding.run] if group):
            return "gone"
        if any(_within(g, compared) for more in self.further if more.bears_on(finding) for g in more.groups if g):
            return "gone"
        ends = {end for end in (finding.highest, finding.lowest) if end is not None}
        blank = [g for g in self.blank.behind(finding) if _within(g, compared)]
        if not ends:
            return "gone" if blank else "told"
        return "gone" if any(", ".join(level for _, level in g) in ends for g in blank) else "told"


def decide_fates(
    units: Mapping[str, Mapping[Group, int]], blocks: Mapping[BlockKey, Block], rule: DisclosureRule
) -> Fates:
    """Return what is withheld of a report's blocks; blocks that tell the same counts are decided once."""
    groups = {run: protect_groups(own, rule) for run, own in units.items()}
    decided: dict[object, Withheld] = {}
    withheld = {}
    for key, block in blocks.items():
        same = _counts_of(block)
        if same not in decided:
            decided[same] = protect_block(block, units[block.run], groups[block.run], rule)
        withheld[key] = decided[same]
    further = tuple(
        Further(block=block, groups=withheld[key].groups - groups[block.run])
        for key, block in blocks.items()
        if withheld[key].groups - groups[block.run]
    )
    return Fates(
        groups=groups, units=units, blocks=blocks, withheld=withheld, further=further, blank=blanks(blocks, withheld)
    )


def _counts_of(block: Block) -> object:
    return block.run, tuple(
        (name, part.kind, part.metric, tuple(part.by_group.values())) for name, part in block.slices.items()
    )


def _within(group: Group, features: Iterable[str]) -> bool:
    names = set(features)
    return all(feature in names for feature, _ in group)
