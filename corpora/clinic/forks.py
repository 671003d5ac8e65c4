"""Runs small tasks, each in a fork of one process, and brings back what they return.

A fork starts from the very state of its parent, so that the first clip of each fork is the same each time. What it
costs grows with the memory of its parent: 1 ms at 25 MB, 12 ms at 120 MB, where the task itself takes 17. So whoever
forks often does it from a process that has stayed small (`from_a_small_process`).
"""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from affidavit.errors import MediaError

Answer = TypeVar("Answer")
Question = TypeVar("Question")


@contextmanager
def from_a_small_process(task: Callable[[Question], Answer]) -> Iterator[Callable[[Question, str], Answer]]:
    """Yield a function that answers each question by `task` in a fork of this process as it is now.

    A copy of this process waits for the questions, and does not grow with what this one imports later. The second
    argument names the question where it fails: with a MediaError, where the task raised or its process ended without an
    answer.
    """
    ours, theirs = Pipe()
    child = os.fork()
    if child == 0:
        ours.close()
        _serve(task, theirs)
    theirs.close()

    def asked(question: Question, what: str) -> Answer:
        try:
            ours.send(question)
            status, sent = ours.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            status, sent = 1, b""
        answer: Answer = _read(status, sent, what)
        return answer

    try:
        yield asked
    finally:
        ours.close()
        os.waitpid(child, 0)


def _serve(task: Callable[[Question], Answer], questions: Connection) -> None:
    """Answer until whoever asks is gone, and end without running the parent's exit."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    with suppress(BaseException):
        while True:
            questions.send(_sent_by_a_fork(partial(task, questions.recv())))
    os._exit(0)


def _sent_by_a_fork(task: Callable[[], Answer]) -> tuple[int, bytes]:
    """Return the exit status of a fork, and the pickled answer or what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(task, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        sent = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sent


def _read(status: int, sent: bytes, what: str) -> Any:  # noqa: ANN401 - whatever the task answers
    if status != 0:
        raise MediaError(
            "a process that speaks ended without sound",
            slug="media-unreadable",
            where=what,
            found=sent.decode(errors="replace").strip() or f"status {status}",
            remedy="run again, it goes on where it stopped; or set `media: none`",
        )
    return pickle.loads(sent)


def _answer(task: Callable[[], Answer], writing: int) -> None:
    """Write the answer, or what went wrong, and end the fork without running the parent's exit."""
    status, sent = 0, b""
    try:
        sent = pickle.dumps(task())
    except BaseException:
        status, sent = 1, traceback.format_exc().encode()
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(sent)
    finally:
        os._exit(status)
