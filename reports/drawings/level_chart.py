"""A number by how much was done to the input or the reasoning, in the Altair grammar: levels across, a line for each.

Laws: as in `charts`; and lines are told apart by dashes and marks as well as by colour, all plates have one
scale up, and lines that would cover one another stand a little beside their level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MARK, MUTED, OTHER, inline
from reports.ordering import distinct

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

SIDE_PX: Final = 270
HIGH_PX: Final = 190
NAMED_STEP_PX: Final = 74
APART: Final = 0.014
"""How far lines stand beside one another, as a share of the axis."""
PAINTS: Final = (MARK, OTHER, INK, MUTED)
DASHES: Final = ((1, 0), (6, 3), (2, 2), (8, 2, 2, 2))
SHAPES: Final = ("circle", "square", "triangle-up", "diamond")
LINES_AT_MOST: Final = len(PAINTS)
PLATES_IN_A_LINE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMark:
    """One number of one line."""

    line: str
    level: str
    """As it is written; on the axis where the plate has no numbers across."""
    at: float | None
    """Where it stands; None in a plate whose levels are names."""
    value: float
    ends: tuple[float, float] | None
    beside: float | None = None
    """The same number without it, drawn as a thin line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPlate:
    """One way of doing it, or several that have levels in common."""

    title: str
    across: str
    """What the levels are, with their unit."""
    marks: Sequence[LevelMark]

    @property
    def named(self) -> bool:
        """Whether levels are names and not numbers."""
        return any(mark.at is None for mark in self.marks)


def levels_chart(plates: Sequence[LevelPlate], *, up: str) -> alt.VConcatChart:
    """Return the plates side by side.

    Args:
        plates: each with `LINES_AT_MOST` lines at most.
        up: what the number is, with its unit.
    """
    import altair as alt

    lines = distinct(mark.line for plate in plates for mark in plate.marks)
    numbers = [number for plate in plates for mark in plate.marks for number in _numbers(mark)]
    span = alt.Scale(domain=[min(numbers, default=0.0), max(numbers, default=1.0)], nice=True, zero=False)
    drawn = [_plate(plate, lines, span, up=up if i % PLATES_IN_A_LINE == 0 else None) for i, plate in enumerate(plates)]
    rows = [drawn[i : i + PLATES_IN_A_LINE] for i in range(0, len(drawn), PLATES_IN_A_LINE)]
    return alt.vconcat(*(alt.hconcat(*row, spacing=26) for row in rows), spacing=18)


def _numbers(mark: LevelMark) -> list[float]:
    return [mark.value, *(mark.ends or ()), *(() if mark.beside is None else (mark.beside,))]


def _plate(plate: LevelPlate, lines: Sequence[str], span: alt.Scale, *, up: str | None) -> AnyLayers:
    import altair as alt

    data = inline(_placed(plate, lines))
    base = alt.Chart(data)
    if plate.named:
        base = base.encode(x=_names_across(plate))
        if len(plate.marks) > len(distinct(mark.level for mark in plate.marks)):
            base = base.encode(xOffset=alt.XOffset("line:N", sort=list(lines)))
    else:
        base = base.encode(x=_numbers_across(plate))
    axis = alt.Axis(title=up, grid=True, tickCount=5)
    y = alt.Y("value:Q", scale=span, axis=axis)
    beside = alt.Y("beside:Q", scale=span, axis=axis)
    layers = [_short(base, beside)] if plate.named else _courses(base, lines, y, beside)
    layers += _points(base, lines, span, axis)
    heading = alt.Title(plate.title, anchor="start", frame="group", color=INK, fontSize=12)
    width: Any = alt.Step(NAMED_STEP_PX, **{"for": "position"}) if plate.named else SIDE_PX
    chart: AnyLayers = alt.layer(*layers).properties(width=width, height=HIGH_PX, title=heading)
    return chart


