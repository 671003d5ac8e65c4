"""Pictures made of tiles in the Altair grammar: two features that meet, and which labels are confused.

Laws: as in `charts`; and a small difference looks small, because tints have a fixed span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MARK, OTHER, RULE, Row, in_reading_order, inline, name_of, units_text
from reports.ordering import distinct
from reports.wording import NOTHING, PERCENT, RAW, UNKNOWN, Scale, figures, plain, scale_of

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

TINTS: Final = (0.05, 0.15, 0.26, 0.37, 0.48, 0.6)
"""Ink is readable on each of them, in light and in dark."""
WIDEST: Final = 0.15
"""A difference from everybody of this size takes the strongest tint; smaller ones stay pale, whatever the largest."""
TINTED_FROM: Final = 5
"""A cell of fewer units (rows, where there are none) has no tint: the strongest colours would be the noisiest cells."""
PAGE_PX: Final = 1160


def tint(share: float) -> float:
    """Return the tint of a share of the strongest one, in steps."""
    return TINTS[min(int(share * len(TINTS)), len(TINTS) - 1)]


def intersection_chart(rows: Sequence[Row], *, overall: float | None) -> AnyLayers:
    """Return a table of two features whose tints say how far a cell lies from everybody, and on which side.

    Args:
        rows: the rows of `performance-by-group` of one run, condition, metric and pair of features.
        overall: the value of everybody.
    """
    import altair as alt

    first, second = (plain(name) for name in rows[0]["features"].split(" x ", 1))
    drawn = [_heat_cell(row, overall) for row in rows]
    x = alt.X("second:N", sort=_levels(drawn, "second"), title=second, axis=_side("top"))
    y = alt.Y("first:N", sort=_levels(drawn, "first"), title=first, axis=_side("left"))
    base = alt.Chart(inline(drawn)).encode(x=x, y=y)
    layers = [_tiles(base), _tile_text(base, "value", dy=-7, size=13), _tile_text(base, "n", dy=9, size=10)]
    return alt.layer(*layers).properties(width=alt.Step(96), height=alt.Step(40))


def _heat_cell(row: Row, overall: float | None) -> dict[str, Any]:
    scale, value = scale_of(row["metric"]), row["value"]
    apart = 0.0 if value is None or overall is None else value - overall
    few = (row["n"] if row["n_clusters"] is None else row["n_clusters"]) < TINTED_FROM
    opacity = 0.0 if value is None or few else tint(abs(apart) / _widest(scale))
    return {
        "first": plain(row["level_1"] or ""),
        "second": plain(row["level_2"] or ""),
        "value": figures(value, scale),
        "n": units_text(row),
        "tint": opacity,
        "hue": MARK if apart >= 0 else OTHER,
    }


def _widest(scale: Scale) -> float:
    return WIDEST if scale is not RAW else 1.0


def _levels(rows: Sequence[Mapping[str, Any]], part: str) -> list[str]:
    names = distinct(row[part] for row in rows)
    return sorted(names, key=lambda name: name == UNKNOWN)


def _side(orient: str) -> alt.Axis:
    import altair as alt

    return alt.Axis(orient=orient, ticks=False, domain=False, labelAngle=0, labelLimit=180, labelPadding=6)  # type: ignore[arg-type]


def _tiles(base: alt.Chart) -> alt.Chart:
    import altair as alt

    fill, opacity = alt.Fill("hue:N", scale=None), alt.FillOpacity("tint:Q", scale=None)
    tiles: alt.Chart = base.mark_rect(stroke=RULE, strokeWidth=1).encode(fill=fill, fillOpacity=opacity)
    return tiles


def _tile_text(base: alt.Chart, field: str, *, dy: float, size: float) -> alt.Chart:
    text: alt.Chart = base.mark_text(dy=dy, fontSize=size, color=INK).encode(text=f"{field}:N")
    return text


def confusion_chart(rows: Sequence[Row]) -> alt.FacetChart:
    """Return one row-normalised confusion matrix per group.

    Args:
        rows: the rows of `confusion-matrices` of one run, condition and set of features.
    """
    import altair as alt

    labels = [plain(name) for name in distinct([r["truth"] for r in rows] + [r["prediction"] for r in rows])]
    groups = distinct(name_of(row["group"]) for row in in_reading_order(rows))
    drawn = [_confusion_cell(row) for row in rows]
    side = 34 if len(groups) == 1 else 25
    x = alt.X("prediction:N", sort=labels, title="predicted", axis=_matrix_side(-45))
    y = alt.Y("truth:N", sort=labels, title="truth", axis=_matrix_side(0))
    base = alt.Chart().encode(x=x, y=y)
    layers = alt.layer(_tiles(base), _tile_text(base, "share", dy=0, size=9 if side < 30 else 11), data=inline(drawn))
    matrix = layers.properties(width=side * len(labels), height=side * len(labels))
    header = alt.Header(title=None, labelFontWeight="bold", labelFontSize=12, labelColor=INK, labelLimit=220)
    facet = alt.Facet("group:N", sort=list(groups), header=header)
    matrices: alt.FacetChart = matrix.facet(facet=facet, columns=_columns(len(groups), side * len(labels)))
    resolved: alt.FacetChart = matrices.resolve_axis(x="independent", y="shared")
    return resolved


def _columns(n_groups: int, width_px: float) -> int:
    """Return how many matrices stand side by side: few in one line, many in even lines."""
    room = max(1, int(PAGE_PX // (width_px + 40)))
    even = (columns for columns in (4, 5, 6, 3) if columns <= room and n_groups % columns == 0)
    return n_groups if n_groups <= room else next(even, room)


def _matrix_side(angle: float) -> alt.Axis:
    import altair as alt

    return alt.Axis(ticks=False, domain=False, labelAngle=angle, labelLimit=90, labelFontSize=10, titleFontSize=10)


def _confusion_cell(row: Row) -> dict[str, Any]:
    share = row["share"]
    opacity = 0.0 if share is None else tint(share)
    return {
        "group": name_of(row["group"]),
        "truth": plain(row["truth"]),
        "prediction": plain(row["prediction"]),
        "share": NOTHING if share is None else f"{share * PERCENT.factor:.0f}",
        "tint": opacity,
        "hue": MARK,
    }
