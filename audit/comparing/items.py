"""The judgements of several runs under one vocabulary, so that two of them can be matched item by item.

An item is an utterance under a condition (and a repetition; and a reasoner or an instruction, where a run has several).
Runs number units, labels and levels each in its own way: they are matched by their texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.conditions import sorted_conditions
from affidavit.predictions import Predictions
from affidavit.tally import outcome_columns

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
KINDS: Final = ("unit_id", "speaker_id", "utterance_id", "row")
"""What a unit may be, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunItems:
    """The rows of one run in the panel's codes, [N] each."""

    item: IntArray
    """Which item; no two rows of a run share one."""
    condition: IntArray
    unit: IntArray
    cell: IntArray
    """[N, F] levels of the features."""
    truth: IntArray
    predicted: IntArray
    weight: FloatArray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Several runs side by side."""

    runs: tuple[str, ...]
    predictions: Mapping[str, Predictions]
    conditions: tuple[str, ...]
    """Every condition of any run, fullest first."""
    labels: tuple[str, ...]
    features: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """Levels by feature, of all runs together: a group that only one run has is still a group."""
    items: Mapping[str, RunItems]
    cells: IntArray
    """Every combination of levels that any run has, [C, F]."""


def panel_of(predictions: Mapping[str, Predictions], by: Sequence[str]) -> Panel:
    """Read every run once; memory grows with rows, some hundred bytes each."""
    runs = list(predictions.values())
    columns = ("condition", "y_true", "y_pred", *(f"group_{feature}" for feature in by))
    vocabularies = {name: _together([run.levels[name] for run in runs]) for name in columns}
    vocabularies["condition"] = sorted_conditions(set(vocabularies["condition"]))
    labels = _together([vocabularies["y_pred"], vocabularies["y_true"]])
    vocabularies |= {"y_true": labels, "y_pred": labels}
    vocabularies["unit"] = _together([run.levels["unit"] for run in runs if run.unit != "row"])
    parting = [name for name in ("reasoner", "instruction") if any(len(run.levels[name]) > 1 for run in runs)]
    vocabularies |= {name: _together([run.levels[name] for run in runs]) for name in parting}
    coded = {name: _coded(run, by, parting, vocabularies) for name, run in predictions.items()}
    codes = _item_codes(predictions, coded, parting)
    items = {name: _run_items(columns, codes[name], by) for name, columns in coded.items()}
    levels = tuple(vocabularies[f"group_{feature}"] for feature in by)
    return Panel(
        runs=tuple(predictions),
        predictions=predictions,
        conditions=vocabularies["condition"],
        labels=labels,
        features=tuple(by),
        levels=levels,
        items=items,
        cells=_cells(items, tuple(map(len, levels))),
    )


def _cells(items: Mapping[str, RunItems], sizes: tuple[int, ...]) -> IntArray:
    there = np.zeros(sizes, dtype=bool)
    for rows in items.values():
        there[tuple(rows.cell.T)] = True
    return np.argwhere(there)


def _together(vocabularies: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return all texts, each once, in the order of the first vocabulary that has them."""
    return tuple(dict.fromkeys(text for vocabulary in vocabularies for text in vocabulary))


def _coded(
    run: Predictions, by: Sequence[str], parting: Sequence[str], vocabularies: Mapping[str, tuple[str, ...]]
) -> dict[str, NDArray[np.float64] | IntArray]:
    """Return the columns of a run, texts as codes into the vocabularies; rows as units have codes of no meaning."""
    names = [*outcome_columns(run, by), "y_true", "y_pred", "repeat", *parting]
    batches = list(run.coded_batches(names))
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in names}
    for name, vocabulary in vocabularies.items():
        if name in columns and not (name == "unit" and run.unit == "row"):
            place = {text: code for code, text in enumerate(vocabulary)}
            own = np.array([place[text] for text in run.levels[name]], dtype=np.int64)
            columns[name] = own[columns[name]]
    return columns


def _item_codes(
    predictions: Mapping[str, Predictions],
    coded: Mapping[str, Mapping[str, NDArray[np.float64] | IntArray]],
    parting: Sequence[str],
) -> dict[str, IntArray]:
    """Return per run one code for each row that is the same wherever utterance, condition and the rest are."""
    import pandas as pd

    texts = [pa.Table.from_batches(list(run.batches(["utterance_id"]))).column(0) for run in predictions.values()]
    chunks = [chunk.cast(pa.string()) for text in texts for chunk in text.chunks]
    code = pc.dictionary_encode(pa.chunked_array(chunks)).combine_chunks().indices.to_numpy().astype(np.int64)
    for name in ("condition", "repeat", *parting):
        column, values = pd.factorize(np.concatenate([columns[name] for columns in coded.values()]))
        code = pd.factorize(code * max(len(values), 1) + column)[0].astype(np.int64)
    ends = np.cumsum([run.n_rows for run in predictions.values()])[:-1]
    return dict(zip(predictions, np.split(code, ends), strict=True))


def _run_items(columns: Mapping[str, NDArray[np.float64] | IntArray], item: IntArray, by: Sequence[str]) -> RunItems:
    cell = [np.asarray(columns[f"group_{feature}"], dtype=np.int64) for feature in by]
    weight = columns.get("weight")
    return RunItems(
        item=item,
        condition=np.asarray(columns["condition"], dtype=np.int64),
        unit=np.asarray(columns["unit"], dtype=np.int64),
        cell=np.stack(cell, axis=1) if cell else np.zeros((len(item), 0), dtype=np.int64),
        truth=np.asarray(columns["y_true"], dtype=np.int64),
        predicted=np.asarray(columns["y_pred"], dtype=np.int64),
        weight=None if weight is None else np.asarray(weight, dtype=np.float64),
    )
