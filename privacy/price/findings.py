"""Contrasts between models as findings: of each group, and how far apart groups are beside what chance gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np

from affidavit.claims import FOR_WANT, Place, first_names, group_name, level_cells, place_finding
from affidavit.estimates import estimate_cells
from affidavit.examinations import Claim, finding_id
from affidavit.exhibits import Cell
from affidavit.gaps import TOO_FEW, extreme_groups, gap_estimate, gap_interval, group_label
from affidavit.intervals import Reason
from affidavit.records import DetectableEffect, Estimate, Finding, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.power import minimum_detectable_effect
from affidavit.statistics.simultaneous import gap_bounds
from privacy.price.crossed import Crossed

DRAWS: Final = 4000
_ROUNDING: Final = 1e-12
"""Values that are apart by less differ by the order of their sums."""
NULL: Final = "every group is alike"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where and how a contrast is told."""

    place: Place
    """Its run names what is compared, such as `epsilon 1`."""
    metric: str
    higher_is_better: bool | None
    source: str
    caveats: tuple[str, ...]
    seed: int


def group_claims(ground: Ground, told: Crossed) -> list[Claim]:
    """Return one claim for each group of the family."""
    place, claims = ground.place, []
    for group, groups in enumerate(told.measured.groups):
        estimate = told.estimate(group, place.level, has_units=place.has_units)
        finding = _finding(ground, ground.metric, estimate, groups=groups)
        claims.append(Claim(finding=finding, interval_at=partial(told.interval, group)))
    return claims


def gap_claim(ground: Ground, told: Crossed) -> Claim:
    """Return how far apart the groups are at most, with simultaneous bounds over all pairs."""
    gap, place, metric = Gap(told=told), ground.place, f"{ground.metric}_difference"
    finding = _finding(ground, metric, gap.estimate(place.level, has_units=place.has_units), groups={})
    extremes = gap.extremes
    finding = finding.model_copy(
        update={
            "id": finding_id(place.run, place.condition, place.examination, metric, compared=place.family),
            "higher_is_better": False,
            "compared": place.family,
            "highest": None if extremes is None else extremes[0],
            "lowest": None if extremes is None else extremes[1],
            "null_expectation": gap.null_expectation(ground.seed),
            "minimum_detectable_effect": gap.detectable(place.level),
            "test": gap.test(),
            "caveats": (*ground.caveats, *gap.left_out_caveats),
        }
    )
    return Claim(
        finding=finding,
        interval_at=gap.interval,
        unassessed=gap.left_out,
        family=f"every test of {place.examination}",
    )


def _finding(ground: Ground, metric: str, estimate: Estimate, *, groups: Mapping[str, str]) -> Finding:
    better = ground.higher_is_better
    found = place_finding(ground.place, metric, estimate, groups=groups, higher_is_better=better, source=ground.source)
    return found.model_copy(update={"caveats": ground.caveats})


@dataclass(frozen=True, kw_only=True, eq=False)
class Gap:
    """The largest less the smallest value of a contrast over the groups that can be compared."""

    told: Crossed

    @property
    def n_pairs(self) -> int:
        """Pairs of compared groups."""
        return len(self.told.compared) * (len(self.told.compared) - 1) // 2

    @property
    def value(self) -> float:
        """NaN where fewer than two groups are compared."""
        values = self.told.value[self.told.compared]
        if len(values) < 2:
            return float("nan")
        return float(np.ptp(values)) if np.ptp(values) > _ROUNDING else 0.0

    def interval(self, level: float) -> Interval | Reason:
        """Return bounds that hold whichever pair is the widest (Dunn 1961)."""
        if not self.n_pairs:
            return TOO_FEW
        largest = None if self.told.high is None else self.told.high - self.told.low
        low, high = gap_bounds(self.told.pairwise((1 - level) / self.n_pairs), largest=largest)
        return gap_interval(float(low), float(high), level=level, method="simultaneous pairwise t over units and seeds")

    def estimate(self, level: float, *, has_units: bool) -> Estimate:
        """Return the gap; n and units are those of the compared groups."""
        compared, grouped = self.told.compared.tolist(), self.told.measured.evidence.grouped
        return gap_estimate(self.value, self.interval(level), grouped, compared, has_units=has_units)

    def null_expectation(self, seed: int) -> NullExpectation | None:
        """Return the range that groups show by chance when all are alike: normal draws with their covariance."""
        groups = self.told.compared
        if not self.n_pairs:
            return None
        rng = np.random.default_rng(seed)
        units = np.nan_to_num(self.told.unit_covariance())
        draws = rng.multivariate_normal(np.zeros(len(groups)), units, size=DRAWS, check_valid="ignore", method="svd")
        draws = draws + self.told.contrast.seed_draws(self.told.by_run[groups], DRAWS, rng)
        ranges = np.ptp(draws, axis=1)
        return NullExpectation(
            value=float(ranges.mean()),
            high=float(np.quantile(ranges, 0.95)),
            method=f"{DRAWS} normal draws around equality, as units and seeds spread",
        )

    def detectable(self, level: float) -> DetectableEffect | None:
        """Return the smallest difference between the least measured pair that would be found."""
        pairs = self.told.pairs
        if not self.n_pairs or not (pairs.standard_error > 0).any():
            return None
        options = self.told.measured.evidence.options
        effects = minimum_detectable_effect(
            pairs.standard_error,
            degrees_of_freedom=pairs.degrees_of_freedom,
            alpha=(1 - level) / self.n_pairs,
            power=options.power,
        )
        return DetectableEffect(
            value=float(np.nanmax(effects)),
            power=options.power,
            alpha=1 - level,
            method="t over units and seeds, least measured pair, all pairs declared",
        )

    def test(self) -> SignificanceTest | None:
        """Test that no two groups differ."""
        if not self.n_pairs:
            return None
        return SignificanceTest(null=NULL, p_value=self.told.p_value(), method="pairwise t, Bonferroni")

    @property
    def extremes(self) -> tuple[str, str] | None:
        """The groups with the highest and the lowest value."""
        if not self.n_pairs or not self.value > 0:
            return None
        compared = self.told.compared
        return extreme_groups(self.told.measured.evidence, compared, self.told.value[compared])

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """Groups that the gap cannot speak for."""
        measured = self.told.measured
        out = sorted(set(range(len(measured.groups))) - set(self.told.compared.tolist()))
        return tuple(group_label(measured.evidence, group) for group in out)

    @property
    def left_out_caveats(self) -> tuple[str, ...]:
        """Say which groups those are."""
        if not self.left_out:
            return ()
        return (f"too small to be compared, or {FOR_WANT}: {first_names(self.left_out)}",)


def rows_of(told: Crossed, place: Place, metric: str, epsilon: float | None) -> list[dict[str, Cell]]:
    """Return an exhibit row for each group."""
    rows: list[dict[str, Cell]] = []
    for group, groups in enumerate(told.measured.groups):
        estimate = told.estimate(group, place.level, has_units=place.has_units)
        rows.append(
            {
                "run": place.run,
                "condition": place.condition,
                "features": " x ".join(groups),
                "group": group_name(groups),
                **level_cells(groups),
                "metric": metric,
                "epsilon": epsilon,
                **estimate_cells(estimate),
            }
        )
    return rows
