"""Reads tables that people release: CSV or parquet, one row a group.

Columns: features (text; empty, `all`, `everybody` or `total` where the group is not split by it), `units` (or `n`,
`count`), optionally `rows`, and percentages (`..._percent`) or rates (`..._rate`, `..._share`) of `units`, printed to
some decimals, which is how exactly they can be undone. A withheld number is empty, `*`, `withheld`, `suppressed`, or
begins with `<` or `n <`; an interval reads `11-21` or `11 to 21`. Where counts are rounded, every multiple of the base
is taken for a rounded count, and everything else for an exact one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from affidavit.disclosure.lattice import Group, group_of
from affidavit.errors import ColumnError, TableError
from affidavit.tables import open_table
from privacy.linter.tables import Ends, ReleasedTable, Share

UNITS: Final = ("units", "n_clusters", "n", "count")
ROWS: Final = "rows"
TOTALS: Final = frozenset({"", "all", "everybody", "total", "overall"})
_GONE: Final = re.compile(r"^(\*+|withheld|suppressed|(n\s*)?<.*)?$", re.IGNORECASE)
_ENDING: Final = {"_percent": 100.0, "_rate": 1.0, "_share": 1.0}
_INTERVAL: Final = re.compile(r"^([\d,]+)\s*(?:-|\u2013|to)\s*([\d,]+)$")
_PRINTED: Final = re.compile(r"^-?\d+(?:\.(\d+))?$")
Cells = Mapping[str, Sequence[str]]


def read_table(path: Path, *, base: int | None = None) -> ReleasedTable:
    """Read one released table; where counts are rounded, `base` is what to multiples of.

    Raises:
        TableError: the file cannot be opened, or a number in it is none.
        ColumnError: there is no column of units, or no feature.
    """
    return table_of_cells(_cells(path), name=path.stem, base=base)


def _cells(path: Path) -> dict[str, list[str]]:
    if path.suffix.lower() == ".csv":
        import csv

        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                rows = [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]
        except (OSError, UnicodeDecodeError) as error:
            raise TableError(
                "the released table cannot be read",
                slug="file-unreadable",
                where=str(path),
                found=str(error),
                remedy="save it as CSV in UTF-8",
            ) from None
        if not rows:
            raise TableError(
                "the released table has no rows",
                slug="file-empty",
                where=str(path),
                remedy="give a table that was released, with its header and its rows",
            )
        return {name: [row.get(name, "") for row in rows] for name in rows[0]}
    raw = open_table(path)
    found: dict[str, list[str]] = {}
    for batch in raw.batches(None):
        for name in batch.schema.names:
            values = batch.column(name).to_pylist()
            found.setdefault(name, []).extend("" if value is None else f"{value}" for value in values)
    return found


def table_of_cells(cells: Cells, *, name: str, base: int | None = None) -> ReleasedTable:
    """Return a released table from its printed cells by column."""
    counted = next((column for column in UNITS if column in cells), None)
    shares = [column for column in cells if column.endswith(tuple(_ENDING))]
    features = [c for c in cells if c not in (*UNITS, ROWS, *shares)]
    if counted is None or not features:
        raise ColumnError(
            "a released table needs a column of counts and at least one feature",
            slug="column-missing",
            where=name,
            found=", ".join(cells),
            allowed=f"one of {', '.join(UNITS)}, and features as further columns",
            remedy="rename the columns",
        )
    groups = _groups(cells, features, name)
    return ReleasedTable(
        name=name,
        units=_column(cells[counted], groups, name, base),
        rows=_column(cells[ROWS], groups, name, base) if ROWS in cells else {},
        shares=tuple(
            Share(name=column, of_rows=False, by_group=_share(cells[column], groups, column)) for column in shares
        ),
        closed=False,
    )


def _groups(cells: Cells, features: Sequence[str], name: str) -> list[Group]:
    groups = []
    for levels in zip(*(cells[feature] for feature in features), strict=True):
        named = {f: level for f, level in zip(features, levels, strict=True) if level.lower() not in TOTALS}
        groups.append(group_of(named))
    if len(set(groups)) < len(groups):
        twice = next(group for group in groups if groups.count(group) > 1)
        raise TableError(
            "a group has two rows",
            slug="row-duplicate",
            where=name,
            found=str(dict(twice)),
            remedy="give each group one row, and levels of one feature one column",
        )
    return groups


def _column(cells: Sequence[str], groups: Sequence[Group], name: str, base: int | None) -> dict[Group, Ends | None]:
    return {group: _count(cell, name, base) for group, cell in zip(groups, cells, strict=True)}


def _count(cell: str, name: str, base: int | None) -> Ends | None:
    """Return what a printed count stands for; one that is no multiple of the base was not rounded."""
    if _GONE.match(cell):
        return None
    if interval := _INTERVAL.match(cell):
        return _number(interval[1], name), _number(interval[2], name)
    number = _number(cell, name)
    if base is None or number % base:
        return number, number
    return max(number - base // 2, 0.0), number + (base - 1) // 2


def _share(cells: Sequence[str], groups: Sequence[Group], column: str) -> dict[Group, Ends | None]:
    scale = next(scale for ending, scale in _ENDING.items() if column.endswith(ending))
    found: dict[Group, Ends | None] = {}
    for group, cell in zip(groups, cells, strict=True):
        if _GONE.match(cell):
            found[group] = None
            continue
        value = _number(cell, column)
        printed = _PRINTED.match(cell)
        half = 0.5 * 10.0 ** -len(printed[1] or "") if printed else abs(value) * 1e-9
        found[group] = (max(value - half, 0.0) / scale, min(value + half, scale) / scale)
    return found


def _number(cell: str, where: str) -> float:
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        raise TableError(
            "a released number is neither a number nor withheld",
            slug="file-unreadable",
            where=where,
            found=cell,
            allowed="a number, or empty, *, withheld, suppressed, < 11, n < 11, 11-21",
            remedy="print withheld numbers in one of these ways",
        ) from None
