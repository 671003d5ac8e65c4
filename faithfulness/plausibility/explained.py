"""The explained judgements of one run under one condition, in an order that does not depend on that of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.conditions import Condition
from affidavit.predictions import Predictions
from affidavit.tally import outcome_columns

_KEY: Final = ("utterance_id", "reasoner", "instruction", "repeat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Judgements [N] under one condition, by utterance, reasoner, instruction and repetition."""

    condition: str
    rows: Mapping[str, NDArray[Any]]
    """Their `outcome_columns`."""
    utterance: tuple[str, ...]
    reasoner: tuple[str, ...]
    instruction: tuple[str, ...]
    repeat: tuple[int, ...]
    answer: NDArray[np.int64]
    """Codes of labels."""
    rationale: tuple[str, ...]
    """Trimmed; empty where there is none."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.utterance)

    @property
    def keys(self) -> list[tuple[str, str, str, int]]:
        """The utterance, reasoner, instruction and repetition of each judgement."""
        return list(zip(self.utterance, self.reasoner, self.instruction, self.repeat, strict=True))

    def rows_at(self, chosen: Sequence[int]) -> dict[str, NDArray[Any]]:
        """Return the `outcome_columns` of these judgements."""
        return {name: values[list(chosen)] for name, values in self.rows.items()}


def worded_conditions(conditions: Sequence[str]) -> tuple[str, ...]:
    """Return the conditions under which the words were shown, as they are and with nothing else done.

    >>> worded_conditions(["TAV", "TA", "A", "T/transcript-errors=0.2"])
    ('TAV', 'TA')
    """
    parsed = [(text, Condition.parse(text)) for text in conditions]
    return tuple(text for text, condition in parsed if "T" in condition.modalities and condition.operator is None)


def read_explained(predictions: Predictions, by: Sequence[str], condition: str) -> Explained:
    """Read the judgements under a condition."""
    coded = list(dict.fromkeys([*outcome_columns(predictions, by), "condition", "y_pred", "instruction"]))
    texts = [*_KEY, *(["rationale"] if "rationale" in predictions.columns else [])]
    code = predictions.conditions.index(condition)
    parts: list[dict[str, NDArray[Any]]] = []
    said: list[pa.RecordBatch] = []
    for batch, spoken in zip(predictions.coded_batches(coded), predictions.batches(texts), strict=True):
        here = batch["condition"] == code
        parts.append({name: values[here] for name, values in batch.items()})
        said.append(spoken.filter(pa.array(here)))
    table = pa.Table.from_batches(said)
    order = pc.sort_indices(_as_text(table), sort_keys=[(name, "ascending") for name in _KEY]).to_numpy()
    columns = {name: np.concatenate([part[name] for part in parts])[order] for name in coded}
    table = table.take(pa.array(order))
    return Explained(
        condition=condition,
        rows={name: columns[name] for name in outcome_columns(predictions, by)},
        utterance=_texts(table, "utterance_id"),
        reasoner=_texts(table, "reasoner"),
        instruction=_texts(table, "instruction"),
        repeat=tuple(int(number or 0) for number in table["repeat"].to_pylist()),
        answer=columns["y_pred"].astype(np.int64),
        rationale=_trimmed(table) if "rationale" in table.schema.names else ("",) * table.num_rows,
    )


def _texts(table: pa.Table, name: str) -> tuple[str, ...]:
    return tuple(text or "" for text in table[name].cast(pa.string()).to_pylist())


def _as_text(table: pa.Table) -> pa.Table:
    """Return the key with dictionaries decoded, so that it sorts as it reads."""
    decoded = {name: table[name].cast(pa.string()) if name != "repeat" else table[name] for name in _KEY}
    return pa.table(decoded)


def _trimmed(table: pa.Table) -> tuple[str, ...]:
    texts = pc.fill_null(table["rationale"].cast(pa.string()), "")
    return tuple(pc.utf8_trim_whitespace(texts).to_pylist())


def text_cues(predictions: Predictions, condition: str) -> dict[tuple[str, str], list[str]]:
    """Return the text cues that came with judgements, by utterance and instruction."""
    table = predictions.side_tables.get("cues")
    found: dict[tuple[str, str], list[str]] = {}
    if table is None or not table.num_rows:
        return found
    for cue in table.select(["utterance_id", "condition", "instruction", "modality", "quote"]).to_pylist():
        if cue["modality"] == "text" and cue["condition"] == condition and cue["quote"]:
            found.setdefault((cue["utterance_id"], cue["instruction"] or ""), []).append(cue["quote"])
    return found
