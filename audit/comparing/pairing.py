"""Two runs matched item by item: what matches, what does not, and the sums of what does, by unit and group.

The first run says in which group and unit an item is, and what it weighs; the unit comes from the second run where
only that one names people. Items whose reference labels differ take no part. All that is left out is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.conditions import Condition
from affidavit.schema import ROW_NUMBER
from affidavit.tally import Tally
from audit.comparing.items import KINDS, FloatArray, IntArray, Panel

LISTED: Final = 30_000
"""Items that are units of their own, up to which each is resampled by itself: that is faster until memory is short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The items that two runs share; arrays [N]."""

    panel: Panel
    first: str
    second: str
    condition: IntArray
    unit: IntArray
    """From 0 without gaps over all conditions; each item its own where nobody is named."""
    n_units: int
    has_units: bool
    cell: IntArray
    """[N, F]"""
    truth: IntArray
    predicted: tuple[IntArray, IntArray]
    weight: FloatArray | None
    contradicted: IntArray
    """Items of each condition [C] whose reference labels differ; they take no part."""
    alone: tuple[IntArray, IntArray]
    """Items of each condition [C] that only the first run has, and only the second."""
    moved: tuple[int, int]
    """Matched items whose group differs between the tables, and whose unit does."""

    @property
    def name(self) -> str:
        """Return what differences of this pairing go by: the second less the first."""
        return f"{self.second} less {self.first}"

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return the conditions of use under which anything is shared, fullest first."""
        there = np.bincount(self.condition, minlength=len(self.panel.conditions)) > 0
        shared = [name for name, is_there in zip(self.panel.conditions, there, strict=True) if is_there]
        return tuple(name for name in shared if not Condition.parse(name).intervenes)

    def tally(self, condition: str) -> Tally:
        """Count one condition: class sums [6K], those of the first run and then those of the second.

        Where items are the units, weigh alike and are many, those with the same answers in the same groups are counted
        together.
        """
        here = self.condition == self.panel.conditions.index(condition)
        alike = not self.has_units and self.weight is None and int(here.sum()) > LISTED
        n_labels = len(self.panel.labels)
        truth, first, second = self.truth[here], self.predicted[0][here], self.predicted[1][here]
        unit, n_units = self.unit[here], self.n_units
        if not self.has_units:
            unit = (truth * n_labels + first) * n_labels + second if alike else np.arange(here.sum())
            n_units = int(here.sum())
        row, keys = _rows(unit, self.cell[here], [len(levels) for levels in self.panel.levels])
        weight = np.ones(len(truth)) if self.weight is None else self.weight[here]
        sums = np.concatenate(
            [_class_sums(row, len(keys), truth, p, weight=weight, n_labels=n_labels) for p in (first, second)], axis=1
        )
        n_rows = np.bincount(row, minlength=len(keys)).astype(np.int64)
        return Tally(
            condition=condition,
            features=self.panel.features,
            levels=self.panel.levels,
            sums=sums / n_rows[:, None] if alike else sums,
            n_rows=n_rows,
            unit=keys[:, 0],
            cell=keys[:, 1:],
            n_units=n_units,
            cells=self.panel.cells,
            alike=alike,
            weighted=self.weight is not None,
        )

    def caveats(self, condition: str) -> tuple[str, ...]:
        """Return what a reader must know of the matching under a condition."""
        c = self.panel.conditions.index(condition)
        alone = [int(count[c]) for count in self.alone]
        said = [
            (sum(alone), f"items that one run alone has: {alone[0]:,} of {self.first}, {alone[1]:,} of {self.second}"),
            (self.contradicted[c], f"{self.contradicted[c]:,} items have another reference label in each table"),
            (self.moved[0], f"{self.moved[0]:,} items are in another group in each table; {self.first} has the say"),
            (self.moved[1], f"{self.moved[1]:,} items are of another unit in each table; {self.first} has the say"),
        ]
        numbered = [run for run in (self.first, self.second) if self._numbered(run)]
        by_place = (f"utterances of {' and '.join(numbered)} are numbered rows: matched by their place",) * bool(
            numbered
        )
        return (*(text for count, text in said if count), *by_place)

    def _numbered(self, run: str) -> bool:
        return self.panel.predictions[run].mapped.parts["utterance_id"] == ROW_NUMBER


def pair(panel: Panel, first: str, second: str) -> Pairing:
    """Match two runs; there may be nothing to match."""
    one, two = panel.items[first], panel.items[second]
    i, j = np.intersect1d(one.item, two.item, assume_unique=True, return_indices=True)[1:]
    agreed = one.truth[i] == two.truth[j]
    n_conditions = len(panel.conditions)
    contradicted = np.bincount(one.condition[i[~agreed]], minlength=n_conditions)
    alone = tuple(
        np.bincount(rows.condition, minlength=n_conditions) - np.bincount(rows.condition[k], minlength=n_conditions)
        for rows, k in ((one, i), (two, j))
    )
    i, j = i[agreed], j[agreed]
    kinds = [panel.predictions[run].unit for run in (first, second)]
    of_second = KINDS.index(kinds[1]) < KINDS.index(kinds[0])
    has_units = set(kinds) != {"row"}
    texts = two.unit[j] if of_second else one.unit[i]
    unit = np.unique(texts, return_inverse=True)[1].reshape(-1) if has_units else np.arange(len(i))
    differ = kinds[0] == kinds[1] != "row"
    return Pairing(
        panel=panel,
        first=first,
        second=second,
        condition=one.condition[i],
        unit=unit.astype(np.int64),
        n_units=int(unit.max()) + 1 if len(unit) else 0,
        has_units=has_units,
        cell=one.cell[i],
        truth=one.truth[i],
        predicted=(one.predicted[i], two.predicted[j]),
        weight=_weights(one.weight, two.weight, i, j),
        contradicted=contradicted,
        alone=(alone[0], alone[1]),
        moved=(
            int((one.cell[i] != two.cell[j]).any(axis=1).sum()),
            int((one.unit[i] != two.unit[j]).sum()) if differ else 0,
        ),
    )


def _weights(one: FloatArray | None, two: FloatArray | None, i: IntArray, j: IntArray) -> FloatArray | None:
    if one is not None:
        return one[i]
    return None if two is None else two[j]


def _rows(unit: NDArray[np.int64], cell: IntArray, sizes: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Return the place of each row among the distinct (unit, cell), and these in ascending order, [R, 1 + F]."""
    code = unit.astype(np.int64)
    for column, size in zip(cell.T, sizes, strict=True):
        code = code * size + column
    keys, row = np.unique(code, return_inverse=True)
    parts = []
    for size in reversed(sizes):
        keys, part = np.divmod(keys, size)
        parts.append(part)
    return row.reshape(-1).astype(np.int64), np.stack([keys, *reversed(parts)], axis=1)


def _class_sums(
    row: IntArray, n_keys: int, truth: IntArray, predicted: IntArray, *, weight: FloatArray, n_labels: int
) -> FloatArray:
    """Return hits, rows that are k and rows called k, [R, 3K]."""

    def by_class(label: IntArray, counted: FloatArray) -> FloatArray:
        size = n_keys * n_labels
        counts = np.bincount(row * n_labels + label, weights=counted, minlength=size)
        return np.asarray(counts.reshape(n_keys, n_labels), dtype=np.float64)

    hits = by_class(truth, weight * (truth == predicted))
    return np.concatenate([hits, by_class(truth, weight), by_class(predicted, weight)], axis=1)
