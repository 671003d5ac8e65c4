"""Reads a table of losses: a clip a row, what the model and shadow models made of its true label, and whose it is.

| column | what it holds |
|---|---|
| `unit_id`, or `patient_id`, or `speaker_id` | whose clip it is |
| `member` | whether the unit was in training: 1 or 0, true or false, yes or no, in or out |
| `loss`, or `confidence`, or `logit_<label>` with `y_true` | cross entropy in nats; ln(p / (1 - p)); scores |
| `shadow_<k>` | the same of shadow model k; its loss, or its confidence, as the model's; confidence beside logits |
| `shadow_<k>_member` | whether shadow k was trained on the unit; absent where it was trained on none of them |
| `y_true` | the true label of the clip: a shift would show in it too |
| `group_<feature>` | a sensitive feature of the unit |
| `feature_<name>` | a number about the clip that no model made: what a distribution shift would show in |

A table with both `loss` and `confidence` beside shadows is refused: nobody says which of the two the shadows are.

Rows without a unit, without an answer to `member` or without a loss are left out, and counted. Nothing else is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.admitted_rows import admitted_rows
from affidavit.canonical import MAX_LEVELS
from affidavit.digests import file_digest
from affidavit.errors import ColumnError, RowError
from affidavit.raw_tables import MISSING, RawTable
from affidavit.schema import UNKNOWN
from affidavit.statistics.types import BoolArray, FloatArray
from affidavit.tables import open_table
from affidavit.texts import as_text, plain_label, tidied
from privacy.attacks.confidence import confidence_of_logits, confidence_of_loss

UNITS: Final = ("unit_id", "patient_id", "speaker_id")
YES: Final = frozenset({"1", "true", "yes", "in", "member"})
NO: Final = frozenset({"0", "false", "no", "out", "non-member"})
FARTHEST_NUMBER: Final = 1e100
SHADOW, MEMBER, GROUP, FEATURE, LOGIT = "shadow_", "_member", "group_", "feature_", "logit_"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Losses:
    """What a table of losses says, one entry a clip; names of units are kept to tell them apart and never told."""

    unit: tuple[str, ...]
    member: BoolArray
    confidence: FloatArray
    """phi [N]"""
    shadows: FloatArray
    """phi [N, K], NaN where a shadow's is not known."""
    trained_on: BoolArray | None
    """[N, K]; None where no shadow was trained on any of these units."""
    groups: Mapping[str, tuple[str, ...]]
    """Levels by feature, `unknown` where there is none."""
    features: Mapping[str, FloatArray]
    """Numbers by name, NaN where there is none."""
    label: tuple[str, ...]
    """True labels, `unknown` where there is none; empty where the table has none."""
    left_out: Mapping[str, int]
    """Rows by the reason why they are not there."""
    source: str = ""
    """The name of the file and the digest of its bytes."""


def read_losses(path: Path) -> Losses:
    """Read a table of losses.

    Raises:
        TableError: it does not open. ColumnError: a column is missing. RowError: a cell does not read.
    """
    return replace(losses_of(admitted_rows(open_table(path))), source=f"{path.name}, {file_digest(path)}")


def losses_of(raw: RawTable) -> Losses:
    """Return what an opened table says.

    Raises:
        ColumnError: a column is missing. RowError: a cell does not read.
    """
    table = _Cells(raw)
    unit, member = table.texts(_unit_column(raw)), _answers(table, "member")
    confidence = _confidence(table)
    named = np.array([u is not None and m is not None for u, m in zip(unit, member, strict=True)], dtype=bool)
    counted = {
        "without a unit": sum(u is None for u in unit),
        "without an answer to member": sum(m is None for m in member),
        "without a loss": int(np.isnan(confidence).sum()),
    }
    rows = np.flatnonzero(named & np.isfinite(confidence))
    shadows, trained_on = _shadows(table)
    truth = table.texts("y_true") if "y_true" in table.columns else None
    return Losses(
        unit=tuple(str(unit[i]) for i in rows),
        member=np.array([bool(member[i]) for i in rows], dtype=bool),
        confidence=confidence[rows],
        shadows=shadows[rows],
        trained_on=None if trained_on is None else trained_on[rows],
        groups={name: _levels(table, name, rows) for name in table.named(GROUP)},
        features={name: _finite(table.numbers(f"{FEATURE}{name}")[rows]) for name in table.named(FEATURE)},
        label=() if truth is None else tuple(truth[i] or UNKNOWN for i in rows),
        left_out={why: n for why, n in counted.items() if n},
    )


