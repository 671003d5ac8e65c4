"""Exhibits as tables of a document: confusion matrices, which pictures draw, and rates per class.

Only the fullest condition of each run is printed; a remark says how many rows of others the exhibit holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from affidavit.errors import VerificationError
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Fold, Table
from reports.ordering import conditions_in_order, distinct
from reports.wording import EVERYBODY, NOTHING, PERCENT, counted, figures, metric_label, scale_of

if TYPE_CHECKING:
    import pyarrow as pa

CONFUSION = "confusion-matrices"
_PLACED = frozenset({"run", "condition", "features", "group", "value", "low", "high", "n", "n_clusters"})
GROUP_COLUMNS = _PLACED | {"metric"}
CLASS_COLUMNS = _PLACED | {"class", "rate"}
Row = Mapping[str, Any]


def attached(report: AuditReport, name: str) -> pa.Table | None:
    """Return an exhibit's table; None where the report has none, or was read without its files."""
    try:
        return report.exhibit(name)
    except (KeyError, VerificationError):
        return None


def attached_with(report: AuditReport, columns: frozenset[str]) -> tuple[pa.Table, ...]:
    """Return the tables of all exhibits that have these columns, in the order of the report."""
    fitting = [e.id for e in report.exhibits if columns <= {column.name for column in e.columns}]
    tables = [attached(report, name) for name in fitting]
    return tuple(table for table in tables if table is not None)


def records(table: pa.Table | None) -> list[dict[str, Any]]:
    """Return the rows of an exhibit; none where there is no exhibit."""
    rows: list[dict[str, Any]] = table.to_pylist() if table is not None else []
    return rows


def fullest(rows: Sequence[Row], run: str) -> str:
    """Return the fullest condition of a run."""
    return conditions_in_order(row["condition"] for row in rows if row["run"] == run)[0]


def others_remark(rows: Sequence[Row], run: str, exhibit: str) -> tuple[str, ...]:
    """Return what of a run is not printed: how many rows of its other conditions, and where they are."""
    first = fullest(rows, run)
    others = [row["condition"] for row in rows if row["run"] == run and row["condition"] != first]
    if not others:
        return ()
    where = counted(len(distinct(others)), "other condition")
    return (f"Left out here: {counted(len(others), 'row')} of {where}; the exhibit “{exhibit}” holds them.",)


def exhibit_tables(report: AuditReport) -> tuple[Block, ...]:
    """Return confusions and rates per class as folded tables, run by run."""
    confusion = records(attached(report, CONFUSION))
    tables = [_confusion(confusion, run) for run in distinct(row["run"] for row in confusion)]
    for exhibit in (e.id for e in report.exhibits if {column.name for column in e.columns} >= CLASS_COLUMNS):
        rates = records(attached(report, exhibit))
        tables += [_class_rates(rates, run, exhibit) for run in distinct(row["run"] for row in rates)]
    return tuple(Fold(summary=table.caption, blocks=(table,)) for table in tables)


def _confusion(rows: Sequence[Row], run: str) -> Table:
    condition = fullest(rows, run)
    own = [row for row in rows if row["run"] == run and row["condition"] == condition]
    predictions = distinct(row["prediction"] for row in own)
    return Table(
        id=f"confusion-{run}",
        caption=f"Confusion matrices in run {run}, condition {condition}: share of each truth in percent, and rows",
        columns=(
            Column(title="Group", kind="heading"),
            Column(title="Truth"),
            *(Column(title=name, detail="predicted", kind="number") for name in predictions),
        ),
        rows=tuple(
            (_group(cells), Cell(text=truth), *(_share(cells.get(name)) for name in predictions))
            for (_, _, truth), cells in _gathered(own, row="truth", column="prediction").items()
        ),
        remarks=others_remark(rows, run, CONFUSION),
    )


def _class_rates(rows: Sequence[Row], run: str, exhibit: str) -> Table:
    condition = fullest(rows, run)
    own = [row for row in rows if row["run"] == run and row["condition"] == condition]
    rates = distinct(row["rate"] for row in own)
    named = ", ".join(metric_label(rate).lower() for rate in rates)
    return Table(
        id=f"class-rates-{run}",
        caption=f"Per class, in run {run}, condition {condition}: {named}",
        columns=(
            Column(title="Group", kind="heading"),
            Column(title="Class"),
            *(Column(title=metric_label(rate), detail=scale_of(rate).unit, kind="number") for rate in rates),
        ),
        rows=tuple(
            (_group(cells), Cell(text=name), *(_rate(cells.get(rate)) for rate in rates))
            for (_, _, name), cells in _gathered(own, row="class", column="rate").items()
        ),
        remarks=others_remark(rows, run, exhibit),
    )


def _gathered(rows: Sequence[Row], *, row: str, column: str) -> dict[tuple[str, str, str], dict[str, Row]]:
    """Return the cells of each line; two features may have groups of one name, so features are part of a line."""
    lines: dict[tuple[str, str, str], dict[str, Row]] = {}
    for entry in rows:
        lines.setdefault((entry["features"], entry["group"], entry[row]), {})[entry[column]] = entry
    return lines


def _group(cells: Mapping[str, Row]) -> Cell:
    first = next(iter(cells.values()))
    name = first["group"].capitalize() if first["group"] == EVERYBODY else first["group"]
    return Cell(text=name, detail=first["features"].replace(" x ", " × "))


def _share(row: Row | None) -> Cell:
    if row is None:
        return Cell(text=NOTHING)
    return Cell(text=figures(row["share"], PERCENT), detail=f"n {row['count']:,g}")


def _rate(row: Row | None) -> Cell:
    if row is None:
        return Cell(text=NOTHING)
    scale = scale_of(row["rate"])
    low, high = figures(row["low"], scale), figures(row["high"], scale)
    between = f"[{low}, {high}] " if row["low"] is not None and row["high"] is not None else ""
    units = "" if row["n_clusters"] is None else f" / {row['n_clusters']:,}"
    return Cell(text=figures(row["value"], scale), detail=f"{between}n {row['n']:,}{units}")