def _names_across(plate: LevelPlate) -> alt.X:
    import altair as alt

    levels = distinct(mark.level for mark in plate.marks)
    return alt.X("level:N", sort=list(levels), axis=alt.Axis(title=plate.across, labelAngle=0, labelLimit=120))


def _numbers_across(plate: LevelPlate) -> alt.X:
    import altair as alt

    places = sorted({mark.at for mark in plate.marks if mark.at is not None})
    air = 0.05 * ((places[-1] - places[0]) or 1.0)
    scale = alt.Scale(domain=[places[0] - air, places[-1] + air], nice=False, zero=False)
    axis = alt.Axis(title=plate.across, values=places, labelOverlap="greedy")
    return alt.X("at:Q", scale=scale, axis=axis)


def _placed(plate: LevelPlate, lines: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the marks, those of each line moved aside a little."""
    places = [mark.at for mark in plate.marks if mark.at is not None]
    step = APART * ((max(places) - min(places)) or 1.0) if places else 0.0
    own = distinct(mark.line for mark in plate.marks)
    aside = {line: (i - (len(own) - 1) / 2) * step for i, line in enumerate(own)}
    return [
        {
            "line": mark.line,
            "level": mark.level,
            "at": None if mark.at is None else mark.at + aside[mark.line],
            "value": mark.value,
            "low": None if mark.ends is None else mark.ends[0],
            "high": None if mark.ends is None else mark.ends[1],
            "beside": mark.beside,
        }
        for mark in plate.marks
    ]


def _courses(base: alt.Chart, lines: Sequence[str], y: alt.Y, beside: alt.Y) -> list[alt.Chart]:
    """Return the line of each, and above it what it is without anything done, thin."""
    import altair as alt

    layers = []
    for place, line in enumerate(lines):
        own = base.transform_filter(alt.FieldEqualPredicate(field="line", equal=line))
        paint, dash = PAINTS[place % len(PAINTS)], list(DASHES[place % len(DASHES)])
        thin = own.transform_filter("datum.beside != null").mark_line(color=paint, strokeDash=[1, 3], strokeWidth=1)
        layers += [
            thin.encode(y=beside),
            own.mark_line(color=paint, strokeDash=dash, strokeWidth=1.7).encode(y=y),
        ]
    return layers


def _short(base: alt.Chart, beside: alt.Y) -> alt.Chart:
    """Return what each number is without anything done, as a short line across: named levels have no course."""
    ticks = base.transform_filter("datum.beside != null").mark_tick(color=MUTED, orient="horizontal", thickness=1)
    drawn: alt.Chart = ticks.encode(y=beside)
    return drawn


def _points(base: alt.Chart, lines: Sequence[str], span: alt.Scale, axis: alt.Axis) -> list[alt.Chart]:
    """Return interval and mark of each number; hollow where there is no interval."""
    import altair as alt

    told = alt.Legend(title=None, orient="top", symbolSize=80, labelLimit=230, labelColor=INK)  # one for all plates
    paints = alt.Scale(domain=list(lines), range=[PAINTS[i % len(PAINTS)] for i in range(len(lines))])
    shapes = alt.Scale(domain=list(lines), range=[SHAPES[i % len(SHAPES)] for i in range(len(lines))])
    paint = alt.Color("line:N", scale=paints, legend=told)
    shape = alt.Shape("line:N", scale=shapes, legend=told)
    low = alt.Y("low:Q", scale=span, axis=axis)
    rules = base.transform_filter("datum.low != null").mark_rule(strokeWidth=1.4)
    y = alt.Y("value:Q", scale=span, axis=axis)
    filled = base.transform_filter("datum.low != null").mark_point(filled=True, size=46, opacity=1)
    hollow = base.transform_filter("datum.low == null").mark_point(filled=False, size=46, opacity=1)
    return [
        rules.encode(y=low, y2="high:Q", color=paint),
        filled.encode(y=y, color=paint, shape=shape),
        hollow.encode(y=y, color=paint, shape=shape),
    ]
