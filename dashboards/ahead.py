"""What a visitor would wait for, made before they ask: the latest audit is read while the desk starts.

Once a page of it is drawn, its tables are counted, and the cohorts that somebody saved are examined as the page of
fairness first shows them, each when no page was drawn for a while. It is made beside the server, in a thread, so that
the desk listens at once: whoever comes sooner waits for this work and does none of it twice. What cannot be made here
is said to whoever asks for it, and to nobody now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Final

import streamlit as st

from affidavit.errors import AffidavitError
from affidavit.report import AuditReport
from dashboards import idle
from dashboards.access.people import Person, Right, Role
from dashboards.cohorts.asking import asked, question_of
from dashboards.cohorts.narrowing import fits
from dashboards.cohorts.saved import SavedCohorts
from dashboards.seat import Seat
from dashboards.settings import DeskSettings
from dashboards.views.fairness import group_numbers
from dashboards.workspace.cases import case_of_run
from dashboards.workspace.opened import opened

_RUNS: Final = 2
"""Of an audit, that are counted ahead."""
_QUIET_S: Final = 1.0
"""After a page, before cohorts are examined ahead: whoever chooses one at once has the processor for it."""
_COHORTS: Final = 8
"""Of a person, that are examined ahead."""
_NO_SESSION: Final = "streamlit.runtime.scriptrunner_utils.script_run_context"
"""What says of every cache that nobody is here yet."""
NOBODY: Final = "the desk itself"


def begin(settings: DeskSettings) -> Thread:
    """Begin to read the latest audit as those will who may come, and return the thread that does."""
    logging.getLogger(_NO_SESSION).setLevel(logging.ERROR)
    return _beside(lambda: read_ahead(settings))


def read_ahead(settings: DeskSettings) -> None:
    """Read the latest audit; nothing where there is none that reads."""
    for person in _visitors(settings):
        seat = Seat(settings=settings, person=person)
        bundle = next((one for one in seat.bundles() if one.unreadable is None), None)
        if bundle is not None:
            group_numbers(opened(bundle, person).report)


def count_ahead(seat: Seat) -> None:
    """Have the tables behind the open audit counted, and the cohorts examined that whoever sits here saved."""
    book = seat.opened() if seat.person.may(Right.READ_REPORTS) else None
    if book is not None and not book.released:
        _counting(book.report.report_digest, seat.person.name, seat, book.report)


@st.cache_resource(max_entries=64, show_spinner=False)
def _counting(digest: str, person: str, _seat: Seat, _report: AuditReport) -> Thread:
    """Begin it, once for each report and person."""
    del digest, person
    return _beside(lambda: _counted(_seat, _report))


def _counted(seat: Seat, report: AuditReport) -> None:
    workspace = Path(seat.settings.workspace)
    numbers = group_numbers(report)
    idle.wait()
    first, *others = numbers.runs[:_RUNS] or ("",)
    case = case_of_run(report, first, (*seat.places(), workspace))
    if case is not None:
        condition = numbers.conditions(first)[0]
        examination = numbers.examination_of(first, condition, numbers.metrics(first, condition)[0])
        saved = SavedCohorts(workspace=workspace, person=seat.person.name).all()
        for cohort in [one for one in saved if fits(one, report)][:_COHORTS]:
            idle.wait(_QUIET_S)
            asked(case, report, question_of(report, examination, condition, cohort))
    for run in others:
        idle.wait()
        case_of_run(report, run, (*seat.places(), workspace))


def _visitors(settings: DeskSettings) -> tuple[Person, ...]:
    """Return who may come: whoever sits there, or where people log in, a reader and a viewer."""
    if settings.person is not None:
        return (settings.person,)
    return tuple(Person(name=NOBODY, role=role) for role in (Role.REVIEWER, Role.VIEWER))


def _beside(work: Callable[[], None]) -> Thread:
    """Begin a work in a thread that keeps no process alive."""

    def done() -> None:
        with suppress(AffidavitError, OSError):
            work()

    thread = Thread(target=done, name="ahead", daemon=True)
    thread.start()
    return thread
