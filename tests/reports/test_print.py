"""The print: tagged, archival, accessible, the same twice, with its own fonts, and deaf to what texts say."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from affidavit.protocols import Renderer
from affidavit.report import AuditReport
from reports.drawings.gallery import pictures_of
from reports.formats.print.flow import flow_of
from reports.formats.print.fonts import LONGEST_TEXT, covered, shown, shown_line
from reports.formats.print.pdf import RENDERER, STANDARDS, set_pages
from reports.formats.print.row_headings import with_row_headings
from reports.formats.print.widths import PAGE_WIDTH, TIGHT, parts_of
from reports.pages import document_of

CHINESE = "愤怒与悲伤：说话人的声音颤抖。"
TRADITIONAL = "憤怒與悲傷"
ACCENTED = "Łódź Ğüneş Nguyễn Ħaż-Żabbar Þórður Crăciun Åse œuvre"
OTHERS = "Грусть Λύπη غضب כעס गुस्सा โกรธ 분노 怒り"
HOSTILE_TEXTS = (
    "A" * 2**20,
    "愤" * 2**20,
    "\u202eevil \u2066x\u2069 \u200f مرحبا",
    "👩\u200d👩\u200d👧 ❤\ufe0f Z\u0351\u036ba\u0334",
    "\ue000\uffff\U0010ffff\u0378 \U000e0041 \U00020000 𝔘 ꙮ",
    '#import "/etc/passwd": x #read("/etc/passwd") #eval("1+1")',
    "$x^2$ ] } ) ; @ref <label> \\u{41} // c /* d */ ```raw``` = Heading",
    "=cmd|' /C calc'!A0 [link](http://evil.example) http://evil.example",
    "]]><svg onload=alert(1)><script>alert(1)</script>",
    "\t\r\n\x00\x1b[31m",
)


@pytest.fixture(scope="module")
def content(small: AuditReport) -> bytes:
    return RENDERER.render(small)


@pytest.fixture(scope="module")
def printed(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content))


def _with_texts(report: AuditReport, texts: tuple[str, ...]) -> AuditReport:
    """Put texts wherever people or models may write: title, caveats, notes of a finding, groups, marking."""
    joined = " ".join(text[:200] for text in texts)
    first = report.findings[0].model_copy(update={"because": texts[0], "caveats": texts, "groups": {"accent": joined}})
    changed = report.model_copy(
        update={
            "title": joined,
            "marking": joined,
            "summary": texts,
            "caveats": texts,
            "findings": (first, *report.findings[1:]),
        }
    )
    return changed.sealed({exhibit.id: report.exhibit(exhibit.id) for exhibit in report.exhibits})


@pytest.fixture(scope="module")
def besieged(samples: Any) -> PdfReader:
    accents = (samples.HOSTILE, samples.HOSTILE_MORE, HOSTILE_TEXTS[6], HOSTILE_TEXTS[2])
    report = _with_texts(samples.sample_report(conditions=("TAV",), accents=accents), HOSTILE_TEXTS)
    return PdfReader(io.BytesIO(RENDERER.render(report)))


@pytest.fixture(scope="module")
def polyglot(samples: Any) -> PdfReader:
    texts = (CHINESE, TRADITIONAL, ACCENTED, OTHERS)
    report = _with_texts(samples.sample_report(conditions=("TAV",), with_exhibits=False), texts)
    return PdfReader(io.BytesIO(RENDERER.render(report)))


@cache
def _texts(reader: PdfReader) -> list[str]:
    return [" ".join(page.extract_text().replace("\u200b", "").split()) for page in reader.pages]


@cache
def _elements(reader: PdfReader) -> list[Any]:
    """Return every element of the structure tree."""
    found: list[Any] = []
    waiting = [reader.root_object["/StructTreeRoot"]["/K"]]
    while waiting:
        element = waiting.pop().get_object()
        if isinstance(element, list):
            waiting += element
        elif isinstance(element, dict) and "/S" in element:
            found.append(element)
            waiting += [element["/K"]] if "/K" in element else []
    return found


def test_it_is_a_renderer() -> None:
    assert isinstance(RENDERER, Renderer)
    assert (RENDERER.name, RENDERER.suffix) == ("pdf", ".pdf")


def test_it_declares_archival_and_accessible_conformance(printed: PdfReader) -> None:
    """typst refuses to export what breaks the standards asked for; here that they are asked for and declared."""
    assert STANDARDS == ("a-2a", "ua-1")
    declared = printed.root_object["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in declared
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in declared
    assert "<pdfuaid:part>1</pdfuaid:part>" in declared


def test_it_is_tagged_and_says_title_language_and_date(printed: PdfReader, small: AuditReport) -> None:
    root = printed.root_object
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert printed.metadata is not None
    assert printed.metadata.title == small.title
    assert printed.metadata.creation_date == datetime.fromisoformat(small.provenance.created_at).astimezone(UTC)


def test_every_table_has_headings_and_every_figure_a_text(printed: PdfReader, small: AuditReport) -> None:
    kinds = [str(element["/S"]) for element in _elements(printed)]
    flow = flow_of(document_of(small, pictures_of(small)))
    tables = [block for block in flow["blocks"] if block["kind"] == "table"]
    figures = [block for block in flow["blocks"] if block["kind"] == "figure"]
    assert kinds.count("/Table") == kinds.count("/THead") == len(tables) > 10
    n_rows = sum(len(table["rows"]) for table in tables)
    assert kinds.count("/TH") == sum(len(table["columns"]) for table in tables) + n_rows
    assert all(table["columns"][0][2] == "heading" for table in tables)
    drawn = [element for element in _elements(printed) if element["/S"] == "/Figure"]
    assert len(drawn) == len(figures) > 3
    assert sorted(str(element["/Alt"]) for element in drawn) == sorted(figure["alternative"] for figure in figures)


def test_the_first_cell_of_every_row_is_its_heading(printed: PdfReader) -> None:
    rows = [element for element in _elements(printed) if element["/S"] == "/TR"]
    of_body = [row for row in rows if row["/P"]["/S"] == "/TBody"]
    assert len(of_body) > 100
    for row in of_body:
        first, *others = (cell.get_object() for cell in row["/K"])
        assert first["/S"] == "/TH"
        (attributes,) = (given for given in first["/A"] if given["/O"] == "/Table")
        assert attributes["/Scope"] == "/Row"
        assert all(cell["/S"] == "/TD" for cell in others)


def test_marking_headings_changes_nothing_else(content: bytes) -> None:
    """Every object stands where the cross-reference table says; without the marks the PDF is as typst made it."""
    places = re.findall(rb"(\d{10}) 00000 n", content[content.rfind(b"xref\n0 ") :])
    assert len(places) > 1_000
    for number, place in enumerate(places, start=1):
        assert content[int(place) :].startswith(b"%d 0 obj\n" % number)
    unmarked = content.replace(b"/Scope/Row/Headers", b"/Headers")
    assert len(content) - len(unmarked) == content.count(b"/Scope/Row") * len(b"/Scope/Row")
    with pytest.raises(ValueError, match="cross-reference"):
        with_row_headings(b"%PDF-1.7\n%%EOF")


def test_the_contents_name_the_page_of_every_section(printed: PdfReader, small: AuditReport) -> None:
    pages = _texts(printed)
    for section in document_of(small).sections:
        place = re.search(rf"{re.escape(section.title)} [. ]*?(\d+)\b", pages[0])
        assert place is not None, section.title
        assert section.title in pages[int(place[1]) - 1]


def test_bookmarks_are_the_sections(printed: PdfReader, small: AuditReport) -> None:
    titles = [str(mark.title) for mark in printed.outline if not isinstance(mark, list)]  # type: ignore[union-attr]
    assert titles == [*(section.title for section in document_of(small).sections), "Appendix"]


def test_every_page_says_which_it_is_and_whose(printed: PdfReader, small: AuditReport) -> None:
    pages = _texts(printed)
    for number, text in enumerate(pages, start=1):
        assert f"page {number} of {len(pages)}" in text
        assert small.report_digest in text
        assert small.marking in text
        assert small.title in text


def test_headings_are_repeated_on_every_page_of_a_table(printed: PdfReader) -> None:
    """The confusions of 35 groups take several pages."""
    caption = "Confusion matrices in run listener, condition TAV"
    pages = [text for text in _texts(printed) if "anger" in text and "Group Truth" in text]
    assert len(pages) > 2
    assert sum(caption in text for text in pages) == 1


def test_the_same_report_gives_the_same_bytes(content: bytes, samples: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert RENDERER.render(samples.small_report()) == content


def test_pages_can_be_pictures(samples: Any) -> None:
    report = samples.sample_report(conditions=("TAV",), with_exhibits=False)
    pictures = set_pages(report, into="png", pixels_per_inch=20)
    assert len(pictures) == len(PdfReader(io.BytesIO(RENDERER.render(report))).pages)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_numbers_stand_on_paper(printed: PdfReader, small: AuditReport) -> None:
    text = " ".join(_texts(printed))
    for finding in small.findings:
        interval = finding.estimate.interval
        in_full = finding.condition == "TAV" or not finding.groups  # of the other conditions, test_aggregates
        if in_full and finding.metric == "accuracy" and interval is not None and finding.estimate.value is not None:
            assert (
                f"{100 * finding.estimate.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" in text
            ), finding.id


# Fonts ---------------------------------------------------------------------------------------------------------------


@cache
def _embedded(reader: PdfReader) -> list[tuple[str, TTFont, dict[str, list[int]]]]:
    """Return name, program and characters (to glyphs) of every embedded font."""
    fonts = {}
    for page in reader.pages:
        for reference in page["/Resources"].get("/Font", {}).values():  # type: ignore[union-attr]
            font = reference.get_object()
            fonts[str(font["/BaseFont"])] = font
    read = []
    for name, font in fonts.items():
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        program = TTFont(io.BytesIO(descriptor["/FontFile2"].get_object().get_data()))
        read.append((name, program, _characters(font["/ToUnicode"].get_object().get_data().decode("latin-1"))))
    return read


def _characters(cmap: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for glyph, text in re.findall(r"<([0-9A-F]{4})> <([0-9A-F]+)>", cmap.partition("begincodespacerange")[2]):
        if len(text) % 4 == 0:
            found.setdefault(bytes.fromhex(text).decode("utf-16-be"), []).append(int(glyph, 16))
    return found


def _is_drawn(program: TTFont, glyph: int) -> bool:
    glyphs = program.getGlyphSet()
    pen = BoundsPen(glyphs)
    glyphs[program.getGlyphOrder()[glyph]].draw(pen)
    return pen.bounds is not None


@pytest.mark.slow  # sets a document a script
@pytest.mark.parametrize("sample", [CHINESE, TRADITIONAL, ACCENTED], ids=["chinese", "traditional", "accented"])
def test_each_character_has_a_glyph_in_an_embedded_font(polyglot: PdfReader, sample: str) -> None:
    fonts = _embedded(polyglot)
    for character in set(sample) - {" "}:
        drawn = [
            name
            for name, program, characters in fonts
            if any(_is_drawn(program, glyph) for glyph in characters.get(character, ()))
        ]
        assert drawn, character
    assert sample in " ".join(_texts(polyglot))


def test_every_font_is_embedded_and_ours(polyglot: PdfReader) -> None:
    names = {name.partition("+")[2] for name, _, _ in _embedded(polyglot)}
    assert any(name.startswith("NotoSansCJKsc") for name in names)
    assert all(name.startswith(("NotoSans", "DejaVuSansMono")) for name in names)


def test_other_scripts_are_not_written_out(polyglot: PdfReader) -> None:
    assert shown(OTHERS) == OTHERS
    assert "\\u" not in " ".join(_texts(polyglot))


# Hostile texts -------------------------------------------------------------------------------------------------------


@pytest.mark.slow  # sets a long document
def test_hostile_texts_are_shown_and_do_nothing(besieged: PdfReader) -> None:
    text = " ".join(_texts(besieged))
    for said in (HOSTILE_TEXTS[5], "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "// c /* d */", "\\u202eevil"):
        assert said in text
    assert "root:" not in text
    assert "1,048,576 characters; report.json has them all" in text
    assert len(besieged.pages) < 60


def test_nothing_in_a_print_runs_or_leads_out(besieged: PdfReader) -> None:
    names = {"/JavaScript", "/JS", "/Launch", "/URI", "/OpenAction", "/AA", "/EmbeddedFiles", "/SubmitForm", "/GoToR"}
    found = [besieged.get_object(number) for number in range(1, besieged.trailer["/Size"])]  # type: ignore[call-overload]
    links = 0
    for thing in found:
        if isinstance(thing, dict):
            assert not names & set(thing), thing
            assert thing.get("/S") not in names
            links += thing.get("/Subtype") == "/Link"
    assert links > 10


def test_what_no_font_has_is_written_out() -> None:
    assert shown("\U00020000 \ue000 x") == "\\U00020000 \\ue000 x"
    assert shown("✓ ✗ ≤ ≥ × −") == "✓ ✗ ≤ ≥ × −"
    assert shown_line("  a\tb\u202e") == "  a b\\u202e"
    assert ord("愤") in covered()


def test_long_texts_are_cut_and_long_words_break() -> None:
    assert shown("word " * 10_000).endswith("(cut here in print: 50,000 characters; report.json has them all)")
    assert max(map(len, shown("x" * LONGEST_TEXT).split("\u200b"))) == 24
    assert shown("愤" * 100) == "愤" * 100


def _strings(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list | tuple) else ()
    return [text for part in inner for text in _strings(part)]


def test_a_text_of_a_megabyte_reaches_typst_cut(samples: Any) -> None:
    """What is cut here costs neither layout nor file; pictures aside, which cut labels by themselves."""
    flow = flow_of(document_of(_with_texts(samples.small_report(), HOSTILE_TEXTS)))
    longest = max(len(text) for text in _strings(flow))
    assert LONGEST_TEXT < longest < 2 * LONGEST_TEXT
    assert sum(len(text) for text in _strings(flow)) < 2**20


# Tables that do not fit ----------------------------------------------------------------------------------------------


def _tables(block: Any) -> list[Any]:
    if block.kind == "table":
        return [block]
    return [table for inner in getattr(block, "blocks", ()) for table in _tables(inner)]


def test_parts_of_a_table_fit_and_leave_no_column_out(full: AuditReport) -> None:
    tables = [table for section in document_of(full).sections for table in _tables(section)]
    cut = 0
    for table in tables:
        parts = parts_of(table)
        cut += len(parts) > 1
        assert sorted({place for part in parts for place in part.columns}) == list(range(len(table.columns)))
        assert all(part.columns[0] == 0 for part in parts)
        assert all(sum(part.widths) <= PAGE_WIDTH + 1 for part in parts)
        assert all(part.scale in {1.0, TIGHT} for part in parts)
    assert cut > 1


def test_what_is_folded_away_stands_in_the_appendix(full: AuditReport) -> None:
    blocks = flow_of(document_of(full))["blocks"]
    tables = [table for section in document_of(full).sections for table in _tables(section)]
    captions = " ".join(block["caption"] for block in blocks if block["kind"] == "table")
    assert all(shown(table.caption) in captions for table in tables)
    elsewhere = [block["name"] for block in blocks if block["kind"] == "elsewhere"]
    named = [block["name"] for block in blocks if block["kind"] == "heading" and block["name"]]
    assert sorted(elsewhere) == sorted(named)
    assert len(set(named)) == len(named) > 5