class _Cells:
    """Columns of a table by name, as texts or numbers."""

    def __init__(self, raw: RawTable) -> None:
        self.name, self.columns = raw.name, raw.columns
        wanted = [c for c in raw.columns if c in {*UNITS, "member", "loss", "confidence", "y_true"} or _prefixed(c)]
        batches = list(raw.batches(wanted)) if wanted else []
        self._table = pa.Table.from_batches(batches) if batches else _empty(wanted)

    def named(self, prefix: str) -> list[str]:
        """Return the names behind a prefix, in order."""
        return sorted(c.removeprefix(prefix) for c in self.columns if c.startswith(prefix) and c != prefix)

    def texts(self, name: str) -> list[str | None]:
        """Return the cells of a column, trimmed; None where one is empty."""
        return [None if text is None else plain_label(text) for text in self._plain(name)]

    def _plain(self, name: str) -> list[str | None]:
        text, _, _ = tidied(as_text(self._table[name].combine_chunks(), name))
        return [None if value in MISSING else value for value in text.to_pylist()]

    def numbers(self, name: str) -> FloatArray:
        """Return the cells of a column as numbers, NaN where one is empty; `inf` is a number."""
        column = self._table[name].combine_chunks()
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        return np.array([self._number(name, row, text) for row, text in enumerate(self._plain(name), start=1)])

    def _number(self, name: str, row: int, text: str | None) -> float:
        if text is None:
            return np.nan
        try:
            return float(text)
        except ValueError:
            raise self.fault(f"{name} is not a number", row, found=text, allowed="numbers with a point") from None

    def fault(self, what: str, row: int, *, found: str, allowed: str) -> RowError:
        """Return the error of one cell."""
        return RowError(
            what,
            slug="row-value",
            where=f"{self.name}, row {row}",
            found=repr(found[:80]),
            allowed=allowed,
            remedy="correct the cell, or leave it empty where it is unknown",
        )


def _empty(columns: Sequence[str]) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in columns})


def _prefixed(column: str) -> bool:
    return column.startswith((SHADOW, GROUP, FEATURE, LOGIT))


def _unit_column(raw: RawTable) -> str:
    found = next((name for name in UNITS if name in raw.columns), None)
    if found is None or "member" not in raw.columns:
        lacking = "member" if found else "unit_id"
        raise _missing(raw.name, raw.columns, lacking, "unit_id (or patient_id, speaker_id) and member")
    return found


def _missing(where: str, columns: Sequence[str], lacking: str, allowed: str) -> ColumnError:
    return ColumnError(
        f"there is no column {lacking}",
        slug="column-missing",
        where=where,
        found=", ".join(columns[:20]),
        allowed=allowed,
        remedy="name the columns so; docs/privacy.md says what a table of losses holds",
    )


def _answers(table: _Cells, name: str) -> list[bool | None]:
    """Return yes, no or unknown."""
    given = table.texts(name)
    for row, text in enumerate(given, start=1):
        if text is not None and text.lower() not in YES | NO:
            raise table.fault(f"{name} is neither yes nor no", row, found=text, allowed="1 or 0, true or false")
    return [None if text is None else text.lower() in YES for text in given]


