"""Reads a table of canaries: one row each, whether it was planted, and what an attack makes of it.

| column | what it holds |
|---|---|
| `canary` | its name |
| `included` | whether it was planted: 1 or 0, true or false, yes or no, in or out |
| `score` | how much it looks planted: the higher, the more (less the loss, or a log ratio) |
| `guess` | in place of a score: 1 for in, 0 for out, empty for no guess |
| `score_baseline` | the score of the same canary in another training, as one without privacy |
| `pair` | the name of its pair, of which exactly one was planted |
| `group_<feature>` | a sensitive feature of the canary's patient |

A canary without a score or guess is one that the attack abstains on; it still counts among the canaries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.admitted_rows import admitted_rows
from affidavit.errors import ColumnError, RowError
from affidavit.raw_tables import MISSING, RawTable
from affidavit.schema import UNKNOWN
from affidavit.tables import open_table

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
ANSWERS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "in"), True),
    **dict.fromkeys(("0", "0.0", "false", "no", "out"), False),
}
NEEDED: Final = ("canary", "included")
GROUP: Final = "group_"
_SHOWN: Final = 60
"""Characters of a cell that an error repeats."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canaries:
    """What a table of canaries says, in the order of their names; names are kept to break ties, and never told."""

    names: tuple[str, ...]
    included: BoolArray
    score: FloatArray
    """NaN where the attack abstains; 1 and 0 where guesses were given."""
    guessed: bool
    """Whether the table has guesses in place of scores."""
    baseline: FloatArray | None
    pair: tuple[str, ...] | None
    groups: Mapping[str, tuple[str, ...]]


def read_canaries(path: Path) -> Canaries:
    """Read a table of canaries.

    Raises:
        TableError: it does not open. ColumnError: a column is missing. RowError: a cell does not read, a name stands
            twice, or a pair is none.
    """
    raw = admitted_rows(open_table(path))
    _require_columns(raw)
    rows = [
        _row(row, f"{raw.name}, row {number}")
        for number, row in enumerate((row for batch in raw.batches(None) for row in batch.to_pylist()), start=1)
    ]
    _refuse_twice(rows, raw.name)
    rows.sort(key=lambda row: str(row["canary"]))
    paired = "pair" in raw.columns
    if paired:
        _refuse_odd_pairs(rows, raw.name)
    return Canaries(
        names=tuple(row["canary"] for row in rows),
        included=np.array([row["included"] for row in rows], dtype=bool),
        score=np.array([row["score"] for row in rows], dtype=np.float64),
        guessed="score" not in raw.columns,
        baseline=np.array([row["score_baseline"] for row in rows]) if "score_baseline" in raw.columns else None,
        pair=tuple(row["pair"] for row in rows) if paired else None,
        groups={
            name.removeprefix(GROUP): tuple(row[name] for row in rows)
            for name in sorted(raw.columns)
            if name.startswith(GROUP) and name != GROUP
        },
    )


def _require_columns(raw: RawTable) -> None:
    lacking = [name for name in NEEDED if name not in raw.columns]
    if not {"score", "guess"} & set(raw.columns):
        lacking.append("score (or guess)")
    if "pair" in raw.columns and "score" not in raw.columns:
        lacking.append("score (a pair is told by its scores)")
    if {"score", "guess"} <= set(raw.columns):
        raise ColumnError(
            "score and guess both stand in the table, and only one of them can be what is audited",
            slug="column-ambiguous",
            where=raw.name,
            found="score, guess",
            allowed="score, or guess in its place",
            remedy="leave out guess, to have the scores guessed from; or score, to have the guesses counted",
        )
    if lacking:
        raise ColumnError(
            f"there is no column {', '.join(lacking)}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns)[:300],
            allowed="canary, included, and score or guess; pair, score_baseline and group_<feature> where there are",
            remedy="write one row a canary with these columns (privacy.canaries.inputs.canary_table does)",
        )


def _row(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the cells that are read, each as what it is."""
    read: dict[str, Any] = {"canary": _text(row["canary"]), "included": _answer(row["included"])}
    if read["canary"] is None:
        raise _bad("canary has no name", where, row["canary"], "a text")
    if read["included"] is None:
        raise _bad("whether the canary was planted is not said", where, row["included"], ", ".join(ANSWERS))
    read["score"] = _number(row["score"], where) if "score" in row else _guess(row["guess"], where)
    if "score_baseline" in row:
        read["score_baseline"] = _number(row["score_baseline"], where)
    if "pair" in row and (pair := _text(row["pair"])) is None:
        raise _bad("the canary has no pair", where, row["pair"], "the name of its pair")
    if "pair" in row:
        read["pair"] = pair
    return read | {name: _text(cell) or UNKNOWN for name, cell in row.items() if name.startswith(GROUP)}


def _text(cell: object) -> str | None:
    text = "" if cell is None else " ".join(str(cell).split())
    return None if text in MISSING else text


def _answer(cell: object) -> bool | None:
    text = _text(cell)
    return None if text is None else ANSWERS.get(text.lower())


def _guess(cell: object, where: str) -> float:
    if _text(cell) is None:
        return float("nan")
    answer = _answer(cell)
    if answer is None:
        raise _bad("the guess does not read", where, cell, f"{', '.join(ANSWERS)}, or empty for no guess")
    return float(answer)


def _number(cell: object, where: str) -> float:
    if (text := _text(cell)) is None:
        return float("nan")
    try:
        number = float(text)
    except ValueError:
        raise _bad("the score is no number", where, cell, "a number, or empty where the attack abstains") from None
    return number


def _refuse_twice(rows: Sequence[Mapping[str, Any]], name: str) -> None:
    if twice := [canary for canary, times in Counter(row["canary"] for row in rows).items() if times > 1]:
        raise _bad("a canary stands twice", name, twice[0], "one row a canary: its attack score after training")


def _refuse_odd_pairs(rows: Sequence[Mapping[str, Any]], name: str) -> None:
    members: dict[str, list[bool]] = {}
    for row in rows:
        members.setdefault(row["pair"], []).append(row["included"])
    odd = [pair for pair, included in members.items() if sorted(included) != [False, True]]
    if odd:
        raise _bad("a pair has not exactly one planted canary and one other", name, odd[0], "one of each")


def _bad(what: str, where: str, found: object, allowed: str) -> RowError:
    return RowError(
        what,
        slug="row-value",
        where=where,
        found=str(found)[:_SHOWN],
        allowed=allowed,
        remedy="correct the row; leaving canaries out by what became of them would spoil the audit",
    )
