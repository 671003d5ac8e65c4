"""Counts a run once: per unit and group, the confusion matrix (or the sums) that every later number is made from.

After this pass nothing is proportional to rows. A `Tally` keeps, for one condition, one row per (unit, cell) that
occurs, where a cell is a combination of all features' levels; `Tally.by` folds it to fewer features. Every condition
of a run lists the same groups: one without rows under a condition is there with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.grouped_sums import FloatArray as FloatArray
from affidavit.grouped_sums import GroupedSums as GroupedSums
from affidavit.grouped_sums import IntArray as IntArray
from affidavit.grouped_sums import summed
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.protocols import Progress, silent
from affidavit.schema import VECTOR_TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The sums of one condition over all cells."""

    condition: str
    features: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    sums: FloatArray
    n_rows: IntArray
    unit: IntArray
    cell: IntArray
    """[R, F] level codes."""
    n_units: int
    cells: IntArray | None = None
    """[C, F] level codes of the combinations that occur under any condition of the run; its own where None."""
    alike: bool = False
    """Whether rows are the units and each row of `sums` stands for `n_rows` units that are alike."""
    weighted: bool = False

    def by(self, features: Sequence[str]) -> GroupedSums:
        """Fold to the groups that these features make; none of them gives everybody.

        One feature makes a group of each of its levels, several of each combination that the run has: also where there
        is no row under this condition.
        """
        positions = [self.features.index(feature) for feature in features]
        shape = tuple(len(self.levels[i]) for i in positions)
        present = self._present(positions, shape)
        named = np.array(np.unravel_index(present, shape)).T if shape else np.zeros((1, 0), dtype=np.int64)
        groups = tuple(
            {feature: self.levels[i][level] for feature, i, level in zip(features, positions, row, strict=True)}
            for row in named
        )
        group = np.searchsorted(present, _code(self.cell, positions, shape))
        return self._folded_alike(group, groups) if self.alike else self._folded(group, groups)

    def _present(self, positions: Sequence[int], shape: tuple[int, ...]) -> IntArray:
        """Return the codes of the groups in ascending order."""
        if len(shape) < 2:
            return np.arange(shape[0] if shape else 1)
        return np.unique(_code(self.cell if self.cells is None else self.cells, positions, shape))

    def _folded(self, group: IntArray, groups: tuple[Mapping[str, str], ...]) -> GroupedSums:
        pair = self.unit * len(groups) + group
        sums, n_rows = self.sums, self.n_rows
        if (pair[1:] <= pair[:-1]).any():  # else each pair is one row already, in order
            pair, row = np.unique(pair, return_inverse=True)
            sums = summed(self.sums, row.reshape(-1), len(pair))
            n_rows = np.bincount(row, weights=self.n_rows, minlength=len(pair)).astype(np.int64)
        return GroupedSums(
            sums=sums,
            n_rows=n_rows,
            unit=pair // len(groups),
            group=pair % len(groups),
            n_units=self.n_units,
            groups=groups,
            weighted=self.weighted,
        )

    def _folded_alike(self, group: IntArray, groups: tuple[Mapping[str, str], ...]) -> GroupedSums:
        pattern = self.unit * len(groups) + group  # `unit` holds the outcome's code here
        kept, first, row = np.unique(pattern, return_index=True, return_inverse=True)
        multiplicity = np.bincount(row, weights=self.n_rows, minlength=len(kept)).astype(np.int64)
        return GroupedSums(
            sums=self.sums[first],
            n_rows=multiplicity,
            unit=np.arange(len(kept)),
            group=kept % len(groups),
            n_units=self.n_units,
            groups=groups,
            multiplicity=multiplicity,
            weighted=self.weighted,
        )


def _code(cell: IntArray, positions: Sequence[int], shape: tuple[int, ...]) -> IntArray:
    code = np.zeros(len(cell), dtype=np.int64)
    for i, size in zip(positions, shape, strict=True):
        code = code * size + cell[:, i]
    return code


