"""What each modality bears of a difference between groups, and what it would cost to take it away, as claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from affidavit.claims import Place
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.gaps import GapKind, group_label, measure_gap
from affidavit.intervals import measure
from affidavit.records import Estimate, Finding, NullExpectation, SignificanceTest
from audit.contrasts import Contrasts, against_others, selected_pair_null, signed_estimate, signed_interval
from audit.modalities.study import Parts, Study, absent_classes, parts_of

PICKED: Final = "highest and lowest were picked with all modalities; intervals hold for whichever pair was picked"
ALIKE: Final = "the groups are equal with all modalities: the two that are named stand for any pair"
AGAINST: Final = "everybody else less this group: above 0 where the group is worse off"
TOO_FEW: Final = "fewer than two groups can be compared"
TOO_SMALL: Final = "this group or everybody else is too small to be compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One part of a difference under the name of its metric."""

    metric: str
    part: Contrasts
    reverse: bool = False
    """Whether it is the lowest group's less the highest's."""


def cost_claims(study: Study, place: Place, evidence: Evidence) -> list[Claim]:
    """Return for each group of the family what would be lost without each modality."""
    claims: list[Claim] = []
    for statistic in study.costs:
        measured = measure(evidence, statistic)
        for group, groups in enumerate(measured.groups):
            finding = _finding(
                study,
                place,
                f"{study.metric}_cost_without_{statistic.name}",
                signed_estimate(measured, group, place.level, has_units=place.has_units),
                source=statistic.source,
                groups=groups,
            )
            if absent := absent_classes(study, measured.reference[[group]]):
                caveats = (f"averaged over the classes that the group has; none of: {absent}", *finding.caveats)
                finding = finding.model_copy(update={"caveats": caveats})
            claims.append(Claim(finding=finding, interval_at=partial(signed_interval, measured, group)))
    return claims


def pair_claims(study: Study, place: Place, parts: Parts) -> list[Claim]:
    """Return the difference between the groups best and worst off with all modalities, and what it is made of."""
    made_of = _made_of(study, parts, f"{study.metric}_difference", total="all_modalities", guessed="without_modalities")
    nulls = _nulls(parts, made_of)
    tests = _tests(study, parts)
    changes = [
        Named(
            metric=f"{study.metric}_difference_change_without_{part.measured.statistic.name}", part=part, reverse=True
        )
        for part in parts.costs
    ]
    claims = []
    for named in (*made_of, *changes):
        claim = _pair_claim(study, place, parts, named)
        beside = {"null_expectation": nulls.get(named.metric), "test": tests.get(named.metric)}
        claims.append(replace(claim, finding=claim.finding.model_copy(update=beside)))
    return claims


def others_claims(study: Study, place: Place, evidence: Evidence) -> list[Claim]:
    """Return for each group how far it is below everybody else, and what that is made of."""
    n_groups = len(evidence.grouped.groups)
    return [
        claim
        for group in range(n_groups)
        for claim in _shortfall(
            study, place, group, parts_of(study, against_others(evidence, group), n_families=n_groups)
        )
    ]


def _made_of(study: Study, parts: Parts, stem: str, *, total: str, guessed: str) -> tuple[Named, ...]:
    """Return total, what label balance alone gives, and the share of each modality.

    A constant guess has the same average recall in every group: there label balance bears nothing, by construction.
    """
    balance = [Named(metric=f"{stem}_{guessed}", part=parts.guessed)] if study.metric == "accuracy" else []
    shares = (Named(metric=f"{stem}_borne_by_{part.measured.statistic.name}", part=part) for part in parts.shares)
    return (Named(metric=f"{stem}_{total}".removesuffix("_"), part=parts.total), *balance, *shares)


