"""What a reasoner said beyond the table: the files that `affidavit judge` writes beside it, where this desk may look.

A report seals the table and not these. They are used for what they are, and the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from affidavit.bundle import REPORT
from affidavit.predictions import Predictions

KINDS: Final = {
    "cues": frozenset({"utterance_id", "condition", "modality", "quote", "start_s", "end_s"}),
    "unjudged": frozenset({"utterance_id", "condition", "because"}),
}
"""Kind to the columns without which a file is none."""
DEPTH: Final = 3
LARGEST_BYTES: Final = 512 * 2**20


def with_side_files(predictions: Predictions, places: Sequence[Path]) -> Predictions:
    """Return a table with what lies beside a file of its name; what it has already stays."""
    found = {kind: _table(f"{predictions.run}.{kind}.parquet", kind, places) for kind in KINDS}
    told = {kind: table for kind, table in found.items() if table is not None}
    return replace(predictions, side_tables={**told, **predictions.side_tables}) if told else predictions


def _table(name: str, kind: str, places: Sequence[Path]) -> pa.Table | None:
    for place in places:
        for path in _files(place, name, DEPTH):
            table = _read(path)
            if table is not None and KINDS[kind] <= set(table.column_names):
                return table
    return None


def _read(path: Path) -> pa.Table | None:
    try:
        return parquet.read_table(path) if path.stat().st_size <= LARGEST_BYTES else None
    except (OSError, pa.ArrowException):
        return None


def _files(place: Path, name: str, depth: int) -> Iterator[Path]:
    """Yield files of a name below a place; no link is followed, and no bundle is looked into."""
    if depth < 0 or place.is_symlink() or not place.is_dir() or (place / REPORT).is_file():
        return
    own = place / name
    if own.is_file() and not own.is_symlink():
        yield own
    for child in sorted(place.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            yield from _files(child, name, depth - 1)
