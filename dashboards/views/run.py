"""Runs: write a plan with what is wrong with it beside, start it, watch it, end it, go on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.composing.forms import put_in
from dashboards.composing.validated import Validated, validated
from dashboards.jobs.job import Job, State
from dashboards.jobs.starting import JobBoard
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown

_TEXT: Final = "run-plan"
_EVERY: Final = "2s"
_BEGINNING: Final = """title: A first look at the clinic
runs:
  simulated:
    reasoner: {name: simulator, options: {n_speakers: 60}}
by: [accent, age]
examinations: [performance, worst-group]
"""
_GOES_ON: Final = (State.WAITING, State.RUNNING, State.ENDING)


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Run")
    left, right = st.columns(2, gap="large")
    with left:
        told = _compose(seat)
    with right:
        st.subheader("Put in")
        put_in(_TEXT)
    if told.plan is not None and not told.faults and st.button("Start", type="primary", key="run-start"):
        job = board_of(seat).start(told.plan, by=seat.person)
        st.toast(as_markdown(f"Started {job.name}"))
    watch(seat)


def board_of(seat: Seat) -> JobBoard:
    """Return the runs of this desk."""
    return JobBoard(Path(seat.settings.workspace) / "runs")


def _compose(seat: Seat) -> Validated:
    st.subheader("Plan")
    written = st.session_state.pop(f"{_TEXT}-new", None)  # what a form wrote before the page was drawn again
    if written is not None or _TEXT not in st.session_state:
        st.session_state[_TEXT] = written or _BEGINNING
    text = st.text_area(
        "The plan, in YAML (docs/plan.md)",
        height=480,
        key=_TEXT,
        help="Checked when you leave the field.",
    )
    told = validated(text, places=(*seat.places(), Path(seat.settings.workspace)))
    for fault in told.faults:
        st.error(as_markdown(fault), icon=":material/error:")
    if not told.faults:
        st.success("Nothing is wrong with this plan as far as reading it tells.", icon=":material/check:")
    return told


@st.fragment(run_every=_EVERY)
def watch(seat: Seat) -> None:
    """Show every run, how far it is, and what can be done with it; drawn again by itself while it is looked at."""
    st.subheader("Runs")
    jobs = board_of(seat).jobs()
    if not jobs:
        st.caption("No run was started at this desk yet.")
    for job in jobs:
        _one(seat, job)


def _one(seat: Seat, job: Job) -> None:
    note, state = job.note, job.state
    with st.container(border=True, key=f"run-{job.name}"):
        left, right = st.columns([5, 1])
        left.markdown(f"**{as_markdown(note.title)}** {state.value}")
        left.caption(as_markdown(f"{note.by}, {note.asked_at[:16].replace('T', ' ')}, {job.name}"))
        if state in _GOES_ON:
            _progress(job)
            right.button("Cancel", key=f"run-cancel-{job.name}", on_click=job.cancel, disabled=state is State.ENDING)
        if state in (State.CANCELLED, State.KILLED, State.FAILED):
            right.button("Go on", key=f"run-on-{job.name}", on_click=board_of(seat).go_on, args=(job,))
        if state in (State.FAILED, State.KILLED):
            st.code(job.told()[-2000:] or "It said nothing.", language=None)
        if state is State.DONE:
            st.caption("Its report is on the desk.")


def _progress(job: Job) -> None:
    step = job.step
    if step is None:
        return
    if step.share is None:
        st.caption(as_markdown(step.what))
    else:
        st.progress(step.share, text=as_markdown(f"{step.what}: {step.done:,} of {step.total:,}"))
