"""Turns measured statistics and gaps into claims, the same way for every examination of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affidavit.examinations import Claim, finding_id, pending
from affidavit.gaps import MeasuredGap
from affidavit.intervals import Measured
from affidavit.records import Finding


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


def group_claims(place: Place, measured: Measured, *, caveats: Mapping[int, tuple[str, ...]]) -> list[Claim]:
    """Return one claim per group of the family; `caveats` by group."""
    return [
        _group_claim(place, measured, group, caveats=caveats.get(group, ())) for group in range(len(measured.groups))
    ]


def _group_claim(place: Place, measured: Measured, group: int, *, caveats: tuple[str, ...]) -> Claim:
    estimate = measured.estimate(group, place.level, has_units=place.has_units)
    verdict, because = pending(estimate)
    statistic, groups = measured.statistic, measured.groups[group]
    finding = Finding(
        id=finding_id(place.run, place.condition, place.examination, statistic.name, groups=groups),
        examination=place.examination,
        method_version=place.method_version,
        metric=statistic.name,
        higher_is_better=statistic.higher_is_better,
        run=place.run,
        condition=place.condition,
        groups=groups,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=statistic.source,
        caveats=caveats,
    )
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
        caveats=(*caveats, *_left_out(gap), *([gap.undetectable] if gap.undetectable else [])),
    )
    return Claim(finding=finding, interval_at=gap.interval, unassessed=gap.left_out)


def _left_out(gap: MeasuredGap) -> tuple[str, ...]:
    if not gap.left_out or not gap.defined:
        return ()
    shown = "; ".join(gap.left_out[:6]) + (f" and {len(gap.left_out) - 6} more" if len(gap.left_out) > 6 else "")
    return (f"too small to be compared: {shown}",)


def group_name(groups: Mapping[str, str]) -> str:
    """Return a group's name: its levels, or `everybody`."""
    return ", ".join(groups.values()) or "everybody"


def claim_rows(claims: Sequence[Claim]) -> list[dict[str, str | int | float | None]]:
    """Return exhibit rows of group claims: place, value, interval, n."""
    rows: list[dict[str, str | int | float | None]] = []
    for claim in claims:
        finding, estimate = claim.finding, claim.finding.estimate
        levels = [*finding.groups.values(), None, None]
        interval = estimate.interval
        rows.append(
            {
                "run": finding.run,
                "condition": finding.condition,
                "features": " x ".join(finding.groups),
                "group": group_name(finding.groups),
                "level_1": levels[0],
                "level_2": levels[1],
                "metric": finding.metric,
                "value": estimate.value,
                "low": None if interval is None else interval.low,
                "high": None if interval is None else interval.high,
                "method": None if interval is None else interval.method,
                "n": estimate.n,
                "n_clusters": estimate.n_clusters,
            }
        )
    return rows
