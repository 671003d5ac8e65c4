"""Values that are not told of a group that is told: a small count is behind them, or would follow.

A value that is blank in one place is blank wherever its name says that it is the same or was made of it (`accuracy`,
`accuracy_shortfall`), and among its examination's other values of that group. Classes add up to their group, so that
where one is blank all are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from affidavit.disclosure.hiding import SliceKey
from affidavit.disclosure.lattice import Group
from affidavit.disclosure.told import Block, BlockKey
from affidavit.records import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Blanks:
    """Groups whose values are blank, by what they are blank for."""

    examinations: frozenset[tuple[str, str, str, Group]]
    """Run, condition, examination, group."""
    stems: Mapping[tuple[str, Group], frozenset[str]]
    """Run and group to the metrics that are blank under every condition."""
    classes: frozenset[tuple[str, str, Group]]
    """Run, condition and group of which the values of single classes are blank."""
    classed: frozenset[str]
    """Examinations that tell of single classes."""

    def among(self, run: str, condition: str, examination: str, group: Group) -> bool:
        """Say whether an examination's values of a group are blank."""
        return (run, condition, examination, group) in self.examinations

    def in_class(self, run: str, condition: str, group: Group) -> bool:
        """Say whether the values of single classes of a group are blank."""
        return (run, condition, group) in self.classes

    def made_of(self, run: str, metric: str, group: Group) -> bool:
        """Say whether a metric of a group is blank, or made of one that is."""
        return any(is_made_of(metric, stem) for stem in self.stems.get((run, group), ()))

    def behind(self, finding: Finding) -> list[Group]:
        """Return the groups whose blank values could follow from a gap."""
        here = (finding.run, finding.condition)
        found = [g for (run, g), own in self.stems.items() if run == here[0] and _any_made_of(finding.metric, own)]
        found += [g for *place, name, g in self.examinations if tuple(place) == here and name == finding.examination]
        if finding.label is not None or finding.examination in self.classed:
            found += [g for *place, g in self.classes if tuple(place) == here]
        return found


def blanks(blocks: Mapping[BlockKey, Block], values: Mapping[SliceKey, frozenset[Group]]) -> Blanks:
    """Return what is blank, from the groups whose value each slice withholds."""
    examinations, stems, classes = set(), dict[tuple[str, Group], set[str]](), set()
    for (key, name), groups in values.items():
        block = blocks[key]
        part = block.slices[name]
        for group in groups:
            if part.label is not None:
                classes.add((block.run, block.condition, group))
                continue
            stems.setdefault((block.run, group), set()).add(part.metric)
            if key[0] == "finding":
                examinations.add((block.run, block.condition, block.examination, group))
    classed = {b.examination for b in blocks.values() if any(part.label is not None for part in b.slices.values())}
    return Blanks(
        examinations=frozenset(examinations),
        stems={key: frozenset(own) for key, own in stems.items()},
        classes=frozenset(classes),
        classed=frozenset(classed),
    )


def is_made_of(metric: str, stem: str) -> bool:
    """Say whether a metric's name says that it is another one, or made of it.

    >>> is_made_of("accuracy_shortfall", "accuracy"), is_made_of("accuracy", "recall")
    (True, False)
    """
    return metric == stem or metric.startswith(f"{stem}_") or metric.endswith(f"_{stem}")


def _any_made_of(metric: str, stems: frozenset[str]) -> bool:
    return any(is_made_of(metric, stem) for stem in stems)
