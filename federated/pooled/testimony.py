"""From totals to findings: the same metrics by group, the gaps between groups, and how far sites differ.

Metrics carry the names of the main engine (`accuracy`, `macro_f1`, `accuracy_difference`), so that a policy binds them
alike. Of intersections only accuracy is a finding; the rest stands in the exhibit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.claims import FOR_WANT, Place, first_names, place_finding
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, Testimony, finding_id, pending
from affidavit.records import Finding, Interval, Refusal
from federated.pooled.bounds import Between, ToldPart, between
from federated.pooled.counts_plan import NAME
from federated.pooled.estimates import Pooled, pooled
from federated.pooled.exhibits import by_group, contributions, withheld_listing
from federated.pooled.gap_components import GapSetting
from federated.pooled.gaps import PooledGap, measured_gap
from federated.pooled.heterogeneity import heterogeneity
from federated.pooled.measures import Measure, measures, rates
from federated.pooled.sums import BlockSums
from federated.pooled.totals import Totals
from federated.pooled.withholding import withheld_places

VERSION: Final = "1"
GAP_SOURCE: Final = "max-min over groups: Bird et al. 2020 (Fairlearn); linearised: Woodruff 1971; docs/federated.md"
NO_MORE: Final = "the value is the middle, no more"
METRICS: Final = frozenset(
    [
        *("accuracy", "unweighted_average_recall", "macro_f1"),
        *("accuracy_difference", "unweighted_average_recall_difference", "macro_f1_difference"),
        *("equal_opportunity_difference_max", "demographic_parity_difference_max"),
        *("accuracy_random_effects", "accuracy_tau", "accuracy_i_squared"),
    ]
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """One metric over a block: what is told, and what withheld groups can be."""

    place: Place
    found: Pooled
    between: dict[int, Between]
    """By group that a site withheld."""
    small: frozenset[int]
    """Groups whose total is withheld under secure sums, or too small under noise."""
    floor: int

    def interval(self, group: int, level: float) -> Interval | str:
        """Return a group's interval, or the reason why there is none."""
        if group in self.small:
            return f"n < {self.floor}"
        return self.between[group].interval(level) if group in self.between else self.found.interval(group, level)

    def value(self, group: int, interval: Interval | str) -> float | None:
        """Return a group's value; between two ends it is their middle, and no more than that."""
        if group in self.small:
            return None
        if group not in self.between:
            return float(self.found.value[group])
        ends = self.between[group]
        return None if isinstance(interval, str) else (ends.low + ends.high) / 2


def federated_testimony(totals: Totals) -> Testimony:
    """Return everything that the totals have to say."""
    claims: list[Claim] = []
    gaps: list[Claim] = []
    cells: list[tuple[Measure, Finding]] = []
    small = _small(totals)
    for b, sums in enumerate(totals.blocks):
        place = place_of(totals, sums)
        noise = None if totals.noise is None else totals.noise[b]
        for measure in (*measures(totals.plan.labels), *rates(totals.plan.labels)):
            measured = _measured(totals, b, measure, small)
            own = [_claim(measured, g, totals) for g in _there(totals, b)]
            cells += [(measure, claim.finding) for claim in own]
            if measure.label is None and (len(place.family) < 2 or measure.name == "accuracy"):
                claims += own
        if place.family:
            setting = GapSetting(
                block=sums,
                statistics=totals.plan.statistics,
                seed=totals.seed + b,
                noise=noise,
                silent=frozenset(g for block, g in small if block == b),
                remainders={g: rest for (block, g), rest in totals.remainders.items() if block == b},
            )
            gaps += [_gap_claim(place, gap) for gap in _gaps(totals, setting)]
    sites = heterogeneity(totals)
    return Testimony(
        claims=(*claims, *gaps, *sites.claims),
        exhibits=(
            *by_group(totals, cells),
            *sites.exhibits,
            contributions(totals),
            *withheld_listing(totals),
        ),
        refusals=(_needs_patients(), *sites.refusals),
    )


def place_of(totals: Totals, sums: BlockSums) -> Place:
    """Return where the numbers of a block belong in a report."""
    return Place(
        examination=NAME,
        method_version=VERSION,
        run=totals.plan.run,
        condition=sums.block.condition,
        family=sums.block.features,
        has_units=True,
        level=totals.plan.statistics.level,
    )


def _small(totals: Totals) -> frozenset[tuple[int, int]]:
    if totals.plan.told == "secure" and totals.noise is None:
        return withheld_places(totals.plan, totals.blocks)
    if totals.noise is not None:
        return frozenset(
            (b, g)
            for b, sums in enumerate(totals.blocks)
            for g in range(len(sums.block.groups))
            if sums.n_units[g] < totals.plan.floor
        )
    return frozenset()


def _there(totals: Totals, b: int) -> list[int]:
    """Return the groups of a block that anybody is in, as far as it is told; unlisted ones only then."""
    sums = totals.blocks[b]
    return [g for g in range(len(sums.block.groups)) if sums.n_units[g] > 0.5 or (b, g) in totals.remainders]


