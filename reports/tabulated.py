"""Exhibits as tables of a document: confusion matrices and rates per class, which the pictures draw.

Only the fullest condition of each run is printed; the exhibit's file holds the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from affidavit.errors import VerificationError
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Fold, Table
from reports.ordering import conditions_in_order, distinct
from reports.wording import EVERYBODY, NOTHING, PERCENT, figures, metric_label, scale_of

if TYPE_CHECKING:
    import pyarrow as pa

PERFORMANCE = "performance-by-group"
CONFUSION = "confusion-matrices"
CLASS_RATES = "class-rates"
Row = Mapping[str, Any]


def attached(report: AuditReport, name: str) -> pa.Table | None:
    """Return an exhibit's table; None where the report has none, or was read without its files."""
    try:
        return report.exhibit(name)
    except (KeyError, VerificationError):
        return None


def records(table: pa.Table | None) -> list[dict[str, Any]]:
    """Return the rows of an exhibit; none where there is no exhibit."""
    rows: list[dict[str, Any]] = table.to_pylist() if table is not None else []
    return rows


def fullest(rows: Sequence[Row], run: str) -> str:
    """Return the fullest condition of a run."""
    return conditions_in_order(row["condition"] for row in rows if row["run"] == run)[0]


def exhibit_tables(report: AuditReport) -> tuple[Block, ...]:
    """Return the folded tables of both exhibits, run by run."""
    confusion, rates = records(attached(report, CONFUSION)), records(attached(report, CLASS_RATES))
    tables = [
        *(_confusion(confusion, run) for run in distinct(row["run"] for row in confusion)),
        *(_class_rates(rates, run) for run in distinct(row["run"] for row in rates)),
    ]
    return tuple(Fold(summary=table.caption, blocks=(table,)) for table in tables)


def _confusion(rows: Sequence[Row], run: str) -> Table:
    condition = fullest(rows, run)
    own = [row for row in rows if row["run"] == run and row["condition"] == condition]
    predictions = distinct(row["prediction"] for row in own)
    by_truth: dict[tuple[str, str], dict[str, Row]] = {}
    for row in own:
        by_truth.setdefault((row["group"], row["truth"]), {})[row["prediction"]] = row
    return Table(
        id=f"confusion-{run}",
        caption=f"Confusion matrices in run {run}, condition {condition}: share of each truth in percent, and rows",
        columns=(
            Column(title="Group", kind="heading"),
            Column(title="Truth"),
            *(Column(title=name, detail="predicted", kind="number") for name in predictions),
        ),
        rows=tuple(
            (Cell(text=_name(group)), Cell(text=truth), *(_share(cells.get(name)) for name in predictions))
            for (group, truth), cells in by_truth.items()
        ),
    )


def _name(group: str) -> str:
    return group.capitalize() if group == EVERYBODY else group


def _share(row: Row | None) -> Cell:
    if row is None:
        return Cell(text=NOTHING)
    return Cell(text=figures(row["share"], PERCENT), detail=f"n {row['count']:,g}")


def _class_rates(rows: Sequence[Row], run: str) -> Table:
    condition = fullest(rows, run)
    own = [row for row in rows if row["run"] == run and row["condition"] == condition]
    rates = distinct(row["rate"] for row in own)
    by_class: dict[tuple[str, str], dict[str, Row]] = {}
    for row in own:
        by_class.setdefault((row["group"], row["class"]), {})[row["rate"]] = row
    return Table(
        id=f"class-rates-{run}",
        caption=f"Rates per class in run {run}, condition {condition}",
        columns=(
            Column(title="Group", kind="heading"),
            Column(title="Class"),
            *(Column(title=metric_label(rate), detail=scale_of(rate).unit, kind="number") for rate in rates),
        ),
        rows=tuple(
            (Cell(text=_name(group)), Cell(text=name), *(_rate(cells.get(rate)) for rate in rates))
            for (group, name), cells in by_class.items()
        ),
    )


def _rate(row: Row | None) -> Cell:
    if row is None:
        return Cell(text=NOTHING)
    scale = scale_of(row["rate"])
    low, high = figures(row["low"], scale), figures(row["high"], scale)
    between = f"[{low}, {high}] " if row["low"] is not None and row["high"] is not None else ""
    units = "" if row["n_clusters"] is None else f" / {row['n_clusters']:,}"
    return Cell(text=figures(row["value"], scale), detail=f"{between}n {row['n']:,}{units}")
