"""A document as plain data for `sheet.typ`: one list of blocks in reading order, every text as it can be shown.

Laws: texts travel as JSON strings and never as markup, so nothing in them can be read as a command; what the page
folds away stands in an appendix, which the contents list, and where it was folded stands a link.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from reports.document import (
    Block,
    Cell,
    Document,
    Facts,
    Figure,
    Fold,
    Listing,
    Paragraph,
    Section,
    Table,
    Verbatim,
)
from reports.formats.print.fonts import BODY, CHINESE, MONOSPACED, families, shown, shown_line
from reports.formats.print.widths import PAGE_WIDTH, Part, parts_of

PAGE_HEIGHT: Final = 640.0
"""Points that a picture may take, its caption left aside."""
_DEEPEST: Final = 6
_PIXEL: Final = 0.75
_PAINTED: Final = re.compile(r"var\(--picture-[a-z]+, (#[0-9a-fA-F]{3,8})\)")
_SVG: Final = "{http://www.w3.org/2000/svg}"
Data = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class _Appendix:
    """What is set at the end, in the order in which it was met; within the appendix itself nothing is put off again."""

    folds: list[tuple[str, Fold]] = field(default_factory=list)
    being_set: bool = False

    def place(self, fold: Fold) -> str:
        """Keep a fold for the end and return the name of its place."""
        name = f"appendix-{len(self.folds) + 1}"
        self.folds.append((name, fold))
        return name


def flow_of(document: Document) -> Data:
    """Return everything that `sheet.typ` needs to set a document."""
    appendix = _Appendix()
    blocks = [block for section in document.sections for block in _section(section, 1, appendix)]
    return {
        "title": shown(document.title),
        "running": _running(shown(document.title)),
        "first_line": shown(document.first_line),
        "tone": document.tone,
        "reckoning": shown(document.reckoning),
        "marking": shown(document.marking),
        "marking_meaning": shown(document.marking_meaning),
        "foot": shown(document.foot),
        "blocks": [*blocks, *_appended(appendix)],
        "fonts": families(),
        "monospaced": (MONOSPACED, BODY, CHINESE),
    }


def _running(title: str, at_most: int = 70) -> str:
    return title if len(title) <= at_most else f"{title[: at_most - 1]}…"


def _section(section: Section, level: int, appendix: _Appendix) -> Iterator[Data]:
    yield _heading(section.title, level)
    for block in section.blocks:
        yield from _block(block, level, appendix)


def _heading(text: str, level: int, name: str = "") -> Data:
    return {"kind": "heading", "text": shown(text), "level": min(level, _DEEPEST), "name": name}


def _block(block: Block, level: int, appendix: _Appendix) -> Iterator[Data]:
    match block:
        case Section():
            yield from _section(block, level + 1, appendix)
        case Fold():
            yield from _fold(block, level, appendix)
        case Paragraph():
            yield {"kind": "paragraph", "text": shown(block.text)}
        case Listing():
            yield {"kind": "listing", "lead": shown(block.lead), "items": [shown(item) for item in block.items]}
        case Facts():
            yield {"kind": "facts", "items": [(shown(name), shown(said)) for name, said in block.items]}
        case Verbatim():
            yield {"kind": "verbatim", "text": "\n".join(map(shown_line, block.lines))}
        case Table():
            yield from _table(block)
        case Figure():
            yield _figure(block)
        case _:
            assert_never(block)


def _fold(fold: Fold, level: int, appendix: _Appendix) -> Iterator[Data]:
    if not (fold.opened or appendix.being_set):
        yield {"kind": "elsewhere", "text": shown(fold.summary), "name": appendix.place(fold)}
        return
    if not _speaks_for_itself(fold):
        yield _heading(fold.summary, level + 1)
    for block in fold.blocks:
        yield from _block(block, level + 1, appendix)


def _speaks_for_itself(fold: Fold) -> bool:
    """Say whether a fold is one table under its own caption."""
    return len(fold.blocks) == 1 and isinstance(fold.blocks[0], Table) and fold.blocks[0].caption == fold.summary


def _appended(appendix: _Appendix) -> Iterator[Data]:
    """Yield the folds that were kept."""
    if not appendix.folds:
        return
    yield {**_heading("Appendix", 1), "new_page": True}
    yield {"kind": "paragraph", "text": "What the page folds away: other conditions, and tables that nothing decides."}
    appendix.being_set = True
    for name, fold in appendix.folds:
        yield _heading(fold.summary, 2, name)
        for block in fold.blocks:
            yield from _block(block, 2, appendix)


def _table(table: Table) -> Iterator[Data]:
    parts = parts_of(table)
    for number, part in enumerate(parts, start=1):
        cut = f" (columns, part {number} of {len(parts)})" if len(parts) > 1 else ""
        yield _table_part(table, part, f"{shown(table.caption)}{cut}", last=number == len(parts))


def _table_part(table: Table, part: Part, caption: str, *, last: bool) -> Data:
    columns = [table.columns[place] for place in part.columns]
    return {
        "kind": "table",
        "caption": caption,
        "columns": [(shown(c.title), shown(c.detail), c.kind) for c in columns],
        "widths": part.widths,
        "scale": part.scale,
        "rows": [[_cell(row[place]) for place in part.columns] for row in table.rows],
        "remarks": [shown(remark) for remark in table.remarks] if last else [],
        "notes": [shown(note) for note in table.notes] if last else [],
    }


def _cell(cell: Cell) -> str | tuple[str, str, str, str]:
    """Return the text alone where a cell has nothing else, for most have not."""
    if not (cell.detail or cell.notes or cell.verdict):
        return shown(cell.text)
    verdict = cell.verdict.value if cell.verdict else ""
    return shown(cell.text), shown(cell.detail), ", ".join(map(str, cell.notes)), verdict


def _figure(figure: Figure) -> Data:
    root = ET.fromstring(figure.svg)
    width, height = (float(root.get(side, "0")) * _PIXEL for side in ("width", "height"))
    scale = min(1.0, PAGE_WIDTH / max(width, 1.0), PAGE_HEIGHT / max(height, 1.0))
    return {
        "kind": "figure",
        "caption": shown(figure.caption),
        "alternative": _alternative(root) or shown(figure.caption),
        "svg": _printed_svg(root),
        "width": round(width * scale, 1),
    }


def _alternative(root: ET.Element) -> str:
    texts = (root.findtext(f"{_SVG}title"), root.findtext(f"{_SVG}desc"))
    return " ".join(shown(text) for text in texts if text)


def _printed_svg(root: ET.Element) -> str:
    """Return the picture with the colours of paper, the fonts of the print, and texts that they can show."""
    root.set("font-family", ", ".join(f"'{family}'" for family in families()))
    for element in root.iter():
        element.text = shown(element.text) if element.text and element.text.strip() else element.text
        for key, value in element.attrib.items():
            element.set(key, _PAINTED.sub(r"\1", value))
    return ET.tostring(root, encoding="unicode")
