"""Asks an examination of a cohort anew: its numbers by group, its gaps with what chance alone gives, its exhibits.

`asked` answers from counts; `asked_of_rows` reads the table for what is made of rows (rationales, for one), which takes
its time and is done when somebody wants it.

Laws: what is asked is what the report was asked, under the plan's own options and statistics, of the cohort's people
alone; no policy decides it. What cannot be asked is refused, and never told of everybody as if it were the cohort's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import streamlit as st

from affidavit.case import Case, EvidenceBook
from affidavit.claims import claim_rows
from affidavit.cohorts import Cohort, cohort_case, cohort_rows
from affidavit.errors import AffidavitError
from affidavit.examinations import Claim, Testimony
from affidavit.predictions import Predictions
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.seeds import seed_of
from affidavit.sources import reading_of
from affidavit.verdicts import decide
from dashboards.choosing.group_numbers import COLUMNS, Row

ALL: Final = Cohort(name="everybody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a cohort."""

    examination: str
    condition: str
    cohort: Cohort
    options: Mapping[str, Any]
    """The plan's, of this examination."""

    @property
    def key(self) -> str:
        """What tells it from other questions of the same counts."""
        return f"{self.examination}\n{self.condition}\n{self.cohort.told()}\n{sorted(self.options.items())!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an examination said of a cohort under one condition."""

    examination: str
    rows: tuple[Row, ...] = ()
    """Numbers by group, as exhibits have them; groups without anybody of the cohort are not there."""
    gaps: tuple[Finding, ...] = ()
    """Tests adjusted over everything that this examination says here."""
    exhibits: Mapping[str, tuple[Row, ...]]
    source: str = "counts of the table"
    """What of the table it was made of."""
    refused: str | None = None
    """Why there is no answer, where there is none."""

    def of(self, metric: str) -> tuple[Row, ...]:
        """Return the numbers by group of one metric."""
        return tuple(row for row in self.rows if row["metric"] == metric)


def question_of(report: AuditReport, examination: str, condition: str, cohort: Cohort) -> Question:
    """Return what to ask so that it is what the report was asked."""
    chosen = next((choice for choice in report.plan.examinations or () if choice.name == examination), None)
    return Question(
        examination=examination,
        condition=condition,
        cohort=cohort,
        options={} if chosen is None else dict(chosen.options),
    )


def asked(case: Case, report: AuditReport, question: Question) -> Answer:
    """Return the answer to a question; found once, whoever asks.

    Args:
        case: the counts of one run (`dashboards.workspace.cases`).
        report: the report that they are of; its digest is part of what an answer is kept by.
        question: what is asked.
    """
    (run,) = case.runs
    return _asked(report.report_digest, run, question.key, case, question)


@st.cache_resource(max_entries=64, show_spinner="Examining these people anew ...")
def _asked(digest: str, run: str, key: str, _case: Case, _question: Question) -> Answer:
    del digest, run, key
    return answer(_case, _question)


def asked_of_rows(predictions: Predictions, report: AuditReport, question: Question) -> Answer:
    """Return the answer to a question about rows; found once, whoever asks.

    Args:
        predictions: the table of one run (`dashboards.workspace.rows.predictions_of`).
        report: the report that it is of.
        question: what is asked.
    """
    return _asked_of_rows(report.report_digest, predictions.run, question.key, predictions, report, question)


@st.cache_resource(max_entries=16, show_spinner="Examining the rows of these people anew ...", show_time=True)
def _asked_of_rows(
    digest: str, run: str, key: str, _predictions: Predictions, _report: AuditReport, _question: Question
) -> Answer:
    del digest, run, key
    return answer_of_rows(_predictions, _report, _question)


def answer_of_rows(predictions: Predictions, report: AuditReport, question: Question) -> Answer:
    """Put a question to the rows of a cohort, and return the answer: of one condition, from the twins of all."""
    plan, run = report.plan, predictions.run
    try:
        rows = cohort_rows(predictions, question.cohort, reading_of(run, plan.runs[run], plan))
    except AffidavitError as error:
        return Answer(examination=question.examination, exhibits={}, refused=error.what)
    book = EvidenceBook(runs={run: rows}, by=plan.by, statistics=plan.statistics, seed=plan.seed)
    rng = np.random.default_rng(seed_of(plan.seed, question.examination))
    case = Case(
        runs={run: rows},
        by=plan.by,
        depth=plan.depth,
        statistics=plan.statistics,
        book=book,
        rng=rng,
        options=question.options,
    )
    found = _told_by(case, question)
    here = question.condition
    return replace(
        found,
        source="rows of the table",
        rows=tuple(row for row in found.rows if row["condition"] == here),
        gaps=tuple(gap for gap in found.gaps if gap.condition == here),
    )


def answer(case: Case, question: Question) -> Answer:
    """Put a question to a case of one run, and return the answer."""
    try:
        narrowed = narrowed_case(case, question)
    except AffidavitError as error:
        return Answer(examination=question.examination, exhibits={}, refused=error.what)
    return _told_by(narrowed, question)


def _told_by(case: Case, question: Question) -> Answer:
    """Return what the examination says of a case, or why it says nothing."""
    none = Answer(examination=question.examination, exhibits={})
    try:
        examination = load(Door.EXAMINATIONS, question.examination)
        refusal = examination.refuses(case)
        if refusal is not None:
            return replace(none, refused=refusal.because)
        testimony = examination.examine(case)
    except AffidavitError as error:
        return replace(none, refused=error.what)
    return _answer(question, testimony, case)


def narrowed_case(case: Case, question: Question) -> Case:
    """Return the case of a cohort under one condition.

    Raises:
        PlanError: the counts do not know the cohort's features or levels.
    """
    cut = case if question.cohort.everybody else cohort_case(case, question.cohort)
    runs = {run: _one_condition(told, question.condition) for run, told in case.runs.items()}
    rng = np.random.default_rng(seed_of(case.book.seed, question.examination))
    return replace(cut, runs=runs, options=question.options, rng=rng)


def _one_condition(told: Predictions, condition: str) -> Predictions:
    """Return what is known of a table as if one condition were all of it, so that nothing else is examined."""
    return replace(told, levels={**told.levels, "condition": (condition,)})


def _answer(question: Question, testimony: Testimony, case: Case) -> Answer:
    single = [claim for claim in testimony.claims if claim.finding.compared is None]
    exhibits = {one.id: tuple(one.table().to_pylist()) for one in testimony.exhibits}
    told = decide(testimony.claims, None, case.statistics)
    return Answer(
        examination=question.examination,
        rows=_with_people((*_tabulated(exhibits), *_untold(single, exhibits))),
        gaps=tuple(finding for finding in told if finding.compared is not None),
        exhibits={name: _with_people(rows) for name, rows in exhibits.items()},
    )


def _tabulated(exhibits: Mapping[str, Sequence[Row]]) -> tuple[Row, ...]:
    """Return the rows of exhibits that are numbers by group."""
    return tuple(row for rows in exhibits.values() if rows and set(COLUMNS) <= set(rows[0]) for row in rows)


def _untold(claims: Sequence[Claim], exhibits: Mapping[str, Sequence[Row]]) -> tuple[Row, ...]:
    """Return the numbers by group that no exhibit holds."""
    held = {(row["condition"], row["metric"]) for row in _tabulated(exhibits)}
    return tuple(row for row in claim_rows(claims) if (row["condition"], row["metric"]) not in held)


def _with_people(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return rows without groups that have nobody of the cohort."""
    return tuple(row for row in rows if row.get("n") != 0)
