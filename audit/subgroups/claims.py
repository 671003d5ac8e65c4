"""Turns what was searched and what was held out into claims: the same way for every examination of subgroups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from affidavit.case import Case
from affidavit.estimates import estimate_cells, estimate_of
from affidavit.examinations import Claim, finding_id, pending
from affidavit.intervals import Measured
from affidavit.records import DetectableEffect, Estimate, Finding, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.types import FloatArray
from audit.subgroups.halves import CellSums

EVERYBODY = "everybody"
BAND_METHOD = "bootstrap band over all subgroups that were searched"
FROM_BELOW = "held-out units from below, every subgroup that was searched from above"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where in an audit subgroups were searched."""

    examination: str
    method_version: str
    run: str
    condition: str
    features: tuple[str, ...]
    has_units: bool
    level: float


def site_of(case: Case, run: str, condition: str, *, examination: str, method_version: str) -> Site:
    """Return where an examination searches subgroups of all features."""
    return Site(
        examination=examination,
        method_version=method_version,
        run=run,
        condition=condition,
        features=case.by,
        has_units=case.runs[run].unit != "row",
        level=case.statistics.level,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number about a subgroup, before it is a claim."""

    metric: str
    estimate: Estimate
    source: str
    interval_at: Callable[[float], Interval | str] | None = None
    label: str | None = None
    ends: tuple[str | None, str | None] = (None, None)
    """The groups with the lowest and the highest value."""
    chance: NullExpectation | None = None
    detectable: DetectableEffect | None = None
    test: SignificanceTest | None = None
    caveats: tuple[str, ...] = ()
    unassessed: tuple[str, ...] = ()


def claim_of(site: Site, number: Number) -> Claim:
    """Return the claim of a number."""
    verdict, because = pending(number.estimate)
    finding = Finding(
        id=finding_id(site.run, site.condition, site.examination, number.metric, compared=site.features),
        examination=site.examination,
        method_version=site.method_version,
        metric=number.metric,
        higher_is_better=False,
        run=site.run,
        condition=site.condition,
        groups={},
        compared=site.features,
        label=number.label,
        highest=number.ends[1],
        lowest=number.ends[0],
        estimate=number.estimate,
        null_expectation=number.chance,
        minimum_detectable_effect=number.detectable,
        test=number.test,
        verdict=verdict,
        because=because,
        source=number.source,
        caveats=number.caveats,
    )
    return Claim(finding=finding, interval_at=number.interval_at, unassessed=number.unassessed)


def sides(name: str, sign: float) -> tuple[str, str]:
    """Return the lowest and the highest of subgroup and everybody."""
    return (EVERYBODY, name) if sign > 0 else (name, EVERYBODY)


def estimated(site: Site, measured: Measured) -> Estimate:
    """Return the estimate of something measured for everybody in one half."""
    return measured.estimate(0, site.level, has_units=site.has_units)


def searched_estimate(site: Site, units: CellSums, interval: Interval | str, *, value: float) -> Estimate:
    """Return the estimate of what was found on the searched units."""
    return estimate_of(
        value if isinstance(interval, Interval) else None,
        interval,
        n=int(units.n_rows @ units.copies),
        n_units=units.n_units if site.has_units else None,
    )


def band_interval(value: float, band: float, level: float, *, highest: float = 1.0) -> Interval:
    """Return the greatest estimate and its band as an interval."""
    return Interval(low=max(0.0, value - band), high=min(highest, value + band), level=level, method=BAND_METHOD)


def subgroup_name(groups: Mapping[str, str]) -> str:
    """Return a subgroup's name: its levels."""
    return ", ".join(groups.values()) or EVERYBODY


def interval_cells(measured: Measured, site: Site) -> dict[str, str | int | float | None]:
    """Return the exhibit cells value, low, high, method, n and n_clusters."""
    estimate = estimated(site, measured)
    return {
        **estimate_cells(estimate),
    }


def expectation_of(draws: FloatArray, method: str) -> NullExpectation:
    """Return the mean and the 95 % quantile of draws of chance."""
    return NullExpectation(value=float(draws.mean()), high=float(np.quantile(draws, 0.95)), method=method)
