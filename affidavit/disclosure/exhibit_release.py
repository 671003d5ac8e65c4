"""Exhibits after release: rows of withheld groups are gone, values with a small count behind them are empty.

An exhibit whose rows nobody can tie to groups (confusion matrices, gaps, per-item scores) is withheld whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.told import COUNTS, Block, BlockKey, blocks_of_exhibit, group_of_row, is_tied, key_of_row
from affidavit.exhibits import ExhibitTable
from affidavit.records import Exhibit

Row = Mapping[str, Any]
BLANKED: Final = "withheld: a small count is behind it"


def tied_blocks(exhibit: Exhibit, rows: Sequence[Row]) -> dict[BlockKey, Block] | None:
    """Return an exhibit's blocks; None where it cannot be tied to groups row by row."""
    if not is_tied(exhibit) or any(group_of_row(row) is None or row["n"] is None for row in rows):
        return None
    return blocks_of_exhibit(exhibit, rows)


def released_exhibit(
    exhibit: Exhibit, rows: Sequence[Row], fate: Callable[[BlockKey, Row], str], rule: DisclosureRule
) -> ExhibitTable:
    """Return a tied exhibit with each row told, blanked or gone as `fate` says of its block and row."""
    kept = []
    for row in rows:
        what = fate(key_of_row(exhibit, row), row)
        if what != "gone":
            kept.append(_told(exhibit, row, blank=what == "blank", rule=rule))
    return ExhibitTable(
        id=exhibit.id,
        title=exhibit.title,
        columns=exhibit.columns,
        values={column.name: [row[column.name] for row in kept] for column in exhibit.columns},
        releasable=True,
    )


def _told(exhibit: Exhibit, row: Row, *, blank: bool, rule: DisclosureRule) -> dict[str, Any]:
    told = dict(row)
    for column in exhibit.columns:
        name, value = column.name, row[column.name]
        if name in COUNTS:
            told[name] = None if value is None else rule.told(value)
        elif column.type != "text" and value is not None:
            told[name] = None if blank else coarse(value, rule)
    if blank and "method" in told:
        told["method"] = BLANKED
    return told


def coarse(value: float, rule: DisclosureRule) -> float:
    """Return a value as it is told beside rounded counts: to two decimals, for an exact share tells its denominator."""
    return value if rule.rounding is None or isinstance(value, int) else round(value, 2)
