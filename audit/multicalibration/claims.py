"""What one condition says of calibration in its subgroups and score bins, as claims and exhibit rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.examinations import Claim
from affidavit.records import Interval, Record
from affidavit.seeds import seed_of
from affidavit.tally import IntArray
from audit.multicalibration.cell_calibration import CellCalibration
from audit.multicalibration.listing import ScoreListing
from audit.multicalibration.miscalibration import Miscalibration, search_bins
from audit.multicalibration.scores import Bins, Scores
from audit.subgroups.claims import (
    FROM_BELOW,
    Number,
    Site,
    band_interval,
    claim_of,
    estimated,
    searched_estimate,
    subgroup_name,
)
from audit.subgroups.confirmation import interval_from_below
from audit.subgroups.conjunctions import Conjunctions
from audit.subgroups.draws import Draws
from audit.subgroups.halves import BoolArray, Halves

VIOLATION: Final = "multicalibration_violation"
SEARCHED: Final = f"{VIOLATION}_searched"
EXCESS: Final = "multicalibration_excess"
SOURCE: Final = "|E[y - f | f in v, S]|: Hebert-Johnson, Kim, Reingold, Rothblum 2018"
_NAMED: Final = 50


class MulticalibrationOptions(Record):
    """The options of this examination in a plan."""

    depth: int = Field(default=2, ge=1, le=4)
    """Features in a conjunction, at most."""
    scores: Scores = "top-label"
    """The probability of the label that was named, or of each class."""
    bins: int = Field(default=10, ge=2, le=100)
    """Score bins of equal width between 0 and 1."""
    gamma: float = Field(default=0.01, gt=0, lt=1)
    """The share of rows that a subgroup has in a bin, at least; below it the definition asks nothing."""
    min_units: int = Field(default=30, ge=4)
    """Units that a subgroup has in a bin, both halves together, at least."""
    shown: int = Field(default=10, ge=1, le=200)
    """Cells of each condition that the exhibit lists, the greatest violations first."""
    most_rows: int = Field(default=2_000_000, ge=1)
    """Where rows are the units, a run with more rows (times classes, if classwise) is refused: each keeps its sums."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One condition of one run, in halves."""

    case: Case
    options: MulticalibrationOptions
    bins: Bins
    site: Site
    conjunctions: Conjunctions
    halves: Halves
    draws: Draws

    @property
    def seed(self) -> int:
        """The seed of what is drawn here."""
        return seed_of(self.case.book.seed, self.site.run, self.site.condition, self.site.examination)

    @cached_property
    def units(self) -> tuple[IntArray, IntArray]:
        """Units with a row in each subgroup and bin [G, width], searched and held out."""
        halves = (self.halves.searched, self.halves.held_out)
        first, second = (
            np.stack([self.conjunctions.units(half, rows > 0) for rows in self.bins.parts(half.sums)[2].T], axis=1)
            for half in halves
        )
        return first, second

    @cached_property
    def large(self) -> BoolArray:
        """Which subgroups and bins hold a share gamma of the rows of both halves, [G, width]."""
        halves = (self.halves.searched, self.halves.held_out)
        weight = sum(half.totals(self.bins.parts(half.sums)[1]) for half in halves)
        total = float(np.sum(weight)) / len(self.bins.labels)
        return np.asarray(self.conjunctions.members @ weight >= self.options.gamma * total)

    @cached_property
    def compared(self) -> BoolArray:
        """Which of them have the units to be compared."""
        few = self.case.statistics.compared_units
        searched, held_out = self.units
        enough = (searched + held_out >= self.options.min_units) & (searched >= few) & (held_out >= few)
        return self.large & enough

    def name(self, subgroup: int, column: int) -> str:
        """Return what a cell is called."""
        low, high = self.bins.ends(column)
        label = self.bins.label(column)
        of = "score" if label is None else f"score of {label}"
        return f"{subgroup_name(self.conjunctions.groups(subgroup))}, {of} {low:.4g} to {high:.4g}"

    def cell(self, subgroup: int, column: int, sign: float) -> CellCalibration:
        """Return a cell on the held-out units."""
        return CellCalibration(
            units=self.halves.held_out,
            bins=self.bins,
            cells=self.conjunctions.cells_in(subgroup),
            column=column,
            sign=sign,
            draws=self.draws,
            has_units=self.site.has_units,
            seed=seed_of(self.seed, "confirmation", subgroup, column),
        )


