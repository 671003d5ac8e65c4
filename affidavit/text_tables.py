"""Reads CSV (comma, semicolon, tab, bar) and JSON lines.

CSV is read as text and typed later, by the part each column plays, so an id keeps its leading zero and a decimal comma
is seen for what it is.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from affidavit.errors import TableError
from affidavit.raw_tables import DAMAGE, MISSING, RawTable, empty, from_arrow, told_blanks, unique_names, unreadable

SEPARATORS: Final = (",", ";", "\t", "|")
SEPARATOR_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_NOTHING: Final = " \t\r\n\f\v\u00a0" + "".join(SEPARATORS)
"""What a blank line may hold: a spreadsheet saves its empty rows as bare separators."""
BLOCK_BYTES: Final = 1 << 20
_GROWTH: Final = 8
_LARGEST_BLOCK: Final = (1 << 31) - 1  # Arrow counts a block's bytes in 32 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    cells: list[str]
    separator: str
    lines: int
    """Physical lines up to and with the header: blank ones before it, line breaks inside its quotes."""


def open_csv(path: Path) -> RawTable:
    """Read a CSV file with a header.

    Raises:
        TableError: empty, not UTF-8, or not CSV. ColumnError: two columns share a name.
    """
    from pyarrow import csv

    encoding = text_encoding(path)
    header = _header(path, encoding)
    names = unique_names(header.cells, where=path.name)
    parsing = csv.ParseOptions(delimiter=header.separator, newlines_in_values=True)
    converting = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=list(MISSING),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )

    def read(block_size: int) -> pa.Table:
        reading = csv.ReadOptions(
            column_names=list(names), skip_rows=header.lines, encoding=encoding, block_size=block_size
        )
        return csv.read_csv(path, read_options=reading, parse_options=parsing, convert_options=converting)

    table = _in_growing_blocks(path, read)
    assumptions = [f"{SEPARATOR_NAMES[header.separator]}-separated"]
    assumptions += [f"text encoding {encoding}"] if encoding != "utf-8" else []
    assumptions += told_blanks(header.cells, names)
    return from_arrow(table, name=path.name, format_name="csv", assumptions=tuple(assumptions), path=path)


def open_jsonl(path: Path) -> RawTable:
    """Read JSON lines.

    Raises:
        TableError: empty, not UTF-8, or not JSON lines. ColumnError: two columns share a name.
    """
    from pyarrow import json

    text_encoding(path)
    if path.stat().st_size == 0:
        raise empty(path)
    table = _in_growing_blocks(
        path, lambda block_size: json.read_json(path, read_options=json.ReadOptions(block_size=block_size))
    )
    names = unique_names(table.column_names, where=path.name)
    return from_arrow(table.rename_columns(list(names)), name=path.name, format_name="jsonl", path=path)


def _in_growing_blocks(path: Path, read: Callable[[int], pa.Table]) -> pa.Table:
    """Read in Arrow's usual blocks, and in larger ones where a single row is larger than a block."""
    enough = min(2 * path.stat().st_size + BLOCK_BYTES, _LARGEST_BLOCK)  # UTF-16 grows when it becomes UTF-8
    block_size = BLOCK_BYTES
    while True:
        try:
            return read(block_size)
        except DAMAGE as error:
            too_small = "straddl" in str(error) or "block size" in str(error)
            if not too_small or block_size >= enough:
                raise unreadable(path, error) from None
            block_size = min(block_size * _GROWTH, enough)


def text_encoding(path: Path) -> str:
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


def _header(path: Path, encoding: str) -> _Header:
    """Return the first row that is not blank, parted by the separator that makes most cells of it."""
    found: list[_Header] = []
    for separator in SEPARATORS:
        with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
            try:
                header = _first_row(file, separator)
            except (UnicodeError, OSError) as error:
                raise unreadable(path, error) from None
        found += [] if header is None else [header]
    if not found:
        raise empty(path)
    best = max(found, key=lambda header: len(header.cells))
    if any("\x00" in cell for cell in best.cells):
        raise unreadable(path, "the first line holds NUL bytes: this is not text")
    return best


def _first_row(lines: Iterable[str], separator: str) -> _Header | None:
    import csv

    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            if any(cell.strip(_NOTHING) for cell in row):
                return _Header(cells=row, separator=separator, lines=reader.line_num)
    except csv.Error:  # a quote that is never closed, under this separator
        return None
    return None
