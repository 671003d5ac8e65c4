"""What erasing the cited evidence costs, and what it is worth alone, by size, in the Altair grammar.

Laws: as in `charts`; and the control at random stands in the same plate, told apart by dashes and not by colour
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.conditions import Condition
from reports.drawings.charts import INK, MARK, OTHER, PAPER, Row, inline
from reports.ordering import distinct
from reports.wording import POINTS, plain

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

SIDE_PX: Final = 260
AT_SIZE: Final = "_at_size"
RANDOM: Final = "-random"
TITLES: Final = {
    "comprehensiveness": "without the cited part",
    "sufficiency": "with the cited part alone",
}


def erasure_chart(rows: Sequence[Row]) -> alt.HConcatChart:
    """Return a plate for each test: how much of the input across, probability lost up, the control beside it.

    Args:
        rows: the rows of `erasure-curves` of one run, modalities and group; one without a value is not drawn.
    """
    import altair as alt

    drawn = [_point(row) for row in rows if row["value"] is not None]
    numbers = [row[part] for row in drawn for part in ("lost", "low", "high") if row[part] is not None]
    span = min([0.0, *numbers]), max([0.0, *numbers])
    tests = distinct(row["test"] for row in drawn)
    plates = [
        _plate([row for row in drawn if row["test"] == test], test, span, named=place == 0)
        for place, test in enumerate(tests)
    ]
    return alt.hconcat(*plates, spacing=26)


def base_of(row: Row) -> str:
    """Return the modalities that were shown in full before anything was erased."""
    return str(Condition(modalities=Condition.parse(row["condition"]).modalities))


def size_of(row: Row) -> float:
    """Return how much of the input was erased or kept, in percent."""
    level = Condition.parse(row["condition"]).level or "0"
    return float(level.removesuffix("%")) * (1 if level.endswith("%") else 100)


def at_random(row: Row) -> bool:
    """Say whether it was drawn at random, as a control."""
    return (Condition.parse(row["condition"]).operator or "").endswith(RANDOM)


def _point(row: Row) -> dict[str, Any]:
    bounded = row["low"] is not None and row["high"] is not None
    return {
        "test": row["metric"].removesuffix(AT_SIZE),
        "size": size_of(row),
        "chosen": "at random" if at_random(row) else "by the rationale",
        "lost": row["value"] * POINTS.factor,
        "low": row["low"] * POINTS.factor if bounded else None,
        "high": row["high"] * POINTS.factor if bounded else None,
        "bounded": bounded,
    }


def _plate(rows: Sequence[dict[str, Any]], test: str, span: tuple[float, float], *, named: bool) -> AnyLayers:
    import altair as alt

    scale = alt.Scale(domain=list(span), nice=True)
    title = "probability lost, points" if named else ""
    x = alt.X("size:Q", title="share of the input, %", scale=alt.Scale(zero=True))
    y = alt.Y("lost:Q", title=title, scale=scale, axis=alt.Axis(grid=True, title=title))
    layers: list[alt.Chart] = []
    for chosen, colour, dash in (("at random", OTHER, [4, 3]), ("by the rationale", MARK, [1, 0])):
        base = alt.Chart(inline([row for row in rows if row["chosen"] == chosen])).encode(x=x)
        layers += [
            base.mark_line(color=colour, strokeDash=dash, strokeWidth=1.6).encode(y=y),
            base.transform_filter("datum.bounded")
            .mark_rule(color=colour)
            .encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
            base.mark_point(color=colour, fill=PAPER if dash[1] else colour, size=34, opacity=1).encode(y=y),
        ]
    heading = alt.Title(TITLES.get(test, plain(test)), anchor="start", frame="group", color=INK, fontSize=12)
    chart: AnyLayers = alt.layer(*layers).properties(width=SIDE_PX, height=SIDE_PX * 2 // 3, title=heading)
    return chart
