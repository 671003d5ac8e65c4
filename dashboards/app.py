"""The app that Streamlit runs: who is here, which pages there are for them, and the page that is open.

An error for people ends the page with its words and what to do; anything else is written to the log of the desk, and
the page says that it happened and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from affidavit.errors import AffidavitError
from dashboards import ahead, idle
from dashboards.access.identity import require, whoever_is_here
from dashboards.access.people import Right
from dashboards.cohorts.bar import cohort_bar
from dashboards.seat import Seat
from dashboards.settings import current_settings
from dashboards.showing.texts import as_markdown, lines_as_markdown
from dashboards.views import PAGES, Page


def main() -> None:
    """Draw the page that is open."""
    st.set_page_config(page_title="affidavit", page_icon=":material/gavel:", layout="wide")
    settings = current_settings()
    seat = Seat(settings=settings, person=whoever_is_here(settings))
    allowed = [page for page in PAGES if seat.person.may(page.right)]
    pages = [
        st.Page(partial(_guarded, page, seat), title=page.title, icon=page.icon, url_path=page.path, default=not i)
        for i, page in enumerate(allowed)
    ]
    with st.sidebar:
        _who(seat)
    st.navigation(pages, position="sidebar").run()
    with st.sidebar:
        cohort_bar(seat)  # after the page, which does not wait for it
    _told(partial(ahead.count_ahead, seat))


def _guarded(page: Page, seat: Seat) -> None:
    """Draw one page for somebody who may see it."""
    require(seat.person, page.right)
    _told(partial(page.draw, seat))


def _told(draw: Callable[[], None]) -> None:
    try:
        draw()
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)), icon=":material/error:")


def _who(seat: Seat) -> None:
    bundle = seat.chosen()
    if bundle is not None:
        st.markdown(f"**{as_markdown(bundle.title)}**")
        st.caption(as_markdown(f"{bundle.decision}, {bundle.created_at[:10]}, {bundle.path.name}"))
    st.caption(as_markdown(f"{seat.person.name}, {seat.person.role}"))
    if seat.settings.login is not None:
        st.button("Log out", on_click=st.logout, key="log-out")
    if not seat.person.may(Right.READ_REPORTS):
        st.caption("You see what was made for release: small groups are withheld.")


with idle.drawing():
    main()
