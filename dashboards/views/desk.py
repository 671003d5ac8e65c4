"""The desk: which audits there are, what each came to, how it went over time, and what waits for a signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.plan import BuiltIn, built_in_plan
from dashboards.access.people import Right
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.views.run import board_of, watch
from dashboards.workspace.bundles import FoundBundle, same_line
from reports.drawings.trend_chart import trend_chart
from reports.sections.areas import TITLES, Area
from reports.wording import verdict_text

NOT_ASKED: Final = "–"
DEMONSTRATIONS: Final[Mapping[BuiltIn, tuple[str, str]]] = {
    "demo": (
        "Demonstrate on the clinic",
        "Trains small models, some of them at three hospitals under differential privacy, and audits them on synthetic "
        "patients: some ten minutes on two cores.",
    ),
    "simulated": (
        "Demonstrate on simulated listeners",
        "Trains nothing: audits a simulated table with planted faults in about a minute.",
    ),
}
"""What to press, and what then happens, of each plan that comes with affidavit."""


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
        "No audit is here yet. Start one under **New audit** (a table of predictions) or **Run** (a plan), or begin "
        "with a demonstration, which needs no data.",
        icon=":material/folder_open:",
    )
    st.caption(as_markdown(f"Looked for in: {', '.join(place.name for place in seat.places())}"))
    if seat.person.may(Right.RUN):
        _demonstrations(seat)


def _demonstrations(seat: Seat) -> None:
    """Offer the plans that come with affidavit, and show how far one is that was started."""
    for column, (name, (label, told)) in zip(st.columns(2), DEMONSTRATIONS.items(), strict=True):
        with column:
            if st.button(label, key=f"desk-{name}"):
                board_of(seat).start(built_in_plan(name), by=seat.person)
            st.caption(told)
    if board_of(seat).jobs():
        watch(seat)


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
        "Made": _made(bundle),
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
    audits = [(_made(one), {TITLES[area]: one.verdicts[area] for area in Area if area in one.verdicts}) for one in line]
    if not any(verdicts for _, verdicts in audits):
        st.caption("No audit of this title was held against a criterion: there is no verdict to follow.")
        return
    st.altair_chart(trend_chart(audits), key="desk-trend", theme=None, width="content")


def _made(bundle: FoundBundle) -> str:
    return bundle.created_at[:16].replace("T", " ")


def _unreadable(bundles: Sequence[FoundBundle]) -> None:
    if not bundles:
        return
    with st.expander(f"{len(bundles)} could not be read"):
        for bundle in bundles:
            st.markdown(f"- {as_markdown(bundle.path.name)}: {as_markdown(bundle.unreadable or '')}")