def _confidence(table: _Cells) -> FloatArray:
    """Return phi of the model, NaN where it is unknown."""
    if "confidence" in table.columns:
        return _plain_confidence(table, "confidence")
    if "loss" in table.columns:
        return _confidence_of_losses(table, "loss")
    labels = table.named(LOGIT)
    if len(labels) < 2 or "y_true" not in table.columns:
        raise _missing(table.name, table.columns, "loss", "loss, or confidence, or logit_<label> with y_true")
    return _confidence_of_scores(table, labels)


def _plain_confidence(table: _Cells, name: str) -> FloatArray:
    return np.clip(table.numbers(name), -1e6, 1e6)


def _confidence_of_losses(table: _Cells, name: str) -> FloatArray:
    losses = table.numbers(name)
    if (below := np.flatnonzero(losses < 0)).size:
        row = int(below[0])
        raise table.fault(f"{name} is below zero", row + 1, found=f"{losses[row]:g}", allowed="a cross entropy in nats")
    return confidence_of_loss(losses)


def _confidence_of_scores(table: _Cells, labels: Sequence[str]) -> FloatArray:
    scores = np.column_stack([table.numbers(f"{LOGIT}{label}") for label in labels])
    code = {plain_label(label): k for k, label in enumerate(labels)}
    truth = table.texts("y_true")
    for row, label in enumerate(truth, start=1):
        if label is not None and label not in code:
            raise table.fault("y_true has no column of its own", row, found=label, allowed=", ".join(labels))
    known = np.array([label is not None for label in truth], dtype=bool) & np.isfinite(scores).all(axis=1)
    own = np.array([code[label] if label is not None else 0 for label in truth], dtype=np.int64)
    found = np.full(len(scores), np.nan)
    found[known] = confidence_of_logits(scores[known], own[known])
    return found


def _shadows(table: _Cells) -> tuple[FloatArray, BoolArray | None]:
    """Return phi of the shadows, and who of them saw what."""
    names = [name for name in table.named(SHADOW) if not name.endswith(MEMBER)]
    if names and {"loss", "confidence"} <= set(table.columns):
        raise ColumnError(
            "the shadows' scale is not known",
            slug="column-ambiguous",
            where=table.name,
            found="loss and confidence, and shadow_ columns that may be either",
            allowed="one of the two; shadows are read as what it is",
            remedy="leave out the column that the shadows are not: a loss read for a confidence turns the attack round",
        )
    read: Any = _confidence_of_losses if "loss" in table.columns and "confidence" not in table.columns else None
    values = [(read or _plain_confidence)(table, f"{SHADOW}{name}") for name in names]
    n = len(table.texts("member"))
    shadows = np.column_stack(values) if values else np.zeros((n, 0))
    flags = [f"{SHADOW}{name}{MEMBER}" for name in names]
    if not any(flag in table.columns for flag in flags):
        return shadows, None
    trained_on = np.zeros(shadows.shape, dtype=bool)
    for k, flag in enumerate(flags):
        if flag in table.columns:
            answers = _answers(table, flag)
            trained_on[:, k] = [bool(answer) for answer in answers]
            # a shadow that may or may not have seen the example tells nothing of it
            shadows[[answer is None for answer in answers], k] = np.nan
    return shadows, trained_on


def _levels(table: _Cells, name: str, rows: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[str, ...]:
    texts = table.texts(f"{GROUP}{name}")
    levels = tuple(texts[i] or UNKNOWN for i in rows)
    if len(found := set(levels)) > MAX_LEVELS:
        raise ColumnError(
            f"the feature {name!r} has more than {MAX_LEVELS} levels: these are not groups",
            slug="feature-levels",
            where=table.name,
            found=f"{len(found)} levels",
            allowed=f"at most {MAX_LEVELS}",
            remedy=f"write coarser levels into {GROUP}{name}, or name a number {FEATURE}{name}",
        )
    return levels


def _finite(values: FloatArray) -> FloatArray:
    """Return numbers whose squares can be added up; what is infinite is very large."""
    return np.asarray(np.clip(values, -FARTHEST_NUMBER, FARTHEST_NUMBER))
