"""Compare: what changed from an earlier audit, item by item where both tables are here, else unpaired and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.errors import AffidavitError
from affidavit.report import AuditReport
from dashboards.access.people import Person, Right, Role
from dashboards.choosing.group_sheet import NOTHING_OPEN
from dashboards.cohorts.bar import current_cohort
from dashboards.exporting.buttons import export_buttons
from dashboards.exporting.of_blocks import sheet_of_blocks
from dashboards.exporting.sheet import Sheet
from dashboards.seat import Seat
from dashboards.showing.blocks import show_blocks
from dashboards.showing.texts import as_markdown
from dashboards.workspace.bundles import FoundBundle
from dashboards.workspace.opened import OpenedBundle, opened
from dashboards.workspace.pairing import AT_ONCE, Side, missing_tables, paired, why_unpaired
from reports.document import Section
from reports.drawings.gallery import Gallery
from reports.papers.changes import Changes, changes_found, changes_since, is_comparison
from reports.papers.papers import without_papers
from reports.sections.case_file import CaseFile
from reports.sections.changes import changes_section
from reports.wording import plain

PAGE: Final = "compare"
NO_OTHER: Final = (
    "There is no other audit here to compare with. Name more bundles when the desk is started, or make a second audit. "
    "For differences item by item, compare the tables: `affidavit compare OLD NEW`."
)
PAIRED: Final = "Both tables are at this desk, so their items are compared one by one; the difference is new less old."
UNPAIRED: Final = "Compared as if both audits had met different people, for {why}."
OF_EVERYBODY: Final = "Cohort: everybody."
NOT_OF_A_COHORT: Final = "Changes are told of a cohort where both tables are compared item by item."
FOR_VIEWERS: Final = "what is released holds no items, and nothing is examined beside a release"
BRING: Final = (
    "the table of {who} is not at this desk. Put it into the workspace, or start the desk with its folder, and the "
    "items are compared one by one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two audits as one person may see them."""

    now: OpenedBundle
    earlier: OpenedBundle
    name: str
    """What the earlier one is called."""


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Compare")
    now, book = seat.chosen(), seat.opened()
    if now is None or book is None:
        st.info(NOTHING_OPEN, icon=":material/folder_open:")
        return
    others = [one for one in seat.bundles() if one.unreadable is None and one.path != now.path]
    if not others:
        st.info(NO_OTHER)
        return
    earlier = _chosen(others, now)
    pair = _Pair(now=book, earlier=opened(earlier, seat.person), name=earlier.path.name)
    section, of = _compared(seat, pair, current_cohort(book.report))
    st.caption(as_markdown(of))
    show_blocks(section.blocks)
    export_buttons(seat, PAGE, _sheet(section, pair, of), partial(_unpaired_sheet, earlier=earlier))


def _compared(seat: Seat, pair: _Pair, cohort: Cohort) -> tuple[Section, str]:
    """Return what changed, item by item where that can be, and of whom; say which it is."""
    everybody = OF_EVERYBODY if cohort.everybody else f"{OF_EVERYBODY} {NOT_OF_A_COHORT}"
    if is_comparison(pair.now.report, pair.earlier.report):
        return _changes(pair), everybody  # `affidavit compare` made it of both tables
    sides = None
    why: str | None = FOR_VIEWERS
    if seat.person.may(Right.READ_REPORTS):
        sides = _sides(pair)
        why = _why_not(seat, *sides)
    if sides is None or why is not None:
        st.caption(as_markdown(UNPAIRED.format(why=why)))
        return _changes(pair), everybody
    try:
        found = paired(*sides, cohort, _places(seat))
    except AffidavitError as error:
        st.caption(as_markdown(UNPAIRED.format(why=f"items could not be compared: {_reason(error)}")))
        return _changes(pair), everybody
    st.caption(PAIRED)
    return _found(found.report_digest, pair.now.report, found), f"Cohort: {cohort.told()}."


def _reason(error: AffidavitError) -> str:
    return f"{error.what} ({error.found})" if error.found else error.what


def _why_not(seat: Seat, now: Side, earlier: Side) -> str | None:
    """Return why two runs are not compared item by item here and now; None where they are."""
    why = why_unpaired(now, earlier)
    if why is not None:
        return why
    missing = missing_tables(now, earlier, _places(seat))
    if missing:
        return BRING.format(who=" and of ".join(f"“{side.report.title}”, run {side.run}" for side in missing))
    n_rows = now.n_rows + earlier.n_rows
    if n_rows > AT_ONCE and not st.toggle(f"Compare item by item: {n_rows:,} rows", key="compare-items"):
        return "nobody asked yet to compare their items, which takes a while with so many"
    return None


def _sides(pair: _Pair) -> tuple[Side, Side]:
    """Draw which runs are compared, where there is a choice, and return them: now, then earlier."""
    columns = st.columns(2)
    chosen: list[Side] = []
    for column, (book, label) in zip(columns, ((pair.now, "Run now"), (pair.earlier, "Run before")), strict=True):
        runs = [data.run for data in book.report.data]
        at = runs.index(chosen[0].run) if chosen and chosen[0].run in runs else 0
        key = f"compare-{label.replace(' ', '-').lower()}"
        run = runs[0] if len(runs) == 1 else column.selectbox(label, runs, index=at, format_func=plain, key=key)
        chosen.append(Side(report=book.report, run=run))
    return chosen[0], chosen[1]


def _places(seat: Seat) -> tuple[Path, ...]:
    return (*seat.places(), Path(seat.settings.workspace))


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


def _changes(pair: _Pair) -> Section:
    """Return the report's own section of changes, as if the earlier audit had been filed with it.

    Raises:
        PlanError: the numbers of both mean different things, or a comparison is of other tables.
    """
    now, earlier = pair.now.report, pair.earlier.report
    return _unpaired(now.report_digest, earlier.report_digest, now, earlier, pair.name)


@st.cache_resource(max_entries=16, show_spinner="Comparing every number that both audits have ...")
def _unpaired(digest: str, other: str, _report: AuditReport, _earlier: AuditReport, name: str) -> Section:
    del digest, other
    return _section(_report, changes_since(_report, _earlier, name=name))


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(comparison: str, _report: AuditReport, _comparison: AuditReport) -> Section:
    del comparison
    return _section(_report, changes_found(_comparison))


def _section(report: AuditReport, changes: Changes) -> Section:
    papers = replace(without_papers(report), changes=(changes,))
    return changes_section(CaseFile(report=report, papers=papers, gallery=Gallery())).section


def _sheet(section: Section, pair: _Pair, of: str) -> Sheet:
    told = tuple(
        f"{book.report.title}; {book.report.marking}; report {book.report.report_digest}"
        for book in (pair.now, pair.earlier)
    )
    return sheet_of_blocks(f"{pair.now.report.title}: changes", (*told, of), section.blocks)


def _unpaired_sheet(book: OpenedBundle, earlier: FoundBundle) -> Sheet:
    """Return what of the comparison may leave: that of both releases, in which nothing is paired."""
    viewer = Person(name="whoever reads a release", role=Role.VIEWER)
    pair = _Pair(now=book, earlier=opened(earlier, viewer), name=earlier.path.name)
    return _sheet(_changes(pair), pair, OF_EVERYBODY)
