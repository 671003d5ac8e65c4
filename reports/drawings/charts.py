"""Pictures of groups in the Altair grammar, drawn from rows of exhibits: the report's SVG and the desk share them.

Laws: colours come from one palette that a page may restate for dark mode; colour never carries a verdict or a number
alone; an undefined value is written as a word where its mark would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.records import Verdict
from reports.ordering import conditions_in_order, distinct
from reports.wording import (
    POINTS,
    UNDEFINED,
    UNKNOWN,
    Scale,
    counted,
    figures,
    metric_label,
    plain,
    quantity,
    scale_of,
    verdict_text,
)

if TYPE_CHECKING:
    import altair as alt

    AnyLayers = alt.LayerChart | alt.FacetChart

Row = Mapping[str, Any]
Span = tuple[float, float]

INK: Final = "#1b1f24"
PAPER: Final = "#fffffe"
MUTED: Final = "#5b6470"
RULE: Final = "#d5d9df"
MARK: Final = "#0b4a8f"
OTHER: Final = "#a8480c"

ROW_PX: Final = 19
WIDTH_PX: Final = 560


def name_of(group: str) -> str:
    """Return a group's name as a picture writes it."""
    return "Everybody" if group == "everybody" else plain(group)


def in_reading_order(rows: Sequence[Row]) -> list[Row]:
    """Return rows as they came but everybody first, then single features, then intersections; `unknown` last."""
    features = distinct(row["features"] for row in rows)
    return sorted(rows, key=lambda row: (row["features"].count(" x "), row["features"] != "", *_late(row, features)))


def _late(row: Row, features: Sequence[str]) -> tuple[int, bool]:
    return features.index(row["features"]), UNKNOWN in row["group"].split(", ")


