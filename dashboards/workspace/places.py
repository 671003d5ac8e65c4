"""Which paths this desk may touch: what was named on the command line, and its workspace; no link leads out of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from affidavit.errors import TableError


def inside(path: Path, places: Iterable[Path]) -> Path:
    """Return a path with its links followed, if it lies in one of the places.

    Raises:
        TableError: it does not, whether or not there is such a file.
    """
    real = path.resolve()
    if any(real == place or place in real.parents for place in (one.resolve() for one in places)):
        return real
    raise TableError(
        "that is outside what this desk may open",
        slug="path-outside",
        where=path.name,
        allowed="bundles and folders named when the desk was started, and its workspace",
        remedy="put it into the workspace, or start the desk with its folder",
    )
