"""Reads `VideoDemographics.csv` of CREMA-D: age, sex, race and ethnicity of each actor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.schema import UNKNOWN
from affidavit.tables import open_table
from corpora.cells import read_cells, require_columns, require_ids

FEATURES: Final = ("age", "age_band", "sex", "race", "ethnicity")
_COLUMNS: Final = ("ActorID", "Age", "Sex", "Race", "Ethnicity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """What is known of an actor; `unknown` where nothing is."""

    age: float | None = None
    """Years."""
    age_band: str = UNKNOWN
    sex: str = UNKNOWN
    race: str = UNKNOWN
    ethnicity: str = UNKNOWN

    @classmethod
    def of(cls, actors: Mapping[str, Actor], actor: str) -> Actor:
        """Return an actor, or somebody of whom nothing is known."""
        return actors.get(actor, cls())

    def sensitive(self) -> dict[str, str]:
        """Return feature to level."""
        return {
            "age": UNKNOWN if self.age is None else f"{self.age:g}",
            "age_band": self.age_band,
            "sex": self.sex,
            "race": self.race,
            "ethnicity": self.ethnicity,
        }


def read_actors(path: Path, *, cuts: Sequence[float]) -> dict[str, Actor]:
    """Return actors by id, their ages banded at `cuts` (years).

    Raises:
        TableError, ColumnError: it is not a demographics file. RowError: an actor stands twice, or an age is no number.
    """
    raw = open_table(path)
    require_columns(raw, _COLUMNS)
    cells = read_cells(raw)
    ids = require_ids(cells.texts("ActorID"), where=cells.where, what="ActorID")
    ages = cells.numbers("Age")
    sex, race, ethnicity = (cells.levels(column) for column in ("Sex", "Race", "Ethnicity"))
    return {
        actor: Actor(
            age=ages[row], age_band=age_band(ages[row], cuts), sex=sex[row], race=race[row], ethnicity=ethnicity[row]
        )
        for row, actor in enumerate(ids)
    }


def unlisted(rated: Sequence[str], actors: Mapping[str, Actor]) -> list[str]:
    """Say how many actors were rated of whom the demographics say nothing."""
    missing = sum(actor not in actors for actor in rated)
    said = f"{missing} of {len(rated)} actors are not in the demographics: their features are unknown"
    return [said] if missing else []


def age_band(age: float | None, cuts: Sequence[float]) -> str:
    """Return the band of an age, named as `affidavit` names the bands of a plan.

    >>> [age_band(age, (30, 45)) for age in (29, 30, 44, 45, None)]
    ['under 30', '30-44', '30-44', '45 and over', 'unknown']
    """
    if age is None:
        return UNKNOWN
    ordered = sorted(cuts)
    if age < ordered[0]:
        return f"under {ordered[0]:g}"
    if age >= ordered[-1]:
        return f"{ordered[-1]:g} and over"
    high = next(cut for cut in ordered if age < cut)
    low = max(cut for cut in ordered if cut <= age)
    return f"{low:g}-{high - 1:g}"
