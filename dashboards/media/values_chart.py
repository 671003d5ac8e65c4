"""What each piece of an input brings to a score, beside what the placebo gives it, modality by modality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.explanations import ValuedSpan
from reports.drawings.charts import INK, MARK, OTHER, inline
from reports.wording import plain

if TYPE_CHECKING:
    import altair as alt

ROW_PX: Final = 18
WIDTH_PX: Final = 520
_LONGEST: Final = 44
_TITLES: Final = {"text": "Words", "audio": "Sound", "video": "Pictures"}


def values_chart(spans: Sequence[ValuedSpan]) -> alt.VConcatChart:
    """Return bars of values, blue above zero and orange below, each with a tick where its placebo is."""
    import altair as alt

    numbers = [span.value for span in spans] + [span.placebo for span in spans if span.placebo is not None]
    scale = alt.Scale(domain=[min([0.0, *numbers]), max([0.0, *numbers])])
    modalities = list(dict.fromkeys(span.modality for span in spans))
    parts = [_one([span for span in spans if span.modality == name], name, scale) for name in modalities]
    whole: alt.VConcatChart = alt.vconcat(*parts, spacing=14)
    return whole


def _one(spans: Sequence[ValuedSpan], modality: str, scale: alt.Scale) -> Any:  # noqa: ANN401 - layers
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "span": f"{i + 1}. {told_span(span)}",
            "value": span.value,
            "placebo": span.placebo,
            "ink": MARK if span.value >= 0 else OTHER,
        }
        for i, span in enumerate(spans)
    ]
    base = alt.Chart(inline(rows)).encode(y=alt.Y("span:N", sort=[row["span"] for row in rows], title=None))
    x = alt.X("value:Q", scale=scale, title="brings to the score (nats); tick: placebo")
    bars = base.mark_bar(height=ROW_PX - 6).encode(x=x, color=alt.Color("ink:N", scale=None))
    ticks = base.mark_tick(color=INK, thickness=2, height=ROW_PX - 4).encode(x=alt.X("placebo:Q", scale=scale))
    title = _TITLES.get(modality, plain(modality))
    return alt.layer(bars, ticks).properties(width=WIDTH_PX, height=alt.Step(ROW_PX), title=title)


def told_span(span: ValuedSpan) -> str:
    """Return a piece of the input in words, with its seconds where it has some."""
    name = plain(span.name)
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    if span.start_s is None or span.end_s is None:
        return short
    return f"{short} ({span.start_s:.2f} to {span.end_s:.2f} s)"
