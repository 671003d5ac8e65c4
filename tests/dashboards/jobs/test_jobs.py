"""Runs are processes of their own: they end well, badly, or because somebody ended them, and say which."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from affidavit.bundle import read_bundle
from affidavit.plan import AuditPlan, RunSource, Statistics
from affidavit.testing.tables import predictions_frame
from dashboards.access.people import Person, Role
from dashboards.jobs.job import LOCK, PLAN, Job, State, held
from dashboards.jobs.starting import JobBoard

SOMEBODY = Person(name="A. Khan", role=Role.REVIEWER)
FAST = Statistics(n_resamples=100, n_permutations=99)
PATIENCE_S = 300.0
PAUSE = Event()
"""Never set: what is waited on between two looks at a process of the system."""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[JobBoard]:
    made = JobBoard(tmp_path / "runs")
    yield made
    for job in made.jobs():
        job.cancel()
        waited(job, while_=(State.RUNNING, State.WAITING, State.ENDING))


def table(tmp_path: Path) -> str:
    place = tmp_path / "table.csv"
    predictions_frame(n_speakers=12, per_speaker=4).to_csv(place, index=False)
    return str(place)


def quick(tmp_path: Path) -> AuditPlan:
    return AuditPlan(title="Quick", runs={"run": RunSource(table=table(tmp_path))}, by=("accent",), statistics=FAST)


def slow() -> AuditPlan:
    told = {
        "title": "Slow",
        "runs": {
            "s": {"reasoner": {"name": "simulator", "options": {"n_speakers": 2000, "utterances_per_speaker": 50}}}
        },
        "by": ["accent", "age"],
        "statistics": {"n_resamples": 100_000, "n_permutations": 100_000},
    }
    return AuditPlan.model_validate(told)


def waited(job: Job, *, while_: tuple[State, ...]) -> State:
    """Return the state that follows some others."""
    end = monotonic() + PATIENCE_S
    while (state := job.state) in while_:
        assert monotonic() < end, f"{state}: {job.told()}"
        PAUSE.wait(0.1)
    return state


def begun(job: Job) -> None:
    """Wait until the command says what it does."""
    end = monotonic() + PATIENCE_S
    while job.step is None:
        assert monotonic() < end, job.told()
        assert job.state in (State.RUNNING, State.WAITING), job.told()
        PAUSE.wait(0.1)


def test_a_run_leaves_a_bundle_and_who_asked_for_it(board: JobBoard, tmp_path: Path) -> None:
    job = board.start(quick(tmp_path), by=SOMEBODY)
    assert waited(job, while_=(State.RUNNING, State.WAITING)) is State.DONE
    assert read_bundle(job.bundle).title == "Quick"
    assert job.note.by == "A. Khan"
    assert board.jobs() == (job,)
    assert board.job(job.name) == job
    assert board.job("another") is None


def test_a_run_that_cannot_be_says_why(board: JobBoard, tmp_path: Path) -> None:
    plan = AuditPlan(title="Nothing", runs={"run": RunSource(table=str(tmp_path / "nowhere.csv"))})
    job = board.start(plan, by=SOMEBODY)
    assert waited(job, while_=(State.RUNNING, State.WAITING)) is State.FAILED
    assert "nowhere.csv" in job.told()
    assert not job.bundle.exists()


@pytest.mark.slow(minutes=2)  # starts the command, several times
def test_a_run_is_watched_and_cancelled_and_leaves_nothing_half_written(board: JobBoard) -> None:
    job = board.start(slow(), by=SOMEBODY)
    begun(job)
    assert job.state is State.RUNNING
    started = processes(job.folder)
    assert len(started) >= 2, "the process that watches, and the command"
    job.cancel()
    assert waited(job, while_=(State.RUNNING, State.ENDING)) is State.CANCELLED
    assert not job.bundle.exists()
    end = monotonic() + PATIENCE_S
    while processes(job.folder):
        assert monotonic() < end, "a process of a run that was cancelled lives on"
        PAUSE.wait(0.1)


@pytest.mark.slow  # starts the command, several times
def test_one_waits_for_the_other_and_may_be_cancelled_while_it_does(board: JobBoard, tmp_path: Path) -> None:
    first = board.start(slow(), by=SOMEBODY)
    begun(first)
    second, third = (board.start(quick(tmp_path), by=SOMEBODY) for _ in range(2))
    assert second.state is third.state is State.WAITING
    second.cancel()
    assert waited(second, while_=(State.WAITING, State.ENDING)) is State.CANCELLED
    first.cancel()
    assert waited(third, while_=(State.WAITING, State.RUNNING)) is State.DONE


@pytest.mark.slow  # starts the command, several times
def test_one_that_was_killed_says_so_and_goes_on(board: JobBoard, tmp_path: Path) -> None:
    job = board.start(slow(), by=SOMEBODY)
    begun(job)
    started = processes(job.folder)
    for process in started:
        os.kill(process, signal.SIGKILL)
    assert waited(job, while_=(State.RUNNING,)) is State.KILLED
    (job.folder / PLAN).write_text((board.start(quick(tmp_path), by=SOMEBODY).folder / PLAN).read_text())
    board.go_on(job)
    assert waited(job, while_=(State.RUNNING, State.WAITING)) is State.DONE


def test_whether_it_runs_is_told_by_its_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("")
    assert not held(tmp_path)
    assert Job(tmp_path).state is State.KILLED
    assert Job(tmp_path).step is None


def processes(folder: Path) -> list[int]:
    """Return the processes that were started for a run's folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(folder).encode() in place.read_bytes():
                found.append(int(place.parent.name))
    return found
