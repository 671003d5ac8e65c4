"""What was measured last, kept while it is small: several models of one plan measure a patient once.

In memory alone, and at most `MOST` bytes of it: what was not asked for the longest goes first. A file that has changed
since is measured anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

Kept = TypeVar("Kept")

MOST: Final = 128 * 2**20
"""Bytes: some 2,000 turns of three seconds, as the small models hear and see them."""
Version = tuple[str, int, int]
"""A file's path, size and time of change."""


@dataclass(slots=True, kw_only=True)
class Recent(Generic[Kept]):
    """Values by key, the oldest forgotten where they outgrow `most` bytes."""

    most: int = MOST
    _kept: OrderedDict[Hashable, tuple[Kept, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, key: Hashable) -> Kept | None:
        """Return what is kept under a key; None where nothing is."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: Hashable, value: Kept, *, size: int) -> None:
        """Keep a value of so many bytes, and forget what there is no room for any longer; one too large is not kept."""
        _, before = self._kept.pop(key, (None, 0))
        self._bytes -= before
        if size > self.most:
            return
        self._kept[key] = (value, size)
        self._bytes += size
        while self._bytes > self.most:
            _, (_, gone) = self._kept.popitem(last=False)
            self._bytes -= gone

    def __len__(self) -> int:
        return len(self._kept)


def version_of(path: Path) -> Version | None:
    """Return which version of a file this is; None where there is none."""
    try:
        told = path.stat()
    except OSError:
        return None
    return str(path), told.st_size, told.st_mtime_ns
