"""Whom a probe is asked about: units of an attribute's groups with as many utterances each, dealt into folds.

A mean over two utterances spreads more than one over fifty, and a probe that meets both tells by the spread alone who
has many; so each unit that takes part has as many rows, and units with fewer are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.schema import UNKNOWN
from privacy.probes.roster import Roster

IntArray = NDArray[np.int64]
MOST_UNITS_KEPT: Final = 0.8
"""Of each group: as many rows of each unit are looked at as this share of the group's units have."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Rows [N] of units [U], of each as many."""

    attribute: str
    levels: tuple[str, ...]
    """The groups [C] that take part."""
    left_out: tuple[str, ...]
    """Groups with too few units."""
    place: IntArray
    """[N] in the roster, ascending"""
    member: IntArray
    """[N] in `unit`"""
    unit: IntArray
    """[U], codes of the run's units, ascending"""
    group: IntArray
    """[U], codes of `levels`"""
    fold: IntArray
    """[U]"""
    dealt: IntArray
    """[B, U]: the groups dealt anew to the units"""
    size: int
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """How a panel is made."""

    least: int
    """Units under which a group takes no part."""
    folds: int
    permutations: int
    most_rows: int
    """Utterances of each unit, at most."""
    seed: int


def panel_of(roster: Roster, place: IntArray, attribute: str, levels: Sequence[str], dealing: Dealing) -> Panel | str:
    """Return the panel of an attribute among the roster's rows at `place`, or why there is none."""
    least = dealing.least
    rng = np.random.default_rng(dealing.seed)
    unit, member = np.unique(roster.unit[place], return_inverse=True)
    group, caveats = _group_of_unit(roster.groups[attribute][place], member, len(unit), levels, attribute)
    taking_part = np.flatnonzero(np.bincount(group[group >= 0], minlength=len(levels)) >= least)
    if len(taking_part) < 2:
        return f"fewer than two groups of {attribute} have {least} units, each of one known level"
    n_rows = np.bincount(member, minlength=len(unit))
    size = min(dealing.most_rows, _size([n_rows[group == g] for g in taking_part], least))
    kept = np.isin(group, taking_part) & (n_rows >= size)
    fewer = int((np.isin(group, taking_part) & (n_rows < size)).sum())
    rows = drawn_rows(member, kept, size=size, rng=rng)
    at = np.searchsorted(taking_part, group[kept])
    fold = rng.permutation(int(kept.sum())) % dealing.folds
    return Panel(
        attribute=attribute,
        levels=tuple(levels[int(g)] for g in taking_part),
        left_out=tuple(
            level for g, level in enumerate(levels) if g not in taking_part and level != UNKNOWN and (group == g).any()
        ),
        place=place[rows],
        member=np.searchsorted(np.flatnonzero(kept), member[rows]),
        unit=unit[kept],
        group=at,
        fold=fold,
        dealt=np.stack([rng.permutation(at) for _ in range(dealing.permutations)]),
        size=size,
        caveats=(
            f"{size} utterances of each unit" if size > 1 else "one utterance of each unit",
            *caveats,
            *((f"{fewer} units that have fewer utterances are left out",) if fewer else ()),
        ),
    )


def drawn_rows(member: IntArray, kept: NDArray[np.bool_], *, size: int, rng: np.random.Generator) -> IntArray:
    """Return so many rows of each member that is kept, ascending, drawn at random."""
    order = rng.permutation(len(member))
    order = order[np.argsort(member[order], kind="stable")]
    first = np.searchsorted(member[order], member[order], side="left")
    chosen = order[(np.arange(len(member)) - first < size) & kept[member[order]]]
    return np.sort(chosen)


def _group_of_unit(
    codes: IntArray, member: IntArray, n_units: int, levels: Sequence[str], attribute: str
) -> tuple[IntArray, tuple[str, ...]]:
    """Return each unit's group, -1 where it is unknown and -2 where it has several."""
    group = np.full(n_units, -1, dtype=np.int64)
    group[member[::-1]] = codes[::-1]
    several = np.zeros(n_units, dtype=bool)
    several[member[group[member] != codes]] = True
    unknown = ~several & np.isin(group, [g for g, level in enumerate(levels) if level == UNKNOWN])
    group = np.where(several, -2, np.where(unknown, -1, group))
    told = []
    if unknown.any():
        told.append(f"{int(unknown.sum())} units whose {attribute} is unknown are left out")
    if several.any():
        told.append(f"{int(several.sum())} units that lie in several groups of {attribute} are left out")
    return group, tuple(told)


def _size(counts: Sequence[IntArray], least: int) -> int:
    """Return how many rows of each unit are looked at: most units of every group, and `least` of them, have as many."""
    return int(min(np.sort(rows)[::-1][max(math.ceil(MOST_UNITS_KEPT * len(rows)), least) - 1] for rows in counts))
