"""The report as Markdown (GitHub's dialect): the same sections, sentences and numbers as the page, without pictures.

What the page tells in short (conditions beside the fullest one) is told in short here too: `report.json` and the
renderer `tables` hold every finding.

Law: every text is escaped, so that a label can neither make markup, nor end its cell, nor become a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from reports.document import (
    Block,
    Cell,
    Column,
    ColumnKind,
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
from reports.pages import document_of
from reports.papers.papers import Papers, without_papers
from reports.wording import plain

if TYPE_CHECKING:
    from affidavit.report import AuditReport

_MEANT: Final = re.compile(r"([\\`*{}|~#]|(?<![^\W_])_|_(?![^\W_])|\[(?![\d\u2212])|\](?=[(\[:]))")
"""What Markdown would read as its own. An underscore inside a word and a bracket before a number it leaves alone, and a
closing bracket means something only before another one or a colon: numbers with their intervals stay readable."""
_AUTOLINK: Final = re.compile(r"(?i)(:(?=//)|(?<=\bwww)\.|@)")
_LINE_START: Final = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
_IN_BRACKETS: Final = frozenset[ColumnKind]({"heading", "verdict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownRenderer:
    """The renderer `md`."""

    name: str = "md"
    suffix: str = ".md"

    def render(self, report: AuditReport) -> bytes:
        """Return the document as UTF-8."""
        return self.render_with(report, without_papers(report))

    def render_with(self, report: AuditReport, papers: Papers) -> bytes:
        """Return the document with what was filed beside the report."""
        return "\n".join(_document(document_of(report, papers=papers))).encode()


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    >>> print(escaped("<b> a|b `c`"))
    &lt;b&gt; a\|b \`c\`
    """
    return _LINE_START.sub(_guarded, _in_line(text))


def _in_line(text: str) -> str:
    """Return text that does not begin a line, as in the cell of a table: `20.5` there begins no list."""
    marked = _MEANT.sub(r"\\\1", plain(text))
    entities = marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _AUTOLINK.sub(r"\\\1", entities)


def _guarded(start: re.Match[str]) -> str:
    """Keep a sign or number at the start of a line from starting a list."""
    return f"{start[0]}\\" if start[0].isdigit() else f"\\{start[0]}"


def _document(document: Document) -> Iterator[str]:
    yield f"**{escaped(document.first_line)}** {escaped(document.reckoning)}\n"
    yield f"> **{escaped(document.marking)}** {escaped(document.marking_meaning)}".rstrip() + "\n"
    yield f"# {escaped(document.title)}\n"
    for section in document.sections:
        yield from _block(section, 2)
    yield f"---\n\n{escaped(document.foot)}"


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Section():
            yield from _titled(block.title, block.blocks, level)
        case Fold():
            yield from _titled(block.summary, block.blocks, level)
        case Paragraph():
            yield f"{escaped(block.text)}\n"
        case Listing():
            yield from _listing(block)
        case Facts():
            yield "\n".join(f"- **{escaped(name)}:** {escaped(said)}" for name, said in block.items) + "\n"
        case Verbatim():
            yield _fenced(block.lines)
        case Table():
            yield from _table(block)
        case Figure():
            yield f"*{escaped(block.caption)}*\n"
        case _:
            assert_never(block)


def _titled(title: str, blocks: tuple[Block, ...], level: int) -> Iterator[str]:
    yield f"{'#' * min(level, 6)} {escaped(title)}\n"
    for block in blocks:
        yield from _block(block, level + 1)


def _listing(listing: Listing) -> Iterator[str]:
    if listing.lead:
        yield f"{escaped(listing.lead)}\n"
    yield "\n".join(f"- {escaped(item)}" for item in listing.items) + "\n"


def _fenced(lines: tuple[str, ...]) -> str:
    """Return a code block whose fence is longer than any run of backticks in it."""
    runs = re.findall("`+", "\n".join(lines))
    fence = "`" * max(3, 1 + max(map(len, runs), default=0))
    return "\n".join([fence, *lines, f"{fence}\n"])


def _table(table: Table) -> Iterator[str]:
    yield f"*{escaped(table.caption)}*\n"
    yield _line([_heading(column) for column in table.columns])
    yield _line(["---:" if column.kind in {"number", "count"} else "---" for column in table.columns])
    for row in table.rows:
        yield _line([_cell(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)])
    yield ""
    if table.remarks:
        yield "\n".join(f"- {escaped(remark)}" for remark in table.remarks) + "\n"
    if table.notes:
        yield "\n".join(f"{number}. {escaped(note)}" for number, note in enumerate(table.notes, start=1)) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _heading(column: Column) -> str:
    return escaped(f"{column.title} ({column.detail})" if column.detail else column.title)


def _cell(cell: Cell, kind: ColumnKind) -> str:
    detail = f"({cell.detail})" if cell.detail and kind in _IN_BRACKETS else cell.detail
    numbers = f"[{', '.join(map(str, cell.notes))}]" if cell.notes else ""
    return _in_line(" ".join(part for part in (cell.text, detail, numbers) if part))


RENDERER: Final = MarkdownRenderer()
