"""Each task starts from the same state, a failure is told by its name, and no process is left over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from affidavit.errors import MediaError
from corpora.clinic.forks import from_a_small_process

drawn: list[int] = []


def all_drawn(number: int) -> tuple[int, ...]:
    drawn.append(number)
    return tuple(drawn)


def test_no_task_knows_of_another_nor_of_what_came_later() -> None:
    with from_a_small_process(all_drawn) as ask:
        drawn.append(7)
        assert [ask(number, "a test") for number in (1, 2)] == [(1,), (2,)]
    assert drawn == [7]


def test_a_task_that_fails_says_why_and_the_next_one_is_answered() -> None:
    def fails(number: int) -> int:
        if number < 0:
            raise ValueError("no such thing")
        return number

    with from_a_small_process(fails) as ask:
        with pytest.raises(MediaError, match="no such thing") as caught:
            ask(-1, "clip 3")
        assert caught.value.where == "clip 3"
        assert ask(4, "clip 4") == 4


def test_a_task_or_a_process_that_is_killed_is_an_error() -> None:
    def ended(which: str) -> None:
        os.kill(os.getpid() if which == "task" else os.getppid(), 9)
        if which == "process":
            os._exit(0)

    with from_a_small_process(ended) as ask:
        with pytest.raises(MediaError, match="status -9"):
            ask("task", "a test")
        with pytest.raises(MediaError, match="without sound"):
            ask("process", "a test")
        with pytest.raises(MediaError, match="without sound"):
            ask("task", "nobody is there any more")


def test_no_process_is_left_over() -> None:
    def whose(_: None) -> int:
        return os.getppid()

    with from_a_small_process(whose) as ask:
        process = ask(None, "a test")
        assert process != os.getpid()
    assert not Path(f"/proc/{process}").exists()
