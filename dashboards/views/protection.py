"""Privacy and federation: what was promised and spent, what attacks found, what it costs whom, who was in which round.

Everything here is the report's own section, with its pictures; nothing is counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.report import AuditReport
from dashboards.choosing.group_numbers import GroupNumbers, numbers_of
from dashboards.choosing.group_sheet import NOTHING_OPEN
from dashboards.cohorts.bar import current_cohort
from dashboards.cohorts.narrowing import groups_within
from dashboards.exporting.buttons import export_buttons
from dashboards.exporting.of_blocks import sheet_of_blocks
from dashboards.exporting.sheet import Grid, Sheet
from dashboards.seat import Seat
from dashboards.showing.blocks import show_block, show_blocks
from dashboards.workspace.opened import OpenedBundle
from reports.document import Block, Figure
from reports.drawings.federated_pictures import federated_pictures
from reports.drawings.privacy_pictures import privacy_pictures
from reports.sections.areas import Area
from reports.sections.tabulated import attached, records
from reports.wording import NOTHING, RAW, estimate_text, figures, metric_label, plain, scale_of

PAGE: Final = "privacy"
ACCOUNTS: Final = "privacy-accounts"
BOUND: Final = "epsilon_lower_bound"
"""In the name of what an attack showed, and of the most that it could have shown (its ceiling)."""
PRICE: Final = "price-of-privacy"
EPSILONS: Final = "Epsilon: accounted, and shown by attacks"
COSTS: Final = "What privacy costs, by group"
PICTURES_WITHHELD: Final = (
    "Ledgers entry by entry, curves of attacks and rounds are not in what was made for release: each step is somebody."
)
Line = Mapping[str, object]


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Privacy and federation")
    book = seat.opened()
    if book is None:
        st.info(NOTHING_OPEN, icon=":material/folder_open:")
        return
    cohort = current_cohort(book.report)
    promised, cost, rounds = st.tabs(["Promised and attacked", "What it costs, by group", "Federated rounds"])
    with promised:
        _promised(book)
        _take(seat, book, "promised", promised_sheet)
    with cost:
        _cost(book.report, cohort)
        _take(seat, book, "cost", partial(cost_sheet, cohort=cohort))
    with rounds:
        _rounds(book)
        _take(seat, book, "rounds", rounds_sheet)


def _take(seat: Seat, book: OpenedBundle, part: str, sheet_of: Callable[[OpenedBundle], Sheet | None]) -> None:
    sheet = sheet_of(book)
    if sheet is not None:
        export_buttons(seat, f"{PAGE}-{part}", sheet, sheet_of)


def promised_sheet(book: OpenedBundle) -> Sheet:
    """Return what was promised, spent and shown by attacks in one rendition of an audit."""
    figures_of = _privacy_figures(book.report.report_digest, book.report)
    lines = _epsilon_lines(book.report)
    return _sheet(book, EPSILONS, lines, (*figures_of, *book.section("privacy").blocks))


def cost_sheet(book: OpenedBundle, cohort: Cohort) -> Sheet | None:
    """Return what privacy costs each group in one rendition of an audit; None where that was not measured."""
    lines = _cost_lines(book.report, cohort)
    return _sheet(book, COSTS, lines, ()) if lines else None


def rounds_sheet(book: OpenedBundle) -> Sheet:
    """Return what is told of federated rounds in one rendition of an audit."""
    figures_of = _federated_figures(book.report.report_digest, book.report)
    return _sheet(book, "Federated rounds", (), (*figures_of, *book.section("federated-run").blocks))


def _sheet(book: OpenedBundle, title: str, lines: Sequence[Line], blocks: Sequence[Block]) -> Sheet:
    report = book.report
    told = (f"{report.title}; {report.marking}; report {report.report_digest}",)
    whole = sheet_of_blocks(title, told, blocks)
    own = (Grid(title=title, rows=tuple(lines), columns=tuple(lines[0])),) if lines else ()
    return Sheet(title=title, told=whole.told, grids=(*own, *whole.grids), drawings=whole.drawings)


def _promised(book: OpenedBundle) -> None:
    _epsilons(book.report)
    for figure in _privacy_figures(book.report.report_digest, book.report):
        show_block(figure)
    if book.released:
        st.caption(PICTURES_WITHHELD)
    show_blocks(book.section("privacy").blocks)


def _epsilons(report: AuditReport) -> None:
    """Show what ledgers account for beside what attacks on the same run showed: a lower bound and its ceiling."""
    lines = _epsilon_lines(report)
    if not lines:
        st.info("No ledger was read: nothing here may be called differential privacy. What was asked stands below.")
        return
    st.subheader(EPSILONS)
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="privacy-epsilons")
    if not any(BOUND in finding.metric for finding in report.findings):
        st.caption("No attack gave a lower bound: what was promised was not tried.")


def _epsilon_lines(report: AuditReport) -> Sequence[Line]:
    attacked = [f for f in report.findings if BOUND in f.metric and not f.groups and f.compared is None]
    lines: list[dict[str, object]] = [
        {
            "Run": plain(row["run"]),
            "What": "accounted: an upper bound",
            "Of": f"{plain(row['sites'])}, {plain(row['accountant'])}",
            "Epsilon": figures(row["epsilon"], RAW)
            if row["epsilon"] is not None
            else plain(row["why_none"] or NOTHING),
            "Delta": f"{row['delta']:g}" if row["delta"] is not None else NOTHING,
        }
        for row in records(attached(report, ACCOUNTS))
    ]
    lines += [
        {
            "Run": plain(finding.run),
            "What": metric_label(finding.metric),
            "Of": plain(finding.examination),
            "Epsilon": estimate_text(finding.estimate, scale_of(finding.metric)),
            "Delta": NOTHING,
        }
        for finding in attacked
    ]
    return [line for place, line in enumerate(lines) if line not in lines[:place]]


def _cost(report: AuditReport, cohort: Cohort) -> None:
    lines = _cost_lines(report, cohort)
    if not lines:
        st.info(
            "The price of privacy was not measured: it takes models trained with noise and without (`price-of-privacy`)"
        )
        return
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="privacy-price")


def _cost_lines(report: AuditReport, cohort: Cohort) -> Sequence[Line]:
    numbers = _numbers(report.report_digest, report)
    return [
        {
            "Run": plain(run),
            "Condition": plain(condition),
            "Number": metric_label(metric),
            "Group": plain(row["group"]),
            "Value": figures(row["value"], scale_of(metric)),
            "Low": figures(row["low"], scale_of(metric)),
            "High": figures(row["high"], scale_of(metric)),
            "Rows": row["n"],
            "Units": row["n_clusters"],
        }
        for run in numbers.runs
        for condition in numbers.conditions(run)
        for metric in numbers.metrics(run, condition)
        if numbers.exhibit_of(run, condition, metric) == PRICE or "price" in metric
        for row in groups_within(numbers.rows(run, condition, metric), cohort)
    ]


def _rounds(book: OpenedBundle) -> None:
    for figure in _federated_figures(book.report.report_digest, book.report):
        show_block(figure)
    show_blocks(book.section("federated-run").blocks)


@st.cache_resource(max_entries=8)
def _numbers(digest: str, _report: AuditReport) -> GroupNumbers:
    del digest
    return numbers_of(_report, (Area.PRIVACY,))


@st.cache_resource(max_entries=8, show_spinner="Drawing what was spent and what attacks found ...")
def _privacy_figures(digest: str, _report: AuditReport) -> tuple[Figure, ...]:
    del digest
    return tuple(privacy_pictures(_report))


@st.cache_resource(max_entries=8, show_spinner="Drawing the rounds ...")
def _federated_figures(digest: str, _report: AuditReport) -> tuple[Figure, ...]:
    del digest
    return tuple(federated_pictures(_report))
