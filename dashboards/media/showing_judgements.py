"""Whose utterance it is, and what was judged of it under every condition, as elements of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.predictions import Predictions
from dashboards.media.judged import JudgedUtterance, Row
from dashboards.media.shares_chart import shares_chart
from dashboards.showing.texts import as_markdown
from reports.wording import plain

_RIGHT: Final[Mapping[bool | None, str]] = {True: "✓ as the truth", False: "✗ another than the truth", None: ""}


def show_whose(whom: JudgedUtterance) -> None:
    """Show its name, its unit, and the features that the audit compared, and no other."""
    st.subheader(as_markdown(plain(whom.utterance_id)))
    told = [f"unit {plain(whom.unit)}"] if whom.unit is not None else []
    told += [f"{plain(feature)} {plain(level)}" for feature, level in whom.groups.items()]
    st.caption(as_markdown(", ".join(told) or "Nobody is named, and the audit compared no groups."))


def show_judgements(predictions: Predictions, whom: JudgedUtterance) -> None:
    """Show truth, answer and shares under every condition, and those that nobody judged."""
    st.subheader("Judgements")
    chart = shares_chart(whom)
    if chart is not None:
        st.altair_chart(chart, key="utterance-shares", theme=None)
        st.caption(
            "Share of each label in percent, under each condition; ● is the answer. T words, A sound, V pictures."
        )
    why = _why_not(predictions, whom.utterance_id)
    rows = [_told(row) for row in whom.rows]
    rows += [{"Condition": name, "Answer": f"not judged{why.get(name, '')}"} for name in whom.lacking]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="utterance-judgements")
    if whom.lacking:
        st.caption(
            as_markdown(f"Not judged under {', '.join(whom.lacking)}; where its model is here it can be asked below.")
        )


def _told(row: Row) -> dict[str, str | float]:
    shares = {f"P({plain(label)})": share for label, share in row.probabilities.items()}
    values = {plain(name): value for name, value in row.values.items()}
    return {
        "Condition": plain(row.condition),
        "Truth": plain(row.truth or ""),
        "Answer": plain(row.answer or ""),
        "": _RIGHT[row.right],
        **shares,
        **values,
        "Instruction": plain(row.instruction),
    }


def _why_not(predictions: Predictions, utterance_id: str) -> dict[str, str]:
    """Return condition to why it was not judged, as the reasoner said."""
    side = predictions.side_tables.get("unjudged")
    rows = [] if side is None else side.to_pylist()
    return {row["condition"]: f": {plain(row['because'] or '')}" for row in rows if row["utterance_id"] == utterance_id}
