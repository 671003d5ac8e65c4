"""The process that carries out one run: `python -m dashboards.jobs.child FOLDER`.

It belongs to no page and no desk: a desk that is closed and opened again finds it by its folder. It holds the folder's
lock while it lives, waits until a place among the runs at once is free, and ends its command when it is asked to.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from affidavit.cli.progress_file import ENVIRONMENT
from affidavit.files import replacing
from affidavit.provenance import now
from dashboards.jobs.job import BUNDLE, CANCEL, COMMAND, LOCK, LOG, OUTCOME, PLAN, PROGRESS, Outcome, interrupted

PLACE: Final = ".place"
"""The lock beside the runs of a desk that the one holds whose turn it is."""
_LOOK_S: Final = 0.25
_PATIENCE_S: Final = (20.0, 10.0)
"""How long a command may take to end after it was interrupted, and after it was told to stop."""


def detached(folder: Path) -> None:
    """Carry out the run of a folder in a process of nobody's, and return when that process holds it."""
    held, told = os.pipe()
    if os.fork():
        os.close(told)
        os.read(held, 1)  # comes when the other holds the run, and when it has ended
        return
    os.setsid()
    os.close(held)
    exit_code = 70
    try:
        exit_code = carry_out(folder, begun=lambda: os.close(told))
    finally:
        os._exit(exit_code & 0xFF)


def carry_out(folder: Path, *, begun: Callable[[], None]) -> int:
    """Carry out the run of a folder, and return its exit code; `begun` is called when the run is held.

    Raises:
        Timeout: another process holds it.
    """
    with FileLock(folder / LOCK, thread_local=False).acquire(timeout=0):
        begun()
        place = FileLock(folder.parent / PLACE, thread_local=False)
        exit_code = _waited(place, folder)
        if exit_code is None:
            try:
                exit_code = _carried_out(folder)
            finally:
                place.release()
        _close(folder, exit_code)
    return exit_code


def _waited(place: FileLock, folder: Path) -> int | None:
    """Wait for the place among the runs; return an exit code where somebody cancelled meanwhile."""
    while True:
        if (folder / CANCEL).exists():
            return -signal.SIGINT
        with suppress(Timeout):
            place.acquire(timeout=_LOOK_S)
            return None


def _carried_out(folder: Path) -> int:
    """Run the command to its end, or to the end of somebody's patience."""
    command = [sys.executable, "-m", "affidavit", *_arguments(folder)]
    told = {**os.environ, ENVIRONMENT: str(folder / PROGRESS), "PYTHONUNBUFFERED": "1"}
    with (folder / LOG).open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=told, start_new_session=True)
        while not (folder / CANCEL).exists():
            with suppress(subprocess.TimeoutExpired):
                return child.wait(_LOOK_S)
        return _ended(child)


def _arguments(folder: Path) -> list[str]:
    """Return what stands behind `affidavit`: what the folder says, else what carries out its plan."""
    told = folder / COMMAND
    if told.is_file():
        return [str(argument) for argument in json.loads(told.read_bytes())]
    return ["run", str(folder / PLAN), "--out", str(folder / BUNDLE)]


def _ended(child: subprocess.Popen[bytes]) -> int:
    """End a command and everything that it started."""
    for sign, patience in zip((signal.SIGINT, signal.SIGTERM), _PATIENCE_S, strict=True):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            return child.wait(patience)
    os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


def _close(folder: Path, exit_code: int) -> None:
    cancelled = (folder / CANCEL).exists() and interrupted(exit_code)
    outcome = Outcome(exit_code=exit_code, cancelled=cancelled, ended_at=now().isoformat(timespec="seconds"))
    with replacing(folder / OUTCOME) as temporary:
        temporary.write_text(outcome.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    detached(Path(sys.argv[1]))
