"""What a page shows, before it is pixels: rows and pictures of one choice; the screen and every export draw from it.

Laws: a sheet is made of a report and of nothing else, so a sheet of the released report holds what may leave, in all of
its forms alike; a number in a picture stands in the rows too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dashboards.choosing.group_numbers import Row
from dashboards.choosing.withheld import WithheldGroup

if TYPE_CHECKING:
    import pandas as pd

    from reports.drawings.drawing import AnyChart

SHOWN: Final = ("features", "group", "value", "low", "high", "n", "n_clusters", "method")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture that is not drawn yet."""

    name: str
    title: str
    description: str
    """What it shows, in words."""
    chart: AnyChart


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The numbers of one choice."""

    title: str
    told: tuple[str, ...]
    """What has to be known of them: whose they are, under which digest, and what was withheld."""
    rows: tuple[Row, ...]
    withheld: tuple[WithheldGroup, ...] = ()
    drawings: tuple[Drawing, ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as they are told, then those that are withheld with the mark in place of their units."""
        told: list[dict[str, Any]] = [{name: row[name] for name in SHOWN} for row in self.rows]
        blank = dict.fromkeys(SHOWN)
        return told + [
            {**blank, "features": one.features, "group": one.group, "method": one.mark} for one in self.withheld
        ]

    def frame(self) -> pd.DataFrame:
        """Return the records as a frame."""
        import pandas as pd

        return pd.DataFrame(self.records(), columns=list(SHOWN))


def drawing_named(sheet: Sheet, name: str) -> Drawing | None:
    """Return a picture of a sheet; None where it has none of this name."""
    found: Sequence[Drawing] = [drawing for drawing in sheet.drawings if drawing.name == name]
    return found[0] if found else None
