"""What one condition says of its subgroups: searched, confirmed and learned, as claims and exhibit rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.examinations import Claim
from affidavit.predictions import Predictions
from affidavit.records import Interval, Record
from affidavit.tally import IntArray
from audit.subgroups.auditor import learned
from audit.subgroups.claims import (
    FROM_BELOW,
    Number,
    Site,
    band_interval,
    claim_of,
    estimated,
    searched_estimate,
    sides,
    subgroup_name,
)
from audit.subgroups.confirmation import KEARNS, Confirmation, Target, interval_from_below
from audit.subgroups.conjunctions import Conjunctions
from audit.subgroups.draws import Draws
from audit.subgroups.halves import Halves
from audit.subgroups.listing import Listing
from audit.subgroups.rates import Rate, RateName, rates_of
from audit.subgroups.search import Searched, search

VIOLATION: Final = "subgroup_violation"
SEARCHED: Final = f"{VIOLATION}_searched"
LEARNED: Final = f"{VIOLATION}_learned"
DIFFERENCE: Final = "subgroup_rate_difference"
_NAMED: Final = 4


class SubgroupOptions(Record):
    """The options of this examination in a plan."""

    depth: int = Field(default=3, ge=1, le=4)
    """Features in a conjunction, at most."""
    min_units: int = Field(default=30, ge=4)
    """Subgroups of fewer units, both halves together, are not searched."""
    rates: tuple[RateName, ...] | None = None
    """Which rates are searched together; accuracy, or without reference labels selection rates, where absent."""
    shown: int = Field(default=10, ge=1, le=200)
    """Subgroups of each condition that the exhibit lists, the greatest violations first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One condition of one run, in halves."""

    case: Case
    options: SubgroupOptions
    predictions: Predictions
    site: Site
    conjunctions: Conjunctions
    halves: Halves
    draws: Draws

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rates that are searched."""
        run = self.predictions
        default: tuple[RateName, ...] = ("accuracy",) if run.labelled else ("selection_rate",)
        return rates_of(self.options.rates or default, run.labels, labelled=run.labelled)

    def confirmed(self, target: Target) -> Confirmation:
        """Return the target on the held-out units."""
        return Confirmation(target=target, units=self.halves.held_out, draws=self.draws)


def subgroup_claims(study: Study, listing: Listing) -> list[Claim]:
    """Return the claims of one condition, and list its subgroups."""
    units = [study.conjunctions.units(half) for half in (study.halves.searched, study.halves.held_out)]
    few = study.case.statistics.compared_units
    compared = (units[0] + units[1] >= study.options.min_units) & (units[0] >= few) & (units[1] >= few)
    suppressed = np.flatnonzero(~compared)
    listing.add_suppressed(study.site, study.conjunctions, suppressed, n_units=units[0] + units[1])
    caveats = _suppressed(len(suppressed), len(study.conjunctions), study.options.min_units)
    if not compared.any():
        return [_nothing(study, caveats)]
    searched = search(
        study.halves.searched,
        study.rates,
        conjunctions=study.conjunctions,
        compared=compared,
        draws=study.draws,
    )
    caveats = (*caveats, *_undefined(searched))
    at_most = _suppressed_at_most(study.halves, searched, suppressed)
    found = _confirmed(study, searched, listing, at_most=at_most, caveats=caveats)
    return [*found, *_learned(study, searched, listing)]


def _nothing(study: Study, caveats: tuple[str, ...]) -> Claim:
    why = (
        f"no subgroup has {study.options.min_units} units or more, with {study.case.statistics.compared_units} in each "
        "half: bring more speakers, or lower min_units"
    )
    held = study.halves.held_out
    number = Number(
        metric=VIOLATION, estimate=searched_estimate(study.site, held, why, value=0.0), source=KEARNS, caveats=caveats
    )
    return claim_of(study.site, number)


def _suppressed(n: int, of: int, min_units: int) -> tuple[str, ...]:
    return (f"{n:,} of {of:,} subgroups have too few units to be searched ({min_units} in all)",) if n else ()


def _undefined(searched: Searched) -> tuple[str, ...]:
    known = ~np.isnan(searched.residuals.rates)
    lacking = [rate.words for rate, is_known in zip(searched.rates, known, strict=True) if not is_known]
    return (f"not searched, for nobody has such rows: {', '.join(lacking)}",) if lacking else ()


def _suppressed_at_most(halves: Halves, searched: Searched, suppressed: IntArray) -> float:
    """Return what a suppressed subgroup's violation can be at most: its share times the worst rate there is."""
    if not len(suppressed):
        return 0.0
    below = sum(
        half.totals(np.stack([half.sums @ rate.denominator for rate in searched.rates], axis=1))
        for half in (halves.searched, halves.held_out)
    )
    total = sum(float(half.copies @ half.sums.sum(axis=1)) for half in (halves.searched, halves.held_out))
    rate = np.nan_to_num(searched.residuals.rates)
    share = np.asarray(searched.conjunctions.members[suppressed] @ below) / total
    return float((share * np.maximum(rate, 1 - rate)).max())


