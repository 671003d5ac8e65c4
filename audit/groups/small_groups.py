"""What is the best guess for a group of few units? The raw interval and a shrunken estimate, side by side.

The shrunken estimate (SureMap) borrows from groups that share a level, and is closer to the truth on average over
groups. It has no honest interval, and it hides a small group that truly is worse: it is printed beside the raw value,
never held against a criterion, and no gap is made of it.

| case | shrunken estimate |
|---|---|
| one or two groups with a value | the raw value: there is nothing to borrow from |
| a group whose value is undefined | none, and why |
| no group has two units | none: nobody knows how far values stray |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.claims import Place, group_name, level_cells, needs_groups, places
from affidavit.confusion import accuracy, unweighted_average_recall
from affidavit.estimates import estimate_cells
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.intervals import Measured, measure
from affidavit.plan import Task
from affidavit.records import Estimate, ExhibitColumn, Finding, Verdict
from affidavit.statistics.suremap import Shrunken, shared_level_blocks, suremap
from affidavit.statistics.types import FloatArray, IntArray
from audit.groups.performance import averaged_classes

NAME = "small-groups"
VERSION = "2"
SOURCE: Final = "SureMap (NeurIPS 2024); shrinkage never flags"
WHY: Final = "a shrunken estimate has no honest interval; the raw value with its own stands beside it"
ALONE: Final = "of one or two groups: there is nothing to borrow from, and this is the raw value"
UNDEFINED: Final = "undefined: no rows that the metric could be computed on"
NO_SPREAD: Final = "no group has two units, so nobody knows how far values stray"
METRICS: Final = ("accuracy_shrunken", "unweighted_average_recall_shrunken")
COLUMNS: Final = (
    *PLACE,
    ExhibitColumn(name="metric", type="text", description="the metric"),
    *ESTIMATE,
    ExhibitColumn(name="shrunken", type="number", description="the estimate that borrows from related groups"),
    ExhibitColumn(name="own_share", type="number", description="the share of the group's own data in it, 0 to 1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Raw values of a family's groups and their shrunken twins, for the groups that have a value."""

    measured: Measured
    known: NDArray[np.int64]
    shrunken: Shrunken | None
    """None where nobody knows how far values stray."""
    caveats: Mapping[int, tuple[str, ...]]
    """By group: over which classes it is averaged."""

    def at(self, group: int) -> int | None:
        """Return where the group stands among those that have a shrunken value."""
        places = np.flatnonzero(self.known == group)
        return int(places[0]) if len(places) and self.shrunken is not None else None


def examine(case: Case) -> Testimony:
    """Shrink the groups of every family under every condition."""
    claims: list[Claim] = []
    cells: dict[str, list[str | int | float | None]] = {column.name: [] for column in COLUMNS}
    steps = [place for place in places(case, examination=NAME, method_version=VERSION) if place.family]
    for done, place in enumerate(steps, start=1):
        labels = case.runs[place.run].labels
        evidence = case.book.evidence(place.run, place.condition, place.family)
        averaged = averaged_classes(evidence, labels)
        for metric, statistic in zip(METRICS, (accuracy(len(labels)), unweighted_average_recall()), strict=True):
            beside = _shrink(measure(evidence, statistic), averaged.get(statistic.name, {}))
            claims += [_claim(place, metric, beside, group) for group in range(len(evidence.grouped.groups))]
            _add_rows(cells, place, beside)
        case.progress("shrinking small groups", done, len(steps))
    exhibit = ExhibitTable(id="small-groups", title="Raw and shrunken, side by side", columns=COLUMNS, values=cells)
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


def _shrink(measured: Measured, caveats: Mapping[int, tuple[str, ...]]) -> Beside:
    known = np.flatnonzero(~np.isnan(measured.value) & (measured.n_units > 0))
    shrunken = None
    if len(known) < 3:
        shrunken = Shrunken(measured.value[known], np.ones(len(known)), float(len(known)))
    elif (variances := _pooled_variances(measured, known)) is not None:
        shrunken = suremap(measured.value[known], variances, shared_level_blocks(_levels(measured, known)))
    return Beside(measured=measured, known=known, shrunken=shrunken, caveats=caveats)


def _pooled_variances(measured: Measured, known: NDArray[np.int64]) -> FloatArray | None:
    """Return sigma^2 / m_g, sigma^2 the variance between units pooled over groups: a small group's own is mere luck."""
    errors, units = measured.believable_error()[known], measured.n_units[known].astype(np.float64)
    usable = ~np.isnan(errors) & (units >= 2)
    if not usable.any():
        return None
    pooled = float(np.average((errors**2 * units)[usable], weights=(units - 1)[usable]))
    return pooled / units if pooled > 0 else None


def _levels(measured: Measured, known: NDArray[np.int64]) -> IntArray:
    """Return level codes [G, A]."""
    rows = [tuple(measured.groups[int(g)].values()) for g in known]
    columns = [np.unique(column, return_inverse=True)[1] for column in zip(*rows, strict=True)]
    return np.stack(columns, axis=1)


def _claim(place: Place, metric: str, beside: Beside, group: int) -> Claim:
    measured = beside.measured
    groups, name = measured.groups[group], measured.statistic.name
    raw = measured.estimate(group, place.level, has_units=place.has_units)
    value, why, told = _said(beside, group)
    finding = Finding(
        id=finding_id(place.run, place.condition, NAME, metric, groups=groups),
        examination=NAME,
        method_version=VERSION,
        metric=metric,
        higher_is_better=True,
        run=place.run,
        condition=place.condition,
        groups=groups,
        estimate=Estimate(value=value, why_no_interval=why, n=raw.n, n_clusters=raw.n_clusters),
        verdict=Verdict.INCONCLUSIVE if value is None else Verdict.INFORMATIVE,
        because=why,
        source=SOURCE,
        caveats=(
            f"{told}; raw: {finding_id(place.run, place.condition, 'performance', name, groups=groups)}",
            *beside.caveats.get(group, ()),
        ),
    )
    return Claim(finding=finding)


def _said(beside: Beside, group: int) -> tuple[float | None, str, str]:
    """Return the shrunken value, why it has no interval, and what it is made of."""
    at = beside.at(group)
    if at is None or beside.shrunken is None:
        why = UNDEFINED if np.isnan(beside.measured.value[group]) else NO_SPREAD
        return None, why, "not shrunken"
    told = f"{beside.shrunken.own_share[at]:.0%} of it is the group's own data" if len(beside.known) > 2 else ALONE
    return float(beside.shrunken.values[at]), WHY, told


def _add_rows(cells: dict[str, list[str | int | float | None]], place: Place, beside: Beside) -> None:
    for group, groups in enumerate(beside.measured.groups):
        raw = beside.measured.estimate(group, place.level, has_units=place.has_units)
        at = beside.at(group)
        shrunken = None if at is None else beside.shrunken
        row = {
            "run": place.run,
            "condition": place.condition,
            "features": " x ".join(place.family),
            "group": group_name(groups),
            **level_cells(groups),
            "metric": beside.measured.statistic.name,
            **estimate_cells(raw),
            "shrunken": None if shrunken is None else float(shrunken.values[at]),
            "own_share": None if shrunken is None else float(shrunken.own_share[at]),
        }
        for name, column in cells.items():
            column.append(row[name])


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Small groups, raw and shrunken",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(METRICS),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=needs_groups(NAME),
)
