"""What a page shows, before it is pixels: tables and pictures of one choice; the screen and every export draw from it.

Laws: a sheet is made of one rendition of a report, or of what was examined for somebody who may read reports; so a
sheet of the released report holds what may leave, in all of its forms alike. A number in a picture stands in a table
too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reports.ordering import distinct

if TYPE_CHECKING:
    import pandas as pd

    from reports.drawings.drawing import AnyChart

TABLE: Final = "table"
"""The column that says which table a row is of, where a sheet has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture that is not drawn yet."""

    name: str
    title: str
    description: str
    """What it shows, in words."""
    chart: AnyChart


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture that was drawn already, as the report has it."""

    name: str
    title: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table: every row has every column."""

    title: str
    rows: tuple[Mapping[str, Any], ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The tables and pictures of one choice."""

    title: str
    told: tuple[str, ...]
    """What has to be known of them: whose they are, under which digest, and what was withheld."""
    grids: tuple[Grid, ...]
    drawings: tuple[Drawing | Drawn, ...] = ()

    def frame(self) -> pd.DataFrame:
        """Return all rows as one frame; of several tables, each row says of which it is."""
        import pandas as pd

        several = len(self.grids) > 1
        lead = (TABLE,) if several else ()
        columns = (*lead, *distinct(column for grid in self.grids for column in grid.columns))
        rows = [{**({TABLE: grid.title} if several else {}), **row} for grid in self.grids for row in grid.rows]
        return pd.DataFrame(rows, columns=list(columns))


def drawing_named(drawings: Sequence[Drawing | Drawn], name: str) -> Drawing | None:
    """Return a picture that is not drawn yet; None where there is none of this name."""
    return next((one for one in drawings if isinstance(one, Drawing) and one.name == name), None)
