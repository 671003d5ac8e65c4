"""Reads rendered documents back: tables, texts, ids and links of HTML; tables of Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from affidavit.report import AuditReport
from reports.formats.html import RENDERER

VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
_PAGES: dict[str, str] = {}
_READ: dict[str, Reader] = {}


def page_of(report: AuditReport) -> str:
    if report.report_digest not in _PAGES:
        _PAGES[report.report_digest] = RENDERER.render(report).decode()
    return _PAGES[report.report_digest]


def read(report: AuditReport) -> Reader:
    if report.report_digest not in _READ:
        _READ[report.report_digest] = Reader(page_of(report))
    return _READ[report.report_digest]


@dataclass
class ReadTable:
    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Reads a page strictly: every element must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[ReadTable] = []
        self.texts: list[str] = []
        self.svg_texts: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.feed(text)
        self.close()
        assert self.stack == [], f"not closed: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self.stack.append(tag)
        if tag == "table":
            self.tables.append(ReadTable())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in {"td", "th"}:
            self.tables[-1].rows[-1].append("")
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"stray </{tag}>"
        assert self.stack[-1] == tag, f"</{tag}> closes <{self.stack[-1]}>"
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if {"style", "script"} & set(self.stack):
            return
        if "svg" in self.stack:
            self.svg_texts.append(data)
            return
        if data.strip() and "head" not in self.stack:
            self.texts.append(data.strip())
        if "caption" in self.stack:
            self.tables[-1].caption += data
        elif self.tables and {"td", "th"} & set(self.stack):
            self.tables[-1].rows[-1][-1] += data
        if self.headings and re.fullmatch("h[1-6]", self.stack[-1] if self.stack else ""):
            self.headings[-1] = (self.headings[-1][0], self.headings[-1][1] + data)

    def attributes(self, name: str) -> list[str]:
        return [str(attrs[name]) for _, attrs in self.elements if name in attrs]

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.elements)


def markdown_tables(text: str) -> list[ReadTable]:
    """Return tables with the emphasised line before each as its caption."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    tables: list[ReadTable] = []
    last, inside = "", False
    for token in tokens:
        if token.type == "table_open":
            tables.append(ReadTable(caption=last))
            inside = True
        elif token.type == "table_close":
            inside = False
        elif token.type == "tr_open":
            tables[-1].rows.append([])
        elif token.type == "inline":
            shown = "".join(part.content for part in token.children or () if part.type in {"text", "code_inline"})
            if inside:
                tables[-1].rows[-1].append(shown)
            else:
                last = shown
    return tables


def said(cell: str) -> list[str]:
    """Return the words and numbers of a cell, without the signs that set details and notes apart."""
    return re.sub(r"[\[\](),;]|(?<=\d),(?=\d{3})", " ", cell).split()
