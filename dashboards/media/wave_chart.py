"""The wave of an utterance with its cues below it, in the same seconds; a cue is told by sign, colour and word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from dashboards.media.marks import LOOKS, Verdict, marked
from dashboards.media.playing import Piece
from dashboards.media.timeline import Mark
from reports.drawings.charts import INK, MUTED, RULE, inline
from reports.wording import plain

if TYPE_CHECKING:
    import altair as alt

    from reports.drawings.charts import AnyLayers

EVIDENCE: Final = "◆ in the corpus"
"""How a cue that the corpus knows of is marked."""
WAVE_PX: Final = 110
LANE_PX: Final = 22
WIDTH_PX: Final = 860
_LONGEST: Final = 46


def wave_chart(pieces: Sequence[Piece], marks: Sequence[Mark]) -> alt.VConcatChart:
    """Return the picture; cues without seconds are not in it.

    Args:
        pieces: the envelope of the sound; empty where there is none to be drawn.
        marks: cues of the utterance.
    """
    import altair as alt

    placed = [mark for mark in marks if mark.placed]
    end_s = max([piece.end_s for piece in pieces] + [mark.end_s or 0.0 for mark in placed], default=1.0)
    scale = alt.Scale(domain=[0, max(end_s, 1e-3)], nice=False)
    parts = [
        *([_wave(pieces, placed, scale)] if pieces else []),
        *([_lanes(placed, scale)] if placed else []),
    ]
    whole: alt.VConcatChart = alt.vconcat(*parts, spacing=6).resolve_scale(x="shared", color="independent")
    return whole


def _wave(pieces: Sequence[Piece], placed: Sequence[Mark], scale: alt.Scale) -> AnyLayers:
    import altair as alt

    drawn = [{"at": (p.start_s + p.end_s) / 2, "low": p.low, "high": p.high} for p in pieces]
    loudest = max(max(abs(p.low), abs(p.high)) for p in pieces) or 1.0
    y = alt.Y("low:Q", title=None, axis=None, scale=alt.Scale(domain=[-loudest, loudest]))
    x = alt.X("at:Q", scale=scale, axis=alt.Axis(title=None, labels=False, ticks=False, grid=False))
    wave = alt.Chart(inline(drawn)).mark_area(color=INK, opacity=0.75).encode(x=x, y=y, y2="high:Q")
    heard = [_bar(mark) for mark in placed if mark.modality == "audio" and mark.verdict is not None]
    if not heard:
        return alt.layer(wave).properties(width=WIDTH_PX, height=WAVE_PX)
    spans = alt.Chart(inline(heard)).mark_rect(opacity=0.18)
    behind = spans.encode(x=alt.X("start:Q", scale=scale), x2="end:Q", color=alt.Color("ink:N", scale=None))
    return alt.layer(behind, wave).properties(width=WIDTH_PX, height=WAVE_PX)


def _lanes(placed: Sequence[Mark], scale: alt.Scale) -> AnyLayers:
    import altair as alt

    bars = [{**_bar(mark), "lane": i} for i, mark in enumerate(placed)]
    base = alt.Chart(inline(bars)).encode(
        x=alt.X("start:Q", scale=scale, title="seconds of the utterance"),
        y=alt.Y("lane:O", axis=None),
    )
    ruled = base.mark_bar(height=LANE_PX - 6, stroke=RULE).encode(
        x2="end:Q", color=alt.Color("ink:N", scale=None), opacity=alt.Opacity("opacity:Q", scale=None)
    )
    text = base.mark_text(align="left", dx=4, color=INK, fontSize=11, clip=False).encode(
        text="said:N", x=alt.X("left:Q", scale=scale)
    )
    width = {"width": WIDTH_PX, "height": alt.Step(LANE_PX)}
    return alt.layer(ruled, text).properties(**width)


def _bar(mark: Mark) -> dict[str, Any]:
    told = EVIDENCE if mark.verdict is None else marked(mark.verdict)
    ink = MUTED if mark.verdict is None else LOOKS[mark.verdict].ink
    return {
        "start": mark.start_s,
        "end": mark.end_s,
        "left": mark.start_s,
        "ink": ink,
        "opacity": 0.15 if mark.verdict in (None, Verdict.NOT_JUDGED) else 0.3,
        "said": f"{told}: {_short(plain(mark.quote))} ({plain(mark.modality)})",
    }


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
