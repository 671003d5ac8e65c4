"""The exhibit of the worst calibrated subgroups and score bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from affidavit.exhibits import Cell
from affidavit.records import ExhibitColumn
from audit.claims import level_cells
from audit.multicalibration.cell_calibration import CellCalibration
from audit.subgroups.claims import Site, interval_cells, subgroup_name


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


LISTED: Final = (
    _column("run", "text", "the run"),
    _column("condition", "text", "what the reasoner was shown"),
    _column("place", "integer", "place among the cells searched, the greatest violation first"),
    _column("features", "text", "the features of the subgroup"),
    _column("subgroup", "text", "the subgroup"),
    *(_column(f"level_{i}", "text", f"level of feature {i}, empty where there is none") for i in range(1, 5)),
    _column("class", "text", "the label whose probability the score is; empty: the label that was named"),
    _column("score_low", "number", "lower end of the score bin"),
    _column("score_high", "number", "upper end of the score bin"),
    _column("direction", "text", "whether outcomes are above or below scores, on the searched units"),
    _column("searched", "number", "violation on the searched units: chosen among many where place is 1"),
    _column("value", "number", "violation on the held-out units, positive in the direction found"),
    _column("low", "number", "lower end of its interval, not adjusted for the rows of this table"),
    _column("high", "number", "upper end of its interval"),
    _column("method", "text", "how the interval was made"),
    _column("optimism", "number", "searched less held-out"),
    _column("excess", "number", "violation less that of everybody in the bin, held-out units"),
    _column("excess_low", "number", "lower end of its interval"),
    _column("excess_high", "number", "upper end of its interval"),
    _column("n", "integer", "rows of the cell, held-out units", "rows"),
    _column("n_clusters", "integer", "units of the cell, held-out units", "units"),
)


class ScoreListing:
    """The rows of the exhibit while it is being written."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Cell]] = {column.name: [] for column in LISTED}

    def add(self, site: Site, cell: CellCalibration, *, groups: Mapping[str, str], searched: float, place: int) -> None:
        """Add a cell that was found."""
        found, excess = interval_cells(cell.violation, site), interval_cells(cell.excess, site)
        low, high = cell.bins.ends(cell.column)
        value = found["value"]
        row: dict[str, Cell] = {
            "run": site.run,
            "condition": site.condition,
            "place": place,
            "features": " x ".join(groups),
            "subgroup": subgroup_name(groups),
            **level_cells(groups),
            "class": cell.bins.label(cell.column),
            "score_low": low,
            "score_high": high,
            "direction": "above" if cell.sign > 0 else "below",
            "searched": searched,
            **found,
            "optimism": searched - value if isinstance(value, float) else None,
            "excess": excess["value"],
            "excess_low": excess["low"],
            "excess_high": excess["high"],
        }
        for name, column in self.columns.items():
            column.append(row[name])
