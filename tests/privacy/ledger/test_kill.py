"""SIGKILL at random moments: the ledger never counts fewer updates than were applied."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from affidavit.hash_chain import read_chain
from privacy.ledger.book import read_book
from privacy.ledger.ledger import Ledger
from tests.privacy.ledger import killed

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def trainings(path: Path, updates: Path) -> Iterator[Callable[[int], None]]:
    """Yield what begins a training, waits until it has told so many moments, and kills it wherever it has got to."""
    with subprocess.Popen(
        [sys.executable, killed.__file__, str(path), str(updates)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        begun, told = process.stdin, process.stdout
        assert begun is not None
        assert told is not None

        def live_and_die(moments: int) -> None:
            begun.write(b"\n")
            begun.flush()
            training = int(told.readline())
            assert told.read(moments) == b"." * moments, "the process ended by itself"
            os.kill(training, signal.SIGKILL)
            told.readline()

        yield live_and_die


@pytest.mark.parametrize("deaths", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_a_training_that_is_killed_never_counts_less_than_it_took(tmp_path: Path, deaths: int) -> None:
    path, updates = tmp_path / "ledger.jsonl", tmp_path / "updates"
    rng = np.random.default_rng(deaths)
    counted = 0
    with trainings(path, updates) as live_and_die:
        for death in range(1, deaths + 1):
            live_and_die(int(rng.integers(1, 40)))
            applied = updates.stat().st_size if updates.exists() else 0
            book = read_book(path) if path.exists() else None
            run = None if book is None else book.runs.get("training")
            spent = 0 if run is None else run.n_steps
            assert spent >= applied, f"death {death}: {applied} updates, {spent} counted"
            assert spent >= counted, f"death {death}: the ledger shrank"
            assert spent <= applied + death, f"death {death}: more than one step a death is counted without an update"
            counted = spent
    assert counted > deaths


def test_a_death_inside_of_a_write_costs_nothing_that_was_applied(tmp_path: Path) -> None:
    """Every prefix of the last line, as a crash of the machine might leave it, and a training that goes on."""
    path, updates = tmp_path / "ledger.jsonl", tmp_path / "updates"
    with trainings(path, updates) as live_and_die:
        live_and_die(9)
    whole = path.read_bytes()
    links = read_chain(path).links
    assert links[-1].content["kind"] in ("intended", "confirmed")
    start = whole[:-1].rfind(b"\n") + 1
    before = sum(link.content["kind"] == "intended" for link in links[:-1])
    for cut in (start + 1, start + 40, len(whole) - 2):
        for aside in tmp_path.glob("*.torn-*"):
            aside.unlink()
        path.write_bytes(whole[:cut])
        with Ledger.opened(path, site="north", unit="patient", run="training", budget=None) as ledger:
            assert ledger.n_steps == before  # an intent that was not whole on disk never let its update be applied
            ledger.intend(killed.STEP)
        book = read_book(path)
        assert book.torn == 1
        assert book.runs["training"].n_steps == before + 1
        assert len(list(tmp_path.glob("*.torn-*"))) == 1
