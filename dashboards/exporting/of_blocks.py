"""The blocks of a report's document as a sheet: its tables as tables, its pictures as they were drawn, its words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from dashboards.exporting.sheet import Drawn, Grid, Sheet
from reports.document import Block, Cell, Facts, Figure, Fold, Listing, Paragraph, Section, Table, Verbatim, tidied


def sheet_of_blocks(title: str, told: tuple[str, ...], blocks: Iterable[Block]) -> Sheet:
    """Return what blocks hold; those within others come in the order in which they are read."""
    flat = list(_flat(blocks))
    return Sheet(
        title=title,
        told=(*told, *(line for block in flat for line in _words(block))),
        grids=tuple(grid_of(block) for block in flat if isinstance(block, Table | Facts)),
        drawings=drawn_of(flat),
    )


def drawn_of(blocks: Iterable[Block]) -> tuple[Drawn, ...]:
    """Return the pictures among blocks."""
    return tuple(
        Drawn(name=block.id, title=block.caption, svg=block.svg) for block in blocks if isinstance(block, Figure)
    )


def grid_of(block: Table | Facts) -> Grid:
    """Return a table as it is printed, its notes beside the rows that they are of."""
    if isinstance(block, Facts):
        return Grid(title="Facts", columns=("what", "is"), rows=tuple({"what": a, "is": b} for a, b in block.items))
    table = tidied(block)
    columns = _names(f"{column.title} ({column.detail})" if column.detail else column.title for column in table.columns)
    rows = tuple(dict(zip(columns, (_text(cell, table.notes) for cell in row), strict=True)) for row in table.rows)
    return Grid(title=table.caption, columns=columns, rows=rows)


def _text(cell: Cell, notes: tuple[str, ...]) -> str:
    told = f"{cell.text} ({cell.detail})" if cell.detail and cell.text else cell.text or cell.detail
    said = "; ".join(notes[number - 1] for number in cell.notes)
    return f"{told} [{said}]" if said and told else told or said


def _names(titles: Iterable[str]) -> tuple[str, ...]:
    """Return names of columns that are told apart."""
    names: list[str] = []
    for title in titles:
        free = (title if n == 1 else f"{title} {n}" for n in count(1))
        names.append(next(name for name in free if name not in names))
    return tuple(names)


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Section | Fold):
            yield from _flat(block.blocks)


def _words(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield block.text
        case Listing():
            yield from ((block.lead,) if block.lead else ())
            yield from block.items
        case Verbatim():
            yield from block.lines
        case Table():
            yield from tidied(block).remarks
        case _:
            return
