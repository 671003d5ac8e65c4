"""A metric by group as pages show it: a picture with every interval, and the same numbers as a table.

One sheet serves every page, its exports, and both renditions: numbers of the report, or of a cohort examined anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pandas as pd
import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.report import AuditReport
from dashboards.choosing.choice import Choice
from dashboards.choosing.group_numbers import GroupNumbers, Row
from dashboards.choosing.withheld import WithheldGroup, withheld_groups
from dashboards.cohorts.asking import Answer
from dashboards.cohorts.bar import FOR_EVERYBODY
from dashboards.cohorts.narrowing import groups_within, same_people
from dashboards.exporting.buttons import export_buttons
from dashboards.exporting.files import standing_alone
from dashboards.exporting.sheet import Drawing, Grid, Sheet, drawing_named
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.opened import OpenedBundle
from reports.drawings.charts import forest_chart, summary_of
from reports.drawings.gallery import verdicts_of
from reports.wording import metric_label, scale_of

FOREST: Final = "groups"
SHOWN: Final = ("features", "group", "value", "low", "high", "n", "n_clusters", "method")
NOTHING_OPEN: Final = "No audit is open. Choose one on the desk, or start one under **New audit**."
ANEW: Final = (
    "Examined anew for this cohort by {examination}, from {source} that was audited: numbers, gaps, what "
    "chance alone gives and detectable effects are of these people. “Everybody” is everybody of the cohort, and a "
    "group is its part within the cohort. Verdicts are the report's and speak of everybody; none is made of a cohort."
)
NOT_ANEW: Final = "This number cannot be examined anew for a cohort: {why}."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSheet:
    """The numbers by group of one choice."""

    key: str
    """What tells it from other sheets."""
    title: str
    told: tuple[str, ...]
    rows: tuple[Row, ...]
    withheld: tuple[WithheldGroup, ...] = ()
    drawings: tuple[Drawing, ...] = ()

    def records(self) -> tuple[dict[str, Any], ...]:
        """Return the rows as they are told, then those that are withheld with the mark in place of their units."""
        told: list[dict[str, Any]] = [{name: row[name] for name in SHOWN} for row in self.rows]
        blank = dict.fromkeys(SHOWN)
        hidden = [{**blank, "features": one.features, "group": one.group, "method": one.mark} for one in self.withheld]
        return (*told, *hidden)

    def taken(self) -> Sheet:
        """Return what of it is taken away."""
        grid = Grid(title=self.title, columns=SHOWN, rows=self.records())
        return Sheet(title=self.title, told=self.told, grids=(grid,), drawings=self.drawings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a page wants of one rendition of an audit."""

    page: str
    choice: Choice
    cohort: Cohort
    numbers: Callable[[AuditReport], GroupNumbers]
    """Of the page's areas."""
    pictures: Callable[[Sequence[Row], Sequence[WithheldGroup], Choice], tuple[Drawing, ...]] = lambda *_: ()
    """Further pictures of the page, before that of all groups."""


def group_sheet(book: OpenedBundle, wanted: Wanted, answer: Answer | None = None) -> GroupSheet | None:
    """Return everything that is shown of a choice in one rendition of an audit; None where that has no number of it.

    Args:
        book: the rendition.
        wanted: the choice, the cohort, and the pictures.
        answer: what was examined anew for the cohort; without it the report's groups that lie in the cohort are shown.
    """
    examined = None if answer is None else (answer.examination, answer.refused)
    of = (book.report.report_digest, book.released, wanted.page, wanted.choice, wanted.cohort.model_dump_json())
    return _made(repr((*of, examined)), book, wanted, answer)


@st.cache_resource(max_entries=32, show_spinner=False)
def _made(key: str, _book: OpenedBundle, _wanted: Wanted, _answer: Answer | None) -> GroupSheet | None:
    book, answer, choice, cohort = _book, _answer, _wanted.choice, _wanted.cohort
    whole = _wanted.numbers(book.report).rows(choice.run, choice.condition, choice.metric)
    anew = () if answer is None else answer.of(choice.metric)
    rows = anew or groups_within(whole, cohort)
    if not rows:
        return None
    withheld = withheld_groups(book.report, choice.run, choice.condition, whole) if cohort.everybody else ()
    verdicts = {} if anew else verdicts_of(book.report, choice.run, choice.condition, choice.metric)
    forest = forest_chart(rows, verdicts)
    picture = Drawing(name=FOREST, title=title_of(choice), description=summary_of(rows), chart=forest)
    return GroupSheet(
        key=key,
        title=f"{metric_label(choice.metric)} by group, run {choice.run}, condition {choice.condition}",
        told=told_lines(book, rows, cohort, answer),
        rows=rows,
        withheld=withheld,
        drawings=(*_wanted.pictures(rows, withheld, choice), picture),
    )


def told_lines(book: OpenedBundle, rows: Sequence[Row], cohort: Cohort, answer: Answer | None) -> tuple[str, ...]:
    """Return what has to be known of numbers: of which report, of whom, and what is not of them."""
    first = (
        f"{book.report.title}; {book.report.marking}; report {book.report.report_digest}",
        f"Cohort: {cohort.told()}.",
    )
    if cohort.everybody:
        return first
    if answer is not None and answer.rows:
        return (*first, ANEW.format(examination=answer.examination, source=answer.source))
    own = any(same_people(row, cohort) for row in rows)
    return (
        *first,
        *(() if answer is None or answer.refused is None else (NOT_ANEW.format(why=answer.refused),)),
        *(() if own else ("The report has no number of this cohort as a whole.",)),
        f"{FOR_EVERYBODY} “Everybody” is everybody of the audit.",
    )


def take_away(seat: Seat, page: str, sheet: GroupSheet, wanted: Wanted) -> None:
    """Draw the buttons under a page of numbers by group; what is releasable is made of the release alone."""
    export_buttons(seat, page, sheet.taken(), partial(_taken, wanted=wanted))


def _taken(book: OpenedBundle, wanted: Wanted) -> Sheet | None:
    sheet = group_sheet(book, wanted)
    return None if sheet is None else sheet.taken()


def title_of(choice: Choice) -> str:
    """Return what a picture of a choice is called."""
    return f"{metric_label(choice.metric)}, run {choice.run}, condition {choice.condition}"


def show_forest(sheet: GroupSheet) -> None:
    """Draw the picture of all groups, and what has to be known of it."""
    drawing = drawing_named(sheet.drawings, FOREST)
    if drawing is None:
        return
    st.subheader("Every group with its interval")
    st.caption(as_markdown(sheet.title))
    told = as_markdown(drawing.description)
    st.image(_svg(sheet.key, drawing), caption=told)  # wider than a tablet: an image shrinks
    for line in sheet.told[1:]:
        st.caption(as_markdown(line))


@st.cache_resource(max_entries=64, show_spinner=False)
def _svg(key: str, _drawing: Drawing) -> str:
    del key
    return standing_alone(_drawing)


def show_numbers(page: str, sheet: GroupSheet, metric: str) -> None:
    """Draw the numbers of a sheet as a table, withheld groups named."""
    scale = scale_of(metric)
    unit = f" ({scale.unit})" if scale.unit else ""
    frame = pd.DataFrame(list(sheet.records()), columns=list(SHOWN))
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
