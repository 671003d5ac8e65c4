"""Probabilities of every label under every condition as tiles; a condition that was not judged says so in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from dashboards.media.judged import JudgedUtterance, Row
from reports.drawings.charts import INK, MARK, MUTED, inline
from reports.drawings.tiles import tint
from reports.wording import PERCENT, figures, plain

if TYPE_CHECKING:
    from reports.drawings.charts import AnyLayers

NOT_JUDGED: Final = "not judged"
_ANSWER: Final = "●"
"""Stands before the share of the label that was answered."""


def shares_chart(whom: JudgedUtterance) -> AnyLayers | None:
    """Return the picture of an utterance's first judgement under each condition; None where there are no shares."""
    import altair as alt

    first = first_rows(whom.rows)
    labels = list(next((row.probabilities for row in first if row.probabilities), {}))
    if not labels:
        return None
    conditions = [row.condition for row in first] + list(whom.lacking)
    tiles = [_tile(row, label) for row in first for label in labels]
    lacking = [{"condition": name, "label": plain(labels[0]), "said": NOT_JUDGED} for name in whom.lacking]
    x = alt.X("label:N", sort=list(map(plain, labels)), title=None, axis=alt.Axis(orient="top", labelAngle=0))
    y = alt.Y("condition:N", sort=list(map(plain, conditions)), title=None)
    base = alt.Chart(inline(tiles)).encode(x=x, y=y)
    layers: list[Any] = [
        base.mark_rect(color=MARK).encode(opacity=alt.Opacity("tint:Q", scale=None)),
        base.mark_text(color=INK, fontSize=12).encode(text="said:N"),
    ]
    if lacking:
        layers.append(alt.Chart(inline(lacking)).mark_text(color=MUTED, fontSize=11).encode(x=x, y=y, text="said:N"))
    return alt.layer(*layers).properties(width=alt.Step(86), height=alt.Step(28))


def first_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the first judgement under each condition, in order."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.condition, row)
    return list(found.values())


def _tile(row: Row, label: str) -> dict[str, Any]:
    share = row.probabilities.get(label)
    said = "" if share is None else figures(share, PERCENT)
    answered = label == row.answer
    return {
        "condition": plain(row.condition),
        "label": plain(label),
        "said": f"{_ANSWER} {said}".strip() if answered else said,
        "tint": 0.0 if share is None else tint(share),
    }
