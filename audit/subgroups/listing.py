"""The exhibit of subgroups: what was found, what held-out units say of it, and who was too few to be searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from affidavit.exhibits import Cell
from affidavit.records import ExhibitColumn
from affidavit.tally import IntArray
from audit.claims import level_cells
from audit.subgroups.claims import Site, interval_cells, subgroup_name
from audit.subgroups.confirmation import Confirmation
from audit.subgroups.conjunctions import Conjunctions


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


LISTED: Final = (
    _column("run", "text", "the run"),
    _column("condition", "text", "what the reasoner was shown"),
    _column("found_by", "text", "conjunctions or learned; suppressed where there were too few units to be searched"),
    _column("place", "integer", "place among those found in the same way, the greatest violation first"),
    _column("features", "text", "the features of the subgroup"),
    _column("subgroup", "text", "the subgroup; a learned one as all its cells"),
    *(_column(f"level_{i}", "text", f"level of feature {i}, empty where there is none") for i in range(1, 5)),
    _column("rate", "text", "which rate"),
    _column("class", "text", "the label, for rates of one class"),
    _column("direction", "text", "whether the rate is below or above everybody's, on the searched units"),
    _column("searched", "number", "violation on the searched units: chosen among many where place is 1"),
    _column("value", "number", "violation on the held-out units, positive in the direction found"),
    _column("low", "number", "lower end of its interval, not adjusted for the rows of this table"),
    _column("high", "number", "upper end of its interval"),
    _column("method", "text", "how the interval was made"),
    _column("optimism", "number", "searched less held-out"),
    _column("rate_inside", "number", "the rate in the subgroup, held-out units"),
    _column("rate_low", "number", "lower end of its interval"),
    _column("rate_high", "number", "upper end of its interval"),
    _column("n", "integer", "rows of the subgroup, held-out units", "rows"),
    _column("n_clusters", "integer", "units of the subgroup: held-out ones, or all of a suppressed one", "units"),
)


class Listing:
    """The rows of the exhibit while it is being written."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Cell]] = {column.name: [] for column in LISTED}

    def add(
        self,
        site: Site,
        confirmation: Confirmation,
        *,
        groups: Mapping[str, str],
        searched: float,
        how: tuple[str, int],
        name: str | None = None,
    ) -> None:
        """Add a subgroup that was found."""
        target, inside = confirmation.target, interval_cells(confirmation.inside, site)
        found = interval_cells(confirmation.violation, site)
        value = found["value"]
        self._append(
            {
                "run": site.run,
                "condition": site.condition,
                "found_by": how[0],
                "place": how[1],
                "features": " x ".join(groups or site.features),
                "subgroup": name or subgroup_name(groups),
                **level_cells(groups),
                "rate": target.rate.name,
                "class": target.rate.label,
                "direction": "above" if target.sign > 0 else "below",
                "searched": searched,
                **found,
                "optimism": searched - value if isinstance(value, float) else None,
                "rate_inside": inside["value"],
                "rate_low": inside["low"],
                "rate_high": inside["high"],
                "n": inside["n"],
                "n_clusters": inside["n_clusters"],
            }
        )

    def add_suppressed(self, site: Site, conjunctions: Conjunctions, subgroups: IntArray, *, n_units: IntArray) -> None:
        """Add the subgroups that were not searched, with how many units they have."""
        for g in subgroups:
            groups = conjunctions.groups(int(g))
            self._append(
                {
                    "run": site.run,
                    "condition": site.condition,
                    "found_by": "suppressed",
                    "features": " x ".join(groups),
                    "subgroup": subgroup_name(groups),
                    **level_cells(groups),
                    "n_clusters": int(n_units[g]),
                }
            )

    def _append(self, row: Mapping[str, Cell]) -> None:
        for name, column in self.columns.items():
            column.append(row.get(name))
