"""Reads the first sheet of an XLSX workbook as text, which is typed later as CSV is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from affidavit.raw_tables import MISSING, RawTable, empty, from_arrow, told_blanks, unique_names, unreadable

Row = tuple[int, Sequence[Any]]
"""The sheet's row number and its cells."""


def open_xlsx(path: Path) -> RawTable:
    """Read the first sheet; others are named as not read.

    Raises:
        TableError: empty, damaged, or a row is longer than the header. ColumnError: two columns share a name.
    """
    rows, titles = _rows(path)
    if not rows:
        raise empty(path, "the sheet is empty")
    header = ["" if cell is None else str(cell) for cell in _trimmed(rows[0][1])]
    names = unique_names(header, where=path.name)
    cells = [_padded(row, len(names), path) for row in rows[1:]]
    columns = [pa.array([_text(row[i], path) for row in cells], pa.string()) for i in range(len(names))]
    others = titles[1:]
    assumptions = [f"the first sheet ({titles[0]!r}) was read, and not {', '.join(others)}"] if others else []
    assumptions += told_blanks(header, names)
    table = pa.table(dict(zip(names, columns, strict=True)))
    return from_arrow(table, name=path.name, format_name="xlsx", assumptions=tuple(assumptions), path=path)


def _rows(path: Path) -> tuple[list[Row], list[str]]:
    """Return the rows of the first sheet that are not empty, and the titles of all sheets."""
    import openpyxl

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl remarks on styles that are of no account here
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what the file states of them is often wrong, and would cut columns off
            numbered = enumerate(sheet.iter_rows(values_only=True), start=1)
            rows = [(number, row) for number, row in numbered if any(cell is not None for cell in row)]
            return rows, [sheet.title for sheet in book.worksheets]
    except Exception as error:  # a damaged workbook makes zipfile, zlib, the XML parser or openpyxl raise anything
        raise unreadable(path, error if str(error) else type(error).__name__) from None


def _trimmed(row: Sequence[Any]) -> Sequence[Any]:
    """Return a row without the empty cells at its end."""
    last = max(i for i, cell in enumerate(row) if cell is not None)
    return row[: last + 1]


def _padded(row: Row, width: int, path: Path) -> Sequence[Any]:
    number, cells = row
    beyond = [cell for cell in cells[width:] if cell is not None]
    if beyond:
        raise unreadable(path, f"row {number} of the sheet has a cell {str(beyond[0])!r} right of the last header")
    return (*cells[:width], *[None] * (width - len(cells)))


def _text(cell: Any, path: Path) -> str | None:  # noqa: ANN401 - whatever a spreadsheet holds
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = None if cell is None else str(cell)
    if text is not None and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise unreadable(path, f"the cell {text!r} is not text")
    return None if text in MISSING else text
