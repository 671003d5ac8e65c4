"""Changes between two runs, changes of gaps, and ranks, as claims with finding ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from affidavit.claims import Place, gap_claim, group_name, place_finding
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id
from affidavit.gaps import GapKind, group_label, measure_gap
from affidavit.intervals import measure
from affidavit.records import Estimate, SignificanceTest
from affidavit.seeds import seed_of
from audit.comparing.gap_change import SOURCE as GAP_SOURCE
from audit.comparing.gap_change import GapChange, gap_change
from audit.comparing.ranks import SOURCE as RANK_SOURCE
from audit.comparing.ranks import PairOutcome, Ranking
from audit.comparing.statistics import Metric, gains
from audit.comparing.swaps import swap_test
from audit.contrasts import signed_estimate, signed_interval

TEST_SOURCE: Final = "tests: McNemar 1947; Fisher 1935; Pagano, Tritchler 1983; Noreen 1989"
DIFFERS_SOURCE: Final = "do groups change alike, paired by item: Dunn 1961; null and bounds of docs/statistics.md"
FAMILY: Final = "every test of model-comparison"
TESTED_BY_GROUP: Final = "accuracy"
"""The metric that is tested in every group; the others are tested for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where two runs are compared: a condition and a family of groups."""

    place: Place
    """Its run is the second less the first."""
    evidence: Evidence
    caveats: tuple[str, ...]
    tested: bool
    """Whether hypotheses are tested under this condition."""
    seed: int


def change_claims(ground: Ground, metric: Metric) -> tuple[list[Claim], list[PairOutcome]]:
    """Return how much better the second run is in every group, and the same for ranking."""
    measured, place = measure(ground.evidence, metric.change), ground.place
    claims, outcomes = [], []
    for group, groups in enumerate(measured.groups):
        estimate = signed_estimate(measured, group, place.level, has_units=place.has_units)
        interval_at = partial(signed_interval, measured, group)
        test = _test(ground, metric, group)
        finding = place_finding(
            place,
            metric.change.name,
            estimate,
            groups=groups,
            higher_is_better=True,
            source=f"{metric.change.source}; {TEST_SOURCE}",
        )
        finding = finding.model_copy(update={"test": test, "caveats": ground.caveats})
        claims.append(Claim(finding=finding, interval_at=interval_at, family=FAMILY))
        outcomes.append(PairOutcome(estimate=estimate, interval_at=interval_at))
    return claims, outcomes


def _test(ground: Ground, metric: Metric, group: int) -> SignificanceTest | None:
    if not ground.tested or (ground.place.family and metric.name != TESTED_BY_GROUP):
        return None
    groups = ground.evidence.grouped.groups[group]
    seed = seed_of(ground.seed, ground.place.run, ground.place.condition, metric.name, group_name(groups))
    rng = np.random.default_rng(seed)
    return swap_test(ground.evidence, group, metric, has_units=ground.place.has_units, rng=rng)


def gap_claims(ground: Ground, metric: Metric) -> list[Claim]:
    """Return how the gap between groups changes; of accuracy also how far apart the groups' changes are."""
    return [_gap_change(ground, metric), *([_differing(ground, metric)] if metric.name == TESTED_BY_GROUP else [])]


def _gap_change(ground: Ground, metric: Metric) -> Claim:
    place, change = ground.place, gap_change(ground.evidence, metric)
    finding = place_finding(
        place,
        f"{metric.name}_gap_change",
        _gap_estimate(ground, change),
        groups={},
        higher_is_better=False,
        source=GAP_SOURCE,
    )
    compared = set(change.parts[0].compared.tolist())
    grouped = ground.evidence.grouped
    left_out = tuple(group_label(ground.evidence, g) for g in range(len(grouped.groups)) if g not in compared)
    small = (f"too small to be compared: {'; '.join(left_out[:6])}",) if left_out and len(compared) > 1 else ()
    finding = finding.model_copy(
        update={
            "id": finding_id(place.run, place.condition, place.examination, finding.metric, compared=place.family),
            "compared": place.family,
            "caveats": (*ground.caveats, *small),
        }
    )
    return Claim(finding=finding, interval_at=change.interval, unassessed=left_out)


def _gap_estimate(ground: Ground, change: GapChange) -> Estimate:
    grouped, compared = ground.evidence.grouped, change.parts[0].compared
    interval = change.interval(ground.place.level)
    taking_part = np.isin(grouped.group, compared)
    units = int(grouped.units()[compared].sum()) if grouped.nested else len(np.unique(grouped.unit[taking_part]))
    return estimate_of(
        None if np.isnan(change.value) else change.value,
        interval,
        n=int(grouped.rows()[compared].sum()),
        n_units=units if ground.place.has_units else None,
    )


def _differing(ground: Ground, metric: Metric) -> Claim:
    kind = GapKind(name=f"{metric.change.name}_difference", scale="difference")
    evidence, change = gains(ground.evidence, metric)
    claim = gap_claim(
        ground.place, measure_gap(evidence, [change], kind), source=DIFFERS_SOURCE, caveats=ground.caveats
    )
    test = claim.finding.test if ground.tested else None
    test = None if test is None else test.model_copy(update={"null": "every group changes alike"})
    return replace(claim, finding=claim.finding.model_copy(update={"test": test}), family=FAMILY)


def rank_claims(
    place: Place, metric: str, rankings: Mapping[int, Ranking], groups: tuple[Mapping[str, str], ...]
) -> list[Claim]:
    """Return the place of every run in every group; `place.run` is of no account."""
    claims = []
    for group, ranking in rankings.items():
        for run in ranking.runs:
            finding = place_finding(
                replace(place, run=run),
                f"{metric}_rank",
                ranking.estimate(run, place.level),
                groups=groups[group],
                higher_is_better=False,
                source=RANK_SOURCE,
            )
            among = (f"among {len(ranking.runs)} runs: {', '.join(ranking.runs)}",)
            finding = finding.model_copy(update={"caveats": among})
            claims.append(Claim(finding=finding, interval_at=partial(ranking.interval, run)))
    return claims
