"""Exhibits after release: rows of withheld groups are gone, values with a small count behind them are empty.

An exhibit whose rows nobody can tie to groups (confusion matrices, gaps, per-item scores) is withheld whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from affidavit.disclosure.coarsening import Number, coarse
from affidavit.disclosure.lattice import Group
from affidavit.disclosure.printing import Printing
from affidavit.disclosure.told import (
    COUNTS,
    Block,
    BlockKey,
    blocks_of_exhibit,
    group_of_row,
    is_tied,
    key_of_row,
    slice_name,
)
from affidavit.exhibits import ExhibitTable
from affidavit.records import Exhibit

Row = Mapping[str, Any]
BLANKED: Final = "withheld: a small count is behind it"
TOLD: Final = ("value", "low", "high")


def tied_blocks(exhibit: Exhibit, rows: Sequence[Row]) -> dict[BlockKey, Block] | None:
    """Return an exhibit's blocks; None where it cannot be tied to groups row by row."""
    if not is_tied(exhibit) or any(group_of_row(row) is None or row["n"] is None for row in rows):
        return None
    return blocks_of_exhibit(exhibit, rows)


def released_exhibit(exhibit: Exhibit, rows: Sequence[Row], printing: Printing) -> ExhibitTable:
    """Return a tied exhibit with each row told, blanked or gone, as its block and group are."""
    kept = []
    for row in rows:
        group, place = group_of_row(row), (key_of_row(exhibit, row), slice_name(exhibit, row))
        what = "gone" if group is None else printing.fates.of_row(*place, group)
        if group is None or what == "gone":
            continue
        numbers = Number(value=None) if what == "blank" else _numbers(row, group, printing, place)
        kept.append(_told(exhibit, row, numbers, printing, blank=what == "blank"))
    return ExhibitTable(
        id=exhibit.id,
        title=exhibit.title,
        columns=exhibit.columns,
        values={column.name: [row[column.name] for row in kept] for column in exhibit.columns},
        releasable=True,
    )


def _numbers(row: Row, group: Group, printing: Printing, place: tuple[BlockKey, tuple[str, ...]]) -> Number:
    ends = None if row["low"] is None or row["high"] is None else (row["low"], row["high"])
    return printing.of_group(Number(value=row["value"], ends=ends), place, group)


def _told(exhibit: Exhibit, row: Row, number: Number, printing: Printing, *, blank: bool) -> dict[str, Any]:
    low, high = number.ends or (None, None)
    told = {**row, **dict(zip(TOLD, (number.value, low, high), strict=True))}
    for column in exhibit.columns:
        name, value = column.name, row[column.name]
        if name in COUNTS:
            told[name] = None if value is None else printing.rule.told(value)
        elif name not in TOLD and column.type != "text" and value is not None:
            told[name] = None if blank else _other(value, column.type, printing)
    if "method" in told and (blank or number.method is not None):
        told["method"] = BLANKED if blank else number.method
    return told


def _other(value: float, type_: str, printing: Printing) -> float | None:
    """Return a number beside a row's value; with intervals only a point is not told."""
    if type_ == "integer":
        return value
    return None if printing.rule.intervals_only else coarse(value, printing.rule)
