"""Who was in which round: a row a site, a column a round, a mark for what came of asking.

Laws: what a mark means is told by its shape and not by its colour; a round that did not happen has a grey ground and
its word above it; what a picture this size cannot show is not drawn, and the tables stand alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from reports.drawings.charts import INK, MARK, MUTED, OTHER, PAPER, RULE, Row, inline
from reports.wording import plain

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

SITES_AT_MOST: Final = 40
ROUNDS_AT_MOST: Final = 120
WIDTH_PX: Final = 620
WIDEST_PX: Final = 34
ROW_PX: Final = 22
IN: Final = "in the round"
SHAPES: Final[Mapping[str, str]] = {
    IN: "circle",
    "no reply": "M-1,-0.25L1,-0.25L1,0.25L-1,0.25Z",
    "refused": "cross",
    "left": "triangle-right",
    "aborted": "square",
    "not seen": "diamond",
}
"""By what came of it, words as in the exhibit; a dash that is filled as the others are."""


def drawable(rounds: Sequence[Row], sites: Sequence[Row]) -> bool:
    """Say whether a picture of so many rounds and sites can be read."""
    return 0 < len(sites) <= SITES_AT_MOST and 0 < len(rounds) <= ROUNDS_AT_MOST


def parts(rounds: Sequence[Row], sites: Sequence[Row], missing: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the marks: the last that came of each site in each round that it was asked in.

    Args:
        rounds: rows of `federated-rounds` of one run, in order.
        sites: rows of `federated-sites` of it.
        missing: rows of `federated-missing` of it.
    """
    marks = {(int(row["round"]), str(row["site"])): str(row["part"]) for row in missing}
    for row in rounds:
        marks |= {(int(row["round"]), site): IN for site in (row["present"] or "").split(", ") if site}
    known = {str(row["site"]) for row in sites}
    return [
        {"round": number, "site": plain(site), "part": part}
        for (number, site), part in sorted(marks.items())
        if site in known
    ]


def attendance_chart(marks: Sequence[Mapping[str, Any]], rounds: Sequence[Row], sites: Sequence[Row]) -> AnyLayers:
    """Return the picture."""
    import altair as alt

    numbers = sorted({int(row["round"]) for row in rounds})
    step = min(WIDEST_PX, max(4, WIDTH_PX // len(numbers)))
    labels = [number for number in numbers if _labelled(number, numbers)]
    x = alt.X(
        "round:O",
        scale=alt.Scale(domain=numbers),
        axis=alt.Axis(title="round", values=labels, labelAngle=0, ticks=False, domain=False),
    )
    names = [plain(str(row["site"])) for row in sites]
    y = alt.Y(
        "site:N",
        scale=alt.Scale(domain=names),
        axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=190),
    )
    used = [part for part in SHAPES if any(mark["part"] == part for mark in marks)]
    scale = alt.Scale(domain=used, range=[SHAPES[part] for part in used])
    paints = alt.Scale(domain=used, range=[MARK if part == IN else OTHER for part in used])
    legend = alt.Legend(title=None, orient="bottom", direction="horizontal", symbolSize=90, labelColor=INK)
    points = (
        alt.Chart(inline(marks))
        .mark_point(filled=True, opacity=1, size=min(90, 3 * step), strokeWidth=2)
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("part:N", scale=scale, legend=legend),
            color=alt.Color("part:N", scale=paints, legend=legend),
        )
    )
    chart: AnyLayers = alt.layer(*_ground(rounds, x), points)
    return chart.properties(width=alt.Step(step), height=alt.Step(ROW_PX))


def _ground(rounds: Sequence[Row], x: alt.X) -> list[alt.Chart]:
    """Return a grey ground under rounds that did not happen, and the word for it."""
    import altair as alt

    happened = {int(row["round"]) for row in rounds if str(row["outcome"]).startswith("closed")}
    ends = {int(row["round"]): str(row["outcome"]) for row in rounds if int(row["round"]) not in happened}
    data = inline([{"round": number, "outcome": outcome} for number, outcome in ends.items()])
    if not ends:
        return []
    words = alt.Chart(data).mark_text(baseline="bottom", dy=-4, color=MUTED, fontSize=10)
    return [
        alt.Chart(data).mark_rect(color=RULE, fillOpacity=0.55, stroke=PAPER).encode(x=x),
        words.encode(x=x, y=alt.value(0), text="outcome:N"),
    ]


def _labelled(number: int, numbers: Sequence[int]) -> bool:
    every = max(1, -(-len(numbers) // 20))
    return number == numbers[0] or number % every == 0


def attendance_in_words(marks: Sequence[Mapping[str, Any]], rounds: Sequence[Row], sites: Sequence[Row]) -> str:
    """Say what the picture shows: in how many rounds each site is, and which rounds did not happen."""
    happened = {int(row["round"]) for row in rounds if str(row["outcome"]).startswith("closed")}
    counts = {plain(str(row["site"])): 0 for row in sites}
    for mark in marks:
        counts[mark["site"]] += mark["part"] == IN
    said = ", ".join(f"{site} in {n}" for site, n in counts.items())
    others = sorted({int(row["round"]) for row in rounds} - happened)
    ends = f" Rounds that did not happen: {', '.join(map(str, others))}." if others else ""
    return f"{len(happened)} rounds: {said}.{ends} The tables hold the same."
