"""Finds two rows with the same key among any number of rows, in flat memory.

Each key is reduced to 64 bits. While there are few they stay in memory; beyond that they are partitioned on disk by
their first bits, so that equal keys meet in the same small file. Equal bits are only a suspicion: the caller compares
the keys themselves before anything is called a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

MEMORY_KEYS: Final = 8_000_000
_PARTITION_BITS: Final = 6
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth 1998, 6.4)


def key_hashes(columns: list[pa.Array]) -> Hashes:
    """Return one uint64 per row over the given text and integer columns, the same in every process."""
    hashes = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        hashes = (hashes ^ _column_hashes(column)) * _MIX
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _column_hashes(column: pa.Array) -> Hashes:
    if pa.types.is_dictionary(column.type):
        hashes: Hashes = _column_hashes(column.dictionary)[column.indices.to_numpy()]
        return hashes
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(), dtype=np.uint64)
    return np.asarray(pd.util.hash_array(column.to_numpy(zero_copy_only=False), categorize=False), dtype=np.uint64)


class DuplicateFinder:
    """Collects key hashes batch by batch; use as a context manager, since it may hold files."""

    def __init__(self, *, memory_keys: int = MEMORY_KEYS) -> None:
        self._memory_keys, self._held, self._n_held = memory_keys, [np.empty(0, dtype=np.uint64)], 0
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> DuplicateFinder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, hashes: Hashes) -> None:
        """Take the hashes of one batch."""
        self._held.append(hashes)
        self._n_held += len(hashes)
        if self._n_held > self._memory_keys:
            self._spill()

    def suspects(self) -> Hashes:
        """Return the hashes that occur more than once, sorted."""
        if self._folder is not None:
            self._spill()
        found = [_repeated(part) for part in self._parts()]
        return np.sort(np.concatenate(found))

    def _parts(self) -> Iterator[Hashes]:
        if self._folder is None:
            yield np.concatenate(self._held)
            return
        for path in sorted(Path(self._folder.name).iterdir()):
            yield np.fromfile(path, dtype=np.uint64)

    def _spill(self) -> None:
        self._folder = self._folder or TemporaryDirectory(prefix="affidavit-keys-")
        hashes = np.sort(np.concatenate(self._held))
        cuts = np.searchsorted(hashes >> np.uint64(64 - _PARTITION_BITS), np.arange(1, 1 << _PARTITION_BITS))
        for number, part in enumerate(np.split(hashes, cuts)):
            with (Path(self._folder.name) / f"{number:03d}").open("ab") as file:
                part.tofile(file)
        self._held, self._n_held = [np.empty(0, dtype=np.uint64)], 0


def _repeated(hashes: Hashes) -> Hashes:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