def score_claims(study: Study, listing: ScoreListing) -> list[Claim]:
    """Return the claims of one condition, and list its worst cells."""
    suppressed = np.argwhere(study.large & ~study.compared)
    unassessed = tuple(study.name(int(g), int(j)) for g, j in suppressed[:_NAMED])
    caveats = (
        (f"{len(suppressed):,} subgroups and bins have the rows but too few units: {study.options.min_units} in all",)
        if len(suppressed)
        else ()
    )
    if not study.compared.any():
        return [_nothing(study, caveats)]
    searched = search_bins(
        study.halves.searched,
        study.bins,
        conjunctions=study.conjunctions,
        compared=study.compared,
        n_draws=study.case.statistics.n_permutations,
        seed=seed_of(study.seed, "search"),
    )
    for place, (g, j) in enumerate(searched.ranked(study.options.shown), start=1):
        value = float(searched.means[g, j])
        cell = study.cell(g, j, 1.0 if value > 0 else -1.0)
        listing.add(study.site, cell, groups=study.conjunctions.groups(g), searched=abs(value), place=place)
    return _found(study, searched, caveats=caveats, unassessed=unassessed)


def _nothing(study: Study, caveats: tuple[str, ...]) -> Claim:
    why = (
        f"no subgroup has {study.options.gamma:g} of the rows and {study.options.min_units} units in one score bin: "
        "bring more speakers, or lower gamma, min_units or bins"
    )
    estimate = searched_estimate(study.site, study.halves.held_out, why, value=0.0)
    return claim_of(study.site, Number(metric=VIOLATION, estimate=estimate, source=SOURCE, caveats=caveats))


def _found(
    study: Study, searched: Miscalibration, *, caveats: tuple[str, ...], unassessed: tuple[str, ...]
) -> list[Claim]:
    g, j = searched.ranked(1)[0]
    sign = 1.0 if searched.means[g, j] > 0 else -1.0
    cell, name = study.cell(g, j, sign), study.name(g, j)
    ends = (None, name) if sign > 0 else (name, None)
    # held-out units may say the other way round than found
    held_ends, excess_ends = (ends[::-1] if found.value[0] < 0 else ends for found in (cell.violation, cell.excess))
    held = study.halves.held_out
    said = "underconfident" if sign > 0 else "overconfident"
    about = (
        f"found {said}: outcomes {'above' if sign > 0 else 'below'} scores; found on {study.halves.searched.n_units:,} "
        f"units, measured on {held.n_units:,} others, {int(cell.violation.n_units[0]):,} of them in the cell",
        *caveats,
    )

    def searched_at(level: float) -> Interval:
        return band_interval(searched.greatest, searched.band(level), level)

    def violation_at(level: float) -> Interval | str:
        at_most = searched.greatest + searched.band(level)
        return interval_from_below(cell.violation, level, at_most=at_most, method=FROM_BELOW)

    label = study.bins.label(j)
    numbers = (
        Number(
            metric=VIOLATION,
            estimate=estimated(study.site, cell.violation),
            source=f"{SOURCE}, on held-out units",
            interval_at=violation_at,
            label=label,
            chance=cell.chance(),
            detectable=cell.detectable(),
            test=cell.test(),
            caveats=about,
            unassessed=unassessed,
            ends=held_ends,
        ),
        Number(
            metric=SEARCHED,
            estimate=searched_estimate(
                study.site, study.halves.searched, searched_at(study.site.level), value=searched.greatest
            ),
            source=f"{SOURCE}; band and chance: multiplier bootstrap, Chernozhukov, Chetverikov, Kato 2013",
            interval_at=searched_at,
            label=label,
            chance=searched.expectation(),
            caveats=(
                f"the greatest of {int(study.compared.sum()):,} violations on the searched half of the units, and so "
                f"too large: {VIOLATION} is the same cell on the other half",
                *caveats,
            ),
            unassessed=unassessed,
            ends=ends,
        ),
        Number(
            metric=EXCESS,
            estimate=estimated(study.site, cell.excess),
            source="violation of the subgroup less that of everybody in the bin, in the direction found; held-out",
            interval_at=lambda level: cell.excess.interval(0, level),
            label=label,
            caveats=about,
            ends=excess_ends,
        ),
    )
    return [claim_of(study.site, number) for number in numbers]
