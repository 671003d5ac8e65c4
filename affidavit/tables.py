"""Opens any table that people hand over: CSV (comma, semicolon, tab, bar), XLSX, parquet, JSON lines, or a frame.

Text formats are read as text and typed later, by the part each column plays, so an id keeps its leading zero and a
decimal comma is seen for what it is. What had to be assumed is recorded, never silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from affidavit.errors import TableError
from affidavit.frame_tables import from_frame
from affidavit.raw_tables import DAMAGE, RawTable, empty, from_arrow, unique_names, unreadable
from affidavit.text_tables import open_csv, open_jsonl
from affidavit.workbooks import open_xlsx

__all__ = ["BATCH_ROWS", "SUFFIXES", "RawTable", "from_arrow", "from_frame", "open_table"]

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".pq", ".jsonl", ".ndjson")
BATCH_ROWS: Final = 262_144
_GZIP: Final = b"\x1f\x8b"


def open_table(path: Path, *, memory_rows: int = 5_000_000, batch_rows: int = BATCH_ROWS) -> RawTable:
    """Open a table file; parquet with more than `memory_rows` rows stays on disk and is read in row groups.

    Raises:
        TableError: no such file, not the format its suffix promises, not UTF-8, or no rows.
        ColumnError: two columns share a name.
    """
    if not path.is_file():
        raise TableError("there is no such file", slug="file-not-found", where=str(path), remedy="check the path")
    readers: dict[str, Callable[[Path], RawTable]] = {
        ".csv": open_csv,
        ".tsv": open_csv,
        ".txt": open_csv,
        ".xlsx": open_xlsx,
        ".jsonl": open_jsonl,
        ".ndjson": open_jsonl,
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
    _refuse_gzip(path)
    raw = reader(path)
    if raw.n_rows == 0:
        raise empty(path, "the table has no rows")
    return raw


def _refuse_gzip(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_GZIP))
    except OSError as error:
        raise unreadable(path, error) from None
    if start == _GZIP:
        raise TableError(
            f"the file is compressed with gzip, though its suffix is {path.suffix}",
            slug="file-unreadable",
            where=path.name,
            found="the first bytes of a gzip stream",
            remedy=f"unpack it: gunzip < {path.name} > unpacked{path.suffix}",
        )


def _open_parquet(path: Path, *, memory_rows: int, batch_rows: int) -> RawTable:
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            n_rows, given = file.metadata.num_rows, tuple(file.schema_arrow.names)
            held = file.read() if n_rows <= memory_rows else None
        if held is not None:
            held.validate(full=True)
    except DAMAGE as error:
        raise unreadable(path, error) from None
    _refuse_fewer(path, n_rows if held is None else held.num_rows, n_rows)
    names = unique_names(given, where=path.name)
    if held is not None:
        return from_arrow(held.rename_columns(list(names)), name=path.name, format_name="parquet", path=path)
    name_of, given_of = dict(zip(given, names, strict=True)), dict(zip(names, given, strict=True))

    def batches(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        wanted = None if columns is None else [given_of[name] for name in columns]
        given_rows = 0
        for batch in _parquet_batches(path, wanted, batch_rows):
            given_rows += batch.num_rows
            yield batch.rename_columns([name_of[name] for name in batch.schema.names])
        _refuse_fewer(path, given_rows, n_rows)

    return RawTable(name=path.name, format="parquet", columns=names, n_rows=n_rows, batches=batches, path=path)


def _parquet_batches(path: Path, columns: list[str] | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file on disk; damage in a later row group is the same error as in the first."""
    from pyarrow import parquet

    try:
        # A fresh handle a pass: buffers of row groups already read are given back.
        with parquet.ParquetFile(path, memory_map=False, pre_buffer=False) as again:
            for batch in again.iter_batches(batch_size=batch_rows, columns=columns):
                batch.validate(full=True)  # text that is not UTF-8 would fail later, and elsewhere
                yield batch
    except DAMAGE as error:
        raise unreadable(path, error) from None


def _refuse_fewer(path: Path, given: int, promised: int) -> None:
    if given != promised:
        raise unreadable(path, f"the file promises {promised} rows and gives {given}")
