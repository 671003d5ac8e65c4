"""What each set of modalities tells of people, from a table that probes left or somebody else measured.

One row a set: `modalities` (letters, as in conditions) and `leakage` (a probe's advantage over the majority, or any
number of which more is worse), perhaps `low` and `high`, and `attribute`: of several attributes the worst counts. A set
that is not in the table leaks at least what its leakiest part does: whoever has the whole has the part. Without any
part in the table it is unknown, which is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from affidavit.conditions import Condition
from affidavit.errors import AffidavitError, RowError, TableError
from affidavit.tables import open_table

_NEEDED: Final = ("modalities", "leakage")
_BOUNDS: Final = ("low", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What one set of modalities leaks."""

    value: float
    low: float | None = None
    high: float | None = None
    attribute: str | None = None
    at_least: bool = False
    """Whether it is only what a part of the set leaks."""


def read_leakage(path: Path) -> dict[frozenset[str], Leak]:
    """Read a table of leakage; of several attributes the worst of each set.

    Raises:
        TableError: it does not open, or lacks a column. RowError: a row has no set of modalities or no number.
    """
    raw = open_table(path)
    lacking = [name for name in _NEEDED if name not in raw.columns]
    if lacking:
        raise TableError(
            f"the table of leakage has no column {lacking[0]}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            allowed=f"{', '.join(_NEEDED)}; perhaps low, high, attribute",
            remedy="name the set of modalities (T, A, TAV) in `modalities` and the probe's advantage in `leakage`",
        )
    found: dict[frozenset[str], Leak] = {}
    rows = (row for batch in raw.batches(None) for row in batch.to_pylist())
    for i, row in enumerate(rows, start=1):
        letters, leak = _leak(row, where=f"{raw.name}, row {i}")
        if letters not in found or leak.value > found[letters].value:
            found[letters] = leak
    return found


def leak_of(name: str, table: Mapping[frozenset[str], Leak]) -> Leak | None:
    """Return what a set leaks, or at least leaks; None where nothing is known."""
    letters = Condition.parse(name).modalities
    if letters in table:
        return table[letters]
    parts = [leak for part, leak in table.items() if part < letters]
    if not parts:
        return None
    worst = max(parts, key=lambda leak: leak.value)
    return Leak(value=worst.value, low=worst.low, attribute=worst.attribute, at_least=True)


def _leak(row: Mapping[str, Any], *, where: str) -> tuple[frozenset[str], Leak]:
    try:
        condition = Condition.parse(str(row["modalities"]))
    except AffidavitError as error:
        raise _unreadable(where, "modalities", row["modalities"]) from error
    if not condition.modalities or condition.operator is not None:
        raise _unreadable(where, "modalities", row["modalities"])
    value = _number(row, "leakage", where)
    if value is None:
        raise _unreadable(where, "leakage", row["leakage"])
    low, high = (_number(row, name, where) for name in _BOUNDS)
    attribute = row.get("attribute")
    return condition.modalities, Leak(
        value=value, low=low, high=high, attribute=None if attribute is None else str(attribute)
    )


def _number(row: Mapping[str, Any], name: str, where: str) -> float | None:
    """Return a cell as a number; None where it is empty."""
    cell = row.get(name)
    if cell is None or cell == "":
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise _unreadable(where, name, cell) from None
    if not math.isfinite(value):
        raise _unreadable(where, name, cell)
    return value


def _unreadable(where: str, name: str, cell: object) -> RowError:
    return RowError(
        f"the cell of {name} does not read",
        slug="row-value",
        where=where,
        found=repr(cell)[:80],
        allowed="a set of modalities such as T, AV or TAV" if name == "modalities" else "a finite number",
        remedy="correct the row, or drop it: a set that is not in the table is unknown",
    )
