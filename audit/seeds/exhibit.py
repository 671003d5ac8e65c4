"""The tables as an exhibit: what was measured, and what the paper prints, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from affidavit.estimates import estimate_cells
from affidavit.examinations import Claim
from affidavit.exhibit_columns import ESTIMATE
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.published.kumbhar import SOURCE, Figure
from affidavit.records import ExhibitColumn
from affidavit.statistics.types import FloatArray

EXHIBIT: Final = "seed-tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model over its seeds."""

    table: str
    row: str
    values: FloatArray
    """[S] the metric of each seed's model"""
    spread: float | None
    """The standard deviation over seeds; None of one seed"""
    own: Claim
    change: Claim | None
    """Against the row that others are held against; None of that row itself."""
    published: Figure | None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What it says."""
        return (self.own,) if self.change is None else (self.own, self.change)


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


_COLUMNS: Final = (
    _column("table", "text", "the table"),
    _column("row", "text", "the model, or what was taken from it"),
    _column("condition", "text", "what the models were shown"),
    _column("metric", "text", "the metric, its mean over seeds"),
    *ESTIMATE,
    _column("seeds", "integer", "models, one a seed", "models"),
    _column("by_seed", "text", "the metric of each seed's model"),
    _column("seed_sd", "number", "standard deviation over seeds, empty of one seed"),
    _column("difference", "number", "the value less that of the row held against, empty of that row itself"),
    _column("difference_low", "number", "lower end of the difference's interval"),
    _column("difference_high", "number", "upper end of the difference's interval"),
    _column("published", "number", f"what the paper prints, empty where it prints nothing ({SOURCE})"),
    _column("published_sd", "number", "the paper's spread over its three runs, empty where none is printed"),
)


def table_exhibit(rows: list[Row]) -> ExhibitTable:
    """Return all tables under each other."""
    values: dict[str, list[Cell]] = {column.name: [] for column in _COLUMNS}
    for row in rows:
        for name, cell in _cells(row).items():
            values[name].append(cell)
    return ExhibitTable(
        id=EXHIBIT, title="Models over seeds, beside published figures", columns=_COLUMNS, values=values
    )


def _cells(row: Row) -> dict[str, Cell]:
    finding, printed = row.own.finding, row.published
    change = {} if row.change is None else estimate_cells(row.change.finding.estimate)
    return {
        "table": row.table,
        "row": row.row,
        "condition": finding.condition,
        "metric": finding.metric,
        **estimate_cells(finding.estimate),
        "seeds": len(row.values),
        "by_seed": " ".join(f"{value:.4f}" for value in row.values),
        "seed_sd": row.spread,
        "difference": change.get("value"),
        "difference_low": change.get("low"),
        "difference_high": change.get("high"),
        "published": None if printed is None else printed.value,
        "published_sd": None if printed is None else printed.sd,
    }
