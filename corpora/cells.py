"""Reads the cells of a table as text, numbers and answers; what does not read is an error that names its row.

Rows count from 1, the header apart. An empty cell is None: unknown, and neither "" nor 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from affidavit.errors import ColumnError, RowError
from affidavit.schema import UNKNOWN
from affidavit.tables import RawTable

Decimal = Literal["auto", "comma", "point"]
_ANSWERS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_COMMA: Final = str.maketrans({",": ".", ".": " "})
"""Where the comma is the decimal mark, a point is none: `1.234` would be a thousand there."""
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The columns of a table, held in memory and read by name."""

    table: pa.Table
    where: str

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    def at(self, row: int) -> str:
        """Return where the row with index `row` (from 0) stands, for people."""
        return f"{self.where}, row {row + 1}"

    def texts(self, column: str) -> list[str | None]:
        """Return trimmed text; 7.0 reads `7`, blank reads None.

        Raises:
            ColumnError: the column holds lists or objects.
        """
        return [_trimmed(value) for value in _as_text(self.table[column], column, where=self.where)]

    def numbers(self, column: str, *, decimal: Decimal = "auto") -> list[float | None]:
        """Return finite numbers; under `auto` a comma is the decimal mark where no value of the column has a point.

        Raises:
            RowError: a value is not a finite number.
        """
        texts = self.texts(column)
        comma = decimal == "comma" or (decimal == "auto" and has_decimal_comma(texts))
        return [self._number(text, row, column, comma=comma) for row, text in enumerate(texts)]

    def answers(self, column: str) -> list[bool | None]:
        """Return true, yes and 1 as True; false, no and 0 as False; whatever the case of the letters.

        Raises:
            RowError: a value is something else.
        """
        texts = [None if text is None else text.lower() for text in self.texts(column)]
        for row, text in enumerate(texts):
            if text is not None and text not in _ANSWERS:
                raise RowError(
                    f"{column} is neither yes nor no",
                    slug="row-value",
                    where=self.at(row),
                    found=repr(text),
                    allowed=", ".join(_ANSWERS),
                    remedy="leave it empty where nobody was asked",
                )
        return [None if text is None else _ANSWERS[text] for text in texts]

    def levels(self, column: str) -> list[str]:
        """Return a sensitive feature's levels; missing, and `Unknown` however it is written, read `unknown`."""
        texts = (text or UNKNOWN for text in self.texts(column))
        return [UNKNOWN if text.lower() == UNKNOWN else text for text in texts]

    def _number(self, text: str | None, row: int, column: str, *, comma: bool) -> float | None:
        if text is None:
            return None
        plain = text.translate(_COMMA) if comma else text
        if not _NUMBER.fullmatch(plain) or math.isinf(float(plain)):
            raise RowError(
                f"{column} is not a number",
                slug="row-value",
                where=self.at(row),
                found=repr(text),
                allowed="a finite number, with a comma and no point" if comma else "a finite number",
                remedy="correct the value, or leave it empty where it is unknown",
            )
        return float(plain)


def read_cells(raw: RawTable) -> Cells:
    """Return an opened table's cells."""
    return Cells(table=pa.Table.from_batches(list(raw.batches(None))), where=raw.name)


def has_decimal_comma(texts: Sequence[str | None]) -> bool:
    """Say whether a comma must be the decimal mark: one value has one, and none has a point."""
    known = [text for text in texts if text is not None]
    return any(_DECIMAL_COMMA.fullmatch(text) for text in known) and not any("." in text for text in known)


def require_columns(raw: RawTable, names: Sequence[str]) -> None:
    """Refuse a table that lacks one of `names`.

    Raises:
        ColumnError: naming the columns that are missing.
    """
    if missing := [name for name in names if name not in raw.columns]:
        raise ColumnError(
            f"there is no column {', '.join(missing)}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            allowed=", ".join(names),
            remedy="check that this is the file that the loader is for",
        )


def require_ids(ids: Sequence[str | None], *, where: str, what: str) -> list[str]:
    """Return ids that are all there and all different.

    Raises:
        RowError: one is missing, or stands twice.
    """
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if name is None:
            raise RowError(
                f"{what} is missing",
                slug="row-id-missing",
                where=f"{where}, row {row + 1}",
                found="nothing",
                remedy="give each utterance an id",
            )
        if name in first:
            raise RowError(
                f"two rows have the same {what}",
                slug="row-duplicate",
                where=f"{where}, rows {first[name] + 1} and {row + 1}",
                found=repr(name),
                allowed="one row an utterance",
                remedy="drop one; judgements under several conditions are a table of their own (runs.<name>.table)",
            )
        first[name] = row
    return list(first)


def _trimmed(value: str | None) -> str | None:
    return (value.strip() or None) if value is not None else None


def _as_text(column: pa.ChunkedArray, name: str, *, where: str) -> list[str | None]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_nested(kind):
        raise ColumnError(
            f"{name} holds lists or objects where one value is needed",
            slug="column-type",
            where=where,
            found=str(kind),
            remedy="write one column for each part",
        )
    if pa.types.is_floating(kind):
        return [_number_text(value) for value in column.to_pylist()]
    return list(pc.cast(column, pa.string()).to_pylist())


def _number_text(value: Any) -> str | None:  # noqa: ANN401 - a float, or None
    if value is None or math.isnan(value):
        return None
    return str(int(value)) if float(value).is_integer() and abs(value) < 2.0**53 else repr(float(value))
