"""The desk: which audits there are, what each came to, how it went over time, and what waits for a signature."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.bundles import FoundBundle, same_line
from reports.sections.areas import TITLES, Area
from reports.wording import verdict_text

NOT_ASKED = "–"


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Desk")
    bundles = seat.bundles()
    if not bundles:
        _nothing(seat)
        return
    readable = [bundle for bundle in bundles if bundle.unreadable is None]
    _waiting(readable)
    chosen = _list(readable)
    if chosen is not None:
        seat.choose(chosen)
        _trend(same_line(readable, chosen))
    _unreadable([bundle for bundle in bundles if bundle.unreadable is not None])


def _nothing(seat: Seat) -> None:
    st.info(
        "No audit is here yet. Start one under **New audit** (a table of predictions) or **Run** (a plan), or open the "
        "demonstration, which takes a few minutes and needs no data.",
        icon=":material/folder_open:",
    )
    st.caption(as_markdown(f"Looked for in: {', '.join(place.name for place in seat.places())}"))


def _waiting(bundles: Sequence[FoundBundle]) -> None:
    waiting = [bundle for bundle in bundles if bundle.waits_for]
    left, middle, right = st.columns(3)
    left.metric("Audits", len(bundles))
    middle.metric("Failed", sum(bundle.decision == "fail" for bundle in bundles))
    right.metric("Wait for a signature", len(waiting))


def _list(bundles: Sequence[FoundBundle]) -> FoundBundle | None:
    st.subheader("Audits")
    frame = pd.DataFrame([_row(bundle) for bundle in bundles])
    picked = st.dataframe(frame, hide_index=True, on_select="rerun", selection_mode="single-row", key="desk-audits")
    rows = picked["selection"]["rows"]
    st.caption("Choose a row to open it on every page. A verdict is the worst that any criterion met in its area.")
    return bundles[rows[0]] if rows else None


def _row(bundle: FoundBundle) -> dict[str, object]:
    return {
        "Audit": bundle.title,
        "Decision": bundle.decision,
        "Made": bundle.created_at[:16].replace("T", " "),
        **{TITLES[area]: _verdict(bundle, area) for area in Area if area is not Area.CHANGES},
        "Open": bundle.open_questions,
        "Signed by": ", ".join(bundle.signed_by) or "nobody",
        "Waits for": ", ".join(bundle.waits_for) or "nobody",
        "Where": bundle.path.name,
    }


def _verdict(bundle: FoundBundle, area: Area) -> str:
    verdict = bundle.verdicts.get(area)
    return NOT_ASKED if verdict is None else verdict_text(verdict)


def _trend(line: Sequence[FoundBundle]) -> None:
    st.subheader("Over audits of this title")
    if len(line) < 2:
        st.caption("There is one audit of this title. A second one makes a trend; `Compare` then tells what changed.")
        return
    frame = pd.DataFrame(
        [
            {"Made": one.created_at[:16].replace("T", " "), "Area": TITLES[area], "Verdict": _verdict(one, area)}
            for one in line
            for area in Area
            if area in one.verdicts
        ]
    )
    if frame.empty:
        st.caption("No audit of this title was held against a criterion: there is no verdict to follow.")
        return
    st.dataframe(frame.pivot_table(index="Area", columns="Made", values="Verdict", aggfunc="first"), key="desk-trend")


def _unreadable(bundles: Sequence[FoundBundle]) -> None:
    if not bundles:
        return
    with st.expander(f"{len(bundles)} could not be read"):
        for bundle in bundles:
            st.markdown(f"- {as_markdown(bundle.path.name)}: {as_markdown(bundle.unreadable or '')}")
