"""The records of the desk that is open: one book a process, and the version that somebody has before them on a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.records.book import RecordBook
from dashboards.records.conflicts import EditConflictError
from dashboards.records.entries import Entry, Subject
from dashboards.records.opening import open_book
from dashboards.settings import DeskSettings
from dashboards.showing.texts import as_markdown

_SEEN: Final = "records-seen"
_TOLD: Final = "records-told"
_CLASH: Final = "records-clash"


def book_of(settings: DeskSettings) -> RecordBook:
    """Return the records of a desk; they are opened once a process.

    Raises:
        PlanError: they cannot be opened, or a later affidavit wrote them.
    """
    return _opened(settings.workspace, settings.database)


@st.cache_resource(
    max_entries=4, show_spinner="Opening the records ...", on_release=lambda book: book.reading.dispose()
)
def _opened(workspace: str, database: str | None) -> RecordBook:
    return open_book(Path(workspace), database)


def seen_version(subject: Subject, latest: Entry | None) -> int:
    """Return the version that the page showed when it was drawn last, and remember the one that it shows now.

    A page is drawn anew at every click, the one that acts too: what counts is what the person had before them when they
    clicked. Ask once for a subject in each drawing.
    """
    shown: dict[str, int] = st.session_state.setdefault(_SEEN, {})
    now_there = 0 if latest is None else latest.version
    before = shown.get(_key(subject), now_there)
    shown[_key(subject)] = now_there
    return before


def look_again(subject: Subject) -> None:
    """Forget which version was shown: the page is about to show the one that stands there now."""
    st.session_state.get(_SEEN, {}).pop(_key(subject), None)


def _key(subject: Subject) -> str:
    return "\0".join((subject.kind, subject.about, subject.name))


def act_on(subject: Subject, act: Callable[[], Entry], *, done: str) -> None:
    """Do something to a subject and draw the page anew, with what was done or with who was first."""
    try:
        act()
        st.session_state[_TOLD] = done
    except EditConflictError as error:
        st.session_state[_CLASH] = str(error)
    look_again(subject)
    st.rerun()


def show_last_act() -> None:
    """Show, once, what the last act came to."""
    done: str | None = st.session_state.pop(_TOLD, None)
    clash: str | None = st.session_state.pop(_CLASH, None)
    if done is not None:
        st.toast(as_markdown(done), icon=":material/check:")
    if clash is not None:
        st.warning(as_markdown(clash), icon=":material/sync_problem:")
