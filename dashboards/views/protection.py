"""Privacy and federation: what was promised and spent, what attacks found, what it costs whom, who was in which round.

Everything here is the report's own section, with its pictures; nothing is counted again.
"""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from affidavit.report import AuditReport
from dashboards.choosing.group_numbers import numbers_of
from dashboards.choosing.group_sheet import NOTHING_OPEN
from dashboards.cohorts.bar import current_cohort
from dashboards.cohorts.narrowing import groups_within
from dashboards.seat import Seat
from dashboards.showing.blocks import show_block, show_blocks
from dashboards.workspace.opened import OpenedBundle
from reports.document import Figure
from reports.drawings.federated_pictures import federated_pictures
from reports.drawings.privacy_pictures import privacy_pictures
from reports.sections.areas import Area
from reports.sections.tabulated import attached, records
from reports.wording import NOTHING, RAW, estimate_text, figures, metric_label, plain, scale_of

ACCOUNTS: Final = "privacy-accounts"
BOUND: Final = "epsilon_lower_bound"
"""In the name of what an attack showed, and of the most that it could have shown (its ceiling)."""
PRICE: Final = "price-of-privacy"
PICTURES_WITHHELD: Final = (
    "Ledgers entry by entry, curves of attacks and rounds are not in what was made for release: each step is somebody."
)


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Privacy and federation")
    book = seat.opened()
    if book is None:
        st.info(NOTHING_OPEN, icon=":material/folder_open:")
        return
    promised, cost, rounds = st.tabs(["Promised and attacked", "What it costs, by group", "Federated rounds"])
    with promised:
        _promised(book)
    with cost:
        _cost(book.report)
    with rounds:
        _rounds(book)


def _promised(book: OpenedBundle) -> None:
    _epsilons(book.report)
    for figure in _privacy_figures(book.report.report_digest, book.report):
        show_block(figure)
    if book.released:
        st.caption(PICTURES_WITHHELD)
    show_blocks(book.section("privacy").blocks)


def _epsilons(report: AuditReport) -> None:
    """Show what ledgers account for beside what attacks on the same run showed: a lower bound and its ceiling."""
    accounts = records(attached(report, ACCOUNTS))
    attacked = [f for f in report.findings if BOUND in f.metric and not f.groups and f.compared is None]
    if not accounts and not attacked:
        st.info("No ledger was read: nothing here may be called differential privacy. What was asked stands below.")
        return
    st.subheader("Epsilon: accounted, and shown by attacks")
    lines = [
        {
            "Run": plain(row["run"]),
            "What": "accounted: an upper bound",
            "Of": f"{plain(row['sites'])}, {plain(row['accountant'])}",
            "Epsilon": figures(row["epsilon"], RAW)
            if row["epsilon"] is not None
            else plain(row["why_none"] or NOTHING),
            "Delta": f"{row['delta']:g}" if row["delta"] is not None else NOTHING,
        }
        for row in accounts
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
    st.dataframe(pd.DataFrame(lines).drop_duplicates(), hide_index=True, key="privacy-epsilons")
    if not attacked:
        st.caption("No attack gave a lower bound: what was promised was not tried.")


def _cost(report: AuditReport) -> None:
    numbers = numbers_of(report, (Area.PRIVACY,))
    cohort = current_cohort(report)
    lines = [
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
    if not lines:
        st.info(
            "The price of privacy was not measured: it takes models trained with noise and without (`price-of-privacy`)"
        )
        return
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="privacy-price")


def _rounds(book: OpenedBundle) -> None:
    for figure in _federated_figures(book.report.report_digest, book.report):
        show_block(figure)
    show_blocks(book.section("federated-run").blocks)


@st.cache_resource(max_entries=8, show_spinner="Drawing what was spent and what attacks found ...")
def _privacy_figures(digest: str, _report: AuditReport) -> tuple[Figure, ...]:
    del digest
    return tuple(privacy_pictures(_report))


@st.cache_resource(max_entries=8, show_spinner="Drawing the rounds ...")
def _federated_figures(digest: str, _report: AuditReport) -> tuple[Figure, ...]:
    del digest
    return tuple(federated_pictures(_report))
