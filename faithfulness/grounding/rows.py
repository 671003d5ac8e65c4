"""Rows of evidence: of which utterance, of which aspect, which cue was looked for, and whether it was there.

They come from a table that somebody supplies (a detector's output, a coder's sheet) or with a corpus. Of a supplied
table the columns `utterance_id`, `aspect` and `cue` are needed. `present` says whether a cue was there; where that
column is missing, `value` does, in the unit that `unit` names (`present` unless said); where both are, what is listed
was seen. An empty value was not measured. A cue `none` says that somebody looked and saw nothing; of content,
`no earlier turns` that nothing was said before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from affidavit.errors import ColumnError, RowError
from affidavit.measured_cues import ASPECTS, MeasuredCue, measured_cues
from affidavit.tables import RawTable, open_table

NEEDED: Final = ("utterance_id", "aspect", "cue")
OTHERS: Final = ("present", "value", "unit")
NOTHING: Final = frozenset({"", "none", "nothing", "-", "无", "没有"})
ASPECT_NAMES: Final[Mapping[str, str]] = {
    **{aspect: aspect for aspect in ASPECTS},
    **dict.fromkeys(("face and body", "facial", "body", "video", "visual"), "face"),
    **dict.fromkeys(("voice", "audio", "prosody", "tone of voice"), "tone"),
    **dict.fromkeys(("text", "words", "transcript", "speech content"), "content"),
    **dict.fromkeys(("environment", "context", "background"), "scene"),
}
_YES: Final = frozenset({"1", "1.0", "true", "yes", "y", "present"})
_NO: Final = frozenset({"0", "0.0", "false", "no", "n", "absent"})
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One cue that somebody looked for in one utterance."""

    utterance_id: str
    aspect: str
    cue: str
    direction: int
    """1 it was there, 0 it was not, -1 its contrary was (of a dimension of the voice)."""


def open_evidence(path: Path) -> RawTable:
    """Open a supplied table.

    Raises:
        TableError: the file does not open. ColumnError: it lacks a column.
    """
    raw = open_table(path)
    missing = [name for name in NEEDED if name not in raw.columns]
    if missing:
        raise ColumnError(
            f"the table of evidence has no column {missing[0]}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            allowed=f"{', '.join(NEEDED)}; and {', '.join(OTHERS)} where they are known",
            remedy="rename the column that holds it, or add it",
        )
    return raw


def rows_of_table(raw: RawTable) -> list[EvidenceRow]:
    """Return the rows of a supplied table.

    Raises:
        RowError: a cell cannot be read.
    """
    return [row for number, cells in enumerate(_cells(raw), start=1) if (row := _row(cells, number, raw.name))]


def rows_of_measurements(table: pa.Table) -> list[EvidenceRow]:
    """Return the rows of what came with a corpus (`affidavit.measured_cues`)."""
    return [
        EvidenceRow(utterance_id=cue.utterance_id, aspect=cue.aspect, cue=cue.cue, direction=cue.direction)
        for cue in measured_cues(table)
    ]


def _cells(raw: RawTable) -> Iterator[dict[str, str]]:
    columns = [name for name in (*NEEDED, *OTHERS) if name in raw.columns]
    for batch in raw.batches(columns):
        for row in batch.to_pylist():
            yield {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> str:  # noqa: ANN401 - a cell of any table
    return "" if value is None else str(value).strip()


def _row(cells: Mapping[str, str], number: int, table: str) -> EvidenceRow | None:
    """Return one row, None where nothing was measured."""
    who, aspect = cells["utterance_id"], ASPECT_NAMES.get(cells["aspect"].casefold())
    if not who:
        raise _wrong(table, number, "utterance_id", found="nothing", allowed="the id of an utterance")
    if aspect is None:
        raise _wrong(table, number, "aspect", found=cells["aspect"] or "nothing", allowed=", ".join(ASPECTS))
    direction = _direction(cells, number, table)
    if direction is None:
        return None
    return EvidenceRow(utterance_id=who, aspect=aspect, cue=cells["cue"], direction=direction)


def _direction(cells: Mapping[str, str], number: int, table: str) -> int | None:
    if "present" in cells:
        said = cells["present"].casefold()
        if said in _MISSING:
            return None
        if said not in _YES | _NO:
            raise _wrong(table, number, "present", found=cells["present"], allowed="1 or 0, true or false, yes or no")
        return int(said in _YES)
    if "value" not in cells:
        return 1
    if cells["value"].casefold() in _MISSING:
        return None
    try:
        value = float(cells["value"])
        unit = cells.get("unit") or "present"
        measured = MeasuredCue(utterance_id="", aspect="", cue=cells["cue"], value=value, unit=unit)
        return measured.direction
    except ValueError as error:
        raise _wrong(
            table, number, "value", found=cells["value"], allowed=f"a number in a known unit ({error})"
        ) from None


def _wrong(table: str, number: int, column: str, *, found: str, allowed: str) -> RowError:
    return RowError(
        f"{column} of a row of evidence cannot be read",
        slug="row-value",
        where=f"{table}, row {number}",
        found=found,
        allowed=allowed,
        remedy="correct the cell, or leave the row out",
    )
