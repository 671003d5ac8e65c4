"""Turns measured statistics and gaps into claims, the same way for every examination."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.estimates import estimate_cells
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.gaps import MeasuredGap, group_label
from affidavit.intervals import Measured
from affidavit.mislabelling import mislabelled_group
from affidavit.records import Estimate, Finding, Interval, Refusal

DEEPEST: Final = 4
"""Features in an intersection, at most: what a plan may ask for."""
NAMED: Final = 6
"""Groups that a caveat names before it counts."""
FOR_WANT: Final = "not compared, for want of another group, of units in every class, or of any spread between units"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in an audit a number was measured."""

    examination: str
    method_version: str
    run: str
    condition: str
    family: tuple[str, ...]
    has_units: bool
    level: float


def needs_groups(examination: str) -> Callable[[Case], Refusal | None]:
    """Return the refusal of a case in which nobody said whom to compare."""

    def refuses(case: Case) -> Refusal | None:
        if case.by:
            return None
        return Refusal(
            examination=examination,
            because="it compares groups, and no sensitive feature was named",
            remedy="name the columns that make groups: `--by accent,age`, or `by:` in the plan",
        )

    return refuses


def places(case: Case, *, examination: str, method_version: str) -> list[Place]:
    """Return where an examination measures, in the order of reports: every run, condition and family.

    Conditions that only intervene (`TAV/hint=joy`) are left out: how well a model does there is not its performance.
    """
    return [
        place
        for run, predictions in case.runs.items()
        for condition in predictions.conditions
        if not Condition.parse(condition).intervenes
        for place in places_under(case, run, condition, examination=examination, method_version=method_version)
    ]


def places_under(case: Case, run: str, condition: str, *, examination: str, method_version: str) -> list[Place]:
    """Return the places of one condition of one run: one for each family of groups."""
    return [
        Place(
            examination=examination,
            method_version=method_version,
            run=run,
            condition=condition,
            family=family,
            has_units=case.runs[run].unit != "row",
            level=case.statistics.level,
        )
        for family in case.families
    ]


def place_finding(
    place: Place,
    metric: str,
    estimate: Estimate,
    *,
    groups: Mapping[str, str],
    higher_is_better: bool | None,
    source: str,
) -> Finding:
    """Return the finding of an estimate in one group: informative, or inconclusive for want of an interval.

    What else is to be said of it (caveats, controls, exhibits) goes into a copy. It is held against no criterion yet.
    """
    verdict, because = pending(estimate)
    return Finding(
        id=finding_id(place.run, place.condition, place.examination, metric, groups=groups),
        examination=place.examination,
        method_version=place.method_version,
        metric=metric,
        higher_is_better=higher_is_better,
        run=place.run,
        condition=place.condition,
        groups=groups,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=source,
    )


def exactly(value: float, *, method: str) -> Callable[[float], Interval]:
    """Return the intervals of a number that was counted or computed, not estimated: at every level the number itself.

    As a claim's `interval_at` it lets a criterion decide by the number. `method` says how it is known.

    >>> exactly(0.25, method="every judgement counted")(0.95).high
    0.25
    """

    def interval_at(level: float) -> Interval:
        return Interval(low=value, high=value, level=level, method=method)

    return interval_at


def under_other_labels(claims: Sequence[Claim], measured: Measured) -> list[Claim]:
    """Return group claims of class sums together with what they would be under other labels."""
    return [replace(claim, mislabelled=mislabelled_group(measured, group)) for group, claim in enumerate(claims)]


def group_claims(place: Place, measured: Measured, *, caveats: Mapping[int, tuple[str, ...]]) -> list[Claim]:
    """Return one claim per group of the family; `caveats` by group."""
    return [
        _group_claim(place, measured, group, caveats=caveats.get(group, ())) for group in range(len(measured.groups))
    ]


def _group_claim(place: Place, measured: Measured, group: int, *, caveats: tuple[str, ...]) -> Claim:
    estimate = measured.estimate(group, place.level, has_units=place.has_units)
    statistic = measured.statistic
    finding = place_finding(
        place,
        statistic.name,
        estimate,
        groups=measured.groups[group],
        higher_is_better=statistic.higher_is_better,
        source=statistic.source,
    )
    finding = finding.model_copy(update={"caveats": caveats})
    return Claim(finding=finding, interval_at=lambda level: measured.interval(group, level))


def gap_claim(place: Place, gap: MeasuredGap, *, source: str, caveats: tuple[str, ...] = ()) -> Claim:
    """Return the claim of one gap, with what chance alone gives beside it."""
    estimate = gap.estimate(place.level, has_units=place.has_units)
    verdict, because = pending(estimate)
    extremes = gap.extremes()
    finding = Finding(
        id=finding_id(place.run, place.condition, place.examination, gap.kind.name, compared=place.family),
        examination=place.examination,
        method_version=place.method_version,
        metric=gap.kind.name,
        higher_is_better=gap.kind.scale == "ratio",
        run=place.run,
        condition=place.condition,
        groups={},
        compared=place.family,
        label=None if (decisive := gap.decisive()) is None else decisive.measured.statistic.label,
        highest=extremes[0] if extremes else None,
        lowest=extremes[1] if extremes else None,
        estimate=estimate,
        null_expectation=gap.null_expectation(),
        minimum_detectable_effect=gap.detectable(place.level),
        test=gap.test(),
        verdict=verdict,
        because=because,
        source=source,
        caveats=(
            *caveats,
            *left_out_caveats(gap.evidence, gap.left_out),
            *([gap.undetectable] if gap.undetectable else []),
        ),
    )
    return Claim(finding=finding, interval_at=gap.interval, unassessed=gap.left_out)


def left_out_caveats(evidence: Evidence, names: Sequence[str]) -> tuple[str, ...]:
    """Say which groups are not compared, and whether that is because they are small."""
    needed, units = evidence.options.compared_units, evidence.grouped.units()
    enough = {group_label(evidence, g) for g in range(len(units)) if units[g] >= needed}
    small = [name for name in names if name not in enough]
    others = [name for name in names if name in enough]
    return (
        *([f"too small to be compared: {first_names(small)}"] if small else []),
        *([f"{FOR_WANT}: {first_names(others)}"] if others else []),
    )


def first_names(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are.

    >>> first_names(["a", "b", "c", "d", "e", "f", "g", "h"])
    'a; b; c; d; e; f and 2 more'
    """
    return "; ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def group_name(groups: Mapping[str, str]) -> str:
    """Return a group's name: its levels, or `everybody`."""
    return ", ".join(groups.values()) or "everybody"


def level_cells(groups: Mapping[str, str]) -> dict[str, str | None]:
    """Return the exhibit cells `level_1` to `level_4`, empty where the group has fewer features."""
    levels = [*groups.values(), *[None] * DEEPEST]
    return {f"level_{i + 1}": levels[i] for i in range(DEEPEST)}


def claim_rows(claims: Sequence[Claim]) -> list[dict[str, str | int | float | None]]:
    """Return exhibit rows of group claims: place, value, interval, n."""
    rows: list[dict[str, str | int | float | None]] = []
    for claim in claims:
        finding = claim.finding
        rows.append(
            {
                "run": finding.run,
                "condition": finding.condition,
                "features": " x ".join(finding.groups),
                "group": group_name(finding.groups),
                **level_cells(finding.groups),
                "metric": finding.metric,
                **estimate_cells(finding.estimate),
            }
        )
    return rows
