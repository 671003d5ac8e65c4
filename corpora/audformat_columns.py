"""Finds the values of a column in an audformat database: in the table itself, in another one, or in a scheme."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from affidavit.errors import ColumnError, RowError
from affidavit.raw_tables import unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Which part of which file a row is of."""

    file: str
    start_s: float = 0.0
    end_s: float | None = None
    segmented: bool = False

    @property
    def name(self) -> str:
        """The utterance's name: the file's without its suffix, and the seconds where the row is of a segment."""
        stem = str(PurePosixPath(self.file.replace("\\", "/")).with_suffix(""))
        end = "" if self.end_s is None else f"{self.end_s:.3f}"
        return f"{stem}@{self.start_s:.3f}-{end}" if self.segmented else stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a database, by table and name."""

    database: Any
    _frames: dict[str, Any] = field(default_factory=dict)
    _joined: dict[str, str] = field(default_factory=dict)

    def keys(self, table: str) -> list[Key]:
        """Return which part of which file each row is of.

        Raises:
            TableError: the table does not read.
        """
        index = self._frame(table).index
        if index.nlevels == 1:
            return [Key(file=str(file)) for file in index]
        return [Key(file=str(f), start_s=_seconds(s) or 0.0, end_s=_seconds(e), segmented=True) for f, s, e in index]

    def values(self, table: str, column: str) -> list[Any]:
        """Return a column of the table, else that of the one other table by file that has it; None where none has."""
        frame = self._frame(table)
        if column in frame.columns:
            return self._named(table, column, frame[column])
        others = [
            name
            for name, other in self.database.tables.items()
            if name != table and column in other.columns and other.is_filewise
        ]
        if len(others) != 1:
            return [None] * len(frame)
        self._joined[column] = others[0]
        other = self._frame(others[0])
        read = dict(zip(map(str, other.index), self._named(others[0], column, other[column]), strict=True))
        return [read.get(key.file) for key in self.keys(table)]

    def first(self, table: str, columns: Sequence[str]) -> list[Any]:
        """Return the first of several columns that has any values; None where none has."""
        read = (self.values(table, column) for column in columns)
        empty: list[Any] = [None] * len(self._frame(table))
        return next((values for values in read if any(value is not None for value in values)), empty)

    def numbers(self, table: str, column: str | None) -> list[float | None]:
        """Return a column of numbers, None where there is none.

        Raises:
            RowError: a value is no number.
        """
        if column is None:
            return [None] * len(self._frame(table))
        return [_number(value, f"db.{table}, row {i}") for i, value in enumerate(self.values(table, column), start=1)]

    def told(self, table: str, speaker: str, feature: str) -> list[Any]:
        """Return what the scheme of speakers tells of each row's speaker; None where it tells nothing."""
        owner = table if speaker in self._frame(table).columns else self._joined.get(speaker)
        properties = {} if owner is None else self._labels(owner, speaker)
        speakers = self.values(table, speaker)
        found = (properties.get(value) for value in speakers)
        return [each.get(feature) if isinstance(each, dict) else None for each in found]

    def levels(self, tables: Sequence[str], column: str) -> list[str]:
        """Return the labels that the column's scheme lists, else those that occur, sorted.

        Raises:
            ColumnError: there are none.
        """
        listed = [_shown(key, value) for table in tables for key, value in self._labels(table, column).items()]
        found = {text for table in tables for value in self.values(table, column) if (text := text_of(value))}
        if not listed and not found:
            raise ColumnError(
                f"the column {column!r} holds no labels",
                slug="column-type",
                where=", ".join(f"db.{table}" for table in tables),
                remedy="name another column (label)",
            )
        return list(dict.fromkeys(listed)) or sorted(found)

    def require_distinct(self, names: Sequence[str]) -> None:
        """Refuse a part of a file that stands in two rows.

        Raises:
            RowError: naming the first.
        """
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise RowError(
                    "two rows are of the same part of a file",
                    slug="row-duplicate",
                    where="the tables of labels",
                    found=name,
                    allowed="one row an utterance",
                    remedy="name the tables of one set of labels (tables)",
                )
            seen.add(name)

    def remarks(self) -> Iterator[str]:
        """Say which columns were taken from other tables."""
        yield from (f"{column} is taken from the table {table}" for column, table in self._joined.items())

    def _frame(self, table: str) -> Any:  # noqa: ANN401 - the library has no types
        if table not in self._frames:
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", module="audformat")  # its own, of what pandas will drop
                    self._frames[table] = self.database[table].get()
            except Exception as error:  # the library raises whatever the file leads it to
                kept = Path(self.database.root) / f"db.{table}.parquet"
                raise unreadable(kept if kept.is_file() else kept.with_suffix(".csv"), error) from None
        return self._frames[table]

    def _named(self, table: str, column: str, values: Any) -> list[Any]:  # noqa: ANN401
        """Return values, codes as the names that their scheme gives them."""
        labels = self._labels(table, column)
        plain = [None if _missing(value) else value for value in values]
        return [labels[v] if isinstance(labels.get(v), str) else v for v in plain]

    def _labels(self, table: str, column: str) -> dict[Any, Any]:
        """Return what the column's scheme lists: value to a name, or to properties, or to nothing."""
        scheme_id = self.database[table].columns[column].scheme_id
        labels = None if scheme_id is None else self.database.schemes[scheme_id].labels
        if isinstance(labels, str):  # the scheme's labels are a table of their own
            return dict(self._frame(labels).to_dict(orient="index"))
        return dict(labels) if isinstance(labels, dict) else dict.fromkeys(labels or [])


def text_of(value: Any) -> str | None:  # noqa: ANN401
    """Return a cell as trimmed text; 7.0 reads `7`, blank reads None."""
    if _missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def _shown(key: Any, value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else str(key)


def _missing(value: Any) -> bool:  # noqa: ANN401
    import pandas as pd

    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _seconds(value: Any) -> float | None:  # noqa: ANN401
    return None if _missing(value) else float(value.total_seconds())


def _number(value: Any, where: str) -> float | None:  # noqa: ANN401
    if _missing(value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise RowError(
            "the intensity is not a number",
            slug="row-value",
            where=where,
            found=repr(value),
            remedy="name a column of numbers (intensity)",
        ) from None
