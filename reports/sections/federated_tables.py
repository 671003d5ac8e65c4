"""The tables of a federated training in a report: its rounds, its sites, who is missing, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Fold, Table, tidied
from reports.sections.tabulated import attached, records
from reports.wording import NOTHING, RAW, count_text, figures

RUNS: Final = "federated-runs"
ROUNDS: Final = "federated-rounds"
SITES: Final = "federated-sites"
MISSING: Final = "federated-missing"
FAULTS: Final = "federated-faults"
"""The exhibits, as the examination `federated-run` names them."""
OPEN_AT_MOST: Final = 20
"""A longer table stands behind a line that opens it."""
_DIGEST_LETTERS: Final = 12

Told = dict[str, Any]


def rows_of(report: AuditReport, exhibit: str, run: str | None = None) -> list[Told]:
    """Return the rows of an exhibit, of one run where it is named; none where the report has no such exhibit."""
    return [row for row in records(attached(report, exhibit)) if run is None or row["run"] == run]


def short(digest: str | None) -> str:
    """Return the first letters of a digest, as people compare it; the exhibit has it in full.

    >>> short("sha256:" + "0123456789abcdef" * 4)
    '0123456789ab'
    """
    return NOTHING if digest is None else digest.removeprefix("sha256:")[:_DIGEST_LETTERS]


def round_table(rounds: Sequence[Told], run: str) -> Block:
    """Return a row a round: who was in it, how long updates were, how far the model moved."""
    table = Table(
        id=f"federated-rounds-{run}",
        caption="Rounds, one after another",
        columns=(
            Column(title="Round", kind="heading"),
            Column(title="What became of it"),
            Column(title="Attempts", kind="count"),
            Column(title="Asked", kind="count"),
            Column(title="In it", kind="count"),
            Column(title="Missing", kind="prose"),
            Column(title="Refused", detail="replies", kind="count"),
            Column(title="Aborted", detail="sums", kind="count"),
            Column(title="Norms of updates", detail="least, median, largest", kind="number"),
            Column(title="Cut", detail="numbers", kind="count"),
            Column(title="Model moved", detail="norm", kind="number"),
            Column(title="Model after", detail="digest", kind="code"),
        ),
        rows=tuple(_round(row) for row in rounds),
    )
    return _folded(tidied(table), len(rounds))


def site_table(sites: Sequence[Told], run: str) -> Block:
    """Return a row a site: what it was asked, what came, what it sent and what it says that it spent."""
    table = Table(
        id=f"federated-sites-{run}",
        caption="What came of each site",
        columns=(
            Column(title="Site", kind="heading"),
            Column(title="Patients", detail="as it told", kind="count"),
            Column(title="Asked", detail="times", kind="count"),
            Column(title="Came", detail="times", kind="count"),
            Column(title="Rounds", detail="that it is in", kind="count"),
            Column(title="Refused", detail="replies", kind="count"),
            Column(title="Sent", detail="bytes of vectors", kind="count"),
            Column(title="Longest update", detail="norm", kind="number"),
            Column(title="Epsilon", detail="as it told", kind="number"),
            Column(title="Left", kind="prose"),
            Column(title="Its own log", detail="head", kind="code"),
        ),
        rows=tuple(_site(row) for row in sites),
    )
    return _folded(tidied(table), len(sites))


def missing_table(missing: Sequence[Told], run: str) -> Block:
    """Return a row for each time that a site was asked and is not in what came of it."""
    table = Table(
        id=f"federated-missing-{run}",
        caption="Who was asked and is not in what came of it",
        columns=(
            Column(title="Round", kind="heading"),
            Column(title="Attempt", kind="count"),
            Column(title="Site"),
            Column(title="What came"),
            Column(title="In words", detail="of the server or the site", kind="prose"),
        ),
        rows=tuple(
            (
                Cell(text=str(row["round"])),
                Cell(text=str(row["attempt"])),
                Cell(text=row["site"]),
                Cell(text=row["part"]),
                Cell(text=row["because"] or ""),
            )
            for row in missing
        ),
    )
    return _folded(tidied(table), len(missing))


def fault_table(faults: Sequence[Told], run: str) -> Block:
    """Return a row for each thing that is wrong with a record."""
    table = Table(
        id=f"federated-faults-{run}",
        caption="What does not fit together in the record",
        columns=(
            Column(title="What it is", kind="heading"),
            Column(title="Line", detail="of the record", kind="count"),
            Column(title="In words", kind="prose"),
        ),
        rows=tuple(
            (Cell(text=row["kind"]), Cell(text="" if row["line"] is None else str(row["line"])), Cell(text=row["what"]))
            for row in faults
        ),
    )
    return _folded(tidied(table), len(faults))


def _round(row: Told) -> tuple[Cell, ...]:
    return (
        Cell(text=str(row["round"])),
        Cell(text=row["outcome"]),
        Cell(text=count_text(row["attempts"])),
        Cell(text=count_text(row["asked"])),
        Cell(text=count_text(row["contributors"])),
        Cell(text=row["missing"] or ""),
        Cell(text=_some(row["refused"])),
        Cell(text=_some(row["aborted"])),
        Cell(text=_norms(row)),
        Cell(text="" if row["cut"] is None else count_text(row["cut"])),
        Cell(text=NOTHING if row["moved"] is None else figures(row["moved"], RAW)),
        Cell(text=short(row["model"])),
    )


def _norms(row: Told) -> str:
    if row["median"] is None:
        return ""
    return " · ".join(figures(row[name], RAW) for name in ("shortest", "median", "longest"))


def _site(row: Told) -> tuple[Cell, ...]:
    unseen = f"{row['not_seen']:,} not seen" if row["not_seen"] else ""
    return (
        Cell(text=row["site"]),
        Cell(text="" if row["patients"] is None else count_text(row["patients"])),
        Cell(text=count_text(row["asked"]), detail=unseen),
        Cell(text=count_text(row["came"])),
        Cell(text=count_text(row["rounds"])),
        Cell(text=_some(row["refused"])),
        Cell(text=count_text(row["bytes"])),
        Cell(text="" if row["longest"] is None else figures(row["longest"], RAW)),
        Cell(text="" if row["epsilon"] is None else figures(row["epsilon"], RAW)),
        Cell(text=row["left"] or ""),
        Cell(text="" if row["log"] is None else short(row["log"])),
    )


def _some(count: int) -> str:
    """Return a count, and nothing for none: a column of which nothing was is left out."""
    return count_text(count) if count else ""


def _folded(table: Table, n: int) -> Block:
    return table if n <= OPEN_AT_MOST else Fold(summary=f"{table.caption}: {n:,} rows", blocks=(table,))
