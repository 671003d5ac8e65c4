"""Starts runs, and finds those that were started: a run is a folder, and a folder that is there was started once."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from affidavit.plan import AuditPlan
from affidavit.provenance import now
from dashboards.access.people import Person
from dashboards.jobs.job import CANCEL, COMMAND, LOG, NOTE, OUTCOME, PLAN, PROGRESS, Job, JobNote, held

_LETTERS: Final = 4


@dataclass(frozen=True, slots=True)
class JobBoard:
    """The runs of a desk, in a folder of its workspace."""

    folder: Path

    def jobs(self) -> tuple[Job, ...]:
        """Return them, the latest first."""
        found = sorted(self.folder.glob(f"*/{NOTE}"), reverse=True)
        return tuple(Job(path.parent) for path in found)

    def job(self, name: str) -> Job | None:
        """Return one by its name; None where there is none of it."""
        return next((job for job in self.jobs() if job.name == name), None)

    def start(self, plan: AuditPlan, *, by: Person, arguments: Callable[[Path], Sequence[str]] | None = None) -> Job:
        """Write a run's folder and start the process that carries it out; relative paths of the plan start there.

        `arguments` says of the folder what stands behind `affidavit` where the plan is not to be audited.
        """
        moment = now()
        folder = self.folder / f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(_LETTERS // 2)}"
        folder.mkdir(parents=True, mode=0o700)
        (folder / PLAN).write_text(_written(plan), encoding="utf-8")
        if arguments is not None:
            (folder / COMMAND).write_text(json.dumps(list(arguments(folder))), encoding="utf-8")
        note = JobNote(title=plan.title, by=by.name, asked_at=moment.isoformat(timespec="seconds"))
        (folder / NOTE).write_text(note.model_dump_json(), encoding="utf-8")
        _launch(folder)
        return Job(folder)

    def go_on(self, job: Job) -> None:
        """Carry out a run again that was cancelled or killed: what it kept is not done twice."""
        if held(job.folder):
            return
        for name in (CANCEL, OUTCOME, LOG, PROGRESS):
            (job.folder / name).unlink(missing_ok=True)
        _launch(job.folder)


def _written(plan: AuditPlan) -> str:
    import yaml

    told: Mapping[str, Any] = plan.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump({"version": plan.version, **told}, sort_keys=False, allow_unicode=True)


def _launch(folder: Path) -> None:
    """Start the process that outlives the desk; it holds the run when this returns, or has ended already."""
    subprocess.run(
        [sys.executable, "-m", "dashboards.jobs.child", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
