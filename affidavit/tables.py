"""Opens any table that people hand over: CSV (comma, semicolon, tab, bar), XLSX, parquet, JSON lines, or a frame.

Text formats are read as text and typed later, by the part each column plays, so an id keeps its leading zero and a
decimal comma is seen for what it is. What had to be assumed is recorded, never silent.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from affidavit.errors import ColumnError, TableError

if TYPE_CHECKING:
    import pandas as pd

MISSING: Final = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "<NA>")
SEPARATORS: Final = (",", ";", "\t", "|")
SEPARATOR_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SUFFIXES: Final = (".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".pq", ".jsonl", ".ndjson")
BATCH_ROWS: Final = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """A table as it was handed over, readable again and again in batches."""

    name: str
    format: str
    columns: tuple[str, ...]
    n_rows: int
    batches: Callable[[Sequence[str] | None], Iterator[pa.RecordBatch]]
    """Called with the columns wanted (None for all), yields the rows in order."""
    assumptions: tuple[str, ...] = ()
    path: Path | None = None


def open_table(path: Path, *, memory_rows: int = 5_000_000, batch_rows: int = BATCH_ROWS) -> RawTable:
    """Open a table file; parquet with more than `memory_rows` rows stays on disk and is read in row groups.

    Raises:
        TableError: no such file, not the format its suffix promises, not UTF-8, or no rows.
        ColumnError: two columns share a name.
    """
    if not path.is_file():
        raise TableError("there is no such file", slug="file-not-found", where=str(path), remedy="check the path")
    readers: dict[str, Callable[[Path], RawTable]] = {
        ".csv": _open_csv,
        ".tsv": _open_csv,
        ".txt": _open_csv,
        ".xlsx": _open_xlsx,
        ".jsonl": _open_jsonl,
        ".ndjson": _open_jsonl,
        ".parquet": lambda file: _open_parquet(file, memory_rows=memory_rows, batch_rows=batch_rows),
        ".pq": lambda file: _open_parquet(file, memory_rows=memory_rows, batch_rows=batch_rows),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TableError(
            "this kind of file is not read",
            slug="file-unreadable",
            where=path.name,
            found=path.suffix or "no suffix",
            allowed=", ".join(SUFFIXES),
            remedy="save the table as CSV, XLSX, parquet or JSON lines",
        )
    raw = reader(path)
    if raw.n_rows == 0:
        raise TableError("the table has no rows", slug="file-empty", where=path.name, remedy="check the export")
    return raw


def from_frame(frame: pd.DataFrame, *, name: str = "frame") -> RawTable:
    """Wrap a pandas frame; its index is not read."""
    columns = _unique_names([str(column) for column in frame.columns], where=name)
    table = pa.Table.from_pandas(frame, preserve_index=False).rename_columns(list(columns))
    if table.num_rows == 0:
        raise TableError("the table has no rows", slug="file-empty", where=name, remedy="check the frame")
    return from_arrow(table, name=name, format_name="frame")


def from_arrow(
    table: pa.Table,
    *,
    name: str,
    format_name: str,
    assumptions: tuple[str, ...] = (),
    path: Path | None = None,
) -> RawTable:
    """Wrap an Arrow table held in memory."""

    def batches(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        chosen = table if columns is None else table.select(list(columns))
        yield from chosen.to_batches(max_chunksize=1 << 22)

    return RawTable(
        name=name,
        format=format_name,
        columns=tuple(table.column_names),
        n_rows=table.num_rows,
        batches=batches,
        assumptions=assumptions,
        path=path,
    )


def _open_csv(path: Path) -> RawTable:
    from pyarrow import csv

    text_encoding = _encoding(path)
    header, separator = _header_and_separator(path, text_encoding)
    names = _unique_names(header, where=path.name)
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=list(names), skip_rows=1, encoding=text_encoding),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=list(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _unreadable(path, error) from None
    assumptions = [f"{SEPARATOR_NAMES[separator]}-separated"]
    assumptions += [f"text encoding {text_encoding}"] if text_encoding != "utf-8" else []
    assumptions += [f"the header of column {i + 1} is blank; read as {name!r}" for i, name in _blank(header, names)]
    return from_arrow(table, name=path.name, format_name="csv", assumptions=tuple(assumptions), path=path)


def _encoding(path: Path) -> str:
    """Return the encoding of a text file by its byte-order mark, else insist on UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        block, offset = start + file.read(1 << 20), 0
        while block:
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                raise TableError(
                    "the file is not UTF-8 text",
                    slug="file-encoding",
                    where=path.name,
                    found=f"byte 0x{error.object[error.start]:02x} near byte {offset + error.start}",
                    allowed="UTF-8, with or without a byte-order mark; UTF-16 with one",
                    remedy="save it as 'CSV UTF-8', or convert it: iconv -f latin1 -t utf-8 IN > OUT",
                ) from None
            offset += len(block)
            block = file.read(1 << 20)
    return "utf-8"


