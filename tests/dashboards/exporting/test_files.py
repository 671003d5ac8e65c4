"""What is taken away holds the numbers on screen, opens offline, runs nothing, and withholds in every form alike."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from affidavit.cohorts import Cohort
from affidavit.disclosure.release import RELEASE
from affidavit.report import AuditReport
from affidavit.testing.tables import small_report
from dashboards.choosing.choice import Choice
from dashboards.choosing.group_sheet import SHOWN, GroupSheet, group_sheet
from dashboards.choosing.withheld import WithheldGroup
from dashboards.exporting.files import as_csv, as_html, as_png
from dashboards.exporting.sheet import Grid, Sheet
from dashboards.views.fairness import wanted_of
from dashboards.workspace.opened import OpenedBundle

CHOICE = Choice(run="predictions", condition="TAV", metric="accuracy", features="accent x age", reference="everybody")
EVERYBODY = Cohort(name="Everybody")


def sheet_of(report: AuditReport, *, released: bool = False) -> GroupSheet:
    book = OpenedBundle(path=Path(__file__), report=report, papers=None, released=released)
    made = group_sheet(book, wanted_of(CHOICE, EVERYBODY))
    assert made is not None
    return made


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return small_report()


@pytest.fixture
def sheet(report: AuditReport) -> Sheet:
    return sheet_of(report).taken()


def test_the_table_holds_every_number_in_full(report: AuditReport, sheet: Sheet) -> None:
    read = {row["group"]: row for row in csv.DictReader(io.StringIO(as_csv(sheet).decode()))}
    told = [
        row
        for row in report.exhibit("performance-by-group").to_pylist()
        if (row["condition"], row["metric"]) == ("TAV", "accuracy")
    ]
    assert set(read) == {row["group"] for row in told}
    assert len(told) == 12
    for row in told:
        assert float(read[row["group"]]["value"]) == row["value"]
        assert float(read[row["group"]]["n"]) == row["n"]


def test_a_page_fetches_and_runs_nothing(sheet: Sheet) -> None:
    page = as_html(sheet).decode()
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|url\(http", page)
    assert page.count("<svg") == 2
    assert "Welsh, 40+" in page


def test_pictures_are_png(sheet: Sheet) -> None:
    assert [drawing.name for drawing in sheet.drawings] == ["cells", "groups"]
    for drawing in sheet.drawings:
        content = as_png(drawing)
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(content[16:20]) > 400, "wider than an empty picture"


def test_a_level_is_a_text_in_every_form() -> None:
    row = dict.fromkeys(("value", "low", "high"), 0.5) | {
        "features": "accent",
        "group": "=HYPERLINK(1)<script>alert(1)</script>",
        "n": 20,
        "n_clusters": 20,
        "method": "t",
    }
    sheet = Sheet(title="<b>t", told=("<i>",), grids=(Grid(title="<b>g", rows=(row,), columns=SHOWN),))
    assert as_csv(sheet).decode().splitlines()[1].startswith("accent,'=HYPERLINK")
    page = as_html(sheet).decode()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;i&gt;" in page


def test_what_is_withheld_stays_withheld_in_all_forms() -> None:
    inside = small_report(n_speakers=60)  # ten speakers in each cell: all of them under the floor
    outside = RELEASE.release(inside)
    whole, shown = sheet_of(inside), sheet_of(outside, released=True)
    small = {row["group"]: row for row in whole.rows if row["n_clusters"] < 11}
    assert len(small) == 6
    assert small.keys() <= {one.group for one in shown.withheld}
    assert not small.keys() & {row["group"] for row in shown.rows}
    table = {row["group"]: row for row in csv.DictReader(io.StringIO(as_csv(shown.taken()).decode()))}
    page = as_html(shown.taken()).decode()
    for group in small:
        assert table[group]["value"] == table[group]["n"] == table[group]["n_clusters"] == ""
        assert table[group]["method"] == "n < 11"
        assert f"<td>{group}</td><td class='number'>" not in page


def test_a_withheld_cell_reads_its_mark_in_the_picture(report: AuditReport) -> None:
    from dashboards.choosing.cells_chart import cells_chart
    from reports.drawings.drawing import drawn_svg

    cells = [row for row in sheet_of(report).rows if row["features"] == "accent x age"]
    hidden = WithheldGroup(features="accent x age", group="Welsh, 40+", mark="n < 11")
    told = [row for row in cells if row["group"] != hidden.group]
    svg = drawn_svg(cells_chart(told, [hidden], overall=0.7), name="c", title="t", description="d")
    assert svg.count("n &lt; 11") == 1
    assert drawn_svg(cells_chart(cells, [], overall=0.7), name="c", title="t", description="d").count("n &lt; 11") == 0
