"""Texts of a supplier that would run, fetch, compute or take over are texts, whatever a report is rendered as.

Every renderer behind the door is asked, so that a new one is held to the same.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from pypdf import PdfReader

from affidavit.registry import Door, load, names
from affidavit.report import AuditReport, parse_report

RENDERERS = names(Door.RENDERERS)
SLOW = ("pdf",)
"""Of these the texts are asked together, of the others one by one."""
QUICK = tuple(name for name in RENDERERS if name not in SLOW)
DRAWN = ("html", "figures")
"""These draw every picture of every report anew."""
ACTIVE = frozenset(
    {"script", "iframe", "object", "embed", "base", "form", "input", "foreignobject", "animate", "image"}
)
BREAK = "\u200b"
"""Where the print may break a long word: its own."""


class Markup(HTMLParser):
    """Every element that a browser would make, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def _files(name: str, report: AuditReport) -> Mapping[str, bytes]:
    """Return what a renderer makes, by file name; archives are opened."""
    renderer = load(Door.RENDERERS, name)
    content = renderer.render(report)
    if not content.startswith(b"PK\x03\x04"):
        return {f"report{renderer.suffix}": content}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {one: archive.read(one) for one in archive.namelist()}


def _check(file: str, content: bytes) -> None:
    """Hold one file to what its kind may hold; a kind that is not known here is held to what holds of any text."""
    ending = file.rpartition(".")[2]
    if ending in ("parquet", "pdf"):
        return
    text = content.decode("utf-8")
    controls = {c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs")}
    # canonical JSON (RFC 8785) escapes what is below U+0020 and nothing else
    forbidden = {c for c in controls if c < " "} if ending == "json" else controls
    assert not forbidden, (file, forbidden)
    checks: Mapping[str, Callable[[str], object]] = {
        "svg": _check_svg,
        "md": _check_markdown,
        "xml": _check_xml,
        "json": json.loads,
        "csv": _check_csv,
    }
    checks.get(ending, _check_html)(text)


def _check_html(text: str) -> None:
    elements = Markup(text).elements
    tags = [tag for tag, _ in elements]
    assert tags.count("script") <= 1, "more than the page's own"
    assert not (set(tags) & ACTIVE) - {"script"}, set(tags) & ACTIVE
    _check_attributes(elements)
    assert tags.count("h1") <= 1, "a text made itself the title"
    assert not _turned(text)


def _check_attributes(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "xlink:href", "action", "data"):
            link = attributes.get(name) or "#"
            assert link.startswith(("#", "data:,")) or tag == "link", (tag, attributes)


def _turned(text: str) -> list[str]:
    """Return what is invisible or turns text around: people would read something else than what is there."""
    return sorted({hex(ord(c)) for c in text if unicodedata.category(c) == "Cf"})


def _check_svg(text: str) -> None:
    for element in ET.fromstring(text).iter():
        assert element.tag.rpartition("}")[2].lower() not in ACTIVE
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")]
    assert "url(http" not in text
    assert not _turned(text)


def _check_xml(text: str) -> None:
    assert "<!" not in text.replace("<![CDATA[", ""), "no entity and no comment is anybody's to make"
    known = {"testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped"}
    assert {element.tag for element in ET.fromstring(text).iter()} <= known | {"system-out"}
    assert not _turned(text)


def _check_markdown(text: str) -> None:
    """Read it as a hub would, HTML and all: no element comes of it that a document does not need."""
    body = text
    if text.startswith("---\n"):
        front, _, body = text[4:].partition("\n---\n")
        assert isinstance(yaml.safe_load(front), dict)
    elements = Markup(MarkdownIt("commonmark", {"html": True}).enable("table").render(body)).elements
    tags = [tag for tag, _ in elements]
    assert not set(tags) & (ACTIVE | {"img", "svg", "style"}), set(tags)
    links = [attributes.get("href") or "" for tag, attributes in elements if tag == "a"]
    assert not [link for link in links if "evil" in link or link.startswith("javascript")], links
    assert not [attributes for _, attributes in elements if any(name.startswith("on") for name in attributes)]
    assert not _turned(text)


def _check_csv(text: str) -> None:
    import csv

    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            if cell.lstrip(" ")[:1] in tuple("=+-@\t\r"):
                float(cell)  # a number may begin with a sign; nothing else may


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in DRAWN else name for name in QUICK]
)
def test_every_text_is_inert_in_every_rendering(
    name: str, hostile_texts: ModuleType, hostile_reports: Mapping[str, AuditReport]
) -> None:
    for kind in hostile_texts.TEXTS:
        for file, content in _files(name, hostile_reports[kind]).items():
            try:
                _check(file, content)
            except AssertionError as error:
                raise AssertionError(f"{kind} in {name}, {file}: {error}") from error


@pytest.mark.parametrize("name", [name for name in QUICK if name not in ("figures", "tables", "findings")])
def test_a_template_is_not_filled_in(name: str, hostile_reports: Mapping[str, AuditReport]) -> None:
    (content,) = _files(name, hostile_reports["template"]).values()
    said = content.decode().replace("\\", "").replace("&#123;", "{").replace("&#125;", "}")
    assert "{{7*7}}" in said.replace("&#42;", "*")
    assert "{% raw %}" in said


def test_the_report_itself_keeps_every_text(hostile_reports: Mapping[str, AuditReport], hostile_texts: Any) -> None:
    for kind, text in hostile_texts.TEXTS.items():
        again = parse_report(load(Door.RENDERERS, "json").render(hostile_reports[kind]))
        assert again.caveats == (text,)
        assert again.title == text


def test_parquet_keeps_every_text(hostile_reports: Mapping[str, AuditReport], hostile_texts: Any) -> None:
    from pyarrow import parquet

    for kind, text in hostile_texts.TEXTS.items():
        files = _files("tables", hostile_reports[kind])
        table = parquet.read_table(io.BytesIO(files["rationales-quoted.parquet"]))
        assert table["rationale"].to_pylist() == [text]


@pytest.mark.slow(minutes=1)
def test_pdf_sets_every_text_and_does_nothing_of_it(hostile_reports: Mapping[str, AuditReport]) -> None:
    for kind in ("typst", "typst raw", "script", "terminal", "right-to-left", "nul"):
        (content,) = _files("pdf", hostile_reports[kind]).values()
        reader = PdfReader(io.BytesIO(content))
        said = re.sub(r"\s+", "", "".join(page.extract_text() for page in reader.pages))
        assert {"typst": '#read("/etc/passwd")', "typst raw": '#raw("x")', "script": "<script>"}.get(kind, "") in said
        assert "root:x:" not in said
        assert not _turned(said.replace(BREAK, ""))
        for page in reader.pages:
            for annotation in page.get("/Annots") or ():
                assert "/URI" not in str(annotation.get_object().get("/A", "")), kind
        assert not re.search(rb"/(JavaScript|Launch|OpenAction\s*<<)", content)


@pytest.mark.slow  # renders every format
@pytest.mark.parametrize("name", RENDERERS)
def test_a_word_of_a_megabyte_is_cut_where_people_read_and_whole_where_programs_do(
    name: str, plain_report: AuditReport, hostile_texts: ModuleType
) -> None:
    endless = hostile_texts.with_sentences(plain_report, hostile_texts.WORD)
    before = sum(map(len, _files(name, plain_report).values()))
    files = _files(name, endless)
    if name in ("json", "tables", "findings"):
        whole = [c for c in files.values() if hostile_texts.WORD.encode() in c]
        assert whole, "the whole word stands somewhere"
        return
    assert sum(map(len, files.values())) < before + 200_000
