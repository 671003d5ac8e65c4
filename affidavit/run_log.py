"""What a run did while it did it: one line of canonical JSON a step, which a bundle keeps as `log.jsonl`.

A line says when (`at`), what (`event`) and the facts of it. Stages of work are what examinations and readers say of
their progress; the lines of a stage stand where the next step begins.

Laws: no folder of the machine, no text of the data and no id is written, so of a warning it keeps the kind and who gave
it, not its words; the log is no part of any claim, and nothing is computed from it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from threading import Lock
from time import monotonic
from typing import Final, TextIO

from affidavit.digests import canonical_json
from affidavit.protocols import Progress, silent
from affidavit.provenance import Now, now, package_version

FROM_CACHE: Final = "taken from the cache"
"""What a source says as its progress where its judgements were kept from an earlier run."""
LONGEST: Final = 200
_FOLDERS: Final = re.compile(r"(?<![\w.~])(?:[A-Za-z]:|~|\.{1,2})?[\\/](?:[^\s\\/]+[\\/])*(?=[^\s\\/])")
"""Of an absolute path, or one from here, all but its last name; `run/reasoner` is a name and no path."""
Facts = Mapping[str, str | int | float | bool | None]


@dataclass(slots=True)
class _Stage:
    at: str
    began: float
    ended: float
    done: int
    total: int | None


class RunLog:
    """The log of one run: a progress callback that writes down what it hears; steps may come from several threads."""

    def __init__(
        self, what: str, *, told: Progress = silent, moment: Now = now, clock: Callable[[], float] = monotonic
    ) -> None:
        """Begin the log of something that is done: `run`, `audit`, `release`, `bundle`; progress is told on."""
        self._told, self._moment, self._clock = told, moment, clock
        self._began = clock()
        self._lines: list[bytes] = []
        self._stages: dict[str, _Stage] = {}
        self._lock = Lock()
        self._seen: set[str] = set()
        self.note("started", {"what": what, "affidavit": package_version("affidavit")})

    def note(self, event: str, facts: Facts | None = None) -> None:
        """Write down a step, after the stages of work that led to it."""
        with self._lock:
            self._end_stages()
            self._write(self._now(), event, facts or {})

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Hear of a stage of work, and tell it on."""
        with self._lock:
            self._hear(what, done, total)
        self._told(what, done, total)

    def saw(self, stage: str) -> bool:
        """Say whether a stage has been heard of since this was asked for it before; then it is forgotten."""
        with self._lock:
            found = stage in self._seen
            self._seen.discard(stage)
            return found

    @contextmanager
    def step(self, event: str, facts: Facts | None = None) -> Iterator[dict[str, str | int | float | bool | None]]:
        """Write down a step when it is done, with its seconds; the block may add facts to what it is given."""
        began = self._clock()
        said = dict(facts or {})
        yield said
        self.note(event, {**said, "seconds": round(self._clock() - began, 3)})

    @contextmanager
    def hearing_warnings(self) -> Iterator[None]:
        """Write down the kind of each Python warning of the block, and who gave it; they are shown as before."""
        shown = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            self.note("warned", {"kind": category.__name__, "by": PurePath(filename).stem})
            shown(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        try:
            yield
        finally:
            warnings.showwarning = shown

    def content(self) -> bytes:
        """Return the log so far, as a bundle keeps it."""
        with self._lock:
            self._end_stages()
            return b"".join(self._lines)

    def _hear(self, what: str, done: int, total: int | None) -> None:
        self._seen.add(what)
        moment = self._clock()
        if what not in self._stages:
            self._stages[what] = _Stage(self._now(), moment, moment, done, total)
            return
        stage = self._stages[what]
        stage.ended, stage.done, stage.total = moment, done, total

    def _end_stages(self) -> None:
        for what, stage in self._stages.items():
            seconds = round(stage.ended - stage.began, 3)
            self._write(stage.at, "stage", {"what": what, "done": stage.done, "total": stage.total, "seconds": seconds})
        self._stages.clear()

    def _write(self, at: str, event: str, facts: Facts) -> None:
        said = {name: _without_folders(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        told = {name: fact for name, fact in said.items() if fact is not None}
        self._lines.append(canonical_json({"at": at, "event": event, **told}) + b"\n")

    def _now(self) -> str:
        return self._moment().isoformat(timespec="milliseconds")


def log_of(progress: Progress, *, what: str) -> RunLog:
    """Return the log that a progress callback is, else one that tells it on and that nobody keeps."""
    return progress if isinstance(progress, RunLog) else RunLog(what, told=progress)


def _without_folders(text: str) -> str:
    r"""Return a text whose paths have lost their folders; what is no text is written out, and a long one ends early.

    >>> _without_folders("reading /home/ada/clinic/table.csv, C:\\audits\\b.csv")
    'reading table.csv, b.csv'
    """
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return _FOLDERS.sub("", plain)[:LONGEST]