def inline(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Return rows as data that stand inside a specification."""
    import altair as alt

    return alt.InlineData(values=[dict(row) for row in rows])


def _axis_title(metric: str) -> str:
    unit = scale_of(metric).unit
    return f"{metric_label(metric)}{f' ({unit})' if unit else ''}"


def _scaled(number: float | None, scale: Scale) -> float | None:
    return None if number is None else number * scale.factor


def _forest_row(row: Row, verdict: Verdict | None = None) -> dict[str, Any]:
    scale = scale_of(row["metric"])
    units = units_text(row) if row["n_clusters"] is None else f"{units_text(row)}, n {row['n']:,}"
    bounded = row["low"] is not None and row["high"] is not None
    return {
        "group": name_of(row["group"]),
        "block": " × ".join(map(plain, row["features"].split(" x "))),
        "value": _scaled(row["value"], scale),
        "low": _scaled(row["low"], scale) if bounded else None,
        "high": _scaled(row["high"], scale) if bounded else None,
        "bounded": bounded,
        "units": units,
        "said": f"{figures(row['value'], scale)} {_decided(verdict)}".strip(),
    }


def _decided(verdict: Verdict | None) -> str:
    return "" if verdict is None or verdict is Verdict.INFORMATIVE else verdict_text(verdict)


def forest_chart(rows: Sequence[Row], verdicts: Mapping[tuple[str, str], Verdict]) -> alt.VConcatChart:
    """Return value, interval, units and verdict of every group, a block for each set of features.

    Args:
        rows: the rows of `performance-by-group` of one run, condition and metric.
        verdicts: verdicts by features and group.
    """
    import altair as alt

    drawn = [_forest_row(row, verdicts.get((row["features"], row["group"]))) for row in in_reading_order(rows)]
    overall = next((row["value"] for row in drawn if not row["block"]), None)
    blocks = _blocks(drawn)
    axes = {blocks[-1]: alt.Axis(title=_axis_title(rows[0]["metric"]), tickCount=6)}
    return _forest(drawn, overall, axes)


def _forest(
    drawn: Sequence[Mapping[str, Any]], overall: float | None, axes: Mapping[str, alt.Axis]
) -> alt.VConcatChart:
    """Return the blocks of a forest below each other; `axes` has the axis of a block that shows one."""
    import altair as alt

    rows = {block: [dict(row) for row in drawn if row["block"] == block] for block in _blocks(drawn)}
    parts = [_forest_block(of_block, block, _span(drawn), overall, axes.get(block)) for block, of_block in rows.items()]
    # data come last: Altair copies what a chart holds each time that it is put into another
    named = alt.Datasets(**{_named_data(block): of_block for block, of_block in rows.items()})  # type: ignore[no-untyped-call]
    return alt.vconcat(*parts, spacing=10, datasets=named)


def _blocks(drawn: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return distinct(row["block"] for row in drawn)


def _named_data(block: str) -> str:
    return f"by {block}"


def shares_chart(rows: Sequence[Row]) -> alt.VConcatChart:
    """Return a difference between two groups and the parts of it that the modalities bear, a block for each feature.

    Args:
        rows: the rows of `modality-shares` of one run, condition and metric: the totals and the shares.
    """
    import altair as alt

    drawn = [_share_row(row) for row in rows]
    blocks = _blocks(drawn)
    axes = {blocks[-1]: alt.Axis(title="points of difference, and their intervals", tickCount=6)}
    return _forest(drawn, 0.0, axes)


def _share_row(row: Row) -> dict[str, Any]:
    bounded = row["low"] is not None and row["high"] is not None
    names = {"all modalities": "the whole difference", "no modality": "without any modality"}
    return {
        "group": names.get(row["part"], f"borne by {row['part']}"),
        "block": f"{plain(row['features'])}: {plain(row['highest'])} above {plain(row['lowest'])}",
        "value": _scaled(row["value"], POINTS),
        "low": _scaled(row["low"], POINTS) if bounded else None,
        "high": _scaled(row["high"], POINTS) if bounded else None,
        "bounded": bounded,
        "units": units_text(row),
        "said": figures(row["value"], POINTS),
    }


def _span(rows: Sequence[Mapping[str, Any]]) -> Span:
    """Return the span of all values and intervals with a little air."""
    numbers = [row[part] for row in rows for part in ("value", "low", "high") if row[part] is not None]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    air = 0.04 * (high - low) or 1.0
    return low - air, high + air


def _forest_block(
    rows: Sequence[Mapping[str, Any]], block: str, span: Span, overall: float | None, axis: alt.Axis | None
) -> AnyLayers:
    import altair as alt

    names = alt.Axis(title=None, ticks=False, domain=False, labelLimit=230, minExtent=190)
    order = tuple(row["group"] for row in rows)  # of a list, Altair copies every name with every layer
    base = alt.Chart().encode(y=alt.Y("group:N", sort=order, axis=names))
    end = alt.XValue(WIDTH_PX)  # type: ignore[no-untyped-call]
    layers = [
        *_reference(overall, axis),
        *_dots(base, span, axis, size=34),
        base.mark_text(align="left", dx=8, color=INK).encode(x=end, text=alt.Text("said:N")),
        base.mark_text(align="right", dx=250, color=MUTED).encode(x=end, text=alt.Text("units:N")),
    ]
    title = alt.Title(f"By {block}", anchor="start", frame="group", color=INK, fontSize=12)
    told = {"title": title} if block else {}
    return alt.layer(
        *layers, data=alt.NamedData(name=_named_data(block)), width=WIDTH_PX, height=alt.Step(ROW_PX), **told
    )


def _dots(base: alt.Chart, span: Span, axis: alt.Axis | None, *, size: float) -> list[alt.Chart]:
    """Return intervals as rules and values as dots, hollow where there is no interval."""
    import altair as alt

    def along(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=alt.Scale(domain=list(span), zero=False, nice=False), axis=axis)

    def dots(where: str, fill: str) -> alt.Chart:
        chosen = base.transform_filter(f"datum.value != null && {where}")
        marks = chosen.mark_point(color=MARK, fill=fill, size=size, opacity=1, strokeWidth=1.4)
        drawn: alt.Chart = marks.encode(x=along("value"))
        return drawn

    rules = base.transform_filter("datum.bounded").mark_rule(color=MARK, strokeWidth=1.5)
    return [
        rules.encode(x=along("low"), x2=alt.X2("high:Q")),
        dots("datum.bounded", MARK),
        dots("!datum.bounded", PAPER),
    ]


def _reference(overall: float | None, axis: alt.Axis | None) -> list[alt.Chart]:
    import altair as alt

    if overall is None:
        return []
    rule = alt.Chart(inline([{"overall": overall}])).mark_rule(color=MUTED, strokeDash=[3, 3])
    return [rule.encode(x=alt.X("overall:Q", axis=axis))]


def conditions_chart(rows: Sequence[Row]) -> alt.HConcatChart:
    """Return one narrow forest per condition over the same groups, to see where the loss of a modality falls.

    Args:
        rows: the rows of `performance-by-group` of one run and metric, all conditions.
    """
    import altair as alt

    conditions = conditions_in_order(row["condition"] for row in rows)
    ordered = in_reading_order(rows)
    names = _names_apart(ordered)
    drawn = [
        {**_forest_row(row), "condition": row["condition"], "group": names[row["features"], row["group"]]}
        for row in ordered
    ]
    order, span = distinct(row["group"] for row in drawn), _span(drawn)
    named = alt.Axis(title=None, ticks=False, domain=False, labelLimit=230, grid=True)
    unnamed = alt.Axis(title=None, ticks=False, domain=False, labels=False, grid=True)
    columns = [
        _condition_column(
            [d for d in drawn if d["condition"] == condition],
            order,
            span,
            named if condition == conditions[0] else unnamed,
        )
        for condition in conditions
    ]
    return alt.hconcat(*columns, spacing=8)


def _names_apart(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Return names of groups; a level of two features, such as `unknown`, is named with its features."""
    groups = dict.fromkeys((row["features"], row["group"]) for row in rows)
    times = Counter(name_of(group) for _, group in groups)
    return {
        (features, group): name_of(group) if times[name_of(group)] == 1 else f"{name_of(group)} ({plain(features)})"
        for features, group in groups
    }


def _condition_column(
    rows: Sequence[Mapping[str, Any]], order: Sequence[str], span: Span, names: alt.Axis
) -> AnyLayers:
    import altair as alt

    y = alt.Y("group:N", sort=list(order), scale=alt.Scale(domain=list(order)), axis=names)
    base = alt.Chart().encode(y=y)
    overall = next((row["value"] for row in rows if not row["block"]), None)
    axis = alt.Axis(title=None, tickCount=3, labelOverlap="greedy", labelSeparation=8)
    title = alt.Title(plain(rows[0]["condition"]), color=INK, fontSize=12)
    layers = [*_reference(overall, axis), *_dots(base, span, axis, size=14)]
    return alt.layer(*layers, data=inline(rows)).properties(width=104, height=alt.Step(15), title=title)


def units_text(row: Row) -> str:
    """Return how many units stand behind a row; rows where there are no units."""
    return f"n {row['n']:,}" if row["n_clusters"] is None else counted(row["n_clusters"], "unit")


def summary_of(rows: Sequence[Row]) -> str:
    """Return a sentence that says in words what a picture of these rows shows: the extremes and their sizes."""
    defined = [row for row in rows if row["value"] is not None and row["features"]]
    if not defined:
        return f"No group has a defined value; {UNDEFINED} throughout."
    low = min(defined, key=lambda row: row["value"])
    high = max(defined, key=lambda row: row["value"])
    return f"Lowest {_named(low)}; highest {_named(high)}."


def _named(row: Row) -> str:
    value = quantity(row["value"], scale_of(row["metric"]))
    return f"{value} for {name_of(row['group'])} ({units_text(row)})"
