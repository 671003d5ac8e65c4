"""Finds the column that plays a part, in tables whose releases spell their headers differently."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from affidavit.errors import ColumnError
from affidavit.tables import RawTable, open_table
from corpora.cells import Cells, read_cells


def open_cells(path: Path) -> tuple[RawTable, Cells]:
    """Return a table opened, and its cells.

    Raises:
        TableError, ColumnError: it does not open.
    """
    raw = open_table(path)
    return raw, read_cells(raw)


def column_of(raw: RawTable, names: Sequence[str]) -> str | None:
    """Return the first column that has one of `names`, in their order, whatever its case and separators."""
    normal = {_normal(column): column for column in reversed(raw.columns)}
    return next((normal[_normal(name)] for name in names if _normal(name) in normal), None)


def required_column(raw: RawTable, names: Sequence[str]) -> str:
    """Return the column that has one of `names`.

    Raises:
        ColumnError: there is none.
    """
    if (column := column_of(raw, names)) is None:
        raise ColumnError(
            f"there is no column {names[0]!r}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            allowed=", ".join(names),
            remedy="check that this is the file that the loader is for",
        )
    return column


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
