"""The exhibit of the worst calibrated subgroups and score bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from affidavit.exhibits import Cell
from audit.multicalibration.cell_calibration import CellCalibration
from audit.subgroups.claims import Site, interval_cells
from audit.subgroups.listing import FOUND, Rows, found_cells, listed_column, place_cells, place_columns

LISTED: Final = (
    *place_columns(
        listed_column("place", "integer", "place among the cells searched, the greatest violation first"),
        subgroup="the subgroup",
    ),
    listed_column("class", "text", "the label whose probability the score is; empty: the label that was named"),
    listed_column("score_low", "number", "lower end of the score bin"),
    listed_column("score_high", "number", "upper end of the score bin"),
    listed_column("direction", "text", "whether outcomes are above or below scores, on the searched units"),
    *FOUND,
    listed_column("excess", "number", "violation less that of everybody in the bin, held-out units"),
    listed_column("excess_low", "number", "lower end of its interval"),
    listed_column("excess_high", "number", "upper end of its interval"),
    listed_column("n", "integer", "rows of the cell, held-out units", "rows"),
    listed_column("n_clusters", "integer", "units of the cell, held-out units", "units"),
)


class ScoreListing:
    """The rows of the exhibit while it is being written."""

    def __init__(self) -> None:
        self._rows = Rows(LISTED)

    @property
    def columns(self) -> dict[str, list[Cell]]:
        """The cells by column."""
        return self._rows.columns

    def add(self, site: Site, cell: CellCalibration, *, groups: Mapping[str, str], searched: float, place: int) -> None:
        """Add a cell that was found."""
        low, high = cell.bins.ends(cell.column)
        excess = interval_cells(cell.excess, site)
        self._rows.append(
            {
                **place_cells(site, groups),
                "place": place,
                "class": cell.bins.label(cell.column),
                "score_low": low,
                "score_high": high,
                "direction": "above" if cell.sign > 0 else "below",
                **found_cells(cell.violation, site, searched=searched),
                "excess": excess["value"],
                "excess_low": excess["low"],
                "excess_high": excess["high"],
            }
        )
