"""Whether the desk draws somebody's page now: what is made ahead waits between its steps while it does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

_changed = Condition()
_last_end = float("-inf")
_pages: list[object] = []
"""One entry for each page that is being drawn."""


@contextmanager
def drawing() -> Iterator[None]:
    """Say that a page is drawn, until the block ends."""
    page = object()
    with _changed:
        _pages.append(page)
    try:
        yield
    finally:
        with _changed:
            _pages.remove(page)
            global _last_end
            _last_end = time.monotonic()
            _changed.notify_all()


def wait(quiet_s: float = 0.0) -> None:
    """Return when no page is being drawn, and none was in the last so many seconds."""
    with _changed:
        while _pages or time.monotonic() < _last_end + quiet_s:
            _changed.wait(None if _pages else _last_end + quiet_s - time.monotonic())
