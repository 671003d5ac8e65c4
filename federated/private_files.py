"""Files that nobody but their owner ever reads, whole or not there, and on the disk before anything rests on them."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

LOCK: Final = ".lock"


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes this name when the block ends well; at no moment can others read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:  # mode 0600
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        finally:
            Path(file.name).unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Let one process at a time answer from a folder; another waits, as long as an answer takes.

    The lock ends with its process, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder / LOCK, "ab", opener=_private) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
