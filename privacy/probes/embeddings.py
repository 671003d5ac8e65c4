"""A table of vectors that somebody brings: `utterance_id`, and numbers in columns `<source>_<number>`.

| source | what it is |
|---|---|
| `embedding` | of the whole utterance, wherever in the model |
| `text`, `audio`, `video` | states of one modality |
| `raw`, `raw_text`, `raw_audio`, `raw_video` | the raw input that those are held against |
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.admitted_rows import admitted_rows
from affidavit.errors import ColumnError, RowError
from affidavit.raw_tables import RawTable
from affidavit.tables import open_table
from privacy.probes.roster import Roster
from privacy.probes.sources import RAW, SOURCES, TITLE, Lost, Source

IntArray = NDArray[np.int64]
_COLUMN: Final = re.compile(r"(.+)_(\d+)")
_ALLOWED: Final = tuple(name for name in (*SOURCES, *RAW) if name != "rationale")
_ID: Final = "utterance_id"


def table_sources(path: Path, roster: Roster) -> tuple[Source | Lost, ...]:
    """Return the sources of a table for the utterances of the roster, and those of which none is theirs.

    Raises:
        TableError: it does not open. ColumnError: it has no ids, no vectors, or one that is no number. RowError: an
            utterance has two vectors.
    """
    raw = admitted_rows(open_table(path))
    columns = _columns(raw)
    ids, table = _read(raw, roster, [name for names in columns.values() for name in names])
    at = {name: i for i, name in enumerate(ids)}
    rows = np.array([at.get(name, -1) for name in roster.utterance_ids])
    return tuple(
        _source(source, [table.column(name) for name in names], rows, raw.name) for source, names in columns.items()
    )


def _columns(raw: RawTable) -> dict[str, list[str]]:
    """Return the columns of each source, by their number."""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in raw.columns:
        if found := _COLUMN.fullmatch(name):
            numbered.setdefault(found[1], []).append((int(found[2]), name))
    known = {source: [name for _, name in sorted(numbered[source])] for source in _ALLOWED if source in numbered}
    if _ID not in raw.columns or not known:
        raise ColumnError(
            f"the table has no {_ID}" if _ID not in raw.columns else "the table has no vectors",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns[:12]),
            allowed=f"{_ID}, and columns such as embedding_0, with one of {', '.join(_ALLOWED)}",
            remedy="name the columns of a vector <source>_<number>, from 0",
        )
    return known


def _read(raw: RawTable, roster: Roster, columns: list[str]) -> tuple[list[str], pa.Table]:
    """Return the rows of the roster's utterances, however many others the table has."""
    wanted, told = frozenset(roster.utterance_ids), list[str]()
    parts = []
    for batch in raw.batches([_ID, *columns]):
        ids = [str(name) for name in batch.column(_ID).to_pylist()]
        ours = np.array([name in wanted for name in ids], dtype=bool)
        told += [name for name in ids if name in wanted]
        parts.append(batch.filter(pa.array(ours)))
    _require_once(told, raw.name)
    return told, pa.Table.from_batches(parts)


def _require_once(ids: list[str], where: str) -> None:
    twice = sorted(name for name, n in Counter(ids).items() if n > 1)
    if not twice:
        return
    raise RowError(
        "an utterance has two vectors",
        slug="row-duplicate",
        where=where,
        found=", ".join(twice[:3]),
        allowed="each utterance_id once",
        remedy="keep one vector of each utterance, or give each layer a table of its own",
    )


def _source(name: str, columns: list[pa.ChunkedArray], rows: IntArray, where: str) -> Source | Lost:
    """Return the vectors of the roster's utterances, or that there are none."""
    try:
        numbers = [pc.cast(column, pa.float64()).to_numpy() for column in columns]
    except pa.ArrowException as error:
        raise ColumnError(
            f"a vector of {name} holds what is no number",
            slug="column-type",
            where=where,
            found=str(error)[:120],
            allowed="numbers",
            remedy="write vectors as numbers, one column for each place",
        ) from None
    there = np.flatnonzero(rows >= 0)
    vectors = np.stack(numbers, axis=1)[rows[there]]
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.any():
        return Lost(
            because=f"from {TITLE[name]}: none of {len(rows):,} utterances has a vector of finite numbers in {where}",
            remedy="write the utterance_id of the predictions beside each vector, and its numbers without gaps",
        )
    missing, broken = len(rows) - len(there), int((~finite).sum())
    return Source(
        name=name,
        place=there[finite],
        vectors=vectors[finite],
        caveats=(
            *((f"{missing:,} utterances have no vector",) if missing else ()),
            *((f"{broken:,} vectors hold what is not finite and are left out",) if broken else ()),
        ),
    )