def families(features: Sequence[str], depth: int) -> tuple[tuple[str, ...], ...]:
    """Return everybody, each feature, then every intersection up to `depth` features.

    >>> families(["age", "sex"], 2)
    ((), ('age',), ('sex',), ('age', 'sex'))
    """
    return tuple(family for size in range(depth + 1) for family in combinations(features, size))


def tally(predictions: Predictions, features: Sequence[str], *, progress: Progress = silent) -> dict[str, Tally]:
    """Count a run, one `Tally` per condition.

    The sums are, by task: labelled multiclass, the confusion matrix true x predicted flattened to K*K; unlabelled
    multiclass, the K prediction counts; transcription, word errors and words; regression and multilabel, rows. A weight
    column weighs each row.
    """
    counter = _Counter(predictions, tuple(features))
    done = 0
    for batch in predictions.coded_batches(counter.columns):
        counter.add(batch)
        done += len(batch["condition"])
        progress(f"counting {predictions.run}", done, predictions.n_rows)
    return counter.tallies()


def outcome_columns(predictions: Predictions, features: Sequence[str]) -> list[str]:
    """Return the columns that `tally_outcomes` and `OutcomeCounter` need of each row, for `coded_batches`."""
    weight = ["weight"] if "weight" in predictions.columns else []
    return ["condition", "unit", *(f"group_{feature}" for feature in features), *weight]


def tally_outcomes(
    predictions: Predictions,
    features: Sequence[str],
    *,
    condition: str,
    rows: Mapping[str, NDArray[Any]],
    sums: FloatArray,
) -> Tally:
    """Return a tally of outcomes computed row by row: `sums` [N, S], with the `outcome_columns` in `rows`.

    Raises:
        ValueError: the table has weights, and `rows` has not.
    """
    counter = OutcomeCounter(predictions, features, condition=condition)
    counter.add(rows, sums)
    return counter.tally()


class OutcomeCounter:
    """Counts outcomes of one condition batch by batch, in memory that grows with units and not with rows.

    Where rows are the units, rows that add the same sums to the same groups are counted together.
    """

    def __init__(self, predictions: Predictions, features: Sequence[str], *, condition: str) -> None:
        """Count the outcomes of a run under a condition."""
        self.predictions, self.features, self.condition = predictions, tuple(features), condition
        self.alike = predictions.unit == "row"
        self.weighted = "weight" in predictions.columns
        self._keys: list[FloatArray] = []
        self._sums: list[FloatArray] = []
        self._n_rows: list[IntArray] = []

    def add(self, rows: Mapping[str, NDArray[Any]], sums: FloatArray) -> None:
        """Add rows with their `outcome_columns` and what each adds to the sums, [N, S]; a weight multiplies it.

        Raises:
            ValueError: the table has weights, and `rows` has not.
        """
        if self.weighted and "weight" not in rows:
            raise ValueError("the table has weights: read affidavit.tally.outcome_columns of each row")
        sums = sums * rows["weight"][:, None] if self.weighted else sums
        who = sums if self.alike else rows["unit"][:, None]
        groups = [rows[f"group_{feature}"] for feature in self.features]
        keys = np.column_stack([who, *groups]).astype(np.float64)
        self._append(keys, sums.astype(np.float64), np.ones(len(sums), dtype=np.int64))
        if sum(map(len, self._keys)) > 4 * max(len(self._keys[0]), 50_000):
            self._merge()

    def _append(self, keys: FloatArray, sums: FloatArray, n_rows: IntArray) -> None:
        first, row = _distinct(keys)
        folded = np.zeros((len(first), sums.shape[1]))
        if self.alike:
            folded = sums[first]
        else:
            np.add.at(folded, row, sums)
        self._keys.append(keys[first])
        self._sums.append(folded)
        self._n_rows.append(np.bincount(row, weights=n_rows, minlength=len(first)).astype(np.int64))

    def _merge(self) -> None:
        keys, sums, n_rows = np.concatenate(self._keys), np.concatenate(self._sums), np.concatenate(self._n_rows)
        self._keys, self._sums, self._n_rows = [], [], []
        self._append(keys, sums, n_rows)

    def tally(self) -> Tally:
        """Return what was counted.

        Raises:
            ValueError: nothing was added.
        """
        if not self._keys:
            raise ValueError("nothing was counted")
        self._merge()
        (keys,), (sums,), (n_rows,) = self._keys, self._sums, self._n_rows
        order = np.lexsort(keys.T[::-1])  # so that nothing depends on the order of rows
        keys, sums, n_rows = keys[order], sums[order], n_rows[order]
        n_features = len(self.features)
        who, cell = keys[:, : keys.shape[1] - n_features], keys[:, keys.shape[1] - n_features :].astype(np.int64)
        unit = np.unique(who, axis=0, return_inverse=True)[1].reshape(-1) if self.alike else who[:, 0]
        return Tally(
            condition=self.condition,
            features=self.features,
            levels=tuple(self.predictions.levels[f"group_{feature}"] for feature in self.features),
            sums=sums,
            n_rows=n_rows,
            unit=unit.astype(np.int64),
            cell=cell,
            n_units=int(n_rows.sum()) if self.alike else self.predictions.n_units,
            alike=self.alike,
            weighted=self.weighted,
        )


