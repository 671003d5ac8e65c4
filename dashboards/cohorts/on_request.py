"""What is made of rows is examined anew of a cohort when somebody wants it: the table is read for it.

Laws: nothing is read before it is wanted; whoever is shown the release is offered nothing beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.access.people import Right
from dashboards.choosing.choice import Choice
from dashboards.choosing.group_numbers import GroupNumbers
from dashboards.cohorts.asking import Answer, asked_of_rows, question_of
from dashboards.cohorts.bar import current_cohort
from dashboards.seat import Seat
from dashboards.workspace.opened import OpenedBundle
from dashboards.workspace.rows import likely_tables, predictions_of

_WANTED: Final = "cohorts-examined-by-rows"


def rows_examined(seat: Seat, book: OpenedBundle, numbers: GroupNumbers, choice: Choice) -> Answer | None:
    """Return what the examination behind a choice says of the rows of the cohort that is chosen.

    None for everybody, who are in the report; before somebody wants it, for which a button is drawn; and where no table
    of the run is at this desk.
    """
    cohort, report = current_cohort(book.report), book.report
    data = next((one for one in report.data if one.run == choice.run), None)
    told = choice.run in report.plan.runs and bool(numbers.rows(choice.run, choice.condition, choice.metric))
    if cohort.everybody or data is None or not told or not _may(seat, book):
        return None
    places = (*seat.places(), Path(seat.settings.workspace))
    examination = numbers.examination_of(choice.run, choice.condition, choice.metric)
    question = question_of(report, examination, choice.condition, cohort)
    wanted: set[tuple[str, str]] = st.session_state.setdefault(_WANTED, set())
    if (report.report_digest, question.key) not in wanted:
        if next(likely_tables(data, places), None) is None:
            return None
        reads = f"Examine the rows of this cohort anew: reads the table of {data.n_rows:,} rows"
        if not st.button(reads, key="cohort-by-rows", icon=":material/groups:"):
            return None
        wanted.add((report.report_digest, question.key))
    predictions = predictions_of(report, choice.run, places)
    if predictions is None:
        st.info(
            "No file here is the table that was audited; the groups of the report that lie in the cohort are shown."
        )
        return None
    return asked_of_rows(predictions, report, question)


def _may(seat: Seat, book: OpenedBundle) -> bool:
    return not book.released and seat.person.may(Right.READ_REPORTS)
