"""A sheet as a page that opens offline, as a table for spreadsheets, and its pictures as PNG."""

from __future__ import annotations

import re
from html import escape
from typing import Any, Final

from affidavit.tabulating import defused
from dashboards.exporting.sheet import Drawing, Drawn, Grid, Sheet
from reports.drawings.charts import INK, RULE
from reports.drawings.drawing import FONT, drawn_svg
from reports.wording import NOTHING, plain

_VARIABLE: Final = re.compile(r"var\(--[a-z-]+, (#[0-9a-f]{6})\)")
"""A colour that a page may restate; a picture of its own has no page."""
SHARPNESS: Final = 2.0
"""Pixels of a PNG for each of the page."""
_STYLE: Final = (
    f"body{{font:15px {FONT};color:{INK};max-width:1180px;margin:2em auto;padding:0 1em}}"
    "table{border-collapse:collapse;margin:1.5em 0}caption{text-align:left;font-weight:bold}"
    f"td,th{{border-bottom:1px solid {RULE};padding:.25em .7em;text-align:left}}"
    "td.number{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}"
)


def svg_of(drawing: Drawing | Drawn) -> str:
    """Return a picture as SVG that can stand in a page."""
    if isinstance(drawing, Drawn):
        return drawing.svg
    return drawn_svg(drawing.chart, name=drawing.name, title=drawing.title, description=drawing.description)


def standing_alone(drawing: Drawing | Drawn) -> str:
    """Return a picture as SVG that no page dresses: with colours and a type of its own."""
    return _VARIABLE.sub(r"\1", svg_of(drawing)).replace('font-family="inherit"', f'font-family="{FONT}"')


def as_png(drawing: Drawing | Drawn) -> bytes:
    """Return a picture as PNG, on white."""
    import vl_convert

    ground = r'\1<rect width="100%" height="100%" fill="#ffffff"/>'
    svg = re.sub(r"(<svg[^>]*>)", ground, standing_alone(drawing), count=1)
    content: bytes = vl_convert.svg_to_png(svg, scale=SHARPNESS)
    return content


def as_csv(sheet: Sheet) -> bytes:
    """Return the rows as CSV in UTF-8; texts that a spreadsheet would compute are defused, what is not told empty."""
    text: str = defused(sheet.frame()).to_csv(index=False, lineterminator="\n")
    return text.encode()


def as_html(sheet: Sheet) -> bytes:
    """Return a page that opens offline: what is told of the numbers, the pictures, and every row."""
    told = "".join(f"<p>{escape(plain(line))}</p>" for line in sheet.told)
    pictures = "".join(f"<figure>{svg_of(drawing)}</figure>" for drawing in sheet.drawings)
    tables = "".join(map(_table, sheet.grids))
    title = escape(plain(sheet.title))
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>{told}{pictures}{tables}"
        "</body></html>"
    )
    return page.encode()


def _table(grid: Grid) -> str:
    head = "".join(f"<th scope='col'>{escape(plain(name))}</th>" for name in grid.columns)
    body = "".join(f"<tr>{''.join(_cell(row.get(name)) for name in grid.columns)}</tr>" for row in grid.rows)
    caption = f"<caption>{escape(plain(grid.title))}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:  # noqa: ANN401 - what a column of an exhibit holds
    if isinstance(value, int | float):
        return f"<td class='number'>{value:g}</td>" if isinstance(value, float) else f"<td class='number'>{value}</td>"
    return f"<td>{escape(plain(value)) if value else NOTHING}</td>"
