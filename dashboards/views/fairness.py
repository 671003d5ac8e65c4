"""Fairness: where two features meet, every group with its interval, the gaps beside chance, and one group in full."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.report import AuditReport
from dashboards.access.people import Right
from dashboards.choosing.cells_chart import SELECTED, cells_chart, chosen_by_click, group_clicked
from dashboards.choosing.choice import Choice, choose, keep, kept_choice
from dashboards.choosing.differences import differences_from, none_held
from dashboards.choosing.gap_rows import gap_row, gaps_of, metrics_with_gaps
from dashboards.choosing.group_numbers import GroupNumbers, Row, numbers_of
from dashboards.choosing.group_sheet import (
    NOTHING_OPEN,
    forest_drawing,
    show_forest,
    show_numbers,
    title_of,
    told_lines,
)
from dashboards.choosing.withheld import WithheldGroup, withheld_groups
from dashboards.cohorts.bar import FOR_EVERYBODY, current_cohort
from dashboards.cohorts.narrowing import groups_within, levels_of
from dashboards.exporting.buttons import export_buttons
from dashboards.exporting.sheet import Drawing, Sheet, drawing_named
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.opened import OpenedBundle
from dashboards.workspace.rows import predictions_of, rows_of_group
from reports.drawings.charts import summary_of
from reports.drawings.tiles import TINTED_FROM, confusion_chart
from reports.sections.areas import Area
from reports.sections.tabulated import CONFUSION, attached, records
from reports.wording import counted, metric_label, plain

PAGE: Final = "fairness"
AREAS: Final = (Area.PERFORMANCE, Area.FAIRNESS)
CELLS: Final = "cells"
_GROUP: Final = "fairness-group"
_LAST_CLICK: Final = "fairness-last-click"
NO_GROUPS: Final = (
    "This audit compared no groups. Bring sensitive features of speakers, with their consent, name them with `--by`, "
    "and audit again."
)
NOTHING_TOLD: Final = "The release tells no number by group: every group of this audit is too small, or protects one."


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Fairness")
    book = seat.opened()
    if book is None:
        st.info(NOTHING_OPEN, icon=":material/folder_open:")
        return
    numbers = group_numbers(book.report)
    if not numbers.runs:
        st.info(NOTHING_TOLD if book.released else NO_GROUPS, icon=":material/groups:")
        return
    choice, cohort = choose(PAGE, numbers), current_cohort(book.report)
    sheet = sheet_of(book, choice, cohort)
    if sheet is None:
        st.info("There is no number of this choice.")
        return
    _gaps(book.report, numbers, choice, cohort)
    _cells(sheet, choice)
    show_forest(sheet)
    show_numbers(PAGE, sheet, choice.metric)
    _differences(book.report, choice)
    _one_group(seat, book, sheet, choice)
    export_buttons(seat, PAGE, sheet, partial(sheet_of, choice=choice, cohort=cohort))


def group_numbers(report: AuditReport) -> GroupNumbers:
    """Return the numbers by group of a report; found once, whoever asks."""
    return _numbers(report.report_digest, report)


@st.cache_resource(max_entries=8)
def _numbers(digest: str, _report: AuditReport) -> GroupNumbers:
    del digest
    return numbers_of(_report, AREAS)


def sheet_of(book: OpenedBundle, choice: Choice, cohort: Cohort) -> Sheet | None:
    """Return everything that is shown of a choice in one rendition of an audit; None where that has no number of it."""
    whole = group_numbers(book.report).rows(choice.run, choice.condition, choice.metric)
    rows = groups_within(whole, cohort)
    if not rows:
        return None
    withheld = withheld_groups(book.report, choice.run, choice.condition, whole) if cohort.everybody else ()
    return Sheet(
        title=f"{metric_label(choice.metric)} by group, run {choice.run}, condition {choice.condition}",
        told=told_lines(book, rows, cohort),
        rows=rows,
        withheld=withheld,
        drawings=(*_cells_drawing(rows, withheld, choice), forest_drawing(book.report, rows, choice)),
    )


def _cells_drawing(rows: Sequence[Row], withheld: Sequence[WithheldGroup], choice: Choice) -> tuple[Drawing, ...]:
    cells = [row for row in rows if choice.features and row["features"] == choice.features]
    if not cells:
        return ()
    hidden = [group for group in withheld if group.features == choice.features]
    overall = next((row["value"] for row in rows if not row["features"]), None)
    chart = cells_chart(cells, hidden, overall=overall)
    return (Drawing(name=CELLS, title=title_of(choice), description=summary_of(cells), chart=chart),)


def _gaps(report: AuditReport, numbers: GroupNumbers, choice: Choice, cohort: Cohort) -> None:
    st.subheader("Gaps, beside what chance alone gives")
    found = gaps_of(report, choice)
    if not found:
        metrics = metrics_with_gaps(report, choice, numbers.metrics(choice.run, choice.condition))
        named = ", ".join(metric_label(metric).lower() for metric in metrics) or "none of these metrics"
        st.caption(as_markdown(f"The report tells no gap in this metric here. It does in: {named}."))
        return
    st.dataframe(pd.DataFrame([gap_row(finding) for finding in found]), hide_index=True, key="fairness-gaps")
    st.caption(
        "A gap is never zero, even where a model treats everybody alike: read it beside what chance gives these "
        "groups, and beside the smallest true gap that this sample would find."
    )
    if not cohort.everybody:
        st.caption(FOR_EVERYBODY)


def _cells(sheet: Sheet, choice: Choice) -> None:
    drawing = drawing_named(sheet, CELLS)
    if drawing is None:
        st.caption("No two features meet here: the audit was made by one feature, or the cohort has no cell of two.")
        return
    st.subheader("Where two features meet")
    event = st.altair_chart(
        chosen_by_click(drawing.chart), key="fairness-cells", on_select="rerun", theme=None, alt=drawing.description
    )
    cells = [row for row in sheet.rows if row["features"] == choice.features]
    picked = event["selection"].get(SELECTED, []) if event else []
    group = group_clicked(picked, cells)
    if group is not None and st.session_state.get(_LAST_CLICK) != picked:
        st.session_state[_GROUP] = f"{choice.features}: {group}"
    st.session_state[_LAST_CLICK] = picked
    st.caption(
        f"The stronger the tint, the further from everybody: blue above, orange below; fewer than {TINTED_FROM} have "
        "none. Click a cell, or choose a group below, to see it in full."
    )


def _differences(report: AuditReport, choice: Choice) -> None:
    st.subheader("Differences from the reference group")
    found = differences_from(report, choice)
    if not found:
        st.caption(as_markdown(none_held(choice)))
        return
    st.dataframe(pd.DataFrame(found), hide_index=True, key="fairness-differences")
    st.caption("As the report found them, each with an interval of its own; a group that is not here was not compared.")


def _one_group(seat: Seat, book: OpenedBundle, sheet: Sheet, choice: Choice) -> None:
    st.subheader("One group")
    places = {f"{row['features']}: {row['group']}" if row["features"] else row["group"]: row for row in sheet.rows}
    options = list(places)
    if st.session_state.get(_GROUP) not in options:
        st.session_state[_GROUP] = kept_choice(PAGE, "group", options)
    chosen = st.selectbox("Group", options, format_func=plain, key=_GROUP)
    keep(PAGE, "group", chosen)
    row = places[chosen]
    _confusions(book, choice, row)
    if seat.person.may(Right.READ_REPORTS):
        _utterances(seat, book.report, choice, row)


def _confusions(book: OpenedBundle, choice: Choice, row: Row) -> None:
    place = choice.run, choice.condition, row["features"], row["group"]
    table = records(attached(book.report, CONFUSION))
    own = [one for one in table if (one["run"], one["condition"], one["features"], one["group"]) == place]
    if not own:
        st.caption(
            "Confusions are not in what was made for release."
            if book.released
            else "The report holds no confusions of this group: they are kept for labelled classes (`performance`)."
        )
        return
    st.altair_chart(confusion_chart(own), key="fairness-confusions", theme=None)
    st.caption("Of each truth (row) the percentage that was predicted as each label (column).")
    with st.expander("The same as a table"):
        frame = pd.DataFrame(own)[["truth", "prediction", "count", "share"]]
        st.dataframe(frame, hide_index=True, key="fairness-confusion-rows")


def _utterances(seat: Seat, report: AuditReport, choice: Choice, row: Row) -> None:
    st.markdown("**Utterances of this group**")
    places = (*seat.places(), Path(seat.settings.workspace))
    predictions = predictions_of(report, choice.run, places)
    if predictions is None:
        st.info(as_markdown(_missing(report, choice.run)))
        return
    found = rows_of_group(predictions, choice.condition, levels_of(row))
    lines = [
        {
            "Utterance": plain(one["utterance_id"] or ""),
            "Unit": plain(one.get("unit") or ""),
            "Truth": plain(one.get("y_true") or ""),
            "Prediction": plain(one.get("y_pred") or ""),
            "Open": "utterance?" + urlencode({"utterance": one["utterance_id"], "run": choice.run}),
        }
        for one in found.rows
    ]
    link = st.column_config.LinkColumn(display_text="open")
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="fairness-utterances", column_config={"Open": link})
    shown = "" if found.n == len(found.rows) else f"; the first {len(found.rows):,} are shown"
    st.caption(f"{counted(found.n, 'row')} of this group under condition {as_markdown(choice.condition)}{shown}.")


def _missing(report: AuditReport, run: str) -> str:
    data = next((one for one in report.data if one.run == run), None)
    digest = "" if data is None else f" (its content digest is {data.digest})"
    return (
        f"The rows of run {run} are not at this desk: a bundle holds none. Put the table that was audited{digest} into "
        "the workspace, or start the desk with its folder; of a corpus that was judged here, the table that `affidavit "
        "judge` writes."
    )
