"""Faithfulness: what rationales claim and leave out, by group, beside controls; what could not be asked, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.metric_names import sentence_case
from affidavit.records import Finding
from affidavit.report import AuditReport
from dashboards.choosing.choice import Choice, choose
from dashboards.choosing.gap_rows import gap_row, gaps_of
from dashboards.choosing.group_numbers import GroupNumbers, numbers_of
from dashboards.choosing.group_sheet import (
    NOTHING_OPEN,
    Wanted,
    group_sheet,
    show_forest,
    show_numbers,
    take_away,
)
from dashboards.cohorts.asking import Answer
from dashboards.cohorts.bar import FOR_EVERYBODY, current_cohort
from dashboards.cohorts.narrowing import groups_within
from dashboards.cohorts.on_request import rows_examined
from dashboards.seat import Seat
from dashboards.showing.blocks import show_block
from dashboards.showing.texts import as_markdown
from reports.document import Figure
from reports.drawings.level_pictures import corruption_pictures
from reports.sections.areas import Area, area_of, area_of_examination
from reports.sections.by_area import NO_EXPLANATIONS, PROPERTIES
from reports.sections.tabulated import Row
from reports.wording import NOTHING, estimate_text, figures, group_name, metric_label, plain, scale_of

PAGE: Final = "faithfulness"
AREAS: Final = (Area.EXPLANATIONS,)
SIDE_BY_SIDE: Final = {
    "Claims and omissions": ("over_claim_rate", "omission_rate", "citation_phi"),
    "Does the rationale agree with the answer, and is it right": (
        "explanation_emotion_accuracy",
        "explanation_prediction_consistency",
        "faithful_consistency_rate",
    ),
    "Answer and explanation, each right or wrong": (
        "right_answer_right_explanation_rate",
        "right_answer_wrong_explanation_rate",
        "wrong_answer_right_explanation_rate",
        "wrong_answer_wrong_explanation_rate",
    ),
}
"""Numbers that are read together, by what they tell."""
LEADING: Final = tuple(metric for metrics in SIDE_BY_SIDE.values() for metric in metrics)


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Faithfulness")
    book = seat.opened()
    if book is None:
        st.info(NOTHING_OPEN, icon=":material/folder_open:")
        return
    st.markdown(as_markdown(PROPERTIES))
    numbers = explanation_numbers(book.report)
    if not numbers.runs:
        st.info(as_markdown(f"{NO_EXPLANATIONS.what}. {NO_EXPLANATIONS.how.capitalize()}."))
        _refused(book.report)
        return
    choice, cohort = choose(PAGE, numbers, leading=LEADING, of_groups=False), current_cohort(book.report)
    wanted = Wanted(page=PAGE, choice=choice, cohort=cohort, numbers=explanation_numbers)
    anew = rows_examined(seat, book, numbers, choice)
    sheet = group_sheet(book, wanted, anew)
    if sheet is not None:
        st.subheader(as_markdown(metric_label(choice.metric)))
        _property_and_controls(book.report, choice)
        show_forest(sheet)
        show_numbers(PAGE, sheet, choice.metric)
        _gaps(book.report, choice, cohort, anew)
    for title, metrics in SIDE_BY_SIDE.items():
        _together(title, {m: _rows(numbers, replace(choice, metric=m), cohort, anew) for m in metrics})
    _curves(book.report)
    _refused(book.report)
    if sheet is not None:
        take_away(seat, PAGE, sheet, wanted)


def explanation_numbers(report: AuditReport) -> GroupNumbers:
    """Return the numbers of rationales and attributions by group; found once, whoever asks."""
    return _numbers(report.report_digest, report)


@st.cache_resource(max_entries=8)
def _numbers(digest: str, _report: AuditReport) -> GroupNumbers:
    del digest
    return numbers_of(_report, AREAS)


def _property_and_controls(report: AuditReport, choice: Choice) -> None:
    """Say which property the metric speaks of, and show its controls beside it, of everybody."""
    own = _of_everybody(report, choice)
    if own is None:
        st.caption("The report lists this number beside its findings; it was held against no control of its own.")
        return
    if own.property is not None:
        st.caption(as_markdown(f"Speaks of: {own.property.value}."))
    controls = [finding for finding in report.findings if finding.id in (own.controls or ())]
    if not controls:
        st.caption("No control stands beside this metric: it informs, and decides nothing.")
        return
    lines = [_control(own, "the rationales"), *(_control(control, "control") for control in controls)]
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="faithfulness-controls")


def _of_everybody(report: AuditReport, choice: Choice) -> Finding | None:
    place = choice.run, choice.condition, choice.metric
    own = (f for f in report.findings if (f.run, f.condition, f.metric) == place and area_of(f) in AREAS)
    return next((f for f in own if not f.groups and f.compared is None), None)


def _control(finding: Finding, what: str) -> dict[str, str]:
    return {
        "Of": what,
        "Number": metric_label(finding.metric),
        "Group": group_name(finding.groups),
        "Value": estimate_text(finding.estimate, scale_of(finding.metric)),
        "Rows": f"{finding.estimate.n:,}",
    }


def _gaps(report: AuditReport, choice: Choice, cohort: Cohort, anew: Answer | None) -> None:
    own = anew is not None and anew.refused is None
    found = gaps_of(anew.gaps if anew is not None and own else report.findings, choice)
    if not found:
        return
    st.dataframe(pd.DataFrame([gap_row(finding) for finding in found]), hide_index=True, key="faithfulness-gaps")
    if not cohort.everybody and not own:
        st.caption(FOR_EVERYBODY)


def _rows(numbers: GroupNumbers, choice: Choice, cohort: Cohort, anew: Answer | None) -> Sequence[Row]:
    """Return the numbers of a metric as they were examined anew, or the report's groups that lie in the cohort."""
    told = () if anew is None else anew.of(choice.metric)
    return told or groups_within(numbers.rows(choice.run, choice.condition, choice.metric), cohort)


