"""One number over all groups of a family (the worst group, a spread, an inequality) into a claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.claims import Place, left_out_caveats
from affidavit.comparisons import Comparison
from affidavit.confusion import Statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.gaps import LOST_PERMUTATIONS, group_label
from affidavit.records import Estimate, Finding, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.types import FloatArray

TOO_FEW = "fewer than two groups can be compared"
UNDEFINED = "undefined for the groups that are compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What a number is when units are dealt anew to the groups: draws [B], NaN where one left it undefined."""

    draws: FloatArray
    exact: bool

    @property
    def method(self) -> str:
        """How it was drawn."""
        return "all arrangements of units" if self.exact else f"{len(self.draws)} permutations of units"

    def expectation(self, bad_end: float) -> NullExpectation:
        """Return the mean of the draws and their quantile at the bad end (0.95, or 0.05 where high is good)."""
        known = self.draws[~np.isnan(self.draws)]
        return NullExpectation(value=float(known.mean()), high=float(np.quantile(known, bad_end)), method=self.method)

    def test(self, value: float) -> SignificanceTest:
        """Return the test of a number that is large where groups differ."""
        p_value = permutation_p_value(value, self.draws, exact=self.exact)
        return SignificanceTest(null="every group is the same", p_value=p_value, method=self.method)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyNumber:
    """A number over the groups of one family; NaN where it is undefined, and never leaves so."""

    metric: str
    value: float
    interval_at: Callable[[float], Interval | str]
    higher_is_better: bool
    source: str
    groups: NDArray[np.int64]
    """Indices of the groups that it speaks of."""
    chance: NullExpectation | None = None
    test: SignificanceTest | None = None
    lowest: str | None = None
    highest: str | None = None
    label: str | None = None
    partly_left_out: tuple[str, ...] = ()
    """Groups that it speaks of in part only, with what it leaves out in brackets."""
    caveats: tuple[str, ...] = ()


def family_claim(place: Place, evidence: Evidence, number: FamilyNumber) -> Claim:
    """Return the claim; groups that it does not speak of are named, and forbid a pass."""
    estimate = _estimate(place, evidence, number)
    verdict, because = pending(estimate)
    left_out = (*left_out_groups(evidence, number.groups), *number.partly_left_out)
    finding = Finding(
        id=finding_id(place.run, place.condition, place.examination, number.metric, compared=place.family),
        examination=place.examination,
        method_version=place.method_version,
        metric=number.metric,
        higher_is_better=number.higher_is_better,
        run=place.run,
        condition=place.condition,
        groups={},
        compared=place.family,
        label=number.label,
        highest=number.highest,
        lowest=number.lowest,
        estimate=estimate,
        null_expectation=number.chance,
        test=number.test,
        verdict=verdict,
        because=because,
        source=number.source,
        caveats=(*number.caveats, *left_out_caveats(evidence, left_out)),
    )
    return Claim(finding=finding, interval_at=number.interval_at, unassessed=left_out)


def _estimate(place: Place, evidence: Evidence, number: FamilyNumber) -> Estimate:
    interval = number.interval_at(place.level) if len(number.groups) > 1 else TOO_FEW
    if np.isnan(number.value) and isinstance(interval, Interval):
        interval = UNDEFINED
    grouped = evidence.grouped
    taking_part = np.isin(grouped.group, number.groups)
    nested = int(grouped.units()[number.groups].sum())
    units = nested if grouped.nested else len(np.unique(grouped.unit[taking_part]))
    return estimate_of(
        None if np.isnan(number.value) else float(number.value),
        interval,
        n=int(grouped.rows()[number.groups].sum()),
        n_units=units if place.has_units else None,
    )


def chance_of(evidence: Evidence, comparison: Comparison, number: Callable[[FloatArray], FloatArray]) -> Chance | None:
    """Return what chance gives for a number made of the compared groups' values [..., G]; None where units cannot move.

    Permutations that leave a group without a class say nothing; where more than a few do, there is no answer.
    """
    dealt = evidence.permuted
    if dealt is None or len(comparison.compared) < 2:
        return None
    reference = comparison.measured.reference[comparison.compared]
    values = comparison.measured.statistic.value(dealt.sums[:, comparison.compared], reference)
    return usable(Chance(draws=number(values), exact=dealt.exact))


def usable(chance: Chance) -> Chance | None:
    """Return the draws unless too many of them are undefined."""
    return None if np.isnan(chance.draws).mean() > LOST_PERMUTATIONS else chance


def left_out_groups(evidence: Evidence, compared: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the names of the groups that are not compared."""
    there = set(compared.tolist())
    return tuple(group_label(evidence, g) for g in range(len(evidence.grouped.groups)) if g not in there)


def unshared_classes(
    evidence: Evidence, statistic: Statistic, compared: NDArray[np.int64], labels: Sequence[str]
) -> tuple[str, ...]:
    """Return the caveat that averages leave out classes which one of the compared groups lacks."""
    if statistic.common is None or not len(compared):
        return ()
    shared = np.split(statistic.common(evidence.totals[compared]), 3, axis=1)[1].sum(axis=0)
    left_out = [label for label, rows in zip(labels, shared, strict=True) if rows == 0]
    if not left_out:
        return ()
    return (f"groups are compared over the classes that each of them has; not: {', '.join(left_out)}",)
