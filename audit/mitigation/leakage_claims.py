"""What a probe told of units, as claims and rows of an exhibit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.confusion import FloatArray, Statistic, divide, unweighted_average_recall
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, finding_id, pending
from affidavit.exhibits import Cell
from affidavit.intervals import Measured, measure
from affidavit.records import Estimate, Finding, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.levels import normal_critical
from affidavit.statistics.permutation import permutation_p_value
from affidavit.tally import Tally
from audit.contrasts import signed_interval

IntArray = NDArray[np.int64]
NAME: Final = "leakage-probe"
VERSION: Final = "2"
METRIC: Final = "leakage_balanced_accuracy"
CHANGE: Final = f"{METRIC}_change"
SOURCE: Final = "what an adversary can tell: Ganin et al. 2016; a fresh probe: Elazar, Goldberg 2018"
_SHARE: Final = Statistic(
    name="told",
    value=lambda sums, reference: divide(sums[..., 0], sums[..., 1]),
    ratio=(np.array([1.0, 0.0]), np.array([0.0, 1.0])),
    counts_rows=True,
    source=SOURCE,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What the probe told of each unit."""

    run: str
    condition: str
    feature: str
    levels: tuple[str, ...]
    """The groups that took part."""
    left_out: tuple[str, ...]
    unit: IntArray
    n_rows: IntArray
    group: IntArray
    guessed: IntArray
    chance: FloatArray
    """What the probe reaches when groups are dealt anew, [B]"""
    caveats: tuple[str, ...]

    def sums(self) -> FloatArray:
        """Return class sums [U, 3G]: told right, group, guess."""
        true, guessed = np.eye(len(self.levels))[self.group], np.eye(len(self.levels))[self.guessed]
        return np.concatenate([true * guessed, true, guessed], axis=1)


def _evidence(case: Case, told: Told, sums: FloatArray) -> Evidence:
    """Return evidence of everybody in which each unit counts once."""
    order = np.argsort(told.unit)
    tally = Tally(
        condition=told.condition,
        features=(),
        levels=(),
        sums=sums[order],
        n_rows=np.ones(len(sums), dtype=np.int64),
        unit=told.unit[order].astype(np.int64),
        cell=np.zeros((len(sums), 0), dtype=np.int64),
        n_units=case.runs[told.run].n_units,
    )
    return case.book.evidence_of(told.run, tally, ())


def leakage_claim(case: Case, told: Told) -> Claim:
    """Return how well groups are told, beside what chance gives, with the permutation test."""
    statistic = replace(unweighted_average_recall(), name=METRIC, higher_is_better=False, source=SOURCE)
    measured = measure(_evidence(case, told, told.sums()), statistic)
    interval_at = partial(_no_narrower, partial(measured.interval, 0), measured, float(told.chance.std()))
    estimate = _estimate(case, told, measured, interval_at)
    value, n = float(measured.value[0]), len(told.chance)
    null = NullExpectation(
        value=float(told.chance.mean()),
        high=float(np.quantile(told.chance, 0.95)),
        method=f"{n} permutations of units, probe fitted anew",
    )
    test = SignificanceTest(
        null="answers tell nothing of the group",
        p_value=permutation_p_value(value, told.chance, exact=False),
        method=f"{n} permutations of units",
    )
    said = (f"{len(told.levels)} groups, each counting alike", *told.caveats, *_left_out(told))
    finding = _finding(told, METRIC, estimate, said).model_copy(update={"null_expectation": null, "test": test})
    return Claim(finding=finding, interval_at=interval_at, unassessed=told.left_out)


def _no_narrower(
    own: Callable[[float], Interval | str], measured: Measured, spread: float, level: float
) -> Interval | str:
    """Return the interval over units, widened to what so many cross-fitted units spread by chance.

    Units told by probes that share most of what they were fitted on are not quite independent (Bengio, Grandvalet
    2004); over units alone the interval covered 0.87 to 0.94 of the time in place of 0.95.
    """
    interval = own(level)
    if isinstance(interval, str):
        return interval
    value, half = float(measured.value[0]), normal_critical(level) * spread
    statistic = measured.statistic
    top = np.inf if statistic.high is None else statistic.high
    return Interval(
        low=max(statistic.low, min(interval.low, value - half)),
        high=min(top, max(interval.high, value + half)),
        level=level,
        method=f"{interval.method}, no narrower than by chance",
    )


