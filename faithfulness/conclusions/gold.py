"""What people concluded from the same rationales: a file of gold labels, matched to the judgements they are about.

Columns: `utterance_id`; `emotion`, what a person concludes from the rationale alone (`none` where they read it and
cannot tell, so that a judge that can is wrong; empty where nobody read it); `score` and `label_score`, from 0 to 10,
where overlap with a reference is judged. The columns `run`, `reasoner`, `condition`, `instruction` and `repeat` are
needed as far as a judgement cannot be told without them; without `condition` a row is about the fullest condition of a
run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.errors import ColumnError, PlanError, RowError
from affidavit.predictions import Predictions
from affidavit.schema import KEY
from affidavit.tables import open_table
from affidavit.texts import as_text, plain_label

NONE: Final = -1
CANNOT_TELL: Final = -2
"""People read it, and it concludes with no label that they could name: a judge that names one is wrong."""
NOBODY_CAN_TELL: Final = "none"
UNREAD: Final = ""
SCORES: Final = ("score", "label_score")
HIGHEST: Final = 10.0
_PARTS: Final = ("run", *KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """The rows of a gold file."""

    name: str
    parts: tuple[str, ...]
    """The columns that say which judgement a row is about."""
    place: Mapping[tuple[str, ...], int]
    """From their texts to the row."""
    emotion: tuple[str | None, ...] | None
    """None for a row where nobody can tell, `UNREAD` where nobody tried; None altogether without such a column."""
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """By column of `SCORES` that the file has; NaN where a row has none."""

    def labels(self, labels: Sequence[str], *, run: str) -> NDArray[np.int64]:
        """Return each row's emotion as a place in a run's label set, `CANNOT_TELL`, or `NONE` where nobody read it.

        Raises:
            RowError: an emotion is not a label of the run.
        """
        codes: dict[str | None, int] = {None: CANNOT_TELL, UNREAD: NONE}
        codes.update((label, i) for i, label in enumerate(labels))
        said = self.emotion or (UNREAD,) * len(self.place)
        at = self.parts.index("run") if "run" in self.parts else None
        said = tuple(
            text if at is None or key[at] == run else UNREAD for text, key in zip(said, self.place, strict=True)
        )
        if strange := [text for text in said if text not in codes]:
            raise RowError(
                "a gold emotion lies outside the label space",
                slug="row-label",
                where=self.name,
                found=repr(strange[0]),
                allowed=", ".join((*labels, "none")),
                remedy="write the run's own labels, and none where a person cannot tell",
            )
        return np.array([codes[text] for text in said], dtype=np.int64)


def read_gold(path: Path, *, needs: Sequence[str]) -> Gold:
    """Read a gold file: CSV, XLSX, parquet or JSON lines.

    Raises:
        TableError: it does not open. ColumnError: it has no utterance_id, or none of the columns that are needed.
        RowError: two rows are about the same judgement, or a score is out of range.
    """
    raw = open_table(path)
    parts = tuple(part for part in _PARTS if part in raw.columns)
    there = [name for name in needs if name in raw.columns]
    if "utterance_id" not in parts or not there:
        raise ColumnError(
            "the gold file lacks a column",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            allowed=f"utterance_id and {' or '.join(needs)}; {', '.join(p for p in _PARTS if p != 'utterance_id')}",
            remedy="add what people concluded from each rationale, one row a judgement",
        )
    chosen = [*parts, *there]
    columns = pa.Table.from_batches(list(raw.batches(chosen)))
    texts = {name: _texts(columns.column(name), name) for name in chosen}
    keys = list(zip(*(_canonical(part, texts[part], raw.name) for part in parts), strict=True))
    place = {key: i for i, key in enumerate(keys)}
    if len(place) < len(keys):
        raise _twice(raw.name, keys, parts)
    return Gold(
        name=raw.name,
        parts=parts,
        place=place,
        emotion=tuple(_emotion(text) for text in texts["emotion"]) if "emotion" in there else None,
        scores={name: _scores(texts[name], raw.name) for name in there if name in SCORES},
    )


class Matcher:
    """Says, batch by batch of one run, which gold row each judgement has."""

    def __init__(self, gold: Gold, predictions: Predictions) -> None:
        """Match a gold file with a run."""
        self.gold, self.run = gold, predictions.run
        self.fullest = predictions.conditions[0]
        self.found = np.zeros(len(gold.place), dtype=np.int64)
        self._ids = pa.array([key[gold.parts.index("utterance_id")] for key in gold.place], pa.string())

    def rows(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        """Return the gold row of each judgement of a batch with the columns `KEY`, -1 for none.

        Raises:
            PlanError: one gold row is about several judgements.
        """
        place = np.full(batch.num_rows, NONE, dtype=np.int64)
        named = np.flatnonzero(pc.is_in(batch.column("utterance_id"), value_set=self._ids).to_numpy(False))
        columns = [self._column(part, batch, named) for part in self.gold.parts]
        for row, key in zip(named, zip(*columns, strict=True), strict=True):
            place[row] = self.gold.place.get(key, NONE)
        if "condition" not in self.gold.parts:
            shown = pc.equal(batch.column("condition").cast(pa.string()), self.fullest).to_numpy(False)
            place[~shown] = NONE
        np.add.at(self.found, place[place != NONE], 1)
        self._refuse_several()
        return place

    def caveat(self) -> str:
        """Say how many gold rows are about a judgement of the run."""
        return f"{int((self.found > 0).sum()):,} of {len(self.found):,} gold rows are about a judgement of this run"

    def _column(self, part: str, batch: pa.RecordBatch, rows: NDArray[np.int64]) -> list[str]:
        if part == "run":
            return [self.run] * len(rows)
        texts: list[str] = pc.take(batch.column(part), pa.array(rows)).cast(pa.string()).to_pylist()
        return texts

    def _refuse_several(self) -> None:
        if (self.found > 1).any():
            key = list(self.gold.place)[int(np.argmax(self.found > 1))]
            missing = [part for part in _PARTS[1:] if part not in self.gold.parts]
            raise PlanError(
                f"a gold row is about several judgements of {self.run}",
                slug="plan-impossible",
                where=self.gold.name,
                found=", ".join(f"{part}={text!r}" for part, text in zip(self.gold.parts, key, strict=True)),
                allowed="one judgement a row",
                remedy=f"add the columns that tell them apart: {', '.join(missing)}",
            )


def _texts(column: pa.ChunkedArray, name: str) -> list[str]:
    return [text or "" for text in as_text(column.combine_chunks(), name).to_pylist()]


def _canonical(part: str, texts: Sequence[str], where: str) -> list[str]:
    """Return cells as the predictions table holds them."""
    if part == "condition":
        return [_condition(text or AS_SUPPLIED, f"{where}, row {row + 1}") for row, text in enumerate(texts)]
    if part == "repeat":
        return [plain_label(text) or "0" for text in texts]
    return [text.strip() for text in texts]


def _condition(text: str, where: str) -> str:
    try:
        return str(Condition.parse(text))
    except RowError as error:
        error.where = where
        raise


def _emotion(text: str) -> str | None:
    return None if text.strip().lower() == NOBODY_CAN_TELL else plain_label(text)


def _scores(texts: Sequence[str], where: str) -> NDArray[np.float64]:
    scores = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if text.strip():
            scores[row] = _score(text, f"{where}, row {row + 1}")
    return scores


def _score(text: str, where: str) -> float:
    try:
        score = float(text.strip().replace(",", "."))
    except ValueError:
        score = np.nan
    if not 0.0 <= score <= HIGHEST:
        raise RowError(
            "a gold score is out of range",
            slug="row-value",
            where=where,
            found=repr(text),
            allowed=f"0 to {HIGHEST:g}",
            remedy="score on the scale from 0 to 10, or leave it empty",
        )
    return score


def _twice(name: str, keys: Sequence[tuple[str, ...]], parts: Sequence[str]) -> RowError:
    first: dict[tuple[str, ...], int] = {}
    row = next(i for i, key in enumerate(keys) if first.setdefault(key, i) != i)
    return RowError(
        "two gold rows are about the same judgement",
        slug="row-duplicate",
        where=f"{name}, rows {first[keys[row]] + 1} and {row + 1}",
        found=", ".join(f"{part}={text!r}" for part, text in zip(parts, keys[row], strict=True)),
        allowed="one row a judgement",
        remedy="keep what most people concluded, or name the column that tells the judgements apart",
    )
