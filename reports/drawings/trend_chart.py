"""Verdicts per area over audits in their order, in the Altair grammar: a lane for each area, a tile for each audit.

Laws: as in `charts`; a verdict is a word on its tile, and an area that an audit was not held against stays empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.records import Verdict
from reports.drawings.charts import INK, MARK, OTHER, RULE, inline
from reports.ordering import distinct
from reports.wording import plain, verdict_text

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

TILE_PX: Final = 112
LANE_PX: Final = 30
_TINTS: Final[Mapping[Verdict, tuple[str, float]]] = {
    Verdict.PASS: (MARK, 0.15),
    Verdict.FAIL: (OTHER, 0.48),
    Verdict.INCONCLUSIVE: (OTHER, 0.15),
    Verdict.INFORMATIVE: (RULE, 0.3),
}


def trend_chart(audits: Sequence[tuple[str, Mapping[str, Verdict]]]) -> AnyLayers:
    """Return a lane for each area that any audit was held against, audits from left to right as given.

    Args:
        audits: when each was made, in words, and area to the worst verdict of it. Two made at one moment are numbered.
    """
    import altair as alt

    moments = _told_apart([plain(made) for made, _ in audits])
    drawn = [
        _tile(made, plain(area), verdict)
        for made, (_, verdicts) in zip(moments, audits, strict=True)
        for area, verdict in verdicts.items()
    ]
    lanes = distinct(row["area"] for row in drawn)
    base = alt.Chart(inline(drawn)).encode(
        x=alt.X("made:N", sort=moments, scale=alt.Scale(domain=moments), title="Audit made", axis=_axis("top")),
        y=alt.Y("area:N", sort=lanes, title=None, axis=_axis("left")),
    )
    tiles = base.mark_rect(stroke=RULE).encode(
        fill=alt.Fill("colour:N", scale=None), fillOpacity=alt.FillOpacity("tint:Q", scale=None)
    )
    words = base.mark_text(color=INK, fontSize=12).encode(text="verdict:N")
    return alt.layer(tiles, words).properties(width=alt.Step(TILE_PX), height=alt.Step(LANE_PX))


def _tile(made: str, area: str, verdict: Verdict) -> dict[str, Any]:
    colour, tint = _TINTS[verdict]
    return {"made": made, "area": area, "verdict": verdict_text(verdict), "colour": colour, "tint": tint}


def _told_apart(moments: Sequence[str]) -> list[str]:
    """Return moments with a number behind those that stand there more than once."""
    return [
        made if moments.count(made) == 1 else f"{made} ({moments[: at + 1].count(made)})"
        for at, made in enumerate(moments)
    ]


def _axis(side: str) -> alt.Axis:
    import altair as alt

    return alt.Axis(orient=side, labelAngle=0, labelLimit=260, ticks=False, domain=False)  # type: ignore[arg-type]
