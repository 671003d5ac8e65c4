"""Whether the desk draws somebody's page now: what is made ahead waits between its steps while it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

_changed = Condition()
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
            _changed.notify_all()


def wait() -> None:
    """Return when no page is being drawn."""
    with _changed:
        _changed.wait_for(lambda: not _pages)
