"""A rationale with its cues marked by what evidence says of them, as elements of a page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboards.media.judged import JudgedUtterance, Row
from dashboards.media.marked_text import as_marked_markdown
from dashboards.media.marks import LOOKS, marked
from dashboards.media.verdicts import Verdicts
from dashboards.showing.texts import as_markdown
from reports.wording import plain


def choose_rationale(whom: JudgedUtterance) -> Row | None:
    """Return the judgement whose rationale is read: of the condition that somebody chose, the fullest first."""
    told = [row for row in whom.rows if row.rationale and row.rationale.strip()]
    st.subheader("Rationale")
    if not told:
        st.caption("The table holds no rationale of this utterance.")
        return None
    place = st.selectbox(
        "Of the judgement under",
        range(len(told)),
        format_func=lambda i: plain(", ".join(filter(None, (told[i].condition, told[i].instruction)))),
        key=f"utterance-rationale-{whom.utterance_id}",
    )
    return told[place or 0]


def show_plain(row: Row | None) -> None:
    """Show a rationale by itself."""
    if row is not None:
        with st.container(border=True):
            st.markdown(as_marked_markdown(row.rationale or "", ()))


def show_held(row: Row | None, verdicts: Verdicts) -> None:
    """Show a rationale with its cues marked, and every cue below it."""
    if row is None:
        return
    cues = verdicts.of(row)
    with st.container(border=True):
        st.markdown(as_marked_markdown(row.rationale or "", cues))
    st.caption(as_markdown("; ".join(f"{marked(verdict)}: {look.meaning}" for verdict, look in LOOKS.items())))
    if verdicts.refused is not None:
        st.info(as_markdown(f"No cue was judged: {verdicts.refused}."), icon=":material/rule:")
        return
    if not cues:
        st.caption("It states no cue that can be read: nothing is held against evidence.")
        return
    distinct = {(cue.aspect, cue.cue, cue.denied, cue.verdict): cue for cue in cues}.values()
    told = [
        {
            "Evidence says": marked(cue.verdict),
            "Aspect": cue.aspect,
            "Cue": plain(cue.cue),
            "The rationale": "denies it" if cue.denied else "states it",
        }
        for cue in distinct
    ]
    st.dataframe(pd.DataFrame(told), hide_index=True, key="utterance-cues")
    asked = "as the audit did" if verdicts.in_report else "which the audit did not ask"
    st.caption(f"Held against evidence now, by cue-grounding, {asked}. What is there need not be why it answered so.")
