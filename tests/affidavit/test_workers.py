"""Work in several processes: in order, lazily, with errors as they were raised and no process left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import MediaError, PlanError
from affidavit.protocols import silent
from affidavit.workers import map_in_workers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[Any]]]:
    """Every process that a test starts; each has ended, and was waited for, when the test is over."""
    processes: list[subprocess.Popen[Any]] = []

    class Noted(subprocess.Popen[Any]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    yield processes
    assert all(process.returncode is not None for process in processes)


def squared(number: int) -> int:
    return number * number


def with_process(number: int) -> tuple[int, int]:
    return number, os.getpid()


def threads_allowed(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def refusing_seven(number: int) -> int:
    if number == 7:
        raise MediaError("seven cannot be played", slug="media-unreadable", where="7.wav", remedy="take eight")
    return number


class StubbornError(Exception):
    """Its constructor wants what pickle does not give it."""

    def __init__(self, first: int, *, second: int) -> None:
        super().__init__(f"{first} and {second}")
        self.second = second


def stubborn(number: int) -> int:
    raise StubbornError(number, second=2)


def killed_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leaving(number: int) -> None:
    os._exit(3)


def unpicklable(number: int) -> object:
    return lambda: number


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    results = list(map_in_workers(squared, range(50), workers=workers, what="squaring", progress=silent, chunk=3))
    assert results == [n * n for n in range(50)]


@pytest.mark.parametrize("workers", [0, 2])
def test_nothing_gives_nothing_and_starts_nothing(workers: int) -> None:
    assert list(map_in_workers(squared, [], workers=workers, what="squaring", progress=silent)) == []


def test_work_is_done_elsewhere_and_shared() -> None:
    results = list(map_in_workers(with_process, range(40), workers=2, what="", progress=silent, chunk=1))
    assert [number for number, _ in results] == list(range(40))
    places = {place for _, place in results}
    assert os.getpid() not in places
    assert len(places) == 2
    here = list(map_in_workers(with_process, range(3), workers=0, what="", progress=silent))
    assert {place for _, place in here} == {os.getpid()}


def test_a_worker_computes_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert list(map_in_workers(threads_allowed, [0], workers=1, what="", progress=silent)) == ["1"]


@pytest.mark.parametrize("workers", [0, 2])
def test_progress_is_told_after_every_chunk(workers: int) -> None:
    told: list[tuple[str, int, int | None]] = []
    list(
        map_in_workers(
            squared, range(10), workers=workers, what="squaring", progress=lambda *a: told.append(a), chunk=4
        )
    )
    assert told == [("squaring", 4, 10), ("squaring", 8, 10), ("squaring", 10, 10)]
    told.clear()
    list(map_in_workers(squared, iter([1]), workers=workers, what="one", progress=lambda *a: told.append(a)))
    assert told == [("one", 1, None)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_items_are_taken_as_they_are_needed(workers: int) -> None:
    taken = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    results = map_in_workers(squared, endless(), workers=workers, what="", progress=silent, chunk=2)
    assert taken == []
    for expected in range(30):
        assert next(results) == expected**2
        assert len(taken) <= expected + 2 * (2 * workers + 1) + 1
    results.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_arrives_as_itself_after_the_results_before_it(workers: int) -> None:
    results = map_in_workers(refusing_seven, range(20), workers=workers, what="", progress=silent, chunk=4)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(MediaError) as caught:
        next(results)
    assert caught.value.slug == "media-unreadable"
    assert caught.value.where == "7.wav"
    assert "take eight" in str(caught.value)
    if workers:
        assert "refusing_seven" in "".join(caught.value.__notes__)


def test_an_error_that_pickle_cannot_rebuild_arrives_all_the_same() -> None:
    with pytest.raises(StubbornError, match="5 and 2") as caught:
        list(map_in_workers(stubborn, [5], workers=1, what="", progress=silent))
    assert caught.value.second == 2


def test_results_that_cannot_be_sent_are_an_error() -> None:
    with pytest.raises(Exception, match="lambda"):
        list(map_in_workers(unpicklable, [5], workers=1, what="", progress=silent))


def test_a_killed_worker_is_an_error_for_people() -> None:
    with pytest.raises(PlanError) as caught:
        list(map_in_workers(killed_at_three, range(20), workers=2, what="judging", progress=silent, chunk=1))
    assert caught.value.slug == "worker-ended"
    assert caught.value.where == "judging"
    assert "signal 9" in str(caught.value)
    assert "fewer workers" in str(caught.value)


def test_a_worker_that_leaves_is_an_error_for_people() -> None:
    with pytest.raises(PlanError) as caught:
        list(map_in_workers(leaving, range(3), workers=1, what="judging", progress=silent))
    assert caught.value.slug == "worker-ended"
    assert caught.value.found == "exit status 3"


def test_a_worker_that_cannot_start_is_an_error_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PlanError) as caught:
        list(map_in_workers(squared, range(3), workers=1, what="judging", progress=silent))
    assert caught.value.found == "exit status 1"


def test_closing_ends_workers_in_the_middle_of_their_work() -> None:
    def first_then_stuck() -> Iterator[int]:
        yield from range(4)

    results = map_in_workers(with_process, first_then_stuck(), workers=2, what="", progress=silent, chunk=1)
    _, place = next(results)
    os.kill(place, 0)  # it lives
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(place, 0)


def test_an_error_of_the_caller_ends_workers(started: list[subprocess.Popen[Any]]) -> None:
    def counting() -> None:
        results = map_in_workers(squared, range(100), workers=2, what="", progress=silent, chunk=1)
        for result in results:
            if result == 9:
                raise KeyError(result)

    with pytest.raises(KeyError):
        counting()
    assert started
    assert all(process.returncode is not None for process in started)


def test_an_error_of_progress_or_items_arrives() -> None:
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_in_workers(squared, range(100), workers=2, what="", progress=fails))
    with pytest.raises(ZeroDivisionError):
        list(map_in_workers(squared, (1 // (3 - i) for i in range(9)), workers=1, what="", progress=silent, chunk=1))


def test_what_makes_no_sense_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="workers=-1"):
        map_in_workers(squared, [1], workers=-1, what="", progress=silent)
    with pytest.raises(ValueError, match="chunk=0"):
        map_in_workers(squared, [1], workers=0, what="", progress=silent, chunk=0)
    monkeypatch.setattr(squared, "__module__", "__main__")
    with pytest.raises(ValueError, match="defined in a script"):
        map_in_workers(squared, [1], workers=1, what="", progress=silent)


WORK = "import os\ndef tenfold(number):\n    return 10 * number, os.getpid()\n"
HEAVY = "print('imported')\nimport numpy, pandas\n"
SCRIPT = (
    "import heavy\n"
    "print('at the top')\n"
    "from affidavit.protocols import silent\n"
    "from affidavit.workers import map_in_workers\n"
    "from work import tenfold\n"
    "found = list(map_in_workers(tenfold, range(6), workers=2, what='work', progress=silent, chunk=1))\n"
    "print([number for number, _ in found], len({place for _, place in found}))\n"
)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["script", "module", "stdin", "command"])
def test_a_script_without_a_guard_is_not_run_again(tmp_path: Path, how: str) -> None:
    """Workers import neither the script nor what it imports, however it was started."""
    for name, code in (("work", WORK), ("heavy", HEAVY), ("script", SCRIPT)):
        (tmp_path / f"{name}.py").write_text(code)
    arguments = {"script": ["script.py"], "module": ["-m", "script"], "stdin": ["-"], "command": ["-c", SCRIPT]}[how]
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        input=SCRIPT if how == "stdin" else "",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "imported",
        "at the top",
        "[0, 10, 20, 30, 40, 50] 2",
    ]


def test_workers_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    """They hold its standard output; `communicate` returns when the last of them is gone."""
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "script.py").write_text(
        "import os, signal\n"
        "from affidavit.protocols import silent\n"
        "from affidavit.workers import map_in_workers\n"
        "from work import tenfold\n"
        "results = map_in_workers(tenfold, range(9), workers=2, what='work', progress=silent, chunk=1)\n"
        "print(next(results)[0], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    said, complaints = process.communicate(timeout=30)
    assert (said, complaints) == ("0\n", "")
    assert process.returncode == -signal.SIGKILL


def test_workers_end_with_a_program_that_never_closes_the_iterator(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from affidavit.protocols import silent\n"
        "from affidavit.workers import map_in_workers\n"
        "from work import tenfold\n"
        "sys.results = map_in_workers(tenfold, range(9), workers=2, what='work', progress=silent, chunk=1)\n"
        "print(next(sys.results)[0], flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_an_interrupt_ends_all_processes(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group; the caller handles it, and no worker survives or complains."""
    (tmp_path / "sleepers.py").write_text(
        "import os, signal\ndef asleep(number):\n    if number < 2:\n        return os.getpid()\n    signal.pause()\n"
    )
    (tmp_path / "run.py").write_text(
        "import signal\n"
        "from affidavit.workers import map_in_workers\n"
        "from affidavit.protocols import silent\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores interrupts
        "from sleepers import asleep\n"
        "if __name__ == '__main__':\n"
        "    for place in map_in_workers(asleep, range(8), workers=2, what='sleep', progress=silent, chunk=1):\n"
        "        print(place, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    places = [int(process.stdout.readline()) for _ in range(2)]
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode != 0
    assert complaints.count("KeyboardInterrupt") == 1
    for place in places:
        with pytest.raises(ProcessLookupError):
            os.kill(place, 0)


def test_the_module_is_lean() -> None:
    code = "import sys, affidavit.workers; print('numpy' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
