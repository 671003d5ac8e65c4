"""A site's memory on its own disk: read before a stage is answered, written before the reply leaves, come what may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from federated.private_files import private_file
from federated.secure.attempts import Memory
from federated.secure.refusals import Reason, SecureRefusalError


@contextmanager
def remembered(path: Path, *, site: str) -> Iterator[Memory]:
    """Yield what a site remembers, and keep what it remembers when the block ends, however it ends.

    Raises:
        SecureRefusalError: it cannot be read. A site that forgot what it gave away takes no further part.
    """
    memory = _read(path, site) if path.exists() else Memory()
    try:
        yield memory
    finally:
        with private_file(path) as file:
            file.write(memory.written())


def _read(path: Path, site: str) -> Memory:
    try:
        return Memory.read(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        words = f"{site} cannot read what it remembers of its secure sums"
        raise SecureRefusalError(Reason.ORDER, words) from error
