"""The cohort bar in the sidebar: build, name, save, choose and delete; every page asks `current_cohort`.

What is done here is done before the page is drawn again, so the page and the bar always speak of the same people.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import streamlit as st
from pydantic import ValidationError

from affidavit.cohorts import Cohort
from affidavit.errors import AffidavitError
from affidavit.report import AuditReport
from dashboards.access.people import Right
from dashboards.cohorts.narrowing import fits, known_levels
from dashboards.cohorts.saved import SavedCohorts
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown, lines_as_markdown
from reports.wording import plain

EVERYBODY: Final = Cohort(name="Everybody")
UNNAMED: Final = "not saved"
_COHORT: Final = "seat-cohort"
_SAID: Final = "cohort-said"
_NAME: Final = "cohort-name"
_CHOSEN: Final = "cohort-chosen"
WHAT_IT_SHOWS: Final = (
    "Fairness examines the cohort anew, Compare the rows of its people, and so does Faithfulness when you want it, "
    "where this machine has what was counted, or the audited tables. Elsewhere the groups are shown that lie in it as "
    "a whole, with the numbers of the report; no number is put together from parts."
)
TO_A_VIEWER: Final = (
    "The groups are shown that lie in the cohort as a whole, as they were released; nothing is examined beside a "
    "release."
)
FOR_EVERYBODY: Final = "Chance level, detectable effect and verdicts of the report are of everybody, not of a cohort."


def current_cohort(report: AuditReport) -> Cohort:
    """Return the cohort that is looked at; everybody where the report knows none of its people."""
    cohort = _kept()
    return cohort if fits(cohort, report) else EVERYBODY


def cohort_bar(seat: Seat) -> None:
    """Draw the bar, for the audit that is open; nothing where there is none, or none that can be read."""
    try:
        book = seat.opened()
    except AffidavitError:
        return  # the page says why
    if book is None:
        return
    known = known_levels(book.report)
    st.divider()
    st.markdown("**Cohort**")
    if not known:
        st.caption("This audit compared no groups, so there is no feature to build a cohort from.")
        return
    shelf = SavedCohorts(workspace=Path(seat.settings.workspace), person=seat.person.name)
    current = current_cohort(book.report)
    _told(current)
    try:
        saved = shelf.all()
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)))
        return
    _choosing(saved, current, shelf)
    _building(known, current, shelf)
    inside = seat.person.may(Right.READ_REPORTS)
    st.caption(f"{WHAT_IT_SHOWS if inside else TO_A_VIEWER} {FOR_EVERYBODY}")
    _say()


def _told(current: Cohort) -> None:
    kept = _kept()
    if kept != current:
        st.caption(as_markdown(f"{kept.name}: this audit does not know {kept.told()}. Everybody is shown."))
    st.caption(as_markdown(current.told().capitalize() if current.everybody else current.told()))


def _choosing(saved: tuple[Cohort, ...], current: Cohort, shelf: SavedCohorts) -> None:
    names = [EVERYBODY.name, *(cohort.name for cohort in saved)]
    if current not in (EVERYBODY, *saved):
        names.append(UNNAMED)
    at = names.index(current.name) if current.name in names else len(names) - 1
    st.session_state[_CHOSEN] = names[at]
    st.selectbox("Look at", names, key=_CHOSEN, format_func=plain, on_change=_choose, args=(saved,))
    if current in saved:
        st.button("Delete this cohort", key="cohort-delete", on_click=_delete, args=(shelf, current.name))


def _building(known: Mapping[str, tuple[str, ...]], current: Cohort, shelf: SavedCohorts) -> None:
    with st.expander("Build a cohort"), st.form("cohort-form"):
        for place, (feature, levels) in enumerate(known.items()):
            chosen = [level for level in current.levels.get(feature, ()) if level in levels]
            st.multiselect(
                plain(feature).replace("[", "(").replace("]", ")"),
                levels,
                default=chosen,
                format_func=plain,
                key=_level_key(place, current),
                placeholder="all of them",
            )
        st.text_input("Name", key=_NAME, max_chars=80, placeholder="to save it under")
        features = tuple(known)
        st.form_submit_button("Look at it", key="cohort-use", on_click=_use, args=(features, current))
        st.form_submit_button("Save it", key="cohort-save", on_click=_save, args=(features, current, shelf))


def _level_key(place: int, current: Cohort) -> str:
    """Return a key that is another one for another cohort, so that the widget starts from that cohort."""
    return f"cohort-feature-{place}-{current.told()}"


def _built(features: tuple[str, ...], current: Cohort, name: str) -> Cohort:
    chosen = {
        feature: tuple(st.session_state.get(_level_key(place, current), ())) for place, feature in enumerate(features)
    }
    return Cohort(name=name, levels={feature: levels for feature, levels in chosen.items() if levels})


def _use(features: tuple[str, ...], current: Cohort) -> None:
    built = _built(features, current, UNNAMED)
    _keep(EVERYBODY if built.everybody else built)


def _save(features: tuple[str, ...], current: Cohort, shelf: SavedCohorts) -> None:
    name = " ".join(str(st.session_state.get(_NAME, "")).split())
    if not name or name.casefold() in {EVERYBODY.name.casefold(), UNNAMED}:
        _note(f"Give the cohort a name of its own; {EVERYBODY.name} and “{UNNAMED}” are taken.")
        return
    built = _built(features, current, name)
    if built.everybody:
        _note("Choose a level first: a cohort of everybody needs no name.")
        return
    try:
        shelf.save(built)
    except AffidavitError as error:
        _note(str(error))
        return
    _keep(built)


def _delete(shelf: SavedCohorts, name: str) -> None:
    try:
        shelf.delete(name)
    except AffidavitError as error:
        _note(str(error))
        return
    _keep(EVERYBODY)


def _choose(saved: tuple[Cohort, ...]) -> None:
    name = st.session_state[_CHOSEN]
    if name != UNNAMED:
        _keep(next((cohort for cohort in saved if cohort.name == name), EVERYBODY))


def _keep(cohort: Cohort) -> None:
    st.session_state[_COHORT] = cohort.model_dump_json()


def _kept() -> Cohort:
    kept = st.session_state.get(_COHORT)
    try:
        return EVERYBODY if kept is None else Cohort.model_validate_json(kept)
    except ValidationError:
        return EVERYBODY


def _note(said: str) -> None:
    st.session_state[_SAID] = said


def _say() -> None:
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        st.warning(as_markdown(said))
