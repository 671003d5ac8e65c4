"""What each site's privacy ledger had spent after each entry, in the Altair grammar: a plate for each site.

Laws: as in `charts`; and all plates have one scale, an entry that nothing bounds is written as a word at the
top, and a budget is a line with its number beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reports.drawings.charts import INK, MARK, MUTED, OTHER, PAPER, Row, inline
from reports.wording import RAW, figures, plain

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

PLATE_PX: Final = 200
HIGH_PX: Final = 150
PLATES_IN_A_LINE: Final = 4
AIR: Final = 1.12
"""How much higher than the largest number the axis ends."""


class Frame(NamedTuple):
    """What all plates share."""

    x: alt.Scale
    y: alt.Scale
    last: int
    """The last entry of any site."""


def spending_chart(rows: Sequence[Row]) -> alt.VConcatChart:
    """Return a plate for each site and unit: entries of the ledger across, epsilon spent up to each of them up.

    Args:
        rows: the rows of `privacy-spending` of one run.
    """
    import altair as alt

    numbers = [row[part] for row in rows for part in ("epsilon", "budget") if row[part] is not None]
    top, last = AIR * max(numbers, default=1.0) or 1.0, max(row["entry"] for row in rows)
    x, y = alt.Scale(domain=[0.5, last + 0.5], nice=False), alt.Scale(domain=[0, top], nice=False)
    frame = Frame(x=x, y=y, last=last)
    plates = [
        _plate([row for row in rows if (row["site"], row["unit"]) == place], frame, named=i % PLATES_IN_A_LINE == 0)
        for i, place in enumerate(places_of(rows))
    ]
    lines = [plates[i : i + PLATES_IN_A_LINE] for i in range(0, len(plates), PLATES_IN_A_LINE)]
    return alt.vconcat(*(alt.hconcat(*line, spacing=46) for line in lines), spacing=18)


def places_of(rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """Return each site with each unit that anything was accounted on, in their order."""
    return tuple(dict.fromkeys((row["site"], row["unit"]) for row in rows))


def spending_in_words(rows: Sequence[Row]) -> str:
    """Say what the picture shows: where each site stands after its last entry, and what its budget was."""
    return " ".join(
        _in_words([row for row in rows if (row["site"], row["unit"]) == place]) for place in places_of(rows)
    )


def _in_words(rows: Sequence[Row]) -> str:
    last = rows[-1]
    first = f"{plain(last['site'])}, of each {last['unit']}: {_spent(last)} after {last['entry']:,} entries"
    budget = "" if last["budget"] is None else f", of a budget of {figures(last['budget'], RAW)}"
    return f"{first}{budget}, at delta {last['delta']:g}."


def _spent(row: Row) -> str:
    return "nothing bounds the loss" if row["epsilon"] is None else f"epsilon {figures(row['epsilon'], RAW)}"


def _plate(rows: Sequence[Row], frame: Frame, *, named: bool) -> AnyLayers:
    import altair as alt

    last = rows[-1]
    axis = alt.Axis(title="epsilon spent up to here" if named else None, tickCount=5, grid=True)
    x = alt.X("entry:Q", scale=frame.x, axis=alt.Axis(title="entry of the ledger", tickMinStep=1, format="d"))
    y = alt.Y("epsilon:Q", scale=frame.y, axis=axis)
    layers = [*_budget(last, frame), *_course(rows, x, y), *_unbounded(rows, x, frame), *_ending(last, y)]
    title = alt.Title(
        plain(last["site"]),
        subtitle=f"each {last['unit']}, delta {last['delta']:g}",
        anchor="start",
        frame="group",
        color=INK,
        subtitleColor=MUTED,
        fontSize=12,
        subtitleFontSize=11,
        limit=PLATE_PX,
    )
    chart: AnyLayers = alt.layer(*layers).properties(width=PLATE_PX, height=HIGH_PX, title=title)
    return chart


def _course(rows: Sequence[Row], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the line and a mark for each entry: a circle for steps, a hollow square for a search."""
    import altair as alt

    told = [_mark(row) for row in rows if row["epsilon"] is not None]
    line = alt.Chart(inline(told)).mark_line(color=MARK, strokeWidth=1.8, interpolate="step-after")
    layers = [line.encode(x=x, y=y)]
    for kind, shape, fill in (("steps", "circle", MARK), ("search", "square", PAPER)):
        own = alt.Chart(inline([row for row in told if row["kind"] == kind]))
        marks = own.mark_point(color=MARK, fill=fill, shape=shape, size=34, opacity=1, strokeWidth=1.4)
        layers.append(marks.encode(x=x, y=y))
    return layers


def _mark(row: Row) -> Mapping[str, Any]:
    return {"entry": row["entry"], "epsilon": row["epsilon"], "kind": row["kind"]}


def _budget(last: Row, frame: Frame) -> list[alt.Chart]:
    """Return the budget as a line with its number; nothing where none was said at this delta."""
    import altair as alt

    if last["budget"] is None:
        return []
    data = inline([{"budget": last["budget"], "said": f"budget {figures(last['budget'], RAW)}"}])
    y = alt.Y("budget:Q", scale=frame.y)
    rule = alt.Chart(data).mark_rule(color=OTHER, strokeDash=[6, 3], strokeWidth=1.4)
    said = alt.Chart(data).mark_text(align="left", baseline="bottom", dx=4, dy=-2, color=OTHER, fontSize=11)
    return [rule.encode(y=y), said.encode(x=alt.value(0), y=y, text="said:N")]


def _unbounded(rows: Sequence[Row], x: alt.X, frame: Frame) -> list[alt.Chart]:
    """Return the word for a loss that nothing bounds, at the top, from the first such entry inwards."""
    import altair as alt

    entries = [row["entry"] for row in rows if row["epsilon"] is None]
    if not entries:
        return []
    data = inline([{"entry": entries[0], "said": "unbounded"}])
    side: Any = "left" if 2 * entries[0] <= frame.last else "right"
    words = alt.Chart(data).mark_text(align=side, baseline="top", color=INK, fontSize=11)
    return [words.encode(x=x, y=alt.value(2), text="said:N")]


def _ending(last: Row, y: alt.Y) -> list[alt.Chart]:
    """Return the number after the last entry, beside the plate."""
    import altair as alt

    if last["epsilon"] is None:
        return []
    data = inline([{"epsilon": last["epsilon"], "said": figures(last["epsilon"], RAW)}])
    words = alt.Chart(data).mark_text(align="left", baseline="middle", dx=4, color=INK, fontSize=11)
    return [words.encode(x=alt.value(PLATE_PX), y=y, text="said:N")]
