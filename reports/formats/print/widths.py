"""How wide the columns of a printed table are, and into how many tables it is cut where they do not fit a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from reports.document import Column, ColumnKind, Table
from reports.formats.print.fonts import LONGEST_TEXT, LONGEST_WORD

PAGE_WIDTH: Final = 510.0
"""Points between the margins of an A4 page."""
TIGHT: Final = 0.86
"""How small a table may be set before it is cut: 7 point letters become 6."""
_POINTS_A_CHARACTER: Final = 3.75
_PADDING: Final = 7.0
_LEAST: Final = 24.0
_MOST: Final[dict[ColumnKind, float]] = {
    "heading": 130.0,
    "text": 105.0,
    "prose": 170.0,
    "number": 110.0,
    "count": 62.0,
    "verdict": 88.0,
    "code": 130.0,
    "notes": 60.0,
}
_BREAKS: Final = frozenset[ColumnKind]({"prose", "heading", "text", "code", "notes"})
_READABLE: Final = 0.55
"""How much of its own width a column of texts needs."""
_SHORT: Final = 14
"""Characters of a title that is not broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Columns that stand side by side, with their widths in points."""

    columns: tuple[int, ...]
    widths: tuple[float, ...]
    scale: float = 1.0
    """How much smaller than others the table is set, so that it stays in one piece."""


def parts_of(table: Table) -> tuple[Part, ...]:
    """Return the table's columns in as many parts as fit a page each; every part begins with the headings of rows."""
    natural = [_natural(table, place) for place in range(len(table.columns))]
    least = [_least(table, place, natural[place]) for place in range(len(table.columns))]
    if sum(least) <= PAGE_WIDTH or len(natural) < 3:
        return (_part(range(len(natural)), natural, least),)
    if sum(least) * TIGHT <= PAGE_WIDTH:
        tight = _part(range(len(natural)), [TIGHT * n for n in natural], [TIGHT * n for n in least])
        return (replace(tight, scale=TIGHT),)
    cuts = [1, *_cuts(least), len(natural)]
    return tuple(_part((0, *range(start, end)), natural, least) for start, end in pairwise(cuts))


def _cuts(least: Sequence[float]) -> list[int]:
    """Return where a new part begins."""
    cuts: list[int] = []
    used = least[0]
    for place in range(1, len(least)):
        if used + least[place] > PAGE_WIDTH and used > least[0]:
            cuts.append(place)
            used = least[0]
        used += least[place]
    return cuts


def _part(columns: Sequence[int], natural: Sequence[float], least: Sequence[float]) -> Part:
    """Give each column its least, and share out what is left by what each lacks."""
    widths = [least[place] for place in columns]
    lacking = [natural[place] - least[place] for place in columns]
    spare = PAGE_WIDTH - sum(widths)
    if spare < 0:
        widths = [width * PAGE_WIDTH / sum(widths) for width in widths]
    elif sum(lacking) > 0:
        share = spare / sum(lacking)
        widths = [width + share * lack for width, lack in zip(widths, lacking, strict=True)]
    return Part(columns=tuple(columns), widths=tuple(round(width, 1) for width in widths))


def _natural(table: Table, place: int) -> float:
    """Return the width that a column takes by itself, up to what its kind is given."""
    cells = [row[place] for row in table.rows]
    longest = max((max(_length(c.text), _length(c.detail), _notes(c.notes)) for c in cells), default=0)
    return max(_least_heading(table.columns[place]), min(_MOST[table.columns[place].kind], _points(longest)))


def _least(table: Table, place: int, natural: float) -> float:
    """Return the width in which no number breaks, and a text stays readable."""
    column = table.columns[place]
    if column.kind not in _BREAKS:
        return natural
    cells = [row[place] for row in table.rows]
    words = (word for cell in cells for word in f"{cell.text[:LONGEST_TEXT]} {cell.detail[:LONGEST_TEXT]}".split())
    longest = min(max(map(_length, words), default=0), LONGEST_WORD)
    return min(natural, max(_least_heading(column), _points(longest), natural * _READABLE))


def _least_heading(column: Column) -> float:
    title = [column.title] if len(column.title) <= _SHORT else column.title.split()
    return max(_LEAST, _points(max(map(_length, [*title, *column.detail.split()]), default=0)))


def _notes(numbers: tuple[int, ...]) -> int:
    return len(", ".join(map(str, numbers[:6])))


def _points(characters: int) -> float:
    return characters * _POINTS_A_CHARACTER + _PADDING


def _length(text: str) -> int:
    """Return how many Latin characters are as wide as the text; what print cuts off counts for nothing."""
    kept = text[:LONGEST_TEXT]
    if kept.isascii():
        return len(kept)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in kept)
