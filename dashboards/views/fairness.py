"""Fairness: where two features meet, every group with its interval, the gaps beside chance, and one group in full.

Of everybody the numbers are the report's. Of a cohort, and from a group that was chosen as reference, they are examined
anew where the counts of the table are at hand; a viewer is shown the release and nothing that was examined beside it,
for two renditions can be subtracted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from affidavit.case import Case
from affidavit.cohorts import Cohort
from affidavit.records import Finding
from affidavit.report import AuditReport
from dashboards.access.people import Right
from dashboards.choosing.cells_chart import SELECTED, cells_chart, chosen_by_click, group_clicked
from dashboards.choosing.choice import Choice, choose, keep, kept_choice
from dashboards.choosing.differences import (
    AS_FOUND,
    DEVIATION,
    DEVIATIONS,
    deviations_of,
    examined_lines,
    from_everybody,
    from_group,
    none_held,
    reference_of,
    together,
)
from dashboards.choosing.gap_rows import gap_row, gaps_of, metrics_with_gaps, undecided_row
from dashboards.choosing.group_numbers import GroupNumbers, Row, numbers_of, rows_where
from dashboards.choosing.group_sheet import (
    NOTHING_OPEN,
    GroupSheet,
    Wanted,
    group_sheet,
    show_forest,
    show_numbers,
    take_away,
    title_of,
)
from dashboards.choosing.withheld import WithheldGroup
from dashboards.cohorts.against import against
from dashboards.cohorts.asking import Answer, asked, question_of
from dashboards.cohorts.bar import FOR_EVERYBODY, current_cohort
from dashboards.cohorts.narrowing import levels_of
from dashboards.exporting.sheet import Drawing, drawing_named
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.cases import case_of_run
from dashboards.workspace.opened import OpenedBundle
from dashboards.workspace.rows import predictions_of, rows_of_group
from reports.drawings.charts import summary_of
from reports.drawings.tiles import TINTED_FROM, confusion_chart
from reports.sections.areas import Area
from reports.sections.tabulated import CONFUSION, attached
from reports.wording import EVERYBODY, counted, metric_label, plain

PAGE: Final = "fairness"
AREAS: Final = (Area.PERFORMANCE, Area.FAIRNESS)
CELLS: Final = "cells"
_GROUP: Final = "fairness-group"
_LAST_CLICK: Final = "fairness-last-click"
ROWS_AT_ONCE: Final = 100_000
"""Rows of a table up to which the utterances of a group are listed unasked."""
NO_GROUPS: Final = (
    "This audit compared no groups. Bring sensitive features of speakers, with their consent, name them with `--by`, "
    "and audit again."
)
NOTHING_TOLD: Final = "The release tells no number by group: every group of this audit is too small, or protects one."


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the page is drawn from."""

    seat: Seat
    book: OpenedBundle
    numbers: GroupNumbers
    choice: Choice
    cohort: Cohort
    case: Case | None
    """The counts of the run, where somebody who may read reports asks for what the report does not hold."""
    anew: Answer | None
    """What was examined of the cohort, or why it could not be; None of everybody, and where there are no counts."""

    @property
    def examined(self) -> bool:
        """Whether the numbers are those of the cohort."""
        return self.anew is not None and bool(self.anew.of(self.choice.metric))


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
    view = _view(seat, book, numbers)
    wanted = wanted_of(view.choice, view.cohort)
    sheet = group_sheet(book, wanted, view.anew)
    if sheet is None:
        st.info("There is no number of this choice.")
        return
    _gaps(view)
    _cells(sheet, view.choice)
    show_forest(sheet)
    show_numbers(PAGE, sheet, view.choice.metric)
    _differences(view)
    _one_group(view, sheet)
    take_away(seat, PAGE, sheet, wanted)


def wanted_of(choice: Choice, cohort: Cohort) -> Wanted:
    """Return what this page wants of a rendition."""
    return Wanted(page=PAGE, choice=choice, cohort=cohort, numbers=group_numbers, pictures=_cells_drawing)