def _together(title: str, by_metric: Mapping[str, Sequence[Row]]) -> None:
    """Show several numbers of each group side by side, with intervals; what the report lacks is not shown as a zero."""
    told = {metric: rows for metric, rows in by_metric.items() if rows}
    if not told:
        return
    st.subheader(title)
    places = dict.fromkeys((row["features"], row["group"]) for rows in told.values() for row in rows)
    cells = {(m, row["features"], row["group"]): row for m, rows in told.items() for row in rows}
    lines = [
        {
            "Features": plain(features.replace(" x ", " × ")),
            "Group": plain(group),
            **{metric_label(metric): _cell(cells.get((metric, features, group)), metric) for metric in told},
        }
        for features, group in places
    ]
    st.dataframe(pd.DataFrame(lines), hide_index=True, key=f"faithfulness-{next(iter(by_metric))}")


def _cell(row: Row | None, metric: str) -> str:
    if row is None:
        return NOTHING
    scale = scale_of(metric)
    ends = "" if row["low"] is None else f" [{figures(row['low'], scale)}, {figures(row['high'], scale)}]"
    return f"{figures(row['value'], scale)}{ends}"


def _curves(report: AuditReport) -> None:
    found = _corruptions(report.report_digest, report)
    if not found:
        return
    st.subheader("Answers after corrupted reasoning")
    for figure in found:
        show_block(figure)


@st.cache_resource(max_entries=8)
def _corruptions(digest: str, _report: AuditReport) -> tuple[Figure, ...]:
    del digest
    return corruption_pictures(_report)


def _refused(report: AuditReport) -> None:
    refused = [one for one in report.refusals if area_of_examination(one.examination) in AREAS]
    if not refused:
        return
    st.subheader("What could not be answered")
    lines = [
        {
            "Question": sentence_case(one.examination),
            "Run": plain(one.run or NOTHING),
            "Why": plain(one.because),
            "What would let it": plain(one.remedy),
        }
        for one in refused
    ]
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="faithfulness-refused")
