"""The exhibit of subgroups: what was found, what held-out units say of it, and who was too few to be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.claims import level_cells
from affidavit.exhibits import Cell
from affidavit.intervals import Measured
from affidavit.records import ExhibitColumn
from affidavit.tally import IntArray
from audit.subgroups.claims import Site, interval_cells, subgroup_name
from audit.subgroups.confirmation import Confirmation
from audit.subgroups.conjunctions import Conjunctions


def listed_column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    """Return a column of an exhibit of subgroups."""
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


def place_columns(*places: ExhibitColumn, subgroup: str) -> tuple[ExhibitColumn, ...]:
    """Return the columns that say of which subgroup a row is; `subgroup` describes how it is named."""
    return (
        listed_column("run", "text", "the run"),
        listed_column("condition", "text", "what the reasoner was shown"),
        *places,
        listed_column("features", "text", "the features of the subgroup"),
        listed_column("subgroup", "text", subgroup),
        *(listed_column(f"level_{i}", "text", f"level of feature {i}, empty where there is none") for i in range(1, 5)),
    )


FOUND: Final = (
    listed_column("searched", "number", "violation on the searched units: chosen among many where place is 1"),
    listed_column("value", "number", "violation on the held-out units, positive in the direction found"),
    listed_column("low", "number", "lower end of its interval, not adjusted for the rows of this table"),
    listed_column("high", "number", "upper end of its interval"),
    listed_column("method", "text", "how the interval was made"),
    listed_column("optimism", "number", "searched less held-out"),
)
"""What was found, and what held-out units say of it."""
LISTED: Final = (
    *place_columns(
        listed_column(
            "found_by", "text", "conjunctions or learned; suppressed where units were too few to be searched"
        ),
        listed_column("place", "integer", "place among those found in the same way, the greatest violation first"),
        subgroup="the subgroup; a learned one as all its cells",
    ),
    listed_column("rate", "text", "which rate"),
    listed_column("class", "text", "the label, for rates of one class"),
    listed_column("direction", "text", "whether the rate is below or above everybody's, on the searched units"),
    *FOUND,
    listed_column("rate_inside", "number", "the rate in the subgroup, held-out units"),
    listed_column("rate_low", "number", "lower end of its interval"),
    listed_column("rate_high", "number", "upper end of its interval"),
    listed_column("n", "integer", "rows of the subgroup, held-out units", "rows"),
    listed_column("n_clusters", "integer", "units of the subgroup: held-out ones, or all of a suppressed one", "units"),
)


class Rows:
    """The rows of an exhibit while it is being written; a cell that nobody gave is empty."""

    def __init__(self, columns: Sequence[ExhibitColumn]) -> None:
        self.columns: dict[str, list[Cell]] = {column.name: [] for column in columns}

    def append(self, row: Mapping[str, Cell]) -> None:
        """Add a row.

        Raises:
            KeyError: it has a cell of no column.
        """
        if strange := set(row) - set(self.columns):
            raise KeyError(", ".join(sorted(strange)))
        for name, column in self.columns.items():
            column.append(row.get(name))


def place_cells(site: Site, groups: Mapping[str, str]) -> dict[str, Cell]:
    """Return the cells that say of which subgroup a row is; without groups, of one that is no conjunction."""
    return {
        "run": site.run,
        "condition": site.condition,
        "features": " x ".join(groups or site.features),
        "subgroup": subgroup_name(groups),
        **level_cells(groups),
    }


def found_cells(violation: Measured, site: Site, *, searched: float) -> dict[str, Cell]:
    """Return the cells of what was found, with n and n_clusters."""
    found = interval_cells(violation, site)
    value = found["value"]
    optimism = searched - value if isinstance(value, float) else None
    return {"searched": searched, **found, "optimism": optimism}


class Listing:
    """The rows of the exhibit of subgroups while it is being written."""

    def __init__(self) -> None:
        self._rows = Rows(LISTED)

    @property
    def columns(self) -> dict[str, list[Cell]]:
        """The cells by column."""
        return self._rows.columns

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
        place = place_cells(site, groups)
        self._rows.append(
            {
                **place,
                "found_by": how[0],
                "place": how[1],
                "subgroup": name or place["subgroup"],
                "rate": target.rate.name,
                "class": target.rate.label,
                "direction": "above" if target.sign > 0 else "below",
                **found_cells(confirmation.violation, site, searched=searched),
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
            self._rows.append({**place_cells(site, groups), "found_by": "suppressed", "n_clusters": int(n_units[g])})
