"""Shares of units and rows, label balance and what is unknown, of one family of groups in one run, as claims."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np

from affidavit.claims import Place, exactly
from affidavit.confusion import FloatArray, ratio_statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import Estimate, Finding, Interval
from affidavit.schema import UNKNOWN
from affidavit.statistics.proportions import clopper_pearson_bounds, wilson_bounds
from affidavit.tally import GroupedSums
from audit.contrasts import regrouped
from audit.representation.label_balance import LabelBalance

SOURCES: Final = {
    "unit_share": "share of units; interval: Wilson 1927, Clopper, Pearson 1934",
    "row_share": "share of rows, units resampled",
    "unknown_share": "share of units whose level is not known; interval: Wilson 1927, Clopper, Pearson 1934",
    "label_distance": "total variation from everybody, 1/2 sum |p - q|; chance: units dealt at random",
    "label_distance_mean": "total variation from everybody, mean over rows; permutation of units: Fisher 1935",
    "least_units_per_label": "units with a row of the label, counted",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One family of groups in one run."""

    place: Place
    evidence: Evidence
    labels: tuple[str, ...]
    """Empty where there are no reference labels."""
    ending: str = ""
    """What the names of metrics end with: which data they are of, where not the audited."""
    caveats: tuple[str, ...] = ()

    @property
    def grouped(self) -> GroupedSums:
        """Rows by label of each unit and group."""
        return self.evidence.grouped

    @property
    def n_units(self) -> int:
        """Units with a row."""
        return int(self.grouped.units().sum()) if self.grouped.nested else len(np.unique(self.grouped.unit))

    @cached_property
    def balance(self) -> LabelBalance:
        """How labels are balanced."""
        return LabelBalance(evidence=self.evidence)


def group_claims(sample: Sample) -> list[Claim]:
    """Return shares and label balance of each group; shares of units only where units have ids."""
    claims = _row_shares(sample)
    if sample.place.has_units:
        units = sample.grouped.units()
        claims += [
            _share(sample, "unit_share", int(units[g]), groups=dict(of)) for g, of in enumerate(sample.grouped.groups)
        ]
    if sample.labels:
        claims += [claim for g in range(len(sample.grouped.groups)) for claim in _label_claims(sample, g)]
    return claims


def _row_shares(sample: Sample) -> list[Claim]:
    """Return the share of rows that each group has; numerator and denominator are resampled together."""
    grouped, n_groups = sample.grouped, len(sample.grouped.groups)
    columns = np.eye(n_groups)[grouped.group] * grouped.sums.sum(axis=1, keepdims=True)
    everybody = regrouped(sample.evidence, _of_everybody(grouped, columns))
    claims = []
    for g, groups in enumerate(grouped.groups):
        statistic = ratio_statistic(
            "row_share", np.eye(n_groups)[g], np.ones(n_groups), source=SOURCES["row_share"], higher_is_better=None
        )
        measured = measure(everybody, statistic)
        estimate = measured.estimate(0, sample.place.level, has_units=sample.place.has_units)
        finding = _finding(sample, "row_share", estimate, groups=dict(groups))
        claims.append(Claim(finding=finding, interval_at=partial(_first, measured)))
    return claims


def _first(measured: Measured, level: float) -> Interval | Reason:
    return measured.interval(0, level)


def _of_everybody(grouped: GroupedSums, columns: FloatArray) -> GroupedSums:
    """Return the sums of units, whatever their group, as those of one group."""
    unit = np.unique(grouped.unit, return_inverse=True)[1] if grouped.multiplicity is None else np.arange(len(columns))
    sums = np.zeros((int(unit.max(initial=-1)) + 1, columns.shape[1]))
    np.add.at(sums, unit, columns)
    return GroupedSums(
        sums=sums,
        n_rows=np.bincount(unit, weights=grouped.n_rows, minlength=len(sums)).astype(np.int64),
        unit=np.unique(grouped.unit) if grouped.multiplicity is None else unit,
        group=np.zeros(len(sums), dtype=np.int64),
        n_units=grouped.n_units,
        groups=({},),
        multiplicity=grouped.multiplicity,
        weighted=grouped.weighted,
    )