def _measured(totals: Totals, b: int, measure: Measure, small: frozenset[tuple[int, int]]) -> Measured:
    sums = totals.blocks[b]
    noise = None if totals.noise is None else totals.noise[b]
    ends = {
        g: between(
            measure, ToldPart(sums=sums.sums[g], moments=sums.moments[g], n_units=float(sums.n_units[g])), remainder
        )
        for (block, g), remainder in totals.remainders.items()
        if block == b
    }
    return Measured(
        place=place_of(totals, sums),
        found=pooled(measure, sums, noise=noise),
        between=ends,
        small=frozenset(g for block, g in small if block == b),
        floor=totals.plan.floor,
    )


def _claim(measured: Measured, group: int, totals: Totals) -> Claim:
    found, place = measured.found, measured.place
    interval = measured.interval(group, place.level)
    hidden = group in measured.small
    estimate = estimate_of(
        measured.value(group, interval),
        interval,
        n=0 if hidden else max(round(float(found.n_rows[group])), 0),
        n_units=0 if hidden else int(found.n_units[group]),
    )
    finding = place_finding(
        place,
        found.measure.name,
        estimate,
        groups=found.sums.block.groups[group],
        higher_is_better=None if found.measure.name == "selection_rate" else True,
        source=found.measure.source,
    )
    finding = finding.model_copy(update={"caveats": _caveats(measured, group, totals)})
    return Claim(finding=finding, interval_at=lambda level: measured.interval(group, level))


def _caveats(measured: Measured, group: int, totals: Totals) -> tuple[str, ...]:
    if group in measured.between:
        ends = measured.between[group]
        said = (
            f"between {ends.low:.3f} and {ends.high:.3f} whatever {', '.join(ends.sites)} withheld; n is what was told"
        )
        return (f"{said}; {NO_MORE}",)
    if totals.noise is not None and measured.found.measure.counts_rows and group not in measured.small:
        return (_noise_bias(measured, group, totals),)
    return ()


def _noise_bias(measured: Measured, group: int, totals: Totals) -> str:
    """Say how far noise in the denominator moves a ratio on average, to second order: value x variance / n^2."""
    block = measured.found.sums.block
    noise = (totals.noise or ())[totals.plan.blocks.index(block)]
    rows = float(measured.found.n_rows[group])
    variance = float(measured.found.measure.sizes**2 @ noise.sums[group])
    bias = float(measured.found.value[group]) * variance / rows**2 if rows > 0 else float("nan")
    return f"noised; the noise moves this ratio by about {bias:+.2g} on average, which the interval does not hold"


def _gaps(totals: Totals, setting: GapSetting) -> list[PooledGap]:
    recalls = [rate for rate in rates(totals.plan.labels) if rate.name == "recall"]
    selected = [rate for rate in rates(totals.plan.labels) if rate.name == "selection_rate"]
    return [
        *(measured_gap(f"{measure.name}_difference", [measure], setting) for measure in measures(totals.plan.labels)),
        measured_gap("equal_opportunity_difference_max", recalls, setting),
        measured_gap("demographic_parity_difference_max", selected, setting),
    ]


def _gap_claim(place: Place, gap: PooledGap) -> Claim:
    interval = gap.interval(place.level)
    compared = list(gap.compared)
    estimate = estimate_of(
        gap.value,
        interval,
        n=round(float(gap.block.n_rows[compared].sum())),
        n_units=round(_most(gap) if gap.block.block.joint else float(gap.block.n_units[compared].sum())),
    )
    verdict, because = pending(estimate)
    extremes = gap.extremes()
    finding = Finding(
        id=finding_id(place.run, place.condition, place.examination, gap.name, compared=place.family),
        examination=place.examination,
        method_version=place.method_version,
        metric=gap.name,
        higher_is_better=False,
        run=place.run,
        condition=place.condition,
        groups={},
        compared=place.family,
        label=gap.decisive.measured.measure.label if gap.defined else None,
        highest=extremes[0] if extremes else None,
        lowest=extremes[1] if extremes else None,
        estimate=estimate,
        null_expectation=gap.null_expectation(),
        minimum_detectable_effect=gap.detectable(place.level),
        test=gap.test(),
        verdict=verdict,
        because=because,
        source=GAP_SOURCE,
        caveats=_gap_caveats(gap),
    )
    return Claim(finding=finding, interval_at=gap.interval, unassessed=gap.left_out)


def _gap_caveats(gap: PooledGap) -> tuple[str, ...]:
    said = []
    if gap.withheld_by:
        least, most = gap.span
        who = ", ".join(gap.withheld_by)
        said.append(f"between {least:.3f} and {most:.3f} whatever {who} withheld; {NO_MORE}")
    if gap.left_out:
        said.append(f"{FOR_WANT}, or withheld: {first_names(gap.left_out)}")
    return tuple(said)


def _most(gap: PooledGap) -> float:
    """Return the patients of the largest compared group: where they overlap, sums do not tell how many there are."""
    return float(np.max(gap.block.n_units[list(gap.compared)], initial=0.0))


def _needs_patients() -> Refusal:
    return Refusal(
        examination=NAME,
        because="permutation tests, bootstraps and means over patients need each patient's numbers, and sums over "
        "patients are all that left the sites",
        remedy="let each site audit its own table with `affidavit audit`, where they are made",
    )
