"""Reads sheets that are no tables: rows of cells as text, whatever stands in the first of them."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any, Final

from affidavit.errors import TableError
from affidavit.raw_tables import empty, unreadable
from affidavit.text_tables import text_encoding

SUFFIXES: Final = (".xlsx", ".csv")
Row = list[str | None]


def read_grid(path: Path) -> list[Row]:
    """Return the rows of the first sheet as trimmed text, blank cells None; whole numbers read without a point.

    Raises:
        TableError: no such file, not a workbook or comma-separated text, or nothing in it.
    """
    if not path.is_file():
        raise TableError("there is no such file", slug="file-not-found", where=str(path), remedy="check the path")
    if path.suffix.lower() not in SUFFIXES:
        raise TableError(
            "this kind of file is not read here",
            slug="file-unreadable",
            where=path.name,
            found=path.suffix or "no suffix",
            allowed=", ".join(SUFFIXES),
            remedy="save the sheet as XLSX or CSV",
        )
    rows = _workbook(path) if path.suffix.lower() == ".xlsx" else _text(path)
    if not any(cell for row in rows for cell in row):
        raise empty(path)
    return rows


def _text(path: Path) -> list[Row]:
    encoding = text_encoding(path)
    text = path.read_text(encoding="utf-8-sig" if encoding == "utf-8" else encoding)
    return [[cell.strip() or None for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]


def _workbook(path: Path) -> list[Row]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            return [[_cell(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, IndexError) as error:
        raise unreadable(path, error) from None


def _cell(value: Any) -> str | None:  # noqa: ANN401 - what a workbook holds
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value).strip() or None
