"""Compare: what changed from an earlier audit, paired where `affidavit compare` met the same items, else unpaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from affidavit.report import AuditReport
from dashboards.choosing.group_sheet import NOTHING_OPEN
from dashboards.seat import Seat
from dashboards.showing.blocks import show_blocks
from dashboards.workspace.bundles import FoundBundle
from dashboards.workspace.opened import OpenedBundle, opened
from reports.document import Section
from reports.drawings.gallery import Gallery
from reports.papers.changes import changes_since
from reports.papers.papers import without_papers
from reports.sections.case_file import CaseFile
from reports.sections.changes import changes_section
from reports.wording import plain

PAGE: Final = "compare"
NO_OTHER: Final = (
    "There is no other audit here to compare with. Name more bundles when the desk is started, or make a second audit. "
    "For differences item by item, compare the tables: `affidavit compare OLD NEW`."
)
HOW: Final = (
    "An earlier audit is compared as if both had met different people, for a bundle holds no rows. A bundle that "
    "`affidavit compare` made of both tables is paired by its items, and its differences are taken over as they are."
)


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Compare")
    now = seat.chosen()
    book = seat.opened()
    if now is None or book is None:
        st.info(NOTHING_OPEN, icon=":material/folder_open:")
        return
    others = [one for one in seat.bundles() if one.unreadable is None and one.path != now.path]
    if not others:
        st.info(NO_OTHER)
        return
    st.caption(HOW)
    earlier = _chosen(others, now)
    section = _changes(book, opened(earlier, seat.person), earlier.path.name)
    show_blocks(section.blocks)


def _chosen(others: Sequence[FoundBundle], now: FoundBundle) -> FoundBundle:
    """Return the audit to compare with: at first the one of the same title that was made last before."""
    names = {
        f"{one.title}, {one.created_at[:16].replace('T', ' ')}, {one.path.name} {one.digest[7:15]}": one
        for one in others
    }
    options = list(names)
    before = [name for name, one in names.items() if one.title == now.title and one.created_at < now.created_at]
    at = options.index(before[0]) if before else 0
    return names[st.selectbox("With", options, index=at, format_func=plain, key="compare-with")]


def _changes(book: OpenedBundle, earlier: OpenedBundle, name: str) -> Section:
    """Return the report's own section of changes, as if the earlier audit had been filed with it.

    Raises:
        PlanError: the numbers of both mean different things, or a comparison is of other tables.
    """
    return _section(book.report.report_digest, earlier.report.report_digest, book.report, earlier.report, name)


@st.cache_resource(max_entries=16, show_spinner="Comparing every number that both audits have ...")
def _section(digest: str, other: str, _report: AuditReport, _earlier: AuditReport, name: str) -> Section:
    del digest, other
    changes = changes_since(_report, _earlier, name=name)
    papers = replace(without_papers(_report), changes=(changes,))
    return changes_section(CaseFile(report=_report, papers=papers, gallery=Gallery())).section
