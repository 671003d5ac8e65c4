"""What each modality contributes to each group, as bars in the Altair grammar: a column for each modality.

Laws: as in `charts`; and all columns have one scale, so that bars of one length are one difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MARK, MUTED, OTHER, Row, inline, name_of
from reports.ordering import distinct
from reports.wording import POINTS, plain

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

COLUMN_PX: Final = 240
BAR_PX: Final = 20
OF: Final = "_contribution_of_"


def contributions_chart(rows: Sequence[Row]) -> alt.HConcatChart:
    """Return a bar from nothing to the contribution, with its interval, for every group and modality.

    Args:
        rows: the rows of `modality-contributions` of one run and condition and of one metric's contributions, in the
            order in which groups are to stand.
    """
    import altair as alt

    drawn = [_bar(row) for row in rows]
    modalities, groups = distinct(row["modality"] for row in drawn), distinct(row["group"] for row in drawn)
    numbers = [row[part] for row in drawn for part in ("value", "low", "high") if row[part] is not None]
    span = min(numbers, default=0.0), max(numbers, default=0.0)
    columns = [
        _column([row for row in drawn if row["modality"] == modality], groups, span, named=place == 0)
        for place, modality in enumerate(modalities)
    ]
    return alt.hconcat(*columns, spacing=14)


def modality_of(metric: str) -> str:
    """Return the modality that a metric is the contribution of."""
    return metric.partition(OF)[2]


def _bar(row: Row) -> dict[str, Any]:
    bounded = row["low"] is not None and row["high"] is not None
    value = None if row["value"] is None else row["value"] * POINTS.factor
    features = f" ({plain(row['features'])})" if row["features"] else ""
    return {
        "modality": modality_of(row["metric"]),
        "group": f"{name_of(row['group'])}{features}",
        "value": value,
        "low": row["low"] * POINTS.factor if bounded else None,
        "high": row["high"] * POINTS.factor if bounded else None,
        "bounded": bounded,
        "hue": MARK if (value or 0) >= 0 else OTHER,
    }


def _column(
    rows: Sequence[Mapping[str, Any]], groups: Sequence[str], span: tuple[float, float], *, named: bool
) -> AnyLayers:
    import altair as alt

    names = alt.Axis(title=None, ticks=False, domain=False, labels=named, labelLimit=260, minExtent=190 if named else 0)
    y = alt.Y("group:N", sort=list(groups), scale=alt.Scale(domain=list(groups)), axis=names)
    scale = alt.Scale(domain=[min(0.0, span[0]), max(0.0, span[1])], nice=True)
    base = alt.Chart(inline(rows)).encode(y=y)
    ground = alt.X("value:Q", scale=scale, axis=alt.Axis(title="points", tickCount=4))
    bars = base.transform_filter("datum.value != null").mark_bar(height=BAR_PX // 2, fillOpacity=0.55)
    intervals = base.transform_filter("datum.bounded").mark_rule(color=INK, strokeWidth=1.5)
    zero = alt.Chart(inline([{"zero": 0.0}])).mark_rule(color=MUTED).encode(x=alt.X("zero:Q", scale=scale))
    layers = [
        bars.encode(x=ground, fill=alt.Fill("hue:N", scale=None)),
        zero,
        intervals.encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
    ]
    title = alt.Title(str(rows[0]["modality"]), anchor="start", frame="group", color=INK, fontSize=12)
    chart: AnyLayers = alt.layer(*layers).properties(width=COLUMN_PX, height=alt.Step(BAR_PX), title=title)
    return chart
