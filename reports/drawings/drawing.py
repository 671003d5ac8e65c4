"""A picture's specification into SVG that can stand in a page: the report's type and lines, and no ground of its own.

Importing this module is cheap; Altair and vl-convert are imported when the first picture is drawn.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MUTED, RULE
from reports.drawings.svg import accessible_svg

if TYPE_CHECKING:
    import altair as alt

    AnyChart = alt.LayerChart | alt.VConcatChart | alt.HConcatChart | alt.FacetChart

FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
_BEYOND: Final = re.compile("[\U00010000-\U0010ffff]")
"""Characters of two UTF-16 units: Vega cuts long labels between the two, and then cannot write them."""


def drawn_svg(chart: AnyChart, *, name: str, title: str, description: str) -> str:
    """Return a picture as SVG.

    Args:
        chart: what is drawn.
        name: starts every id in the SVG, so that several pictures share a page.
        title: its short name for a screen reader.
        description: what it shows, in words.
    """
    import vl_convert

    specification = _BEYOND.sub("\N{REPLACEMENT CHARACTER}", json.dumps(_dressed(chart), ensure_ascii=False))
    svg = vl_convert.vegalite_to_svg(specification, vl_version=_grammar_version())
    return accessible_svg(svg, name=name, title=title, description=description)


def _grammar_version() -> str:
    """Return the Vega-Lite version that Altair writes, as vl-convert names it."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def _dressed(chart: AnyChart) -> dict[str, Any]:
    """Return the specification with the report's type and lines, and without a background."""
    specification: dict[str, Any] = chart.to_dict(validate=False)  # as slow as drawing it, which fails as well
    axis = {"labelColor": INK, "titleColor": MUTED, "gridColor": RULE, "tickColor": RULE, "domainColor": RULE}
    specification["config"] = {
        "background": None,
        "font": FONT,
        "aria": False,
        "view": {"stroke": None},
        "axis": {**axis, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        "axisY": {"grid": False},
        "text": {"fontSize": 12, "fill": INK},
        "header": {"labelColor": INK},
        "title": {"fontWeight": "bold"},
    }
    return specification
