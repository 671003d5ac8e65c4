"""Values that are not told of a group that is told: a small count is behind them, or would follow.

A value that is blank in one place is blank wherever its name says that it is the same or was made of it (`accuracy`,
`accuracy_shortfall`), for its class, and among its examination's other values of that group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from affidavit.disclosure.lattice import Group
from affidavit.disclosure.protection import Withheld
from affidavit.disclosure.told import Block, BlockKey
from affidavit.records import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Blanks:
    """Groups whose values are blank, by what they are blank for."""

    examinations: frozenset[tuple[str, str, str, Group]]
    """Run, condition, examination, group."""
    stems: Mapping[tuple[str, Group], frozenset[str]]
    """Run and group to the metrics that are blank under every condition."""
    labels: frozenset[tuple[str, str, str, Group]]
    """Run, condition, class, group."""
    classed: frozenset[str]
    """Examinations that tell of single classes."""

    def among(self, run: str, condition: str, examination: str, group: Group) -> bool:
        """Say whether an examination's values of a group are blank."""
        return (run, condition, examination, group) in self.examinations

    def made_of(self, run: str, metric: str, group: Group) -> bool:
        """Say whether a metric of a group is blank, or made of one that is."""
        return any(is_made_of(metric, stem) for stem in self.stems.get((run, group), ()))

    def behind(self, finding: Finding) -> list[Group]:
        """Return the groups whose blank values could follow from a gap."""
        here = (finding.run, finding.condition)
        found = [g for (run, g), own in self.stems.items() if run == here[0] and _any_made_of(finding.metric, own)]
        found += [g for *place, name, g in self.examinations if tuple(place) == here and name == finding.examination]
        if finding.label is not None or finding.examination in self.classed:
            found += [g for *place, label, g in self.labels if tuple(place) == here and finding.label in (None, label)]
        return found


def blanks(blocks: Mapping[BlockKey, Block], withheld: Mapping[BlockKey, Withheld]) -> Blanks:
    """Return what is blank, from the values that blocks withhold."""
    examinations, stems, labels = set(), dict[tuple[str, Group], set[str]](), set()
    for key, what in withheld.items():
        block = blocks[key]
        for name, group in what.values:
            part = block.slices[name]
            if part.label is not None:
                labels.add((block.run, block.condition, part.label, group))
                continue
            stems.setdefault((block.run, group), set()).add(part.metric)
            if key[0] == "finding":
                examinations.add((block.run, block.condition, block.examination, group))
    classed = {b.examination for b in blocks.values() if any(part.label is not None for part in b.slices.values())}
    return Blanks(
        examinations=frozenset(examinations),
        stems={key: frozenset(own) for key, own in stems.items()},
        labels=frozenset(labels),
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
