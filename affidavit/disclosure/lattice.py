"""Which sums bind the groups of a report: everybody, the levels of each feature, their intersections.

A group is a mapping of features to levels, kept as sorted pairs; everybody has none. Where a feature belongs to units,
a group is the sum of its levels under every further feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from affidavit.disclosure.linear import Statement

Group = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A group and the groups that it falls into by one further feature."""

    parent: Group
    children: tuple[Group, ...]
    feature: str


def group_of(levels: Mapping[str, str]) -> Group:
    """Return a group by its levels, whatever the order in which they come."""
    return tuple(sorted(levels.items()))


def group_in_words(group: Group) -> str:
    """Return a group as people read it.

    >>> group_in_words((("accent", "Welsh"), ("age", "40+")))
    'accent Welsh, age 40+'
    """
    return ", ".join(f"{feature} {level}" for feature, level in group) or "everybody"


def lines(groups: Iterable[Group]) -> tuple[Line, ...]:
    """Return every line among groups, of which none is left out: an absent intersection is empty."""
    known = tuple(dict.fromkeys(groups))
    children: dict[tuple[Group, str], list[Group]] = {}
    for group in known:
        for pair in group:
            parent = tuple(other for other in group if other != pair)
            children.setdefault((parent, pair[0]), []).append(group)
    present = set(known)
    return tuple(
        Line(parent=parent, children=tuple(own), feature=feature)
        for (parent, feature), own in children.items()
        if parent in present
    )


def statements_of(found: Sequence[Line], place: Mapping[Group, int]) -> list[Statement]:
    """Return each line as a statement: the parent less its children is nothing."""
    return [
        Statement(
            coefficients={place[line.parent]: 1.0, **{place[child]: -1.0 for child in line.children}},
            told_by=f"{group_in_words(line.parent)} is the sum over {line.feature}",
        )
        for line in found
    ]


def holding(found: Iterable[Line], values: Mapping[Group, float]) -> tuple[Line, ...]:
    """Return the lines that the true counts obey; a feature of rows puts one unit into several groups."""
    return tuple(
        line
        for line in found
        if abs(values[line.parent] - sum(values[child] for child in line.children)) <= 1e-6 * (1 + values[line.parent])
    )