def group_numbers(report: AuditReport) -> GroupNumbers:
    """Return the numbers by group of a report; found once, whoever asks."""
    return _numbers(report.report_digest, report)


@st.cache_resource(max_entries=8)
def _numbers(digest: str, _report: AuditReport) -> GroupNumbers:
    del digest
    return numbers_of(_report, AREAS)


def _view(seat: Seat, book: OpenedBundle, numbers: GroupNumbers) -> _View:
    choice, cohort = choose(PAGE, numbers), current_cohort(book.report)
    asks = not cohort.everybody or choice.reference != EVERYBODY
    case = _case(seat, book.report, choice.run) if asks else None
    own = numbers.examination_of(choice.run, choice.condition, choice.metric)
    question = question_of(book.report, own, choice.condition, cohort)
    anew = None if case is None or cohort.everybody else asked(case, book.report, question)
    return _View(seat=seat, book=book, numbers=numbers, choice=choice, cohort=cohort, case=case, anew=anew)


def _case(seat: Seat, report: AuditReport, run: str) -> Case | None:
    if not seat.person.may(Right.READ_REPORTS):
        return None
    return case_of_run(report, run, (*seat.places(), Path(seat.settings.workspace)))


def _cells_drawing(rows: Sequence[Row], withheld: Sequence[WithheldGroup], choice: Choice) -> tuple[Drawing, ...]:
    cells = [row for row in rows if choice.features and row["features"] == choice.features]
    if not cells:
        return ()
    hidden = [group for group in withheld if group.features == choice.features]
    overall = next((row["value"] for row in rows if not row["features"]), None)
    chart = cells_chart(cells, hidden, overall=overall)
    return (Drawing(name=CELLS, title=title_of(choice), description=summary_of(cells), chart=chart),)


def _gaps(view: _View) -> None:
    st.subheader("Gaps, beside what chance alone gives")
    report, choice = view.book.report, view.choice
    found = gaps_of(_findings(view), choice)
    if not found:
        metrics = metrics_with_gaps(report, choice, view.numbers.metrics(choice.run, choice.condition))
        named = ", ".join(metric_label(metric).lower() for metric in metrics) or "none of these metrics"
        st.caption(as_markdown(f"The report tells no gap in this metric here. It does in: {named}."))
        return
    row = undecided_row if view.examined else gap_row
    st.dataframe(pd.DataFrame([row(finding) for finding in found]), hide_index=True, key="fairness-gaps")
    st.caption(
        "A gap is never zero, even where a model treats everybody alike: read it beside what chance gives these "
        "groups, and beside the smallest true gap that this sample would find."
    )
    if view.examined:
        st.caption("Gaps of the cohort, examined anew; p is adjusted over what the same examination says here.")
    elif not view.cohort.everybody:
        st.caption(FOR_EVERYBODY)


def _findings(view: _View) -> Sequence[Finding]:
    """Return where gaps are looked for: in the report, or in what was examined of the cohort."""
    report, choice = view.book.report, view.choice
    if view.case is None or view.anew is None or not view.examined:
        return report.findings
    told = dict.fromkeys(finding.examination for finding in gaps_of(report.findings, choice))
    others = [name for name in told if name != view.anew.examination]
    if not others or not st.checkbox(as_markdown(f"Also examine {', '.join(others)}"), key="fairness-more-gaps"):
        return view.anew.gaps
    questions = (question_of(report, name, choice.condition, view.cohort) for name in others)
    answers = (view.anew, *(asked(view.case, report, question) for question in questions))
    return [finding for answer in answers for finding in answer.gaps]


def _cells(sheet: GroupSheet, choice: Choice) -> None:
    drawing = drawing_named(sheet.drawings, CELLS)
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


def _differences(view: _View) -> None:
    st.subheader("Differences from the reference group")
    found: Sequence[Mapping[str, str]]
    if view.choice.reference == EVERYBODY:
        found, said = from_everybody(_deviations(view), view.choice), AS_FOUND
    else:
        found, said = _from_group(view)
    if not found:
        st.caption(as_markdown(none_held(view.choice)))
        return
    st.dataframe(pd.DataFrame(found), hide_index=True, key="fairness-differences")
    st.caption(as_markdown(said))


