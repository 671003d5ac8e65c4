"""Before and after over the same rows: class sums side by side, and statistics of what changed between them.

Sums are [..., 6K]: the class sums (hits, true, predicted) of the model's own answers, then those of the answers after
an intervention. A change is one number a row, so the pairing enters every variance by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from affidavit.comparisons import Comparison
from affidavit.confusion import FloatArray, Statistic, accuracy, false_positive_rate, ratio_statistic, recall
from affidavit.confusion import selection_rate as selection
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, MeasuredGap, measure_gap
from affidavit.tally import IntArray
from audit.contrasts import Contrasts, contrasts_of, regrouped
from audit.mitigation.recipe import Constraint

When = Literal["before", "after", "change"]
_SIGNS = {"before": (1.0, 0.0), "after": (0.0, 1.0), "change": (-1.0, 1.0)}


def class_rows(truth: IntArray, answer: IntArray, n_labels: int) -> FloatArray:
    """Return what each row adds to class sums, [N, 3K]."""
    true, predicted = np.eye(n_labels)[truth], np.eye(n_labels)[answer]
    return np.concatenate([true * predicted, true, predicted], axis=1)


def over(statistic: Statistic, when: When) -> Statistic:
    """Return a ratio of class sums [3K] as one of sums [6K]: before, after, or after less before.

    The denominators of all rates here depend on the reference labels alone, and so are the same before and after.

    Raises:
        ValueError: the statistic is no ratio.
    """
    if statistic.ratio is None:
        raise ValueError(f"{statistic.name} is no ratio of sums")
    numerator, denominator = statistic.ratio
    before, after = _SIGNS[when]
    made = ratio_statistic(
        statistic.name,
        np.concatenate([before * numerator, after * numerator]),
        np.concatenate([denominator, np.zeros_like(denominator)]),
        source=statistic.source,
        higher_is_better=statistic.higher_is_better,
    )
    if when == "change":
        made = replace(made, low=-1.0, counts_rows=False)
    return replace(made, label=statistic.label)


def rates_of(constraint: Constraint, labels: tuple[str, ...]) -> tuple[Statistic, ...]:
    """Return the rates that a constraint asks to be alike in every group; of two answers, those of the second."""
    n = len(labels)
    codes = range(n) if n > 2 else (1,)
    if constraint == "demographic_parity":
        return tuple(replace(selection(k, n), label=labels[k]) for k in codes)
    both = {k: (recall(k, n), false_positive_rate(k, n)) for k in codes}
    return tuple(replace(rate, label=labels[k]) for k in codes for rate in both[k])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two groups and the rate in which they were furthest apart in the half that interventions were fitted on."""

    rate: Statistic
    highest: int
    lowest: int
    gap: float
    """How far apart they were there."""

    @property
    def named(self) -> str:
        """The rate and its label, in words."""
        return f"{self.rate.name.replace('_', ' ')} of {self.rate.label}"


def widest_pair(fitting: Evidence, constraint: Constraint, labels: tuple[str, ...]) -> Pair | None:
    """Return the pair furthest apart in sums [3K] of the fitting half; None where no two groups can be compared.

    Picked there and measured on the other half, it is no pick of the noise that it is measured with.
    """
    gap = measure_gap(fitting, rates_of(constraint, labels), GapKind(name=constraint, scale="difference"))
    decisive = gap.decisive()
    if decisive is None:
        return None
    values, compared = decisive.values, decisive.compared
    apart = float(np.ptp(values))
    highest, lowest = (int(values.argmax()), int(values.argmin())) if apart > 0 else (0, 1)
    return Pair(
        rate=decisive.measured.statistic, highest=int(compared[highest]), lowest=int(compared[lowest]), gap=apart
    )


def pair_evidence(evidence: Evidence, pair: Pair) -> Evidence:
    """Return evidence of the two groups of a pair, the highest first."""
    grouped = evidence.grouped
    rows = np.isin(grouped.group, [pair.highest, pair.lowest])
    multiplicity = None if grouped.multiplicity is None else grouped.multiplicity[rows]
    side = (grouped.group[rows] != pair.highest).astype(np.int64)
    return regrouped(
        evidence,
        replace(
            grouped,
            sums=grouped.sums[rows],
            n_rows=grouped.n_rows[rows],
            unit=grouped.unit[rows],
            group=side,
            groups=(grouped.groups[pair.highest], grouped.groups[pair.lowest]),
            multiplicity=multiplicity,
        ),
    )


def pair_contrasts(evidence: Evidence, pair: Pair, when: When) -> Contrasts:
    """Return the pair's difference before, after, or how it changed, from evidence of `pair_evidence`."""
    return contrasts_of(evidence, (over(pair.rate, when),))[0]


def worst_group(fitting: Evidence, n_labels: int) -> int | None:
    """Return the group with the lowest accuracy in the fitting half, of those with the units to be compared."""
    gap = measure_gap(fitting, [accuracy(n_labels)], GapKind(name="accuracy", scale="difference"))
    decisive: Comparison | None = gap.decisive()
    return None if decisive is None else int(decisive.compared[decisive.values.argmin()])


def gap_over(evidence: Evidence, constraint: Constraint, labels: tuple[str, ...], when: When) -> MeasuredGap:
    """Return the widest gap over groups and labels, before or after."""
    rates = [over(rate, when) for rate in rates_of(constraint, labels)]
    return measure_gap(evidence, rates, GapKind(name=f"{constraint}_difference_max", scale="difference"))
