"""Runs one small task in a fork of this process and brings back what it returns.

A fork starts from the very state of its parent, so that the first clip of each fork is the same each time; and it
costs a few milliseconds as long as the task touches little memory.
"""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import TypeVar

from affidavit.errors import MediaError

Answer = TypeVar("Answer")


def in_a_fork(task: Callable[[], Answer], *, what: str) -> Answer:
    """Return what `task` returns; `what` names it where it fails.

    Raises:
        MediaError: the task raised, or its process ended without an answer.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(task, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        sent = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise MediaError(
            "a process that speaks ended without sound",
            slug="media-unreadable",
            where=what,
            found=sent.decode(errors="replace").strip() or f"status {status}",
            remedy="run again, it goes on where it stopped; or set `media: none`",
        )
    answer: Answer = pickle.loads(sent)
    return answer


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
