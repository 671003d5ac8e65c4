"""A desk that really listens on loopback, in a process of its own that ends with whoever asked for it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from urllib.error import URLError
from urllib.request import urlopen

from dashboards.launching import command_of
from dashboards.settings import ENVIRONMENT, DeskSettings, handed_over

PATIENCE_S = 240.0
"""Everything ends when it is done; this is only for a machine that does nothing else for us."""
PAUSE = Event()
"""Never set: what is waited on between two looks at another process."""


@dataclass(frozen=True)
class ServedDesk:
    """Where it listens, and its process."""

    url: str
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@contextmanager
def served(settings: DeskSettings, *, log: Path) -> Iterator[ServedDesk]:
    """Serve a desk on its port of loopback until the block ends; what it says goes into `log`."""
    told = handed_over(settings)
    environment = {**os.environ, ENVIRONMENT: str(told), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command_of(settings, browser=False), env=environment, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://localhost:{settings.port}"
        _answers(f"http://127.0.0.1:{settings.port}/_stcore/health", process, log)
        yield ServedDesk(url=url, process=process)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        told.unlink()


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it answers."""
    end = monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text()
        assert monotonic() < end, log.read_text()
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            PAUSE.wait(0.1)
