"""The buttons under a page that give what is on screen as a file; what leaves under disclosure control says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import streamlit as st

from affidavit.errors import AffidavitError
from dashboards.access.people import Person, Right, Role
from dashboards.exporting.files import as_csv, as_html, as_png
from dashboards.exporting.sheet import Sheet
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.opened import OpenedBundle, opened
from reports.wording import plain

SheetOf = Callable[[OpenedBundle], Sheet | None]
INTERNAL: Final = "These files hold small groups and are for inside the house. For outside, choose “releasable”."
RELEASED: Final = (
    "These files hold what may leave: small groups, and what they follow from, are withheld in all of them."
)
NOTHING_LEFT: Final = "Nothing of this may leave: the release has no number of it."


def export_buttons(seat: Seat, page: str, sheet: Sheet, sheet_of: SheetOf) -> None:
    """Draw the buttons.

    Args:
        seat: who asks, of which audit.
        page: starts every key and every name of a file.
        sheet: what is on screen.
        sheet_of: makes the same sheet of another rendition of the audit; None where that has nothing of it.
    """
    st.subheader("Take it with you")
    inside = seat.person.may(Right.READ_REPORTS)
    releasable = inside and st.checkbox("releasable", key=f"{page}-releasable")
    shown: Sheet | None = _released(seat, sheet_of) if releasable else sheet
    if shown is None:
        st.info(NOTHING_LEFT)
        return
    st.caption(INTERNAL if inside and not releasable else RELEASED)
    name = f"{page}-releasable" if releasable or not inside else page
    columns = st.columns(2 + len(shown.drawings))
    _button(columns[0], "Page (HTML)", partial(as_html, shown), f"{name}.html", "text/html", page)
    _button(columns[1], "Table (CSV)", partial(as_csv, shown), f"{name}.csv", "text/csv", page)
    for column, drawing in zip(columns[2:], shown.drawings, strict=True):
        label = f"{drawing.name.capitalize()} (PNG)"
        _button(column, label, partial(as_png, drawing), f"{name}-{drawing.name}.png", "image/png", page)


def _button(
    where: st.delta_generator.DeltaGenerator,
    label: str,
    content: Callable[[], bytes],
    file: str,
    mime: str,
    page: str,
) -> None:
    """Draw one button; its file is made when it is pressed."""
    where.download_button(label, data=content, file_name=file, mime=mime, key=f"{page}-take-{file}", on_click="ignore")


def _released(seat: Seat, sheet_of: SheetOf) -> Sheet | None:
    """Return the sheet of what viewers of this audit see: one rendition for all, so that no two can be subtracted."""
    bundle = seat.chosen()
    if bundle is None:
        return None
    viewer = Person(name=seat.person.name, role=Role.VIEWER)
    try:
        return sheet_of(opened(bundle, viewer))
    except AffidavitError as error:
        st.error(as_markdown(plain(str(error))))
        return None
