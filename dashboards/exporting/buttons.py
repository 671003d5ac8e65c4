"""The buttons under a page that give what is on screen as a file; what leaves under disclosure control says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import streamlit as st

from affidavit.errors import AffidavitError
from dashboards.access.people import Person, Right, Role
from dashboards.exporting.files import as_csv, as_html, as_png
from dashboards.exporting.sheet import Sheet
from dashboards.seat import Seat
from dashboards.showing.texts import lines_as_markdown
from dashboards.workspace.opened import OpenedBundle, opened

SIDE_BY_SIDE: Final = 4
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
    files = _files(shown, name)
    for start in range(0, len(files), SIDE_BY_SIDE):
        columns = st.columns(SIDE_BY_SIDE)
        for column, file in zip(columns, files[start : start + SIDE_BY_SIDE], strict=False):
            _button(column, file, page)


class _File(NamedTuple):
    label: str
    content: Callable[[], bytes]
    name: str
    mime: str


def _files(sheet: Sheet, name: str) -> list[_File]:
    pictures = [
        _File(f"{one.name.capitalize()} (PNG)", partial(as_png, one), f"{name}-{one.name}.png", "image/png")
        for one in sheet.drawings
    ]
    table = _File("Table (CSV)", partial(as_csv, sheet), f"{name}.csv", "text/csv")
    page = _File("Page (HTML)", partial(as_html, sheet), f"{name}.html", "text/html")
    return [page, *([table] if sheet.grids else []), *pictures]


def _button(where: st.delta_generator.DeltaGenerator, file: _File, page: str) -> None:
    """Draw one button; its file is made when it is pressed."""
    key = f"{page}-take-{file.name}"
    where.download_button(
        file.label, data=file.content, file_name=file.name, mime=file.mime, key=key, on_click="ignore"
    )


def _released(seat: Seat, sheet_of: SheetOf) -> Sheet | None:
    """Return the sheet of what viewers of this audit see: one rendition for all, so that no two can be subtracted."""
    bundle = seat.chosen()
    if bundle is None:
        return None
    viewer = Person(name=seat.person.name, role=Role.VIEWER)
    try:
        return sheet_of(opened(bundle, viewer))
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)))
        return None