def _header_and_separator(path: Path, encoding: str) -> tuple[list[str], str]:
    import csv

    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        try:
            line = next(line for line in file if line.strip())
        except StopIteration:
            raise TableError(
                "the file is empty", slug="file-empty", where=path.name, remedy="check the export"
            ) from None
        except (UnicodeError, OSError) as error:
            raise _unreadable(path, error) from None
    if "\x00" in line:
        raise _unreadable(path, ValueError("the first line holds NUL bytes: this is not text"))
    rows = {separator: next(csv.reader([line.rstrip("\r\n")], delimiter=separator)) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda candidate: len(rows[candidate]))
    return rows[separator], separator


def _open_xlsx(path: Path) -> RawTable:
    import warnings
    import zipfile

    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl remarks on styles that are of no account here
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            rows = [row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise _unreadable(path, error) from None
    if not rows:
        raise TableError("the sheet is empty", slug="file-empty", where=path.name, remedy="check the export")
    header = ["" if cell is None else str(cell) for cell in rows[0]]
    names = _unique_names(header, where=path.name)
    columns = [pa.array([_cell_text(row[i]) for row in rows[1:]], pa.string()) for i in range(len(names))]
    others = [sheet.title for sheet in book.worksheets[1:]]
    assumptions = [f"the first sheet ({sheet.title!r}) was read, and not {', '.join(others)}"] if others else []
    assumptions += [f"the header of column {i + 1} is blank; read as {name!r}" for i, name in _blank(header, names)]
    table = pa.table(dict(zip(names, columns, strict=True)))
    return from_arrow(table, name=path.name, format_name="xlsx", assumptions=tuple(assumptions), path=path)


def _cell_text(cell: Any) -> str | None:  # noqa: ANN401 - whatever a spreadsheet holds
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = None if cell is None else str(cell)
    return None if text in MISSING else text


def _open_jsonl(path: Path) -> RawTable:
    from pyarrow import json

    _encoding(path)
    if path.stat().st_size == 0:
        raise TableError("the file is empty", slug="file-empty", where=path.name, remedy="check the export")
    try:
        table = json.read_json(path)
    except pa.ArrowInvalid as error:
        raise _unreadable(path, error) from None
    _unique_names(table.column_names, where=path.name)
    return from_arrow(table, name=path.name, format_name="jsonl", path=path)


def _open_parquet(path: Path, *, memory_rows: int, batch_rows: int) -> RawTable:
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        n_rows, names = file.metadata.num_rows, _unique_names(file.schema_arrow.names, where=path.name)
        if n_rows <= memory_rows:
            return from_arrow(file.read(), name=path.name, format_name="parquet", path=path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None

    def batches(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        try:
            # A fresh handle a pass: buffers of row groups already read are given back.
            with parquet.ParquetFile(path, memory_map=False, pre_buffer=False) as again:
                yield from again.iter_batches(batch_size=batch_rows, columns=None if columns is None else list(columns))
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(path, error) from None

    return RawTable(name=path.name, format="parquet", columns=names, n_rows=n_rows, batches=batches, path=path)


def _unique_names(header: Sequence[str], *, where: str) -> tuple[str, ...]:
    """Return column names, blank ones named by position; refuse names that stand twice."""
    names = tuple(name.strip() or f"column_{position}" for position, name in enumerate(header, start=1))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ColumnError(
            "two columns share a name",
            slug="column-ambiguous",
            where=where,
            found=", ".join(twice),
            remedy="rename one of them",
        )
    return names


def _blank(header: Sequence[str], names: Sequence[str]) -> list[tuple[int, str]]:
    return [(i, name) for i, (given, name) in enumerate(zip(header, names, strict=True)) if not given.strip()]


def _unreadable(path: Path, error: Exception) -> TableError:
    return TableError(
        f"the file does not read as {path.suffix.lstrip('.').upper() or 'a table'}",
        slug="file-unreadable",
        where=path.name,
        found=" ".join(str(error).split())[:300] or type(error).__name__,
        remedy="check that the file is whole (a broken download?) and that its suffix says what it is",
    )
