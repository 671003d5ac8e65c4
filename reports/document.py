"""A document before it is HTML or Markdown: sections of paragraphs, lists, facts, tables and figures.

Laws: texts are raw (a rendering escapes them), numbers are already words (so every rendering prints the same), and a
figure is never the only place where a number stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from affidavit.records import Verdict

ColumnKind = Literal["heading", "text", "prose", "number", "count", "verdict", "code", "notes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table; a `heading` column names its row."""

    title: str
    detail: str = ""
    """A second, smaller line: a unit, or what exactly is meant."""
    kind: ColumnKind = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: its text, a smaller second line, and the numbers of the notes that speak of it."""

    text: str
    detail: str = ""
    verdict: Verdict | None = None
    notes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its caption and numbered notes."""

    kind: ClassVar[str] = "table"
    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    remarks: tuple[str, ...] = ()
    """What holds for every row."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One paragraph."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of sentences, with a line that introduces it."""

    kind: ClassVar[str] = "listing"
    lead: str = ""
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar[str] = "facts"
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """Lines to be read as they are: a command, a plan."""

    kind: ClassVar[str] = "verbatim"
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture and its caption; the numbers in it stand in a table too."""

    kind: ClassVar[str] = "figure"
    id: str
    caption: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Blocks behind a line that opens them."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: tuple[Block, ...]
    opened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part; sections nest."""

    kind: ClassVar[str] = "section"
    id: str
    title: str
    blocks: tuple[Block, ...]


Block = Table | Paragraph | Listing | Facts | Verbatim | Figure | Fold | Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report as it will be read; `first_line` is the first thing anybody reads."""

    title: str
    first_line: str
    tone: str
    """`pass`, `fail`, `inconclusive` or `none`: how the first line is dressed."""
    reckoning: str
    """How the decision comes about, in a few words."""
    marking: str
    marking_meaning: str
    sections: tuple[Section, ...]
    foot: str


def tidied(table: Table) -> Table:
    """Return the table with notes of every row said once, and without columns in which no cell says anything."""
    return _without_empty_columns(_with_remarks(table))


def _with_remarks(table: Table) -> Table:
    """Turn notes that stand at every row into remarks, and number the others again."""
    place = next((n for n, column in enumerate(table.columns) if column.kind == "notes"), None)
    if place is None or len(table.rows) < 2:
        return table
    common = set.intersection(*(set(row[place].notes) for row in table.rows))
    kept = [number for number in range(1, len(table.notes) + 1) if number not in common]
    new = {old: place for place, old in enumerate(kept, start=1)}
    return replace(
        table,
        rows=tuple(tuple(_renumbered(cell, new) for cell in row) for row in table.rows),
        remarks=tuple(table.notes[number - 1] for number in sorted(common)),
        notes=tuple(table.notes[number - 1] for number in kept),
    )


def _renumbered(cell: Cell, new: Mapping[int, int]) -> Cell:
    numbers = sorted(new[number] for number in cell.notes if number in new)
    return replace(cell, notes=tuple(numbers)) if cell.notes else cell


def _without_empty_columns(table: Table) -> Table:
    kept = [n for n in range(len(table.columns)) if any(_says_something(row[n]) for row in table.rows)]
    rows = tuple(tuple(row[n] for n in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[n] for n in kept), rows=rows)


def _says_something(cell: Cell) -> bool:
    return bool(cell.text or cell.detail or cell.notes)


class Notes:
    """The notes of one table while it is being written: each text once, numbered from 1."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a note, the same for the same text."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def texts(self) -> tuple[str, ...]:
        """Return the notes in order."""
        return tuple(self._numbers)