def _share(
    sample: Sample,
    metric: str,
    units: int,
    *,
    groups: dict[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Claim:
    """Return a share of units: one observation a unit."""
    interval = partial(_share_interval, units, sample.n_units, sample.evidence.options.small_sample_units)
    found = interval(sample.place.level)
    estimate = estimate_of(
        units / sample.n_units if sample.n_units else None,
        found,
        n=int(sample.grouped.rows().sum()),
        n_units=sample.n_units if sample.place.has_units else None,
    )
    return Claim(finding=_finding(sample, metric, estimate, groups=groups, compared=compared), interval_at=interval)


def _share_interval(units: int, n_units: int, small: int, level: float) -> Interval | Reason:
    if n_units < 2:
        return "one unit alone says nothing of how units differ"
    if n_units < small:
        bounds, method = clopper_pearson_bounds(units, n_units, level=level), "Clopper-Pearson over units"
    else:
        bounds, method = wilson_bounds(units, n_units, level=level), "Wilson over units"
    return Interval(low=float(bounds.low), high=float(bounds.high), level=level, method=method)


def _label_claims(sample: Sample, group: int) -> list[Claim]:
    """Return how far a group's labels are from everybody's, and the fewest units that it has for one of them."""
    balance, groups = sample.balance, dict(sample.grouped.groups[group])
    distance = balance.distances[group]
    found = balance.interval(group, sample.place.level)
    estimate = _estimate(sample, group, None if np.isnan(distance) else float(distance), found)
    finding = _finding(sample, "label_distance", estimate, groups=groups)
    finding = finding.model_copy(update={"null_expectation": balance.chance(group)})
    claims = [Claim(finding=finding, interval_at=partial(balance.interval, group))]
    units = balance.units_by_label
    there = np.flatnonzero(units.sum(axis=0) > 0)
    if len(there):
        least = there[int(units[group, there].argmin())]
        claims.append(_counted(sample, group, int(units[group, least]), sample.labels[least]))
    return claims


def _counted(sample: Sample, group: int, units: int, label: str) -> Claim:
    """Return a count of units: of this table it is exact, and decides at every level."""
    interval_at = exactly(float(units), method="counted in this table, exact")
    estimate = _estimate(sample, group, float(units), interval_at(sample.place.level))
    groups = dict(sample.grouped.groups[group])
    finding = _finding(sample, "least_units_per_label", estimate, groups=groups).model_copy(
        update={"label": label, "caveats": (f"fewest of {label}", *sample.caveats)}
    )
    return Claim(finding=finding, interval_at=interval_at)


def _estimate(sample: Sample, group: int, value: float | None, interval: Interval | Reason) -> Estimate:
    return estimate_of(
        value,
        interval,
        n=int(sample.grouped.rows()[group]),
        n_units=int(sample.grouped.units()[group]) if sample.place.has_units else None,
    )


def feature_claims(sample: Sample) -> list[Claim]:
    """Return the unknown share of a feature and the test of label balance."""
    (feature,) = sample.place.family
    units = sample.grouped.units()
    unknown = [g for g, groups in enumerate(sample.grouped.groups) if groups[feature] == UNKNOWN]
    claims = [_share(sample, "unknown_share", int(units[unknown].sum()), compared=sample.place.family)]
    if not sample.labels:
        return claims
    balance = sample.balance
    found = balance.interval_of_mean(sample.place.level)
    estimate = estimate_of(
        None if np.isnan(balance.mean) else balance.mean,
        found,
        n=int(sample.grouped.rows().sum()),
        n_units=sample.n_units if sample.place.has_units else None,
    )
    finding = _finding(sample, "label_distance_mean", estimate, compared=sample.place.family)
    beside = {"null_expectation": balance.chance_of_mean(), "test": balance.test()}
    return [*claims, Claim(finding=finding.model_copy(update=beside), interval_at=balance.interval_of_mean)]


def _finding(
    sample: Sample,
    metric: str,
    estimate: Estimate,
    *,
    groups: dict[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Finding:
    place, named = sample.place, metric + sample.ending
    verdict, because = pending(estimate)
    return Finding(
        id=finding_id(place.run, place.condition, place.examination, named, groups=groups, compared=compared or ()),
        examination=place.examination,
        method_version=place.method_version,
        metric=named,
        higher_is_better={"unknown_share": False, "least_units_per_label": True}.get(metric),
        run=place.run,
        condition=place.condition,
        groups=groups or {},
        compared=compared,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=SOURCES[metric],
        caveats=sample.caveats,
    )
