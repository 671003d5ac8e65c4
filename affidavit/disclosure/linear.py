"""Counts that nobody tells, and the linear statements that bind them: low <= sum of coefficient x count <= high."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A linear statement about counts that follows from what is told."""

    coefficients: Mapping[int, float]
    """Index of the count to its coefficient."""
    low: float = 0.0
    high: float = 0.0
    told_by: str
    """In words, where the statement comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Whole numbers, each known to lie between two ends (equal where it is told), and what binds them together."""

    names: Sequence[str]
    low: FloatArray
    """Shape (counts,)."""
    high: FloatArray
    """Shape (counts,); infinite where nothing bounds a count from above."""
    statements: Sequence[Statement] = field(default=())

    def told(self) -> npt.NDArray[np.bool_]:
        """Say of each count whether it is told exactly."""
        return np.equal(self.low, self.high)


def components(counts: Counts) -> list[tuple[list[int], list[Statement]]]:
    """Return the untold counts in parts that no statement joins, each with its statements.

    Every part is a model of its own, so that a large report is many small problems.
    """
    told = counts.told()
    parent = list(range(len(counts.names)))
    for statement in counts.statements:
        open_ones = [i for i in statement.coefficients if not told[i]]
        for other in open_ones[1:]:
            parent[_root(parent, other)] = _root(parent, open_ones[0])
    members: dict[int, list[int]] = {}
    for i in np.flatnonzero(~told):
        members.setdefault(_root(parent, int(i)), []).append(int(i))
    own: dict[int, list[Statement]] = {root: [] for root in members}
    for statement in counts.statements:
        first = next((i for i in statement.coefficients if not told[i]), None)
        if first is not None:
            own[_root(parent, first)].append(statement)
    return [(members[root], own[root]) for root in members]


def coefficients_of(statements: Iterable[Statement], n: int) -> FloatArray:
    """Return the coefficients of statements about n counts, shape (statements, n)."""
    rows = list(statements)
    matrix = np.zeros((len(rows), n))
    for row, statement in enumerate(rows):
        for i, coefficient in statement.coefficients.items():
            matrix[row, i] = coefficient
    return matrix


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
