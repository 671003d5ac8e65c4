"""Exhibits: the typed tables behind findings and pictures.

A short exhibit stands inline in the report, a long one in a parquet file beside it; its digest is of the content and
is the same either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from affidavit.digests import table_digest
from affidavit.records import SIGNIFICANT_DIGITS, Exhibit, ExhibitColumn

INLINE_ROWS: Final = 200
_TYPES: Final = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhibitTable:
    """An exhibit as an examination hands it over: `columns` in order, values by column name."""

    id: str
    title: str
    columns: tuple[ExhibitColumn, ...]
    values: Mapping[str, Sequence[Cell]]
    releasable: bool = False

    def table(self) -> pa.Table:
        """Return the values as an Arrow table, numbers rounded as in records."""
        return pa.table(
            {c.name: pa.array([_plain(v) for v in self.values[c.name]], type=_TYPES[c.type]) for c in self.columns}
        )

    def sealed(self, examination: str) -> tuple[Exhibit, pa.Table]:
        """Return the record and its table."""
        table = self.table()
        inline = table.num_rows <= INLINE_ROWS
        rows = tuple(zip(*(table[c.name].to_pylist() for c in self.columns), strict=True)) if inline else None
        record = Exhibit(
            id=self.id,
            title=self.title,
            examination=examination,
            columns=self.columns,
            n_rows=table.num_rows,
            digest=table_digest(table.combine_chunks().to_batches()),
            releasable=self.releasable,
            rows=rows,
            file=None if inline else f"exhibits/{self.id}.parquet",
        )
        return record, table


def table_of(exhibit: Exhibit) -> pa.Table:
    """Return the table of an inline exhibit."""
    columns = list(zip(*(exhibit.rows or ()), strict=True)) or [()] * len(exhibit.columns)
    return pa.table({c.name: pa.array(v, type=_TYPES[c.type]) for c, v in zip(exhibit.columns, columns, strict=True)})


def _plain(value: Cell) -> Cell:
    """Return a JSON value: numbers rounded, NaN as null."""
    if isinstance(value, float):
        return None if value != value else float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value
