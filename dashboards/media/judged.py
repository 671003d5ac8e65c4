"""What a table says of one utterance under every condition, and the utterances whose names hold a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from affidavit.cohorts import members
from affidavit.predictions import Predictions

SEVEN: Final = ("TAV", "TA", "TV", "AV", "T", "A", "V")
"""The conditions of modalities alone, fullest first."""
FOUND_AT_MOST: Final = 50
_ROWS_AT_MOST: Final = 500
_PROBABILITY: Final = "prob_"
_NEEDED: Final = ("utterance_id", "condition")
_READ: Final = ("unit", "reasoner", "instruction", "repeat", "y_true", "y_pred", "rationale")
_VALUES: Final = ("pred_", "true_", "intensity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One judgement."""

    condition: str
    truth: str | None
    answer: str | None
    probabilities: Mapping[str, float]
    """By label, in the order of the table; empty where it has none."""
    values: Mapping[str, float]
    """What else was predicted, and its reference: canonical column to value."""
    rationale: str | None
    reasoner: str
    instruction: str
    repeat: int

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What tells it from the utterance's other judgements."""
        return self.condition, self.reasoner, self.instruction, self.repeat

    @property
    def right(self) -> bool | None:
        """Whether the answer is the truth; None where one of them is not there."""
        return None if self.truth is None or self.answer is None else self.truth == self.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedUtterance:
    """Every judgement of one utterance."""

    utterance_id: str
    unit: str | None
    groups: Mapping[str, str]
    """Sensitive feature to level, of the features that the audit was made by."""
    rows: tuple[Row, ...]
    """Fullest condition first."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """Conditions of modalities alone under which nobody judged it."""
        there = {row.condition for row in self.rows}
        return tuple(condition for condition in SEVEN if condition not in there)


def judged_utterance(predictions: Predictions, utterance_id: str, by: Sequence[str]) -> JudgedUtterance | None:
    """Return what a table says of an utterance; None where it has no such, or names none.

    Args:
        predictions: the table of a run.
        utterance_id: as the table writes it.
        by: the sensitive features that may be shown.
    """
    if "utterance_id" not in predictions.columns:
        return None
    found = list(_own_rows(predictions, utterance_id, by))
    if not found:
        return None
    order = {condition: i for i, condition in enumerate(predictions.conditions)}
    rows = sorted((_row(row) for row in found), key=lambda row: (order.get(row.condition, len(order)), row.key))
    groups = {name: found[0][f"group_{name}"] for name in by if found[0].get(f"group_{name}") is not None}
    return JudgedUtterance(
        utterance_id=utterance_id, unit=_text(found[0].get("unit")), groups=groups, rows=tuple(rows[:_ROWS_AT_MOST])
    )


def utterances_like(
    predictions: Predictions, text: str, levels: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, ...]:
    """Return ids that hold a text, whatever its case, in the order of the table, `FOUND_AT_MOST` at most.

    Args:
        predictions: the table.
        text: what an id has to hold; every id holds the empty text.
        levels: feature to the levels whose people are meant; everybody without any, and of a feature that the table
            lacks.
    """
    found: dict[str, None] = {}
    if "utterance_id" not in predictions.columns:
        return ()
    known = {
        feature: allowed for feature, allowed in (levels or {}).items() if f"group_{feature}" in predictions.columns
    }
    for batch in predictions.batches(["utterance_id", *(f"group_{feature}" for feature in known)]):
        inside = batch.filter(members(batch, known))
        ids = pc.unique(inside.column("utterance_id").cast(pa.string()))
        fitting = ids.filter(pc.match_substring(ids, text, ignore_case=True)) if text else ids
        for name in fitting[: FOUND_AT_MOST + len(found)].to_pylist():
            found.setdefault(name)
        if len(found) >= FOUND_AT_MOST:
            break
    return tuple(found)[:FOUND_AT_MOST]


def _own_rows(predictions: Predictions, utterance_id: str, by: Sequence[str]) -> Iterator[dict[str, Any]]:
    wanted = [
        name
        for name in predictions.columns
        if name in (*_NEEDED, *_READ, *(f"group_{feature}" for feature in by))
        or name.startswith((_PROBABILITY, *_VALUES))
    ]
    for batch in predictions.batches(wanted):
        own = pa.Table.from_batches([batch]).filter(
            pc.equal(batch.column("utterance_id").cast(pa.string()), utterance_id)
        )
        if own.num_rows:
            yield from own.to_pylist()


def _row(cells: Mapping[str, Any]) -> Row:
    return Row(
        condition=cells["condition"],
        truth=_text(cells.get("y_true")),
        answer=_text(cells.get("y_pred")),
        probabilities=_numbers(cells, (_PROBABILITY,), cut=len(_PROBABILITY)),
        values=_numbers(cells, _VALUES),
        rationale=_text(cells.get("rationale")),
        reasoner=cells.get("reasoner") or "",
        instruction=cells.get("instruction") or "",
        repeat=int(cells.get("repeat") or 0),
    )


def _numbers(cells: Mapping[str, Any], starts: tuple[str, ...], *, cut: int = 0) -> dict[str, float]:
    return {
        name[cut:]: float(value)
        for name, value in cells.items()
        if name.startswith(starts) and isinstance(value, int | float)
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
