"""What interventions work on: the rows of one condition, in two halves that share neither unit nor dialogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from affidavit.predictions import Predictions
from affidavit.tally import outcome_columns

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Dialogues = Literal["whole", "cut"]
FLOOR: Final = 1e-4
"""Probabilities below it count as it in logarithms: a table of four decimals cannot tell less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows that an intervention learns from or answers for."""

    probabilities: FloatArray
    """[N, K], rows summing to one"""
    answer: IntArray
    """[N], the model's own"""
    truth: IntArray
    group: IntArray
    """[N], in the order of the feature's levels"""
    weight: FloatArray
    n_groups: int

    @property
    def n_labels(self) -> int:
        """How many answers there are."""
        return int(self.probabilities.shape[1])

    @property
    def logarithms(self) -> FloatArray:
        """Log-probabilities [N, K], never below log of `FLOOR`: what a stacked model takes in."""
        return np.asarray(np.log(np.maximum(self.probabilities, FLOOR)))

    def at(self, rows: NDArray[Any]) -> Sample:
        """Return some of the rows, by position or by mask."""
        return Sample(
            probabilities=self.probabilities[rows],
            answer=self.answer[rows],
            truth=self.truth[rows],
            group=self.group[rows],
            weight=self.weight[rows],
            n_groups=self.n_groups,
        )

    def one_against_rest(self, label: int) -> Sample:
        """Return the rows as a decision between this label (1) and any other (0)."""
        own = self.probabilities[:, label]
        return Sample(
            probabilities=np.stack([1 - own, own], axis=1),
            answer=(self.answer == label).astype(np.int64),
            truth=(self.truth == label).astype(np.int64),
            group=self.group,
            weight=self.weight,
            n_groups=self.n_groups,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The rows of one run under one condition."""

    predictions: Predictions
    condition: str
    rows: Mapping[str, NDArray[Any]]
    """Their `affidavit.tally.outcome_columns`."""
    probabilities: FloatArray
    answer: IntArray
    truth: IntArray
    unit: IntArray
    block: IntArray
    """[N]: rows of one block share a unit or a dialogue, or a chain of such."""

    def sample(self, feature: str) -> Sample:
        """Return all rows with the groups of one feature."""
        return Sample(
            probabilities=self.probabilities,
            answer=self.answer,
            truth=self.truth,
            group=self.rows[f"group_{feature}"].astype(np.int64),
            weight=self.rows["weight"] if "weight" in self.rows else np.ones(len(self.truth)),
            n_groups=len(self.predictions.levels[f"group_{feature}"]),
        )

    @property
    def largest_block(self) -> float:
        """The share of the units that lie in one block, at most."""
        units, first = np.unique(self.unit, return_index=True)
        return float(np.bincount(self.block[first]).max() / len(units))

    def held_out(self, features: tuple[str, ...], *, seed: int) -> NDArray[np.bool_]:
        """Return whether each row is in the held-out half: whole blocks, as many of each kind as in the other half.

        Blocks are of one kind where their first rows are in the same groups; of an odd number of a kind, one half has
        one more, which half by turns.
        """
        blocks, first = np.unique(self.block, return_index=True)
        order = np.random.default_rng(seed).permutation(len(blocks))
        kinds = [self.rows[f"group_{feature}"][first][order] for feature in features]
        dealt = order[np.lexsort(kinds)] if kinds else order
        second = np.zeros(len(blocks), dtype=bool)
        second[dealt[1::2]] = True
        return np.asarray(second[np.searchsorted(blocks, self.block)])


def read_material(
    predictions: Predictions, features: tuple[str, ...], condition: str, *, dialogues: Dialogues = "whole"
) -> Material:
    """Read the rows of one condition; dialogues stay whole where the table names them, or may be cut between units."""
    labels = predictions.labels
    stored = {label: f"prob_{label}" for label in labels if f"prob_{label}" in predictions.columns}
    names = [*outcome_columns(predictions, features), "y_true", "y_pred", *stored.values()]
    code = predictions.conditions.index(condition)
    parts = [
        {name: values[batch["condition"] == code] for name, values in batch.items()}
        for batch in predictions.coded_batches(names)
    ]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in names}
    n_rows = len(rows["unit"])
    columns = [rows.pop(stored[label]) if label in stored else np.zeros(n_rows) for label in labels]
    raw = np.stack(columns, axis=1).astype(np.float64)
    return Material(
        predictions=predictions,
        condition=condition,
        rows=rows,
        probabilities=raw / raw.sum(axis=1, keepdims=True),
        answer=rows.pop("y_pred").astype(np.int64),
        truth=rows.pop("y_true").astype(np.int64),
        unit=rows["unit"].astype(np.int64),
        block=_blocks(
            rows["unit"].astype(np.int64), _dialogues(predictions, condition) if dialogues == "whole" else None
        ),
    )


def _dialogues(predictions: Predictions, condition: str) -> IntArray | None:
    """Return each row's dialogue as a number, or None where the table names none."""
    if "dialogue_id" not in predictions.columns:
        return None
    table = pa.Table.from_batches(list(predictions.batches(["condition", "dialogue_id"])))
    names = table.column("dialogue_id").to_pandas()[table.column("condition").to_pandas() == condition]
    codes = pd.factorize(names)[0].astype(np.int64)  # -1 where a row names none
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return np.asarray(codes, dtype=np.int64)


def _blocks(unit: IntArray, dialogue: IntArray | None) -> IntArray:
    """Return the number of the connected part, of units and dialogues, that each row lies in."""
    units = np.unique(unit, return_inverse=True)[1].reshape(-1)
    if dialogue is None:
        return np.asarray(units, dtype=np.int64)
    n_units = int(units.max(initial=-1)) + 1
    size = n_units + int(dialogue.max(initial=-1)) + 1
    links = coo_array((np.ones(len(units)), (units, n_units + dialogue)), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1][units], dtype=np.int64)
