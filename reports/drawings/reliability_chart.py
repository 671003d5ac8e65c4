"""Reliability diagrams in the Altair grammar: how often a model is right where it is so sure, a plate for each group.

Laws: as in `charts`; and plates share their axes, which run from 0 to 100 %, so that groups can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MARK, MUTED, PAPER, Row, in_reading_order, inline, name_of
from reports.ordering import distinct
from reports.wording import PERCENT, counted

if TYPE_CHECKING:
    import altair as alt

SIDE_PX: Final = 168
PAGE_PX: Final = 1160
SURE_PLACES: Final = (0, 50, 100)


def reliability_chart(rows: Sequence[Row]) -> alt.FacetChart:
    """Return a plate for each group: mean confidence of a bin across, its accuracy with interval up, and the diagonal.

    Args:
        rows: the rows of `reliability-curves` of one run and condition; a bin without a value is not drawn.
    """
    import altair as alt

    ordered = in_reading_order(rows)
    names = {(row["features"], row["group"]): _plate_name(row, rows) for row in ordered}
    drawn = [_bin(row, names[row["features"], row["group"]]) for row in ordered if is_drawn(row)]
    plates = distinct(names[row["features"], row["group"]] for row in ordered)
    layers = alt.layer(*_marks(), data=inline(drawn)).properties(width=SIDE_PX, height=SIDE_PX)
    header = alt.Header(title=None, labelFontWeight="bold", labelFontSize=12, labelColor=INK, labelLimit=SIDE_PX + 30)
    columns = min(len(plates), max(1, PAGE_PX // (SIDE_PX + 50)))
    chart: alt.FacetChart = layers.facet(facet=alt.Facet("plate:N", sort=list(plates), header=header), columns=columns)
    return chart


def is_drawn(row: Row) -> bool:
    """Say whether a bin has a place: some are empty, and a released report withholds others."""
    return row["value"] is not None and row["mean_confidence"] is not None


def _plate_name(row: Row, rows: Sequence[Row]) -> str:
    """Return a group and how many rows stand behind it."""
    own = [other for other in rows if (other["features"], other["group"]) == (row["features"], row["group"])]
    return f"{name_of(row['group'])}, {counted(sum(other['n'] or 0 for other in own), 'row')}"


def _bin(row: Row, plate: str) -> dict[str, Any]:
    bounded = row["low"] is not None and row["high"] is not None
    return {
        "plate": plate,
        "sure": row["mean_confidence"] * PERCENT.factor,
        "right": row["value"] * PERCENT.factor,
        "low": row["low"] * PERCENT.factor if bounded else None,
        "high": row["high"] * PERCENT.factor if bounded else None,
        "bounded": bounded,
    }


def _marks() -> list[alt.Chart]:
    import altair as alt

    def axis(field: str, title: str) -> dict[str, Any]:
        scale = alt.Scale(domain=[0, 100], nice=False)
        return {"shorthand": f"{field}:Q", "scale": scale, "title": title, "axis": alt.Axis(values=list(SURE_PLACES))}

    x = alt.X(**axis("sure", "how sure it was, %"))
    base = alt.Chart().encode(x=x)
    once = alt.Chart().transform_aggregate(groupby=["plate"]).transform_calculate(none="0", all="100")
    diagonal = once.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(x="none:Q", y="none:Q", x2="all:Q", y2="all:Q")
    rules = base.transform_filter("datum.bounded").mark_rule(color=MARK, strokeWidth=1.5)
    y: Mapping[str, Any] = axis("low", "how often it was right, %")
    return [
        diagonal,
        rules.encode(y=alt.Y(**y), y2="high:Q"),
        _dots(base, "datum.bounded", MARK),
        _dots(base, "!datum.bounded", PAPER),
    ]


def _dots(base: alt.Chart, where: str, fill: str) -> alt.Chart:
    marks = base.transform_filter(where).mark_point(color=MARK, fill=fill, size=26, opacity=1, strokeWidth=1.3)
    drawn: alt.Chart = marks.encode(y="right:Q")
    return drawn
