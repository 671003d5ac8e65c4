"""Numbers of a panel into claims and rows of exhibits: which are findings, and which only stand in a table.

A difference that no unit shows at all has no spread to build an interval from; it is bounded by how many units that
differ could have been missed: no reliance seen is not none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np

from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places_under
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, pending
from affidavit.exhibits import Cell
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import Estimate, ExplanationProperty, Finding, Interval
from faithfulness.reliance.panel import ACCURACY, Measure, Panel, flip_rate
from faithfulness.reliance.signed_gaps import agreeing_bounds, signed_gap

NAME: Final = "modality-reliance"
VERSION: Final = "1"
AGREEING: Final = "Clopper-Pearson over units that all agree"
Told = Literal["by group", "everybody", "exhibit"]
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of a panel, and where it is told."""

    statistic: Statistic
    measure: Measure = ACCURACY
    told: Told = "exhibit"
    """As findings of everybody and of every group, as one of everybody, or in exhibits alone."""
    compared: bool = False
    """Whether gaps between groups are told."""
    controls: tuple[str, ...] = ()
    """Metrics of this panel, told for the same groups, that are its controls."""
    remarks: tuple[str, ...] = ()
    shown: str | None = None
    """The condition that rows of exhibits name, where it is not the panel's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Claims, and the rows of all groups and intersections behind them."""

    claims: tuple[Claim, ...] = ()
    rows: tuple[Row, ...] = ()


def tell(panel: Panel, numbers: Sequence[Number], *, caveats: tuple[str, ...], noise: Sequence[Claim] = ()) -> Answer:
    """Return what a panel says: findings for everybody and each feature's groups, rows for intersections too.

    `noise` are the findings of repetition alone, the control of every number.
    """
    claims: list[Claim] = []
    rows: list[Row] = []
    floor = {_key(claim.finding): claim.finding.id for claim in noise}
    for place in _places(panel):
        drawn: dict[Measure, Evidence] = {}
        here: list[Claim] = []
        for number in (number for number in numbers if _is_measured(number, place)):
            if number.measure not in drawn:
                drawn[number.measure] = panel.evidence(place.family, number.measure)
            measured = measure(drawn[number.measure], number.statistic)
            own = [spoken(claim, (*number.remarks, *caveats)) for claim in signed_claims(place, measured)]
            rows += [row | {"condition": number.shown or row["condition"]} for row in claim_rows(own)]
            if _is_told(number, place):
                here += own
            if number.compared and len(place.family) == 1:
                gap = signed_gap(drawn[number.measure], number.statistic)
                here.append(spoken(gap_claim(place, gap, source=number.statistic.source), caveats))
        claims += _with_controls(here, numbers, floor)
    return Answer(claims=tuple(claims), rows=tuple(rows))


def noise_claims(panel: Panel, *, caveats: tuple[str, ...]) -> list[Claim]:
    """Return how often an answer changes on mere repetition, everybody's and by group; none without repetitions."""
    if not panel.repeated:
        return []
    claims: list[Claim] = []
    for place in (place for place in _places(panel) if len(place.family) < 2):
        measured = measure(panel.noise_evidence(place.family), flip_rate())
        claims += [spoken(claim, caveats) for claim in group_claims(place, measured, caveats={})]
    return claims


def spoken(claim: Claim, caveats: Sequence[str]) -> Claim:
    """Say that a number speaks of what causes an answer, and under which reserves."""
    said = tuple(dict.fromkeys((*claim.finding.caveats, *caveats)))
    told = {"property": ExplanationProperty.CAUSAL, "caveats": said}
    return replace(claim, finding=claim.finding.model_copy(update=told))


def signed_claims(place: Place, measured: Measured) -> list[Claim]:
    """Return one claim per group of a number with a sign, bounded also where all of a group's units agree."""
    claims = group_claims(place, measured, caveats={})
    return [_bounded(claim, place, measured, group) for group, claim in enumerate(claims)]


def signed_interval(measured: Measured, group: int, level: float) -> Interval | Reason:
    """Return a group's own interval, also where its units all agree (`signed_gaps.agreeing_bounds`)."""
    known = measured.n_units[group] > 1 and not np.isnan(measured.value[group])
    finite = measured.statistic.high is not None and np.isfinite(measured.statistic.low)
    if measured.standard_error[group] != 0 or measured.bounded or not (known and finite):
        return measured.interval(group, level)
    low, high = agreeing_bounds(measured, np.array([group]), level)
    return Interval(low=float(low[0]), high=float(high[0]), level=level, method=AGREEING)


def _bounded(claim: Claim, place: Place, measured: Measured, group: int) -> Claim:
    if claim.finding.estimate.interval is not None:
        return replace(claim, interval_at=partial(signed_interval, measured, group))
    interval = signed_interval(measured, group, place.level)
    if not isinstance(interval, Interval):
        return claim
    known = claim.finding.estimate
    estimate = Estimate(value=known.value, interval=interval, n=known.n, n_clusters=known.n_clusters)
    verdict, because = pending(estimate)
    finding = claim.finding.model_copy(update={"estimate": estimate, "verdict": verdict, "because": because})
    return replace(claim, finding=finding, interval_at=partial(signed_interval, measured, group))


def _with_controls(
    claims: Sequence[Claim], numbers: Sequence[Number], floor: Mapping[tuple[object, ...], str]
) -> list[Claim]:
    """Name beside each number of a group the findings that are its controls."""
    by_metric = {number.statistic.name: number.controls for number in numbers}
    own = {(claim.finding.metric, *_key(claim.finding)): claim.finding.id for claim in claims}
    named: list[Claim] = []
    for claim in claims:
        key = _key(claim.finding)
        ids = [own.get((control, *key)) for control in by_metric.get(claim.finding.metric, ())]
        found = tuple(each for each in (*ids, floor.get(key)) if each is not None)
        told = {"controls": found} if found and claim.finding.compared is None else {}
        named.append(replace(claim, finding=claim.finding.model_copy(update=told)))
    return named


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.compared, *sorted(finding.groups.items()))


def _places(panel: Panel) -> list[Place]:
    return places_under(panel.case, panel.run, panel.tally.condition, examination=NAME, method_version=VERSION)


def _is_told(number: Number, place: Place) -> bool:
    return number.told != "exhibit" and (not place.family or (number.told == "by group" and len(place.family) == 1))


def _is_measured(number: Number, place: Place) -> bool:
    """Intersections take part in what is told by group alone: all of the rest would bury it."""
    return len(place.family) < 2 or number.told == "by group"