def _estimate(case: Case, told: Told, measured: Measured, interval_at: Callable[[float], Interval | str]) -> Estimate:
    interval, value = interval_at(case.statistics.level), float(measured.value[0])
    return estimate_of(
        None if np.isnan(value) else value,
        interval,
        n=int(told.n_rows.sum()),
        n_units=None if case.runs[told.run].unit == "row" else len(told.unit),
    )


def change_claim(case: Case, told: Told, before: Told) -> Claim:
    """Return how much better than in the baseline the groups of the same units are told."""
    has_units = case.runs[told.run].unit != "row"
    here, there = _same_units(case, told, before)
    if not len(here):
        because = f"{before.run} has no units, known by their ids, in the same groups to be compared with"
        estimate = Estimate(value=None, why_no_interval=because, n=0, n_clusters=0 if has_units else None)
        return Claim(finding=_finding(told, CHANGE, estimate, told.caveats), interval_at=lambda _: because)
    true = np.eye(len(told.levels))[told.group[here]]
    right = [true * (one.guessed[rows] == one.group[rows])[:, None] for one, rows in ((told, here), (before, there))]
    paired = replace(told, unit=told.unit[here], n_rows=told.n_rows[here])
    measured = measure(_evidence(case, paired, np.concatenate([*right, true], axis=1)), _difference(len(told.levels)))
    spread = float(np.hypot(told.chance.std(), before.chance.std()))
    interval_at = partial(_no_narrower, partial(signed_interval, measured, 0), measured, spread)
    estimate = _estimate(case, paired, measured, interval_at)
    said = (f"compared with {before.run}, of the same units", *told.caveats, *_left_out(told))
    finding = _finding(told, CHANGE, estimate, said)
    return Claim(finding=finding, interval_at=interval_at, unassessed=told.left_out)


def _same_units(case: Case, told: Told, before: Told) -> tuple[IntArray, IntArray]:
    """Return where units that both runs know, in the same groups, stand in each."""
    none = np.zeros(0, dtype=np.int64)
    if told.levels != before.levels or "row" in {case.runs[one.run].unit for one in (told, before)}:
        return none, none
    names = [np.array(case.runs[one.run].levels["unit"])[one.unit] for one in (told, before)]
    _, here, there = np.intersect1d(names[0], names[1], return_indices=True)
    same = told.group[here] == before.group[there]
    return here[same], there[same]


def _difference(n_groups: int) -> Statistic:
    """Return the balanced accuracy after less before, of sums [3G]: right after, right before, in the group."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        after, before, true = np.split(sums, 3, axis=-1)
        return np.asarray(divide(after - before, true).mean(axis=-1))

    return Statistic(name=CHANGE, value=value, low=-1.0, high=1.0, higher_is_better=False, source=SOURCE)


def _left_out(told: Told) -> tuple[str, ...]:
    return (f"too small to be told: {', '.join(told.left_out)}",) if told.left_out else ()


def _finding(told: Told, metric: str, estimate: Estimate, caveats: tuple[str, ...]) -> Finding:
    verdict, because = pending(estimate)
    return Finding(
        id=finding_id(told.run, told.condition, NAME, metric, compared=(told.feature,)),
        examination=NAME,
        method_version=VERSION,
        metric=metric,
        higher_is_better=False,
        run=told.run,
        condition=told.condition,
        groups={},
        compared=(told.feature,),
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=SOURCE,
        caveats=caveats,
    )


def leakage_rows(case: Case, told: Told) -> list[dict[str, Cell]]:
    """Return an exhibit row for each group: the share of its units that is told right."""
    has_units, rows = case.runs[told.run].unit != "row", []
    for g, level in enumerate(told.levels):
        own = told.group == g
        one = replace(told, unit=told.unit[own], n_rows=told.n_rows[own])
        right = np.stack([told.guessed[own] == g, np.ones(int(own.sum()))], axis=1).astype(np.float64)
        estimate = measure(_evidence(case, one, right), _SHARE).estimate(0, case.statistics.level, has_units=has_units)
        interval = estimate.interval
        rows.append(
            {
                "run": told.run,
                "condition": told.condition,
                "features": told.feature,
                "group": level,
                "metric": "told",
                "value": estimate.value,
                "low": None if interval is None else interval.low,
                "high": None if interval is None else interval.high,
                "method": None if interval is None else interval.method,
                "n": int(one.n_rows.sum()),
                "n_clusters": estimate.n_clusters,
            }
        )
    return rows
