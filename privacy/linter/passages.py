"""What stands in each file of a bundle, as an attacker reads it: rows of tables, and other texts, visible or not.

HTML: tables by row, every other text, comments, and what a tooltip or a screen reader says. SVG: titles, descriptions,
labels. Markdown: tables and lines. CSV and parquet: rows. JSON, JSON lines, YAML: every text and every number by its
key. Anything else is read as text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

SPOKEN: Final = frozenset({"title", "alt", "aria-label", "aria-description", "aria-valuetext", "content", "summary"})
"""Attributes that are shown or read aloud; so is any `data-` attribute to whoever looks."""
_BLOCK: Final = re.compile(
    "address|article|aside|blockquote|body|caption|dd|desc|details|div|dl|dt|figcaption|figure|footer|h[1-6]|head|header"
    "|html|li|main|nav|ol|p|section|style|script|summary|svg|table|tbody|td|text|tfoot|th|thead|title|tr|ul"
)
_CELLS: Final = frozenset({"td", "th"})
_UNREAD: Final = frozenset({"style", "script"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One text, or one row of a table under its headings."""

    text: str = ""
    headings: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a table."""
        return bool(self.cells)


def passages(name: str, content: bytes) -> Iterator[Passage]:
    """Yield what stands in a file of a bundle."""
    ending = name.rpartition(".")[2].lower()
    if ending == "parquet":
        yield from _of_parquet(content)
        return
    text = content.decode("utf-8", errors="replace")
    if ending in ("html", "htm", "svg", "xml"):
        yield from _of_markup(text)
    elif ending == "csv":
        yield from _of_rows(list(csv.reader(io.StringIO(text))))
    elif ending == "json":
        yield from _of_value(json.loads(text), "")
    elif ending == "jsonl":
        for line in text.splitlines():
            yield from _of_value(json.loads(line), "")
    elif ending in ("yaml", "yml"):
        import yaml

        yield from _of_value(yaml.safe_load(text), "")
    else:
        yield from _of_markdown(text)


def _of_rows(rows: Sequence[Sequence[str]]) -> Iterator[Passage]:
    if rows:
        head = tuple(rows[0])
        yield from (Passage(headings=head, cells=tuple(row)) for row in rows[1:] if row)


def _of_parquet(content: bytes) -> Iterator[Passage]:
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(content))
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in table.columns]
    yield from _of_rows([table.column_names, *map(list, zip(*columns, strict=True))])
    for key, value in (table.schema.metadata or {}).items():
        yield Passage(text=f"{key.decode(errors='replace')}: {value.decode(errors='replace')}")


def _of_value(value: Any, key: str) -> Iterator[Passage]:  # noqa: ANN401 - JSON
    """Yield texts and numbers; a number as a row of one cell under its key."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield Passage(text=str(name))
            yield from _of_value(inner, str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _of_value(inner, key)
    elif isinstance(value, str):
        yield Passage(text=value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield Passage(headings=(key,), cells=(str(value),))


_ESCAPED: Final = re.compile(r"\\(.)")
_RULE: Final = re.compile(r"^\|(\s*:?-+:?\s*\|)+$")
_SPLIT: Final = re.compile(r"(?<!\\)\|")


def _of_markdown(text: str) -> Iterator[Passage]:
    import html

    head: tuple[str, ...] = ()
    for line in text.splitlines():
        said = html.unescape(line)
        if not said.startswith("|"):
            head = ()
            if said.strip():
                yield Passage(text=_ESCAPED.sub(r"\1", said))
        elif not _RULE.match(said):
            cells = tuple(_ESCAPED.sub(r"\1", cell).strip() for cell in _SPLIT.split(said)[1:-1])
            if head:
                yield Passage(headings=head, cells=cells)
            else:
                head = cells


def _of_markup(text: str) -> Iterator[Passage]:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_text()
    yield from reader.found


@dataclass(slots=True)
class _Table:
    headings: tuple[str, ...] = ()
    cells: list[str] = field(default_factory=list)
    in_head: bool = False


class _Reader(HTMLParser):
    """Reads HTML and SVG alike, and never fails: what a browser would mend is read as it stands."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Passage] = []
        self._text: list[str] = []
        self._tables: list[_Table] = []
        self._in_cell = False
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = [v for k, v in attrs if v and (k in SPOKEN or k.startswith("data-"))]
        self.found += [Passage(text=value) for value in spoken]
        if _BLOCK.fullmatch(tag) and not self._in_cell:
            self.end_text()
        elif _BLOCK.fullmatch(tag) or tag == "br":
            self._text.append(" ")
        if tag == "table":
            self._tables.append(_Table())
        elif tag == "thead" and self._tables:
            self._tables[-1].in_head = True
        elif tag == "tr" and self._tables:
            self._tables[-1].cells = []
        elif tag in _CELLS and self._tables:
            self._text, self._in_cell = [], True
        elif tag in _UNREAD:
            self._unread += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD and self._unread:
            self._text, self._unread = [], self._unread - 1
        elif tag in _CELLS and self._tables and self._in_cell:
            self._tables[-1].cells.append(self._folded())
            self._text, self._in_cell = [], False
        elif tag == "tr" and self._tables:
            self._end_row(self._tables[-1])
        elif tag == "thead" and self._tables:
            self._tables[-1].in_head = False
        elif tag == "table" and self._tables:
            self._tables.pop()
        elif _BLOCK.fullmatch(tag) and not self._in_cell:
            self.end_text()

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(Passage(text=data))

    def end_text(self) -> None:
        """Take what has been read since the last block for one text."""
        if said := self._folded():
            self.found.append(Passage(text=said))
        self._text = []

    def _end_row(self, table: _Table) -> None:
        if table.in_head and not table.headings:
            table.headings = tuple(table.cells)
        elif table.cells:
            self.found.append(Passage(headings=table.headings, cells=tuple(table.cells)))
        table.cells = []

    def _folded(self) -> str:
        return " ".join("".join(self._text).split())
