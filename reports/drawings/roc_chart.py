"""The curve of an attack on membership: members found against false alarms, both axes logarithmic.

Laws: the axes begin at one non-member; what fewer than ten false alarms speak of lies on a grey ground, drawn thin and
without its interval, since a rate cannot be told there; lines are told apart by their dashes as well as by colour;
where a ledger bounds what any attack can find, that bound is drawn in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MARK, MUTED, OTHER, RULE, Row, inline, name_of
from reports.drawings.privacy_bound import PrivacyBound
from reports.ordering import distinct
from reports.wording import plain

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

NEEDED: Final = 10
"""False alarms below which a rate is not told."""
MARKED: Final = (0.001, 0.01)
"""Rates of false alarms that findings are of."""
STROKES: Final = ((MARK, (1, 0)), (OTHER, (6, 3)), (INK, (2, 2)), (MUTED, (8, 2, 2, 2)))
LARGE_PX: Final = 330
SMALL_PX: Final = 150
PANELS_IN_A_LINE: Final = 4
BOUND_DASH: Final = (9, 3, 2, 3)
BOUND_POINTS: Final = 120
Panel = tuple[str, Sequence[Row], Sequence[Row]]
"""A title, the rows of its curve, and those of a curve that it is seen beside."""


def attacks_chart(rows: Sequence[Row], bound: PrivacyBound | None = None) -> AnyLayers:
    """Return the curves of every attack on everybody in one plate, each with its interval.

    Args:
        rows: the rows of `membership-roc` of one run, of everybody.
        bound: what the run's ledger promises each patient, where it has one.
    """
    import altair as alt

    names = distinct(row["attack"] for row in rows)
    lead = [row for row in rows if row["leads"] == "yes"]
    low = _lowest(rows)
    title = f"{lead[0]['n_members']:,} members, {lead[0]['n_non_members']:,} non-members"
    bands = [
        _band([row for row in rows if row["attack"] == name], low, colour)
        for name, (colour, _) in zip(names, cycle(STROKES), strict=False)
    ]
    layers = [*_ground(lead, low), *bands, *_lines(rows, names, low, bound)]
    heading = alt.Title(title, anchor="start", color=INK, fontSize=12)
    plate: AnyLayers = alt.layer(*layers).properties(width=LARGE_PX, height=LARGE_PX, title=heading)
    return plate


def panels_chart(panels: Sequence[Panel], bounds: Mapping[str, PrivacyBound] | None = None) -> alt.VConcatChart:
    """Return small plates side by side, each one curve with its interval, above a thin one that it is seen beside.

    Args:
        panels: title, rows of the curve, rows of the other one (none where it stands alone), of `membership-roc`.
        bounds: by run, what its ledger promises each patient.
    """
    import altair as alt

    low = min(_lowest(rows) for _, rows, _ in panels)
    drawn = [_panel(panel, low, (bounds or {}).get(panel[1][0]["run"])) for panel in panels]
    lines = [drawn[i : i + PANELS_IN_A_LINE] for i in range(0, len(drawn), PANELS_IN_A_LINE)]
    return alt.vconcat(*(alt.hconcat(*line, spacing=16) for line in lines), spacing=16)


def group_panels(rows: Sequence[Row]) -> list[Panel]:
    """Return a panel for each group, beside everybody, by the attack that leads."""
    lead = [row for row in rows if row["leads"] == "yes"]
    everybody = [row for row in lead if row["features"] == ""]
    places = dict.fromkeys((row["features"], row["group"]) for row in lead if row["features"])
    return [
        (name_of(group), [row for row in lead if (row["features"], row["group"]) == (features, group)], everybody)
        for features, group in places
    ]


def run_panels(rows: Sequence[Row]) -> list[Panel]:
    """Return a panel for each run: everybody, by the attack that leads there."""
    lead = [row for row in rows if row["leads"] == "yes" and row["features"] == ""]
    return [(plain(run), [row for row in lead if row["run"] == run], ()) for run in distinct(r["run"] for r in lead)]


def untold_below(rows: Sequence[Row]) -> float:
    """Return the rate of false alarms below which these non-members can tell none, at most 1.

    >>> untold_below([{"n_non_members": 1000}])
    0.01
    """
    fewest: int = min(row["n_non_members"] for row in rows)
    return min(1.0, NEEDED / fewest)


def _lowest(rows: Sequence[Row]) -> float:
    """Return where the axes begin: one of the non-members."""
    most: int = max(row["n_non_members"] for row in rows)
    return 1 / most


def _panel(panel: Panel, low: float, bound: PrivacyBound | None) -> AnyLayers:
    import altair as alt

    title, rows, beside = panel
    counts = f"{rows[0]['n_members']:,} members, {rows[0]['n_non_members']:,} not"
    other = [_thin(_plain_line(beside, low), MUTED)] if beside else []
    lines = _told_and_untold(rows, low, (MARK, STROKES[0][1]))
    layers = [*_ground(rows, low), *([_bound(bound, low)] if bound else []), _band(rows, low, MARK), *other, *lines]
    heading = alt.Title(
        title,
        subtitle=counts,
        anchor="start",
        color=INK,
        subtitleColor=MUTED,
        subtitleFontSize=11,
        fontSize=11,
        limit=SMALL_PX,
    )
    plate: AnyLayers = alt.layer(*layers).properties(width=SMALL_PX, height=SMALL_PX, title=heading)
    return plate


def _axes(low: float) -> tuple[alt.X, alt.Y]:
    import altair as alt

    ticks = [rate for rate in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0) if rate >= low]
    scale = alt.Scale(type="log", domain=[low, 1.0], nice=False)
    written = "format(datum.value * 100, '.3~r') + ' %'"

    def axis(title: str) -> alt.Axis:
        return alt.Axis(title=title, values=ticks, labelExpr=written, grid=True, labelFontSize=10, titleFontSize=11)

    return (
        alt.X("fpr:Q", scale=scale, axis=axis("false alarms")),
        alt.Y("tpr:Q", scale=scale, axis=axis("members found")),
    )


def _ground(rows: Sequence[Row], low: float) -> list[alt.Chart]:
    """Return what cannot be told, the rates that findings are of, and what chance finds."""
    import altair as alt

    x, y = _axes(low)
    zone = inline([{"fpr": low, "to": untold_below(rows), "tpr": low, "top": 1.0}])
    grey = alt.Chart(zone).mark_rect(color=RULE, fillOpacity=0.55).encode(x=x, x2="to:Q", y=y, y2="top:Q")
    chance = alt.Chart(inline([{"fpr": low, "tpr": low}, {"fpr": 1.0, "tpr": 1.0}]))
    marks = alt.Chart(inline([{"fpr": rate} for rate in MARKED if rate >= low]))
    return [
        grey,
        chance.mark_line(color=MUTED, strokeDash=[3, 3], strokeWidth=1).encode(x=x, y=y),
        marks.mark_rule(color=MUTED, strokeWidth=1).encode(x=x),
    ]


def _bound(bound: PrivacyBound, low: float) -> alt.Chart:
    """Return the most that any attack can find where the promise holds."""
    import altair as alt

    x, y = _axes(low)
    points = [
        {"fpr": rate, "tpr": max(low, bound.most_found(rate)), "attack": _promised(bound)} for rate in _rates(low)
    ]
    line = alt.Chart(inline(points)).mark_line(color=INK, strokeDash=list(BOUND_DASH), strokeWidth=1.4)
    drawn: alt.Chart = line.encode(x=x, y=y)
    return drawn


def _promised(bound: PrivacyBound) -> str:
    return f"at most, by {bound.words()}"


def _rates(low: float) -> list[float]:
    """Return rates of false alarms evenly spread on a logarithmic axis, from its beginning to 1."""
    return [low ** (1 - i / (BOUND_POINTS - 1)) for i in range(BOUND_POINTS)]


def _band(rows: Sequence[Row], low: float, colour: str) -> alt.Chart:
    """Return the interval at each point that can be told; an end below the axis is drawn on it."""
    import altair as alt

    x, y = _axes(low)
    told = [row for row in rows if row["fpr"] >= untold_below(rows) and row["tpr_low"] is not None]
    ends = [{"fpr": row["fpr"], "tpr": max(low, row["tpr_low"]), "high": max(low, row["tpr_high"])} for row in told]
    band = alt.Chart(inline(ends)).mark_area(color=colour, fillOpacity=0.16, interpolate="step-after")
    drawn: alt.Chart = band.encode(x=x, y=y, y2="high:Q")
    return drawn


def _lines(rows: Sequence[Row], names: Sequence[str], low: float, bound: PrivacyBound | None) -> list[alt.Chart]:
    """Return a line for each attack and the bound on all, named in a legend by its dashes and colour."""
    import altair as alt

    x, y = _axes(low)
    strokes = [stroke for stroke, _ in zip(cycle(STROKES), names, strict=False)]
    listed = list(names)
    if bound is not None:
        strokes, listed = [*strokes, (INK, BOUND_DASH)], [*listed, _promised(bound)]
    legend = alt.Legend(title=None, orient="right", symbolSize=420, symbolStrokeWidth=2, labelLimit=260, labelColor=INK)
    colour = alt.Color(
        "attack:N", scale=alt.Scale(domain=listed, range=[colour for colour, _ in strokes]), legend=legend
    )
    dash = alt.StrokeDash(
        "attack:N", scale=alt.Scale(domain=listed, range=[list(dash) for _, dash in strokes]), legend=legend
    )
    layers = [] if bound is None else [_bound(bound, low).encode(color=colour, strokeDash=dash)]
    for name in names:
        own = [row for row in rows if row["attack"] == name]
        for part, width in ((_told(own), 2.0), (_untold(own), 0.8)):
            line = alt.Chart(inline(_points(part, low)))
            drawn = line.mark_line(interpolate="step-after", strokeWidth=width)
            layers.append(drawn.encode(x=x, y=y, color=colour, strokeDash=dash))
    return layers


def _told_and_untold(rows: Sequence[Row], low: float, stroke: tuple[str, Sequence[int]]) -> list[alt.Chart]:
    """Return one curve: as a line where it can be told, thin where it cannot."""
    colour, _ = stroke
    told, untold = _plain_line(_told(rows), low), _plain_line(_untold(rows), low)
    return [told.mark_line(interpolate="step-after", color=colour, strokeWidth=1.8), _thin(untold, colour)]


def _thin(line: alt.Chart, colour: str) -> alt.Chart:
    thin: alt.Chart = line.mark_line(interpolate="step-after", color=colour, strokeWidth=0.8)
    return thin


def _plain_line(rows: Sequence[Row], low: float) -> alt.Chart:
    import altair as alt

    x, y = _axes(low)
    chart: alt.Chart = alt.Chart(inline(_points(rows, low))).encode(x=x, y=y)
    return chart


def _told(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["fpr"] >= untold_below(rows)]


def _untold(rows: Sequence[Row]) -> list[Row]:
    """Return the points that cannot be told, and the first one that can, so that the line does not break."""
    told = _told(rows)
    return [*(row for row in rows if row["fpr"] < untold_below(rows)), *told[:1]]


def _points(rows: Sequence[Row], low: float) -> list[Mapping[str, Any]]:
    """Return the points that a logarithmic axis has; what lies below it is drawn on it.

    Not clipped: clip paths have names that vl-convert counts up, and a page would differ each time it is drawn.
    """
    return [
        {"fpr": row["fpr"], "tpr": max(low, row["tpr"]), "attack": row["attack"]}
        for row in rows
        if row["tpr"] > 0 and row["fpr"] >= low
    ]
