"""The case behind a run: what was counted of its table, so that a cohort and a reference group are examined anew.

An audit on this machine keeps what it counted (`affidavit.kept_counts`); of another's, the table is counted here, once,
and kept the same way. A large table is counted by a process of its own, which gives its memory back and leaves the desk
to others. The case of it is kept in memory, by digest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import streamlit as st
from filelock import FileLock

from affidavit.case import Case, EvidenceBook
from affidavit.errors import AffidavitError
from affidavit.kept_counts import Counts, KeptCounts, counted, kept_counts, key_of
from affidavit.plan import RunSource
from affidavit.predictions import read_predictions
from affidavit.report import AuditReport, DataDescription
from affidavit.sources import reading_of
from dashboards.workspace.rows import likely_tables

AT_ONCE: Final = 100_000
"""Rows up to which a table is counted where the page is drawn."""
_LOCK: Final = ".counting"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOf:
    """A run of a report, and the plan's word for how its table is read."""

    report: AuditReport
    data: DataDescription
    source: RunSource

    @property
    def key(self) -> str:
        """The name of its counts."""
        return key_of(self.data, self.source, self.report.plan)


class NoTableError(Exception):
    """Nothing was counted of a run, and no file here is its table."""


def table_of(report: AuditReport, run: str) -> TableOf | None:
    """Return a run whose table could be found; None where it is one part of a table, which has no file."""
    data = next((one for one in report.data if one.run == run), None)
    source = report.plan.runs.get(run)
    return None if data is None or source is None else TableOf(report=report, data=data, source=source)


def case_of_run(report: AuditReport, run: str, places: Sequence[Path]) -> Case | None:
    """Return the case of one run of a report, every condition; None where neither counts nor the table are here.

    Its predictions hold no rows: an examination that asks for them is refused (`affidavit.kept_counts`).

    Args:
        report: an audit by groups.
        run: which of its runs.
        places: where tables are looked for.
    """
    table = table_of(report, run)
    if table is None or not report.plan.by:
        return None
    try:
        return _case(table.key, report.report_digest, tuple(map(str, places)), table)
    except NoTableError:
        return None


@st.cache_resource(max_entries=4, show_spinner="Counting the table behind this run, once ...", show_time=True)
def _case(key: str, report: str, _places: tuple[str, ...], _table: TableOf) -> Case:
    """Return a case from what was kept, or from the table; `report` is a digest, for statistics are a plan's own.

    Raises:
        NoTableError: there is neither; that is not remembered, so that a table can be brought.
    """
    del report
    shelf = kept_counts()
    counts = shelf.read(key) or _count(key, shelf, tuple(map(Path, _places)), _table)
    return case_from(counts, _table.report)


def case_from(counts: Counts, report: AuditReport) -> Case:
    """Return the case of what was counted, under the report's plan."""
    plan, run = report.plan, counts.predictions.run
    runs = {run: counts.predictions}
    book = EvidenceBook(
        runs=runs, by=plan.by, statistics=plan.statistics, seed=plan.seed, _tallies={run: dict(counts.tallies)}
    )
    return Case(
        runs=runs,
        by=plan.by,
        depth=plan.depth,
        statistics=plan.statistics,
        book=book,
        rng=np.random.default_rng(plan.seed),
    )


def _count(key: str, shelf: KeptCounts, places: Sequence[Path], table: TableOf) -> Counts:
    """Count the table of a run, keep what was counted, and return it."""
    for path in likely_tables(table.data, places):
        if table.data.n_rows > AT_ONCE:
            _in_a_process(path, table, shelf.folder)
        else:
            count_file(path, table, shelf)
        kept = shelf.read(key)
        if kept is not None:
            return kept
    raise NoTableError


def count_file(path: Path, table: TableOf, shelf: KeptCounts) -> bool:
    """Count a file and keep the counts, if it is the table of a run; say whether it is."""
    shelf.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(shelf.folder / _LOCK):
        if shelf.read(table.key) is not None:
            return True  # somebody else was first
        try:
            found = read_predictions(path, reading_of(table.data.run, table.source, table.report.plan))
        except AffidavitError:
            return False
        if found.digest != table.data.digest:
            return False
        shelf.keep(table.key, counted(found, table.report.plan.by))
        return True


def _in_a_process(path: Path, table: TableOf, folder: Path) -> None:
    """Count a file in a process that ends; where it fails, nothing is kept."""
    command = [sys.executable, "-m", "dashboards.workspace.counting", str(path), table.data.run, str(folder)]
    report = table.report.to_json()
    subprocess.run(command, input=report, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
