"""A section of the report as a file: its tables as they are printed, its words, and its pictures as they were drawn."""

from __future__ import annotations

import csv
import io

from dashboards.exporting.files import as_csv, as_html, as_png
from dashboards.exporting.of_blocks import sheet_of_blocks
from reports.document import Block, Cell, Column, Facts, Figure, Fold, Listing, Paragraph, Section, Table

TABLE = Table(
    id="t",
    caption="What was found",
    columns=(Column(title="Number", kind="heading"), Column(title="Value", detail="%"), Column(title="Value")),
    rows=(
        (Cell(text="accuracy"), Cell(text="71", detail="[60, 80]", notes=(1,)), Cell(text="=1+1")),
        (Cell(text="recall"), Cell(text="", detail="none"), Cell(text="x")),
    ),
    notes=("read with care",),
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40"><rect width="9" height="9"/></svg>'
BLOCKS: tuple[Block, ...] = (
    Paragraph(text="first <b>words</b>"),
    Section(id="s", title="Part", blocks=(Listing(lead="In short:", items=("one", "two")), TABLE)),
    Fold(summary="more", blocks=(Facts(items=(("Since", "then"),)), Figure(id="f", caption="A picture", svg=SVG))),
)


def test_every_table_is_there_and_says_which_it_is() -> None:
    sheet = sheet_of_blocks("Title", ("told first",), BLOCKS)
    assert sheet.told == ("told first", "first <b>words</b>", "In short:", "one", "two")
    rows = list(csv.DictReader(io.StringIO(as_csv(sheet).decode())))
    assert [row["table"] for row in rows] == ["What was found", "What was found", "Facts"]
    assert rows[0]["Number"] == "accuracy"
    assert rows[0]["Value (%)"] == "71 ([60, 80]) [read with care]"
    assert rows[0]["Value"] == "'=1+1", "a spreadsheet computes nothing"
    assert rows[1]["Value (%)"] == "none"
    assert (rows[2]["what"], rows[2]["is"]) == ("Since", "then")


def test_one_table_alone_needs_no_name() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(sheet_of_blocks("T", (), [TABLE])).decode())))
    assert list(rows[0]) == ["Number", "Value (%)", "Value"]


def test_columns_of_one_name_are_told_apart() -> None:
    twice = Table(id="t", caption="c", columns=(Column(title="a"),) * 3, rows=((Cell(text="1"),) * 3,))
    assert sheet_of_blocks("T", (), [twice]).grids[0].columns == ("a", "a 2", "a 3")


def test_pictures_stay_as_they_were_drawn() -> None:
    sheet = sheet_of_blocks("Title", (), BLOCKS)
    assert [drawing.title for drawing in sheet.drawings] == ["A picture"]
    page = as_html(sheet).decode()
    assert SVG in page
    assert "first &lt;b&gt;words&lt;/b&gt;" in page
    assert page.count("<table>") == 2
    assert as_png(sheet.drawings[0]).startswith(b"\x89PNG")
