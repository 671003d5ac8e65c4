"""One run in its folder: the plan, who asked for it, how far it is, and how it ended.

FOLDER/plan.yaml      what is carried out
FOLDER/command.json   the command line after `affidavit`, where it is another one than that of an audit
FOLDER/job.json       who asked for it, when
FOLDER/progress.json  what is being done (`affidavit.cli.progress_file`)
FOLDER/log.txt        what the command said
FOLDER/outcome.json   how it ended
FOLDER/bundle/        the report

Laws: whether it runs is told by a lock that its process holds, and not by a number that another process may have taken
over; a run that ended without an outcome was killed, and says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED
from affidavit.records import Record

PLAN: Final = "plan.yaml"
COMMAND: Final = "command.json"
NOTE: Final = "job.json"
PROGRESS: Final = "progress.json"
LOG: Final = "log.txt"
OUTCOME: Final = "outcome.json"
BUNDLE: Final = "bundle"
CANCEL: Final = "cancel"
LOCK: Final = "running"
_TOLD_BYTES: Final = 20_000
_REPORTED: Final = frozenset({EXIT_DONE, EXIT_CRITERION_FAILED, EXIT_INCONCLUSIVE})


class State(StrEnum):
    """Where a run is."""

    WAITING = "waits for another run to end"
    RUNNING = "runs"
    ENDING = "is being ended"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "was cancelled"
    KILLED = "was killed from outside"


class JobNote(Record):
    """What is known of a run before it begins."""

    title: str
    by: str
    """Who asked for it."""
    asked_at: str


class Outcome(Record):
    """How a run ended."""

    exit_code: int
    cancelled: bool
    ended_at: str


class Step(Record):
    """What is being done."""

    what: str
    done: int = Field(ge=0)
    total: int | None

    @property
    def share(self) -> float | None:
        """How much of it is done, 0 to 1; None where nobody knows how much there is."""
        return min(self.done / self.total, 1.0) if self.total else None


@dataclass(frozen=True, slots=True)
class Job:
    """A run, read from its folder each time that it is asked."""

    folder: Path

    @property
    def name(self) -> str:
        """Its name among the runs of a desk."""
        return self.folder.name

    @property
    def note(self) -> JobNote:
        """Who asked for it, and when."""
        return JobNote.model_validate_json((self.folder / NOTE).read_bytes())

    @property
    def bundle(self) -> Path:
        """Where its report is, once there is one."""
        return self.folder / BUNDLE

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it goes on, and where it was killed."""
        try:
            return Outcome.model_validate_json((self.folder / OUTCOME).read_bytes())
        except (OSError, ValidationError):
            return None

    @property
    def state(self) -> State:
        """Where it is."""
        if held(self.folder):
            if (self.folder / CANCEL).exists():
                return State.ENDING
            return State.RUNNING if (self.folder / LOG).exists() else State.WAITING
        outcome = self.outcome  # read after the lock: a run writes its outcome before it lets go
        if outcome is None:
            return State.KILLED
        if outcome.cancelled:
            return State.CANCELLED
        return State.DONE if outcome.exit_code in _REPORTED else State.FAILED

    @property
    def step(self) -> Step | None:
        """What is being done now."""
        try:
            return Step.model_validate(json.loads((self.folder / PROGRESS).read_bytes()))
        except (OSError, ValueError):
            return None

    def told(self) -> str:
        """Return the last that its command said."""
        try:
            with (self.folder / LOG).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _TOLD_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def cancel(self) -> None:
        """Ask it to end; it leaves nothing half-written, and what it kept shortens the next run."""
        (self.folder / CANCEL).touch()


def held(folder: Path) -> bool:
    """Say whether a process holds a run."""
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def interrupted(exit_code: int) -> bool:
    """Say whether a command ended because somebody ended it."""
    return exit_code == EXIT_INTERRUPTED or exit_code < 0
