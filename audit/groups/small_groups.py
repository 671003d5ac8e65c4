"""What is the best guess for a group of few units? The raw interval and a shrunken estimate, side by side.

The shrunken estimate (SureMap) borrows from groups that share a level, and is closer to the truth on average over
groups. It has no honest interval, and it hides a small group that truly is worse: it is printed beside the raw value,
never held against a criterion, and no gap is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.confusion import accuracy, unweighted_average_recall
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id
from affidavit.exhibits import ExhibitTable
from affidavit.intervals import Measured, measure
from affidavit.plan import Task
from affidavit.records import Estimate, ExhibitColumn, Finding, Interval, Verdict
from affidavit.statistics.suremap import Shrunken, shared_level_blocks, suremap
from affidavit.statistics.types import FloatArray, IntArray
from audit.claims import Place, group_name, level_cells, needs_groups, places
from audit.columns import ESTIMATE, PLACE

NAME = "small-groups"
VERSION = "1"
SOURCE: Final = "SureMap (NeurIPS 2024); shrinkage never flags: methods 6.4"
WHY: Final = "a shrunken estimate has no honest interval; the raw value with its own stands beside it"
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
    """Raw values of a family's groups and their shrunken twins, for the groups that have any units."""

    measured: Measured
    known: NDArray[np.int64]
    shrunken: Shrunken


def examine(case: Case) -> Testimony:
    """Shrink the groups of every family under every condition."""
    claims: list[Claim] = []
    cells: dict[str, list[str | int | float | None]] = {column.name: [] for column in COLUMNS}
    steps = [place for place in places(case, examination=NAME, method_version=VERSION) if place.family]
    for done, place in enumerate(steps, start=1):
        evidence = case.book.evidence(place.run, place.condition, place.family)
        statistics = accuracy(len(case.runs[place.run].labels)), unweighted_average_recall()
        for metric, statistic in zip(METRICS, statistics, strict=True):
            if (beside := _shrink(measure(evidence, statistic))) is not None:
                claims += [_claim(place, metric, beside, at) for at in range(len(beside.known))]
                _add_rows(cells, place, beside)
        case.progress("shrinking small groups", done, len(steps))
    exhibit = ExhibitTable(id="small-groups", title="Raw and shrunken, side by side", columns=COLUMNS, values=cells)
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


def _shrink(measured: Measured) -> Beside | None:
    """Return raw and shrunken values; None where fewer than three groups have a value, for nothing is borrowed."""
    known = np.flatnonzero(~np.isnan(measured.value) & (measured.n_units > 0))
    variances = _pooled_variances(measured, known)
    if len(known) < 3 or variances is None:
        return None
    blocks = shared_level_blocks(_levels(measured, known))
    return Beside(measured=measured, known=known, shrunken=suremap(measured.value[known], variances, blocks))


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


def _claim(place: Place, metric: str, beside: Beside, at: int) -> Claim:
    group, measured = int(beside.known[at]), beside.measured
    groups = measured.groups[group]
    estimate = measured.estimate(group, place.level, has_units=place.has_units)
    raw = finding_id(place.run, place.condition, "performance", measured.statistic.name, groups=groups)
    finding = Finding(
        id=finding_id(place.run, place.condition, NAME, metric, groups=groups),
        examination=NAME,
        method_version=VERSION,
        metric=metric,
        higher_is_better=True,
        run=place.run,
        condition=place.condition,
        groups=groups,
        estimate=Estimate(
            value=float(beside.shrunken.values[at]), why_no_interval=WHY, n=estimate.n, n_clusters=estimate.n_clusters
        ),
        verdict=Verdict.INFORMATIVE,
        because=WHY,
        source=SOURCE,
        caveats=(f"{beside.shrunken.own_share[at]:.0%} of it is the group's own data; raw: {raw}",),
    )
    return Claim(finding=finding)


def _add_rows(cells: dict[str, list[str | int | float | None]], place: Place, beside: Beside) -> None:
    for at, group in enumerate(beside.known):
        groups = beside.measured.groups[int(group)]
        raw = beside.measured.estimate(int(group), place.level, has_units=place.has_units)
        interval: Interval | None = raw.interval
        row = {
            "run": place.run,
            "condition": place.condition,
            "features": " x ".join(place.family),
            "group": group_name(groups),
            **level_cells(groups),
            "metric": beside.measured.statistic.name,
            "value": raw.value,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "method": None if interval is None else interval.method,
            "n": raw.n,
            "n_clusters": raw.n_clusters,
            "shrunken": float(beside.shrunken.values[at]),
            "own_share": float(beside.shrunken.own_share[at]),
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
