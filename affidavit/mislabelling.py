"""How much mislabelling would it take for a failure to go away? Failing findings recomputed with other labels.

Only the labels of the disadvantaged group are changed, those of the others are taken as they are. Two kinds:

* adverse: every label that is wrong excuses the model, a wrong answer having been right after all; spread over units
  and classes in proportion to their wrong answers. No smaller share could raise the accuracy as far. An average over
  classes can be raised by fewer labels of a rare class, so that for it the share is what errors spread so would take.
* uniform: a share of the group's labels was replaced by another one at random, which hides right answers; undoing it in
  expectation gives accuracy (a - b) / (1 - rho - b) with b = rho / (K - 1), for observed accuracy a. A share that gives
  more than 1 cannot have been; and of an accuracy no better than chance, 1 / K, none is explained so: it would be
  lower still without the noise.

Both work on class sums (hits, true, predicted), through the same intervals as the finding's own. Where other labels
leave nothing to measure the failure is not gone: unknown is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic
from affidavit.evidence import Evidence
from affidavit.gaps import MeasuredGap, group_label, measure_gap
from affidavit.intervals import Measured, Reason, measure
from affidavit.policy import Criterion
from affidavit.records import Interval, LabelNoise

LARGEST: Final = 0.5
"""Beyond half of the labels nothing can be called label noise."""
GRID: Final = 50
STEPS: Final = 7
"""Halvings within a step of the grid: a resolution of a tenth of a thousandth."""
IMPOSSIBLE: Final = "so many labels cannot have been replaced at random"
CLOSE: Final = 20
REFINEMENTS: Final = 2
"""How often so many shares are tried around the closest one, where the gap may close and open again."""
IntervalAt = Callable[[float, float], Interval | Reason]
"""From the share of the group's labels and the level to the interval that would have been found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mislabelled:
    """A finding as it would be with other labels in one group."""

    group: str
    adverse: IntervalAt
    uniform: IntervalAt | None
    """None where undoing random noise is not defined for the statistic: for other than accuracies."""


def turned_right(sums: FloatArray, share: float) -> FloatArray:
    """Return class sums [..., 3K] in which a share of all wrong answers is right: their label is what was predicted."""
    hits, true, predicted = np.split(sums, 3, axis=-1)
    excused, lost = share * (predicted - hits), share * (true - hits)
    return np.concatenate([hits + excused, true - lost + excused, predicted], axis=-1)


def without_random_labels(sums: FloatArray, rho: float) -> FloatArray:
    """Return class sums [..., 3K] as expected before a share rho of the labels was replaced by another at random.

    The observed confusion matrix is A times the true one, A = (1 - rho - b) I + b J, b = rho / (K - 1); its inverse is
    (I - b J) / (1 - rho - b). Entries of single units may be negative; their sums are unbiased.

    Source: the class-conditional noise model of Natarajan et al. 2013, inverted.
    """
    hits, true, predicted = np.split(sums, 3, axis=-1)
    b = rho / (hits.shape[-1] - 1)
    a = 1 - rho - b
    everyone = true.sum(-1, keepdims=True)
    return np.concatenate([(hits - b * predicted) / a, (true - b * everyone) / a, predicted], axis=-1)


def without_noise(accuracy: float, rho: float, *, n_labels: int) -> float:
    """Return the accuracy before a share rho of the labels was replaced at random: what the sums below add up to.

    >>> round(without_noise(0.5, 0.2, n_labels=3), 3)
    0.571
    """
    b = rho / (n_labels - 1)
    return (accuracy - b) / (1 - rho - b)


def mislabelled_gap(gap: MeasuredGap) -> Mislabelled | None:
    """Return a gap of class sums under other labels of its disadvantaged group; None where no group is, or none can.

    A gap of selection rates does not depend on labels.
    """
    decisive, extremes = gap.decisive(), gap.extremes()
    if decisive is None or extremes is None or decisive.measured.statistic.higher_is_better is None:
        return None
    values = decisive.values if decisive.measured.statistic.higher_is_better else -decisive.values
    group = int(decisive.compared[int(values.argmin())])
    statistics = [component.measured.statistic for component in gap.components]

    def interval(sums: Callable[[FloatArray, float], FloatArray], share: float, level: float) -> Interval | Reason:
        changed = _changed(gap.evidence, group, lambda rows: sums(rows, share))
        return measure_gap(changed, statistics, gap.kind).interval(level)

    return _mislabelled(gap.evidence, group, statistics, interval)