def _deviations(view: _View) -> Sequence[Row]:
    """Return each group's rates less everybody's: of the cohort where it was examined, else as the report has them."""
    report = view.book.report
    whole = deviations_of(report, view.choice)
    if view.cohort.everybody:
        return whole
    if view.case is None or not view.examined or not from_everybody(whole, view.choice):
        return ()
    answer = asked(view.case, report, question_of(report, DEVIATION, view.choice.condition, view.cohort))
    return answer.exhibits.get(DEVIATIONS, ())


def _from_group(view: _View) -> tuple[Sequence[Mapping[str, str]], str]:
    """Return the differences from the chosen group as lines, and what has to be known of them."""
    report, choice = view.book.report, view.choice
    if view.case is not None:
        own = view.numbers.examination_of(choice.run, choice.condition, choice.metric)
        question = question_of(report, own, choice.condition, view.cohort)
        reference = reference_of(choice)
        found = against(view.case, report, question, reference=reference, metric=choice.metric)
        if found.findings:
            return examined_lines(found, reference[1]), together(found, view.case.statistics.level)
    return (from_group(report, choice) if view.cohort.everybody else ()), AS_FOUND


def _one_group(view: _View, sheet: GroupSheet) -> None:
    st.subheader("One group")
    places = {f"{row['features']}: {row['group']}" if row["features"] else row["group"]: row for row in sheet.rows}
    options = list(places)
    if st.session_state.get(_GROUP) not in options:
        st.session_state[_GROUP] = kept_choice(PAGE, "group", options)
    chosen = st.selectbox("Group", options, format_func=plain, key=_GROUP)
    keep(PAGE, "group", chosen)
    row = places[chosen]
    _confusions(view, row)
    if view.seat.person.may(Right.READ_REPORTS):
        _utterances(view, row)


def _confusions(view: _View, row: Row) -> None:
    choice, book = view.choice, view.book
    place = {"run": choice.run, "condition": choice.condition, "features": row["features"], "group": row["group"]}
    own: Sequence[Row]
    if view.anew is None or not view.examined:
        own = rows_where(attached(book.report, CONFUSION), place)
    else:
        own = [one for one in view.anew.exhibits.get(CONFUSION, ()) if place.items() <= one.items()]
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


def _utterances(view: _View, row: Row) -> None:
    st.markdown("**Utterances of this group**")
    report, choice, seat = view.book.report, view.choice, view.seat
    if not _listed(report, choice.run):
        return
    places = (*seat.places(), Path(seat.settings.workspace))
    predictions = predictions_of(report, choice.run, places)
    if predictions is None:
        st.info(as_markdown(_missing(report, choice.run)))
        return
    found = rows_of_group(predictions, choice.condition, _levels(view, row))
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


def _listed(report: AuditReport, run: str) -> bool:
    """Say whether utterances are listed: of a large table, whose reading takes seconds, only where somebody asks."""
    n_rows = next((one.n_rows for one in report.data if one.run == run), 0)
    if n_rows <= ROWS_AT_ONCE:
        return True
    return st.toggle(f"List them: reads the table of {n_rows:,} rows", key="fairness-list")


def _levels(view: _View, row: Row) -> dict[str, tuple[str, ...]]:
    """Return the levels of the people in a group: its own, and the cohort's where the group is its part within it."""
    cohort = view.cohort.levels if view.examined else {}
    return {**cohort, **{feature: (level,) for feature, level in levels_of(row).items()}}


def _missing(report: AuditReport, run: str) -> str:
    data = next((one for one in report.data if one.run == run), None)
    digest = "" if data is None else f" (its content digest is {data.digest})"
    return (
        f"The rows of run {run} are not at this desk: a bundle holds none. Put the table that was audited{digest} into "
        "the workspace, or start the desk with its folder; of a corpus that was judged here, the table that `affidavit "
        "judge` writes."
    )
