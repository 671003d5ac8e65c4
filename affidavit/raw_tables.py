"""A table as it was handed over: named columns, read again and again in batches, and what had to be assumed.

The readers (`affidavit.text_tables`, `affidavit.workbooks`, `affidavit.frame_tables`, parquet in `affidavit.tables`)
all end in a `RawTable`; a damaged file is one `TableError` in all of them, whatever its reader raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from affidavit.errors import ColumnError, TableError

MISSING: Final = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "<NA>")
DAMAGE: Final = (pa.ArrowException, OSError, ValueError, EOFError, OverflowError)
"""What Arrow raises over bytes that are not what they claim to be; UnicodeError is a ValueError."""
_CHUNK_ROWS: Final = 1 << 20


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
        yield from chosen.to_batches(max_chunksize=_CHUNK_ROWS)

    return RawTable(
        name=name,
        format=format_name,
        columns=tuple(table.column_names),
        n_rows=table.num_rows,
        batches=batches,
        assumptions=assumptions,
        path=path,
    )


def unique_names(header: Sequence[str], *, where: str) -> tuple[str, ...]:
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


def told_blanks(header: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the assumption for each column whose header is blank."""
    pairs = enumerate(zip(header, names, strict=True), start=1)
    return [f"the header of column {i} is blank; read as {name!r}" for i, (given, name) in pairs if not given.strip()]


def unreadable(path: Path, error: Exception | str) -> TableError:
    """Return the one error of a file that is not what its suffix promises."""
    said = " ".join(str(error).split())[:300]
    return TableError(
        f"the file does not read as {path.suffix.lstrip('.').upper() or 'a table'}",
        slug="file-unreadable",
        where=path.name,
        found=said or type(error).__name__,
        remedy="check that the file is whole (a broken download?) and that its suffix says what it is",
    )


def empty(path: Path, what: str = "the file is empty") -> TableError:
    """Return the error of a file without rows."""
    return TableError(what, slug="file-empty", where=path.name, remedy="check the export")
