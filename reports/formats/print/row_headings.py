"""Marks the cells that name their row as headings in a tagged PDF, which typst's sheets cannot ask for yet.

typst has `pdf.header-cell` behind a switch that its wheel does not offer. What it writes is plain: a table cell is an
object of its own that names the headings of its column, the first column's end in `x0y0`, and the cross-reference table
is not compressed. A cell under the first column becomes a heading of scope row; everything else stays, byte by byte.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

_CELL: Final = re.compile(
    rb"(?<= 0 obj\n<<)(/Type/StructElem/S/)TD(/P \d+ 0 R)(/ID\([^)]*\))?/A\[<</O/Table(/Headers\[\(U\w+x0y0\)\])>>"
)
"""A cell under the heading of the first column; an object that begins so is a structure element, and holds no text."""
_ENTRY: Final = re.compile(rb"(\d{10}) (\d{5}) ([fn])")
_TABLE: Final = re.compile(rb"\nxref\n(\d+) (\d+)\n((?:\d{10} \d{5} [fn]\r?\n| \n)+)trailer\n")
_START: Final = re.compile(rb"startxref\n(\d+)\n%%EOF\s*$")


def with_row_headings(pdf: bytes) -> bytes:
    """Return the PDF with the first cell of every row as a heading of its row (ISO 32000-1, table 349).

    Raises:
        ValueError: the cross-reference table is not where and how typst writes it.
    """
    start, table = _START.search(pdf), _last(pdf)
    if start is None or table is None or int(start[1]) != table.start() + 1 or int(table[1]) != 0:
        raise ValueError("typst wrote no plain cross-reference table: row headings cannot be marked")
    marked, places = _marked(pdf[: table.start() + 1])
    entries = b"".join(_moved(entry, places) for entry in table[3].splitlines(keepends=True))
    rest = pdf[table.end() : start.start()]
    head = b"xref\n" + table[1] + b" " + table[2] + b"\n"
    return marked + head + entries + b"trailer\n" + rest + b"startxref\n" + str(len(marked)).encode() + b"\n%%EOF"


def _last(pdf: bytes) -> re.Match[bytes] | None:
    return _TABLE.search(pdf, pdf.rfind(b"\nxref\n"))


def _marked(objects: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the objects with their cells marked, and from which old place on how many bytes were inserted."""
    pieces: list[bytes] = []
    places: list[tuple[int, int]] = []
    end = added = 0
    for cell in _CELL.finditer(objects):
        marked = b"%sTH%s%s/A[<</O/Table/Scope/Row%s>>" % (cell[1], cell[2], cell[3] or b"", cell[4])
        pieces += [objects[end : cell.start()], marked]
        end = cell.end()
        added += len(marked) - len(cell[0])
        places.append((end, added))
    return b"".join([*pieces, objects[end:]]), places


def _moved(entry: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    """Return an entry of the cross-reference table with the new place of its object."""
    found = _ENTRY.match(entry)
    if found is None or found[3] == b"f":
        return entry
    offset = int(found[1])
    before = bisect_right(places, (offset, 0))
    moved = offset + (places[before - 1][1] if before else 0)
    return b"%010d" % moved + entry[10:]
