"""Has every clip spoken and drawn that is not there yet, by processes of its own, and keeps the notes of the clips.

A folder is named by the digest of its jobs, so what was made for one corpus serves every other with the same media. It
holds `audio/*.flac`, `video/*.mkv` and `notes.json`. A killed generation leaves whole clips and goes on from them.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from affidavit.errors import MediaError
from affidavit.files import replacing
from affidavit.protocols import Progress
from corpora.clinic.jobs import FilmJob, Job, SpeechJob, doing, to_json
from corpora.clinic.options import CLINIC_VERSION
from corpora.clinic.parts import NEEDED, part

Notes = dict[str, dict[str, Any]]
"""Utterance to duration in seconds, words with the second they start at, and the measured change."""
NOTES: Final = "notes.json"
ENVIRONMENT: Final = "AFFIDAVIT_CACHE"  # affidavit.cache has the same, and brings pandas along
_REPORTED: Final = 10
"""Progress is told every so many clips."""
_WORTH_A_PROCESS: Final = 40
"""A process takes about as long to start (it imports SciPy: 1.1 s) as that many clips (25 ms of speech, 35 of film)."""


def cache_root() -> Path:
    """Return where clips are kept: `AFFIDAVIT_CACHE`, the user's cache, or a folder that lives as long as we do."""
    named = os.environ.get(ENVIRONMENT)
    if named == "off":
        return _temporary_root()
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("affidavit")


def media_folder(jobs: Sequence[Job]) -> Path:
    """Return the folder of these jobs."""
    digest = sha256(CLINIC_VERSION.encode())
    for job in jobs:
        digest.update(to_json(job).encode())
    return cache_root() / "clinic" / digest.hexdigest()


def make(jobs: Sequence[Job], folder: Path, *, workers: int, progress: Progress) -> Notes:
    """Make what is missing; return the notes of all spoken clips.

    Raises:
        MissingPartError: a package of the extra `media` is not installed.
        MediaError: a clip cannot be made.
    """
    speeches = [job for job in jobs if isinstance(job, SpeechJob)]
    films = [job for job in jobs if isinstance(job, FilmJob)]
    notes = _kept(folder)
    in_order: list[Job] = [*speeches, *films]
    missing = [job for job in in_order if not _is_whole(job, folder, notes)]
    if missing:
        to_do = Counter(doing(job) for job in missing)
        _work(missing, folder, workers, _Bar(Counter(doing(job) for job in jobs), to_do, progress))
    spoken = {job.utterance_id for job in missing if isinstance(job, SpeechJob)}
    if any(job.utterance_id in spoken or job.utterance_id not in notes for job in speeches):
        notes = _gathered(speeches, folder, notes)
    return notes


class _Bar:
    """Tells how many clips of each kind are done."""

    def __init__(self, total: Counter[str], to_do: Counter[str], progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._done = total - to_do
        for what in to_do:
            progress(what, self._done[what], total[what])

    def step(self, what: str) -> None:
        self._done[what] += 1
        if self._done[what] % _REPORTED == 0 or self._done[what] == self._total[what]:
            self._progress(what, self._done[what], self._total[what])


def _is_whole(job: Job, folder: Path, notes: Notes) -> bool:
    noted = isinstance(job, FilmJob) or job.utterance_id in notes or job.note(folder).is_file()
    return noted and job.file(folder).is_file()


def _kept(folder: Path) -> Notes:
    try:
        kept: Notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # damaged notes are as good as none: the clips are made again
    return kept


def _gathered(speeches: Sequence[SpeechJob], folder: Path, notes: Notes) -> Notes:
    """Write the notes of all clips as one file, and take the single ones away."""
    alone = [job for job in speeches if job.note(folder).is_file()]
    found = {job.utterance_id: json.loads(job.note(folder).read_text(encoding="utf-8")) for job in alone}
    all_notes = {**_kept(folder), **notes, **found}
    with replacing(folder / NOTES) as temporary:
        temporary.write_text(json.dumps(all_notes, sort_keys=True), encoding="utf-8")
    for job in alone:
        job.note(folder).unlink(missing_ok=True)
    return all_notes


def _work(jobs: Sequence[Job], folder: Path, workers: int, bar: _Bar) -> None:
    """Deal jobs to processes and wait for all of them."""
    for module in NEEDED:
        part(module)
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    n = min(workers, -(-len(jobs) // _WORTH_A_PROCESS))
    hands = [jobs[i::n] for i in range(n)]
    with _processes(len(hands), folder) as processes:
        threads = [
            threading.Thread(target=_exchange, args=(process, hand, answers), daemon=True)
            for process, hand in zip(processes, hands, strict=True)
        ]
        for thread in threads:
            thread.start()
        ended = 0
        while ended < len(threads):
            if (answer := answers.get()) is None:
                ended += 1
            else:
                bar.step(answer)
        for process in processes:
            if process.wait() != 0:
                raise _failed(process, folder)


def _exchange(process: subprocess.Popen[str], jobs: Sequence[Job], answers: queue.SimpleQueue[str | None]) -> None:
    """Hand over the jobs, then pass every answer on, and None when there are no more."""
    try:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process was started without pipes")
        with process.stdin as stdin:
            stdin.writelines(f"{to_json(job)}\n" for job in jobs)
        for line in process.stdout:
            answers.put(line.strip())
    except OSError:
        pass  # it ended early; its exit status says why
    finally:
        answers.put(None)


@contextmanager
def _processes(n: int, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start workshops, and end them however the block ends."""
    home = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "corpora.clinic.workshop", str(folder)]
    processes: list[subprocess.Popen[str]] = []
    try:
        for _ in range(n):
            processes.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    env=environment,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                with suppress(OSError):  # what was not handed over any more
                    if pipe is not None:
                        pipe.close()


def _failed(process: subprocess.Popen[str], folder: Path) -> MediaError:
    said = "" if process.stderr is None else process.stderr.read().strip()
    return MediaError(
        "the clinic's sound or pictures cannot be made",
        slug="media-unreadable",
        where=str(folder),
        found=f"a process ended with status {process.returncode}: {said[-500:] or 'nothing said'}",
        remedy="run again, it goes on where it stopped; or set `media: none`",
    )


@cache
def _temporary_root() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="affidavit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