def _confirmed(
    study: Study, searched: Searched, listing: Listing, *, at_most: float, caveats: tuple[str, ...]
) -> list[Claim]:
    ranked = searched.ranked(study.options.shown)
    for place, (g, k) in enumerate(ranked):
        value = float(searched.violations[g, k])
        target = Target(cells=study.conjunctions.cells_in(g), rate=searched.rates[k], sign=1.0 if value > 0 else -1.0)
        confirmation = study.confirmed(target)
        groups = study.conjunctions.groups(g)
        listing.add(study.site, confirmation, groups=groups, searched=abs(value), how=("conjunctions", place + 1))
    g, k = ranked[0]
    value = float(searched.violations[g, k])
    target = Target(cells=study.conjunctions.cells_in(g), rate=searched.rates[k], sign=1.0 if value > 0 else -1.0)
    name = subgroup_name(study.conjunctions.groups(g))

    def upper(level: float) -> float:
        return max(searched.greatest + searched.band(level), at_most)

    found = _found(study, target, name, metric=VIOLATION, upper=upper, caveats=caveats)
    return [found[0], _searched_claim(study, searched, target, name), found[1]]


def _searched_claim(study: Study, searched: Searched, target: Target, name: str) -> Claim:
    def interval_at(level: float) -> Interval:
        return band_interval(searched.greatest, searched.band(level), level)

    number = Number(
        metric=SEARCHED,
        estimate=searched_estimate(
            study.site, study.halves.searched, interval_at(study.site.level), value=searched.greatest
        ),
        source=f"{KEARNS}; band: sup over subgroups of the bootstrap (Efron 1979)",
        interval_at=interval_at,
        label=target.rate.label,
        chance=searched.expectation(),
        caveats=(
            f"the greatest of {len(searched.compared) * len(searched.rates):,} violations on the searched half of the "
            f"units, and so too large: {VIOLATION} is the same subgroup on the other half",
        ),
        ends=sides(name, target.sign),
    )
    return claim_of(study.site, number)


def _found(
    study: Study, target: Target, name: str, *, metric: str, upper: Callable[[float], float], caveats: tuple[str, ...]
) -> list[Claim]:
    """Return the violation of what was found, and the difference of rates behind it."""
    confirmation = study.confirmed(target)
    held = study.halves.held_out
    about = (
        f"{target.rate.words}; found on {study.halves.searched.n_units:,} units, measured on {held.n_units:,} others, "
        f"{confirmation.n_units_inside:,} of them in the subgroup",
        *caveats,
    )
    violation, difference = confirmation.violation, confirmation.difference
    # held-out units may say the other way round than found
    label = target.rate.label
    ends, apart = (
        sides(name, -target.sign if found.value[0] < 0 else target.sign) for found in (violation, difference)
    )
    numbers = (
        Number(
            metric=metric,
            estimate=estimated(study.site, violation),
            source=f"{KEARNS}, on held-out units",
            interval_at=lambda level: interval_from_below(violation, level, at_most=upper(level), method=FROM_BELOW),
            chance=confirmation.chance(),
            detectable=confirmation.detectable(),
            test=confirmation.test(),
            caveats=about,
            label=label,
            ends=ends,
        ),
        Number(
            metric=DIFFERENCE,
            estimate=estimated(study.site, difference),
            source="rate of the subgroup less rate of all others, on held-out units; positive in the direction found",
            interval_at=lambda level: difference.interval(0, level),
            caveats=about,
            label=label,
            ends=apart,
        ),
    )
    return [claim_of(study.site, number) for number in numbers]


def _learned(study: Study, searched: Searched, listing: Listing) -> list[Claim]:
    """Return the claim of the learned auditor.

    None where no cut leaves enough units on both sides, or where the cells are those of the conjunction that was found:
    the same test twice would cost every other one.
    """
    cut = learned(
        searched,
        study.halves,
        at_least=study.options.min_units,
        in_each_half=study.case.statistics.compared_units,
    )
    if cut is None:
        return []
    target, value = cut
    g, k = searched.ranked(1)[0]
    if target.rate is searched.rates[k] and np.array_equal(target.cells, study.conjunctions.cells_in(g)):
        return []
    confirmation = study.confirmed(target)
    groups = study.conjunctions.cell_groups()
    inside = [subgroup_name(groups[c]) for c in np.flatnonzero(target.cells)]
    more = f" and {len(inside) - _NAMED} more" if len(inside) > _NAMED else ""
    name = f"{len(inside)} of {len(groups)} cells"
    listing.add(study.site, confirmation, groups={}, searched=value, how=("learned", 1), name="; ".join(inside))
    made = f"the subgroup is: {'; '.join(inside[:_NAMED])}{more}"
    return _found(study, target, name, metric=LEARNED, upper=lambda level: 1.0, caveats=(made,))[:1]
