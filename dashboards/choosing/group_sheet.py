"""A metric by group as pages show it: a picture with every interval, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.report import AuditReport
from dashboards.choosing.choice import Choice
from dashboards.choosing.group_numbers import Row
from dashboards.cohorts.bar import FOR_EVERYBODY
from dashboards.cohorts.narrowing import same_people
from dashboards.exporting.files import standing_alone
from dashboards.exporting.sheet import Drawing, Sheet, drawing_named
from dashboards.showing.texts import as_markdown
from dashboards.workspace.opened import OpenedBundle
from reports.drawings.charts import forest_chart, summary_of
from reports.drawings.gallery import verdicts_of
from reports.wording import metric_label, scale_of

FOREST: Final = "groups"
NOTHING_OPEN: Final = "No audit is open. Choose one on the desk, or start one under **New audit**."


def told_lines(book: OpenedBundle, rows: Sequence[Row], cohort: Cohort) -> tuple[str, ...]:
    """Return what has to be known of numbers: of which report, of whom, and what is not of them."""
    own = any(same_people(row, cohort) for row in rows)
    return (
        f"{book.report.title}; {book.report.marking}; report {book.report.report_digest}",
        f"Cohort: {cohort.told()}.",
        *(() if cohort.everybody or own else ("The report has no number of this cohort as a whole.",)),
        *(() if cohort.everybody else (f"{FOR_EVERYBODY} “Everybody” is everybody of the audit.",)),
    )


def forest_drawing(report: AuditReport, rows: Sequence[Row], choice: Choice) -> Drawing:
    """Return the picture of all groups, not drawn yet."""
    verdicts = verdicts_of(report, choice.run, choice.condition, choice.metric)
    chart = forest_chart(rows, verdicts)
    return Drawing(name=FOREST, title=title_of(choice), description=summary_of(rows), chart=chart)


def title_of(choice: Choice) -> str:
    """Return what a picture of a choice is called."""
    return f"{metric_label(choice.metric)}, run {choice.run}, condition {choice.condition}"


def show_forest(sheet: Sheet) -> None:
    """Draw the picture of all groups, and what has to be known of it."""
    drawing = drawing_named(sheet, FOREST)
    if drawing is None:
        return
    st.subheader("Every group with its interval")
    st.image(standing_alone(drawing), caption=drawing.description)  # wider than a tablet: an image shrinks
    for line in sheet.told[1:]:
        st.caption(as_markdown(line))


def show_numbers(page: str, sheet: Sheet, metric: str) -> None:
    """Draw the numbers of a sheet as a table, withheld groups named."""
    scale = scale_of(metric)
    unit = f" ({scale.unit})" if scale.unit else ""
    frame = sheet.frame()
    for part in ("value", "low", "high"):
        frame[part] = pd.to_numeric(frame[part]) * scale.factor
    names = {
        "features": "Features",
        "group": "Group",
        "value": f"Value{unit}",
        "low": f"Low{unit}",
        "high": f"High{unit}",
        "n": "Rows",
        "n_clusters": "Units",
        "method": "Interval, or why there is none",
    }
    numbers = {
        names[part]: st.column_config.NumberColumn(format=f"%.{scale.digits}f") for part in ("value", "low", "high")
    }
    with st.expander("The numbers", expanded=False):
        st.dataframe(frame.rename(columns=names), hide_index=True, key=f"{page}-numbers", column_config=numbers)
        if sheet.withheld:
            st.caption(as_markdown(f"{sheet.withheld[0].mark}: so few, or withheld so that no such group follows."))