def _pair_claim(study: Study, place: Place, parts: Parts, named: Named) -> Claim:
    if not parts.defined:
        return _undefined(study, place, named, compared=place.family, because=TOO_FEW)
    highest, lowest = parts.extremes
    first, second = (lowest, highest) if named.reverse else (highest, lowest)
    evidence = parts.total.measured.evidence
    names = [group_label(evidence, int(parts.total.compared[i])) for i in (highest, lowest)]
    finding = _finding(
        study,
        place,
        named.metric,
        named.part.estimate(first, second, place.level, has_units=place.has_units),
        source=named.part.measured.statistic.source,
        compared=place.family,
    ).model_copy(
        update={
            "highest": names[0],
            "lowest": names[1],
            "minimum_detectable_effect": named.part.detectable(first, second, place.level),
        }
    )
    picked = [PICKED] if parts.total.n_intervals > 1 else []
    alike = [ALIKE] if parts.alike else []
    finding = finding.model_copy(update={"caveats": (*alike, *picked, *parts.remarks, *finding.caveats)})
    return Claim(finding=finding, interval_at=partial(named.part.interval, first, second), unassessed=parts.left_out)


def _shortfall(study: Study, place: Place, group: int, parts: Parts) -> list[Claim]:
    groups = parts.total.measured.groups[0]
    claims = []
    for named in _made_of(study, parts, f"{study.metric}_shortfall", total="", guessed="without_modalities"):
        if not parts.defined:
            claims.append(_undefined(study, place, named, groups=groups, because=TOO_SMALL))
            continue
        finding = _finding(
            study,
            place,
            named.metric,
            named.part.estimate(1, 0, place.level, has_units=place.has_units),
            source=named.part.measured.statistic.source,
            groups=groups,
        )
        finding = finding.model_copy(update={"caveats": (AGAINST, *parts.remarks, *finding.caveats)})
        claims.append(Claim(finding=finding, interval_at=partial(named.part.interval, 1, 0)))
    return claims


def _undefined(
    study: Study,
    place: Place,
    named: Named,
    *,
    because: str,
    groups: Mapping[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Claim:
    estimate = Estimate(value=None, why_no_interval=because, n=0, n_clusters=0 if place.has_units else None)
    source = named.part.measured.statistic.source
    finding = _finding(study, place, named.metric, estimate, source=source, groups=groups, compared=compared)
    return Claim(finding=finding, interval_at=lambda _: because)


def _finding(  # noqa: PLR0913 - a finding in all its parts
    study: Study,
    place: Place,
    metric: str,
    estimate: Estimate,
    *,
    source: str,
    groups: Mapping[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Finding:
    verdict, because = pending(estimate)
    return Finding(
        id=finding_id(place.run, place.condition, place.examination, metric, groups=groups, compared=compared or ()),
        examination=place.examination,
        method_version=place.method_version,
        metric=metric,
        higher_is_better=None,
        run=place.run,
        condition=place.condition,
        groups=dict(groups or {}),
        compared=compared,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=source,
        caveats=study.caveats,
    )


def _nulls(parts: Parts, made_of: tuple[Named, ...]) -> dict[str, NullExpectation]:
    """Return what chance alone gives the pair that is picked, by metric: picking makes even a share look like one."""
    if not parts.defined:
        return {}
    found = selected_pair_null(tuple(named.part for named in made_of), parts.total)
    if found is None:
        return {}
    draws, how = found
    return {
        named.metric: NullExpectation(
            value=float(draws[:, i].mean()),
            high=float(np.quantile(draws[:, i], 0.95)),
            method=f"{how}, pair picked anew",
        )
        for i, named in enumerate(made_of)
    }


def _tests(study: Study, parts: Parts) -> dict[str, SignificanceTest]:
    """Return for each modality the test that it contributes alike in every group: no pair is picked there."""
    if not (study.tested and parts.defined):
        return {}
    tests: dict[str, SignificanceTest] = {}
    for part in parts.shares:
        statistic = part.measured.statistic
        gap = measure_gap(part.measured.evidence, [statistic], GapKind(name="difference", scale="difference"))
        if (test := gap.test()) is not None:
            null = f"{statistic.name} contributes alike in every group"
            metric = f"{study.metric}_difference_borne_by_{statistic.name}"
            tests[metric] = test.model_copy(update={"null": null})
    return tests
