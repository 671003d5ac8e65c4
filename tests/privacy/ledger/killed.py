"""Processes that take steps under a ledger until they are killed: an update is one byte appended to a file.

For each line of standard input one process begins, forked from this one so that everything is imported by then. It
writes its number and a line end, then one byte at each moment at which it might be killed; when it has ended, this one
writes a line end. Its arguments are where the ledger lies, and the file of updates.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from privacy.ledger.events import StepEvent
from privacy.ledger.ledger import Ledger

STEP = StepEvent(
    noise_multiplier=1.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove", n_times=1
)


def train(path: Path, updates: Path) -> None:
    """Take steps for ever."""
    os.write(1, b".")
    ledger = Ledger.opened(path, site="north", unit="patient", run="training", budget=None)
    applied = os.open(updates, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        os.write(1, b".")
        number = ledger.intend(STEP)
        os.write(1, b".")
        os.write(applied, b"u")
        os.write(1, b".")
        ledger.confirm(number)


def main(path: Path, updates: Path) -> None:
    """Begin one process for each line, after the one before has ended."""
    for _ in sys.stdin:
        if (process := os.fork()) == 0:
            os.write(1, f"{os.getpid()}\n".encode())
            try:
                train(path, updates)
            finally:
                os._exit(1)
        os.waitpid(process, 0)
        os.write(1, b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