def _distinct(keys: NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Return where each distinct row of `keys` first stands, and which distinct row each row is."""
    import pandas as pd

    code = np.zeros(len(keys), dtype=np.int64)
    for column in keys.T:
        part, values = pd.factorize(column)
        code = pd.factorize(code * max(len(values), 1) + part)[0].astype(np.int64)
    first = np.unique(code, return_index=True)[1]
    return first, code


def _outcome(predictions: Predictions) -> tuple[str, ...]:
    """Return the columns that are counted; none where a row has many values, so that rows are."""
    if predictions.task is Task.TRANSCRIPTION:
        return "word_errors", "words"
    if predictions.task in VECTOR_TASKS:
        return ()
    return ("y_true", "y_pred") if predictions.labelled else ("y_pred",)


class _Counter:
    """Accumulates sums by (condition, unit, cell), growing one row at a time as pairs turn up.

    Confusion matrices are kept by (condition, unit, cell, outcome) until the end: of their cells few are not empty.
    """

    def __init__(self, predictions: Predictions, features: tuple[str, ...]) -> None:
        self.predictions, self.features = predictions, features
        self.sizes = tuple(len(predictions.levels[f"group_{feature}"]) for feature in features)
        self.n_units = predictions.n_units
        self.outcome = _outcome(predictions)
        weight = ("weight",) if "weight" in predictions.columns else ()
        groups = (f"group_{feature}" for feature in features)
        self.columns = ("condition", "unit", *groups, *self.outcome, *weight)
        self.n_labels = len(predictions.labels)
        self.width = 2 if predictions.task is Task.TRANSCRIPTION else self.n_labels ** len(self.outcome)
        words = predictions.task is Task.TRANSCRIPTION
        self.alike = predictions.unit == "row" and not weight and not words
        self.by_outcome = not (self.alike or words)
        if self.alike:
            self.columns = tuple(name for name in self.columns if name != "unit")
            self.n_keys = self.width
        else:
            self.n_keys = self.n_units
        self.keys: list[IntArray] = []
        self.parts: list[tuple[FloatArray, IntArray]] = []

    def add(self, batch: Mapping[str, NDArray[Any]]) -> None:
        who = self._outcome_code(batch) if self.alike else batch["unit"]
        key = batch["condition"].astype(np.int64) * self.n_keys + who
        for feature, size in zip(self.features, self.sizes, strict=True):
            key = key * size + batch[f"group_{feature}"]
        if self.by_outcome:
            key = key * self.width + self._outcome_code(batch)
        row, kept = self._rows(key)
        n = len(kept)
        weight = batch.get("weight")
        n_rows = np.bincount(row, minlength=n)
        self.keys.append(kept)
        self.parts.append((self._sums(batch, row, n, weight), n_rows))
        if sum(len(keys) for keys in self.keys) > 4 * max(len(self.keys[0]), 50_000):
            self._merge()

    def _rows(self, key: IntArray) -> tuple[IntArray, IntArray]:
        """Return each row's position among the distinct keys; hashing costs a fraction of sorting."""
        import pandas as pd

        row, kept = pd.factorize(key)
        return row, np.asarray(kept)

    def _sums(
        self,
        batch: Mapping[str, NDArray[Any]],
        row: IntArray,
        n: int,
        weight: NDArray[Any] | None,
    ) -> FloatArray:
        if self.predictions.task is Task.TRANSCRIPTION:
            values = [batch[name] * (1.0 if weight is None else weight) for name in self.outcome]
            return np.stack([np.bincount(row, weights=value, minlength=n) for value in values], axis=1)
        return np.bincount(row, weights=weight, minlength=n).astype(np.float64)[:, None]

    def _outcome_code(self, batch: Mapping[str, NDArray[Any]]) -> IntArray:
        code = np.zeros(len(batch["condition"]), dtype=np.int64)
        for name in self.outcome:
            code = code * self.n_labels + batch[name]
        return code

    def _merge(self) -> None:
        row, kept = self._rows(np.concatenate(self.keys))
        sums, n_rows = np.zeros((len(kept), self.parts[0][0].shape[1])), np.zeros(len(kept), dtype=np.int64)
        start = 0
        for (
            part_sums,
            part_rows,
        ) in self.parts:  # keys are distinct within a part, so plain addition by index is safe
            rows = row[start : start + len(part_rows)]
            sums[rows] += part_sums
            n_rows[rows] += part_rows
            start += len(part_rows)
        self.keys, self.parts = [kept], [(sums, n_rows)]

    def _matrices(self, key: IntArray, counts: FloatArray, n_rows: IntArray) -> tuple[IntArray, FloatArray, IntArray]:
        """Return keys without outcome, sums [R, width] and rows, from sorted keys with outcome."""
        key, outcome = np.divmod(key, self.width)
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        sums = np.zeros((len(starts), self.width))
        sums[np.repeat(np.arange(len(starts)), np.diff(starts, append=len(key))), outcome] = counts
        return key[starts], sums, np.add.reduceat(n_rows, starts)

    def tallies(self) -> dict[str, Tally]:
        self._merge()
        (key,), ((sums, n_rows),) = self.keys, self.parts
        if (key[1:] < key[:-1]).any():  # so that nothing depends on the order of rows
            order = np.argsort(key)
            key, sums, n_rows = key[order], sums[order], n_rows[order]
        if self.by_outcome:
            key, sums, n_rows = self._matrices(key, sums[:, 0], n_rows)
        cell = np.zeros((len(key), len(self.features)), dtype=np.int64)
        for i in reversed(range(len(self.features))):
            key, cell[:, i] = np.divmod(key, self.sizes[i])
        condition, unit = np.divmod(key, self.n_keys)
        sums = np.eye(self.width)[unit] if self.alike else sums
        levels = tuple(self.predictions.levels[f"group_{feature}"] for feature in self.features)
        starts = np.searchsorted(condition, np.arange(len(self.predictions.conditions) + 1))
        cells = cell[_distinct(cell)[0]]
        return {
            name: Tally(
                condition=name,
                features=self.features,
                levels=levels,
                sums=sums[start:stop],
                n_rows=n_rows[start:stop],
                unit=unit[start:stop],
                cell=cell[start:stop],
                n_units=self.n_units,
                cells=cells,
                alike=self.alike,
                weighted="weight" in self.columns,
            )
            for name, start, stop in zip(self.predictions.conditions, starts, starts[1:], strict=False)
        }