def mislabelled_group(measured: Measured, group: int) -> Mislabelled | None:
    """Return a group's value under other labels of the group; None where it has no value, or no direction."""
    if measured.statistic.higher_is_better is None or np.isnan(measured.value[group]):
        return None

    def interval(sums: Callable[[FloatArray, float], FloatArray], share: float, level: float) -> Interval | Reason:
        changed = _changed(measured.evidence, group, lambda rows: sums(rows, share))
        return measure(changed, measured.statistic).interval(group, level)

    return _mislabelled(measured.evidence, group, [measured.statistic], interval)


def _mislabelled(
    evidence: Evidence,
    group: int,
    statistics: list[Statistic],
    interval: Callable[[Callable[[FloatArray, float], FloatArray], float, float], Interval | Reason],
) -> Mislabelled:
    hits, true, _ = np.split(evidence.totals[group], 3)
    wrong = 1 - float(hits.sum() / true.sum())

    def adverse(share: float, level: float) -> Interval | Reason:
        return interval(turned_right, min(share / wrong, 1.0) if wrong > 0 else 0.0, level)

    accuracy, n_labels = 1 - wrong, len(hits)

    def uniform(share: float, level: float) -> Interval | Reason:
        if accuracy * n_labels <= 1 or without_noise(accuracy, share, n_labels=n_labels) > 1:
            return IMPOSSIBLE
        return interval(without_random_labels, share, level)

    accuracies = all(statistic.name in ("accuracy", "weighted_average_recall") for statistic in statistics)
    name = group_label(evidence, group) or "everybody"
    return Mislabelled(group=name, adverse=adverse, uniform=uniform if accuracies else None)


def _changed(evidence: Evidence, group: int, change: Callable[[FloatArray], FloatArray]) -> Evidence:
    """Return evidence in which the sums of one group are changed; everything else, draws included, is the same."""
    sums = evidence.grouped.sums.copy()
    rows = evidence.grouped.group == group
    sums[rows] = change(sums[rows])
    return Evidence(
        grouped=replace(evidence.grouped, sums=sums),
        options=evidence.options,
        resampler=evidence.resampler,
        seed=evidence.seed,
        shufflers=evidence.shufflers,
    )


def label_noise(mislabelled: Mislabelled, criterion: Criterion, level: float) -> LabelNoise:
    """Return the least shares of wrong labels under which a failing finding would no longer fail at this level."""
    adverse = _least_share(mislabelled.adverse, criterion, level)
    uniform = None if mislabelled.uniform is None else _least_share(mislabelled.uniform, criterion, level)
    return LabelNoise(
        group=mislabelled.group, adverse=adverse, uniform=uniform, uniform_defined=mislabelled.uniform is not None
    )


def _least_share(interval_at: IntervalAt, criterion: Criterion, level: float) -> float | None:
    """Return the least share, on a grid and then by bisection; None where none up to a half is enough.

    A grid first: with too many labels changed the group overtakes the others, and the gap fails the other way round.
    Where it failed at all of the grid, the closest place is searched again, more finely.
    """
    # at LARGEST itself uniform noise over two labels leaves nothing to invert
    grid = np.linspace(0, LARGEST * (1 - 1e-6), GRID + 1)
    found, closest = _first_cured(interval_at, criterion, level, grid)
    for _ in range(REFINEMENTS):
        if found is None and closest is not None:
            grid = np.linspace(grid[max(closest - 1, 0)], grid[min(closest + 1, len(grid) - 1)], CLOSE + 1)
            found, closest = _first_cured(interval_at, criterion, level, grid)
    if found is None:
        return None
    failing, cured = found
    for _ in range(STEPS):
        middle = (failing + cured) / 2
        failing, cured = (
            (failing, middle) if _broken_by(interval_at(middle, level), criterion) is False else (middle, cured)
        )
    return cured


def _first_cured(
    interval_at: IntervalAt, criterion: Criterion, level: float, grid: FloatArray
) -> tuple[tuple[float, float] | None, int | None]:
    """Return the last failing and the first cured share, and the place that is closest to the bound if all fail."""
    distance = np.full(len(grid), np.inf)
    for i, share in enumerate(grid.tolist()):
        interval = interval_at(share, level)
        broken = _broken_by(interval, criterion)
        if broken is False and i:
            return (float(grid[i - 1]), share), None
        if isinstance(interval, Interval):
            distance[i] = interval.low if criterion.at_most is not None else -interval.high
    return None, int(distance.argmin()) if np.isfinite(distance).any() else None


def _broken_by(interval: Interval | Reason, criterion: Criterion) -> bool | None:
    """Say whether the failure is still there; None where there is nothing to say it by."""
    return criterion.broken_by(interval) if isinstance(interval, Interval) else None
