"""The tables behind a report, found by digest where this desk may look, and the rows of one group of them.

A table is known by what it holds and never by its name: a file whose SHA-256 the report states, or one that reads as
the predictions whose content digest it states (`affidavit judge` writes such a file). What does not is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from affidavit.bundle import REPORT
from affidavit.cohorts import members
from affidavit.digests import file_digest
from affidavit.errors import AffidavitError
from affidavit.plan import RunSource
from affidavit.predictions import Predictions, read_predictions
from affidavit.report import AuditReport, DataDescription
from affidavit.sources import reading_of
from affidavit.withdrawals import withdrawals

SUFFIXES: Final = frozenset({".parquet", ".csv", ".tsv", ".jsonl", ".xlsx"})
DEPTH: Final = 3
FILES_AT_MOST: Final = 400
ROWS_SHOWN: Final = 200
SHOWN: Final = ("utterance_id", "unit", "y_true", "y_pred")


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeRows:
    """The first rows of a group, and how many it has."""

    rows: tuple[Mapping[str, str | None], ...]
    n: int


def predictions_of(report: AuditReport, run: str, places: Sequence[Path]) -> Predictions | None:
    """Return the table of a run as the audit read it; None where no file in the places is that table."""
    data = next((one for one in report.data if one.run == run), None)
    source = report.plan.runs.get(run)
    if data is None or source is None:
        return None  # one part of a table that holds several runs: only its whole has a file
    for path in likely_tables(data, places):
        stamp = path.stat().st_mtime_ns, len(withdrawals())
        found = _read(str(path), stamp, data.digest, report.report_digest, data, source, report)
        if found is not None:
            return found
    return None


def rows_of_group(predictions: Predictions, condition: str, levels: Mapping[str, Sequence[str]]) -> SomeRows:
    """Return the rows of a group under a condition, `ROWS_SHOWN` of them at most.

    Args:
        predictions: the table.
        condition: as the table writes it.
        levels: feature to the levels that belong; empty for everybody.
    """
    shown = [name for name in SHOWN if name in predictions.columns]
    filtered = [f"group_{feature}" for feature in levels]
    kept: list[Mapping[str, str | None]] = []
    n = 0
    for batch in predictions.batches([*dict.fromkeys((*shown, "condition", *filtered))]):
        inside = pc.and_(pc.equal(batch.column("condition"), condition), members(batch, levels))
        own = pa.Table.from_batches([batch]).filter(inside)
        n += own.num_rows
        kept += own.slice(0, ROWS_SHOWN - len(kept)).select(shown).to_pylist()
    return SomeRows(rows=tuple(kept), n=n)


def likely_tables(data: DataDescription, places: Sequence[Path]) -> Iterator[Path]:
    """Yield files that may be a table: those with its file digest, then those that are called like its run."""
    files = list(_files(places))
    told = data.file_digest is not None
    exact = [file for file in files if told and _digest(str(file), file.stat().st_mtime_ns) == data.file_digest]
    yield from exact
    name = data.run.rpartition("/")[2]
    yield from (file for file in files if file.stem == name and file.suffix == ".parquet" and file not in exact)


def _files(places: Sequence[Path]) -> Iterator[Path]:
    seen: dict[Path, None] = {}
    for place in places:
        for file in _below(place, DEPTH):
            if len(seen) < FILES_AT_MOST:
                seen.setdefault(file)
    yield from seen


def _below(place: Path, depth: int) -> Iterator[Path]:
    """Yield tables under a place; nothing in a bundle is one, and no link is followed."""
    if place.is_symlink() or place.name.startswith("."):
        return
    if place.is_file():
        if place.suffix.lower() in SUFFIXES:
            yield place
        return
    if depth < 0 or not place.is_dir() or (place / REPORT).is_file():
        return
    for child in sorted(place.iterdir()):
        yield from _below(child, depth - 1)


@st.cache_resource(max_entries=2000, show_spinner=False)
def _digest(path: str, stamp: int) -> str:
    del stamp
    return file_digest(Path(path))


@st.cache_resource(max_entries=2, show_spinner="Reading the table behind this run ...", show_time=True)
def _read(
    path: str,
    stamp: tuple[int, int],
    digest: str,
    report_digest: str,
    _data: DataDescription,
    _source: RunSource,
    _report: AuditReport,
) -> Predictions | None:
    """Read a file as the plan says, if it then is the table that was audited; anew where somebody withdrew since."""
    del stamp, report_digest
    try:
        found = read_predictions(Path(path), reading_of(_data.run, _source, _report.plan))
    except AffidavitError:
        return None
    return found if found.digest == digest else None
