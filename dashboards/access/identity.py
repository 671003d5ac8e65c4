"""Who sits at the desk now: whom it was started for, or whom the login names, with the role that was given them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

import streamlit as st

from affidavit.errors import PlanError
from affidavit.provenance import now
from dashboards.access.people import Person, Right, least_role
from dashboards.access.roles import Roles, read_roles
from dashboards.settings import DeskSettings

_SINCE: Final = "desk-session-began"


def whoever_is_here(settings: DeskSettings) -> Person:
    """Return who it is; a page is not drawn further for somebody who has to log in first, or who has no role."""
    if settings.login is None:
        if settings.person is None:
            raise PlanError(
                "nobody was named, and nobody logs in",
                slug="desk-not-started",
                where="the desk",
                remedy="start it with `affidavit dashboard`",
            )
        return settings.person
    if not st.user.is_logged_in:
        st.title("affidavit")
        st.button("Log in", type="primary", on_click=st.login)
        st.stop()
    _end_if_over(settings)
    person = _roles(settings.people or "", _stamp(settings.people)).person_of(dict(st.user))
    if person is None:
        st.title("affidavit")
        st.error(
            "You are logged in, and nobody gave you a role at this desk. Ask whoever keeps it.", icon=":material/lock:"
        )
        st.button("Log out", on_click=st.logout)
        st.stop()
    return person


def require(person: Person, right: Right) -> None:
    """Show nothing further to somebody who may not; say who may."""
    if not person.may(right):
        st.info(f"This page is for those who may {right}: from {least_role(right)} on. You are {person.role}.")
        st.stop()


def _end_if_over(settings: DeskSettings) -> None:
    """Log out whoever has been here longer than a session lasts, counted from their login."""
    moment = now()
    issued = st.user.get("iat")
    began = datetime.datetime.fromtimestamp(issued, datetime.UTC) if isinstance(issued, int | float) else None
    began = began or st.session_state.setdefault(_SINCE, moment)
    if moment - began > datetime.timedelta(minutes=settings.session_minutes):
        st.session_state.clear()
        st.logout()
        st.stop()


def _stamp(place: str | None) -> int:
    return Path(place).stat().st_mtime_ns if place else 0


@st.cache_resource(max_entries=2)
def _roles(place: str, stamp: int) -> Roles:
    """Read the file of roles; again when it changed, so that who leaves is out at the next click."""
    del stamp
    return read_roles(Path(place))
