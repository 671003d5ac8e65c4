"""Maps a function over items in several processes: in order, lazily, in bounded memory, with no process left over.

Workers are fresh processes, not forks: a copy of a process that runs threads (torch, BLAS) can hang. Nor are they
`multiprocessing`'s: those import the caller's script again, which runs it anew where it lacks
`if __name__ == "__main__":`, and costs each of them whatever it imports. Each worker holds one chunk at a time, and
none is given out that lies 2 * `workers` chunks or more beyond the one that the caller waits for, however many items
there are. A worker computes in one thread, so that workers do not fight over cores.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Generic, TypeVar

from affidavit.errors import PlanError
from affidavit.protocols import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_BIRTH: Final = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the caller's to handle
sys.path[:] = sys.argv[2:]
from affidavit.workers import serve
serve(int(sys.argv[1]))
"""
_PATIENCE_S: Final = 5.0


def map_in_workers(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    what: str,
    progress: Progress,
    chunk: int = 8,
) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item, in the order of the items; `workers=0` computes in this process.

    `function` is defined at the top of a module, not of a script; items and results can be pickled. Items are taken as
    they are needed.
    `progress` hears `what` after every chunk. What the function raises is raised here, after the results before it,
    with the worker's traceback as a note. All processes have ended when the iterator is exhausted, closed or fails.

    Raises:
        PlanError: a worker was ended from outside, as by a machine that has run out of memory.
        ValueError: `workers` is below 0, `chunk` below 1, or `function` one that no other process can import.
    """
    if workers < 0 or chunk < 1:
        raise ValueError(f"workers={workers} must be at least 0, chunk={chunk} at least 1")
    if workers and getattr(function, "__module__", None) == "__main__":
        raise ValueError(f"{function!r} is defined in a script; move it to a module that workers can import")
    total = len(items) if isinstance(items, Sized) else None
    chunks = _chunks(items, chunk)
    outcomes = _Crew(function, what).outcomes(chunks, workers) if workers else _here(function, chunks)
    return _results(outcomes, lambda done: progress(what, done, total))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome(Generic[Result]):
    """What became of one chunk: results up to the first failure, and that failure."""

    results: Sequence[Result]
    failure: Exception | _Raised | None = None


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while taken := list(islice(source, size)):
        yield taken


def _results(
    outcomes: Generator[_Outcome[Result], None, None], told: Callable[[int], None]
) -> Generator[Result, None, None]:
    done = 0
    with closing(outcomes):
        for outcome in outcomes:
            yield from outcome.results
            if outcome.failure is not None:
                raise outcome.failure.rebuilt() if isinstance(outcome.failure, _Raised) else outcome.failure
            done += len(outcome.results)
            told(done)


def _here(function: Callable[[Item], Result], chunks: Iterator[list[Item]]) -> Generator[_Outcome[Result], None, None]:
    for items in chunks:
        yield _computed(function, items)


def _computed(function: Callable[[Item], Result], items: Sequence[Item]) -> _Outcome[Result]:
    results: list[Result] = []
    try:
        for item in items:
            results.append(function(item))
    except Exception as error:
        return _Outcome(results=results, failure=error)
    return _Outcome(results=results)


class _Crew(Generic[Item, Result]):
    """The processes of one map, and what each is doing."""

    def __init__(self, function: Callable[[Item], Result], what: str) -> None:
        self._function, self._what = pickle.dumps(function), what
        self._processes: dict[Connection, subprocess.Popen[bytes]] = {}
        self._busy: dict[Connection, int] = {}

    def outcomes(self, chunks: Iterator[list[Item]], workers: int) -> Generator[_Outcome[Result], None, None]:
        """Yield the outcome of each chunk, in order; end every process in any case."""
        numbered = enumerate(chunks)
        finished: dict[int, _Outcome[Result]] = {}
        following = given = 0
        atexit.register(self._end)  # of a generator that lives to the end of the program nobody runs the `finally`
        try:
            while True:
                ahead = following + 2 * workers - given
                given += self._give(islice(numbered, min(ahead, workers - len(self._busy))))
                if following in finished:
                    yield finished.pop(following)
                    following += 1
                elif self._busy:
                    finished |= self._take()
                else:
                    return
        finally:
            atexit.unregister(self._end)
            self._end()

    def _give(self, numbered: Iterator[tuple[int, list[Item]]]) -> int:
        """Give each chunk to a worker that has none, started if need be; return how many there were."""
        given = 0
        for number, items in numbered:
            idle = [pipe for pipe in self._processes if pipe not in self._busy]
            pipe = idle[0] if idle else self._start()
            try:
                pipe.send_bytes(pickle.dumps(items))
            except BrokenPipeError:
                raise self._ended(pipe) from None
            self._busy[pipe] = number
            given += 1
        return given

    def _take(self) -> dict[int, _Outcome[Result]]:
        """Wait for the workers, and return what at least one of them has finished."""
        finished = {}
        ready = wait(list(self._busy))
        for pipe in [pipe for pipe in self._busy if pipe in ready]:
            try:
                outcome = pickle.loads(pipe.recv_bytes())
            except (EOFError, ConnectionResetError):
                raise self._ended(pipe) from None
            finished[self._busy.pop(pipe)] = outcome
        return finished

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        with theirs:  # were it left open here, it would not break when the worker ends
            process = subprocess.Popen(
                [sys.executable, "-c", _BIRTH, str(theirs.fileno()), *map(str, sys.path)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_ONE_THREAD | os.environ,
            )
        self._processes[ours] = process
        with suppress(BrokenPipeError):  # whoever sends it a chunk will find out
            ours.send_bytes(self._function)
        return ours

    def _ended(self, pipe: Connection) -> PlanError:
        code = _patiently(self._processes[pipe])
        signalled = code is not None and code < 0 and f"signal {-code} ({signal.strsignal(-code)})"
        return PlanError(
            "a worker process was ended before it had finished",
            slug="worker-ended",
            where=self._what,
            found=signalled or f"exit status {code}",
            remedy="if memory ran out, ask for fewer workers (execution: workers), or 0 to compute in this process",
        )

    def _end(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for pipe, process in self._processes.items():
            if _patiently(process) is None:
                process.kill()
                process.wait()
            pipe.close()
        self._processes.clear()


def _patiently(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit status, or None of a process that does not end."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE_S)
    return process.returncode


def serve(handle: int) -> None:
    """Compute chunks until the pipe breaks, which it does when the caller ends in any way; the life of a worker."""
    with suppress(EOFError, OSError), Connection(handle) as pipe:
        function = pipe.recv_bytes()
        while True:
            pipe.send_bytes(_answer(function, pipe.recv_bytes()))


def _answer(function: bytes, message: bytes) -> bytes:
    try:
        outcome: _Outcome[Any] = _computed(_loaded(function), pickle.loads(message))
    except Exception as error:  # what was sent cannot be unpickled here
        outcome = _Outcome(results=[], failure=error)
    try:
        if isinstance(outcome.failure, Exception):
            outcome = _Outcome(results=outcome.results, failure=_portable(outcome.failure))
        return pickle.dumps(outcome)
    except Exception as error:  # what was computed cannot be pickled
        outcome = _Outcome(results=[], failure=_portable(error))
        return pickle.dumps(outcome)


_loaded = lru_cache(maxsize=1)(pickle.loads)


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception that pickle would rebuild by a constructor that wants other arguments."""

    kind: type[Exception]
    args: tuple[Any, ...]
    state: dict[str, Any]

    def rebuilt(self) -> Exception:
        """Return the exception, without calling its constructor again."""
        error = self.kind.__new__(self.kind, *self.args)
        error.__dict__.update(self.state)
        return error


def _portable(error: Exception) -> Exception | _Raised:
    """Return what can be sent in the place of an exception; the traceback goes along as a note."""
    error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)).rstrip())
    bare = _Raised(type(error), error.args, error.__dict__)
    for candidate in (error, bare):
        with suppress(Exception):
            pickle.loads(pickle.dumps(candidate))
            return candidate
    return RuntimeError(*error.__notes__)
