"""Means of rationales at equal accuracy: directly standardised to everybody's right and wrong answers.

The sums of a unit are [1 + M, 2K]: for each stratum (wrong or right x predicted label) how many rationales, and the
sums of M measures. A group's standardised mean is sum_s W_s mean_gs, W_s the share of stratum s among all compared
groups: what the group's rationales would be like, had it everybody's share of right answers and of labels.

A stratum takes part where each compared group has `SUPPORT` units with a rationale in it. Where the strata that take
part hold less than `COVERAGE` of the rationales, labels are given up, and strata are right and wrong answers alone. A
group without that support among right answers, or among wrong ones, is not compared; unless everybody's answers are so
rarely wrong (or right) that those left hold the coverage. The weights are the table's and held fixed in intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.statistics.types import BoolArray, IntArray
from affidavit.tally import GroupedSums
from audit.rationales.reading import MEASURES, Measure

SUPPORT: Final = 8
COVERAGE: Final = 0.8
WRONG, RIGHT = 0, 1
SOURCE: Final = "direct standardisation: Fleiss, Levin, Paik 2003, chapter 19"
_WIDTH: Final = 1 + len(MEASURES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Strata:
    """Which strata take part, and how the 2K fine ones are put together."""

    partition: FloatArray
    """[P, 2K] ones where a fine stratum belongs to a stratum."""
    taking_part: BoolArray
    """[P]"""
    coverage: float
    """Share of the compared groups' rationales in the strata that take part."""
    by_label: bool

    def of(self, fine: FloatArray) -> FloatArray:
        """Return sums over the strata that take part from sums over fine ones [..., 2K]."""
        if self.by_label:
            return fine[..., self.taking_part]
        return np.asarray(fine @ self.partition[self.taking_part].T)

    @property
    def caveat(self) -> str:
        """What the standardisation rests on, in words."""
        what = "right and wrong answers by predicted label" if self.by_label else "right and wrong answers"
        return f"standardised over {what}: strata that each group has, holding {self.coverage:.0%} of the rationales"


def comparable_part(evidence: Evidence) -> tuple[Evidence, IntArray]:
    """Return the evidence of the groups that can be standardised, and which they are; the others have no rows there."""
    grouped = evidence.grouped
    wrong_and_right = _halves(grouped.sums.shape[1] // _WIDTH)
    units = _units(evidence, wrong_and_right)
    rows = _counts(evidence.totals).sum(axis=0) @ wrong_and_right.T
    needed = rows > (1 - COVERAGE) * rows.sum()
    kept = (grouped.units() >= evidence.options.compared_units) & (units[:, needed] >= SUPPORT).all(axis=1)
    member = kept[grouped.group]
    part = replace(
        grouped,
        sums=grouped.sums[member],
        n_rows=grouped.n_rows[member],
        unit=grouped.unit[member],
        group=grouped.group[member],
    )
    return undealt(evidence, part), np.flatnonzero(kept)


def strata_of(evidence: Evidence, compared: IntArray) -> Strata:
    """Return the strata over which the compared groups can be standardised."""
    n_fine = evidence.grouped.sums.shape[1] // _WIDTH
    fine = _strata(evidence, compared, np.eye(n_fine), by_label=True)
    if fine.coverage >= COVERAGE:
        return fine
    return _strata(evidence, compared, _halves(n_fine), by_label=False)


def _strata(evidence: Evidence, compared: IntArray, partition: FloatArray, *, by_label: bool) -> Strata:
    supported = np.all(_units(evidence, partition)[compared] >= SUPPORT, axis=0) & (len(compared) > 0)
    totals = (_counts(evidence.totals[compared]) @ partition.T).sum(axis=0)
    coverage = float(totals[supported].sum() / totals.sum()) if totals.sum() > 0 else 0.0
    return Strata(partition=partition, taking_part=supported, coverage=coverage, by_label=by_label)


def _units(evidence: Evidence, partition: FloatArray) -> FloatArray:
    """Return in each group the units with a rationale in each stratum, [G, P]."""
    grouped = evidence.grouped
    units = np.zeros((len(grouped.groups), len(partition)))
    np.add.at(units, grouped.group, (_counts(grouped.sums) @ partition.T > 0) * grouped.copies[:, None])
    return units


def _halves(n_fine: int) -> FloatArray:
    """Return the partition into wrong and right answers."""
    return np.asarray(np.kron(np.eye(2), np.ones(n_fine // 2)), dtype=np.float64)


def standardised(position: int, measure: Measure, strata: Strata) -> Statistic:
    """Return a measure's standardised mean; it stands at this position among the evidence's measures.

    `reference` holds the sums of all compared groups together.
    """

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        n_fine = strata.partition.shape[1]
        weights = strata.of(reference[..., :n_fine])
        if weights.shape[-1] == 0:
            return np.full(sums.shape[:-1], np.nan)
        shares = divide(weights, weights.sum(axis=-1, keepdims=True))
        values = sums[..., (1 + position) * n_fine : (2 + position) * n_fine]
        means = divide(strata.of(values), strata.of(sums[..., :n_fine]))
        return np.asarray((shares * means).sum(axis=-1))

    return Statistic(
        name=f"{measure.name}_standardised",
        value=value,
        high=1.0 if measure.rate else None,
        higher_is_better=None,
        common=_everybody,
        source=f"{measure.source}; {SOURCE}",
    )


class UndealtEvidence(Evidence):
    """Evidence whose null is resampled around equality.

    Units are not dealt anew: under the null that rationales are alike at equal accuracy they are not exchangeable,
    where one group is right less often. Permutations then raised false alarms up to 0.33 of the time in place of 0.05.
    """

    @cached_property
    def permuted(self) -> None:
        """None: units are not dealt anew."""


def undealt(evidence: Evidence, grouped: GroupedSums) -> Evidence:
    """Return evidence of other sums, drawn from the same seeds and not to be dealt anew."""
    return UndealtEvidence(
        grouped=grouped,
        options=evidence.options,
        resampler=evidence.resampler,
        seed=evidence.seed,
        shufflers=evidence.shufflers,
    )


def halves(evidence: Evidence) -> Evidence:
    """Return evidence of right and wrong answers alone, sums [1 + M, 2], not to be dealt anew."""
    sums = evidence.grouped.sums
    added = sums.reshape(len(sums), 2 * _WIDTH, sums.shape[1] // (2 * _WIDTH)).sum(axis=-1)
    return undealt(evidence, replace(evidence.grouped, sums=added))


def mean_in(position: int, measure: Measure, answers: int | None) -> Statistic:
    """Return a measure's mean over right or wrong answers, or over all of them, as a statistic of `halves`."""
    chosen = np.ones(2) if answers is None else np.eye(2)[answers]
    ending = {None: "", WRONG: "_wrong", RIGHT: "_right"}[answers]
    return ratio_statistic(
        f"{measure.name}{ending}",
        np.kron(np.eye(_WIDTH)[1 + position], chosen),
        np.kron(np.eye(_WIDTH)[0], chosen),
        higher_is_better=None,
        high=1.0 if measure.rate else None,
        source=measure.source,
    )


def _everybody(totals: FloatArray) -> FloatArray:
    return np.broadcast_to(totals.sum(axis=0), totals.shape)


def _counts(sums: FloatArray) -> FloatArray:
    """Return the rationales by fine stratum, [..., 2K]."""
    return sums[..., : sums.shape[-1] // _WIDTH]
