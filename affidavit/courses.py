"""What a chart is made of: one number of each audit, or one group less the others, on a scale where charts hold.

A chart believes in standard errors, far out in the tails. Those of rates do not deserve it on their own scale: near 0
and 1 a rate that came out extreme also says that it is sure of it, and of 50 charts of 8 audits with 25 units each, at
5 % false alarms declared for all of them, up to 39 % had one. So rates are charted by the middle of their interval on
the scale arcsin sqrt x, where errors do not depend on the value (at most 7 % in the same series); other numbers that
are never negative on the scale sqrt x; the rest as they are.

A gap has no error of its own, but one group less the mean of the others has: its course is how a gap drifts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affidavit.records import Finding
from affidavit.report import AuditReport
from affidavit.statistics.levels import normal_critical
from affidavit.statistics.types import FloatArray

Key = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
"""Run, condition, examination, metric and groups: what a finding speaks of, whichever criterion it was held against."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Charted:
    """One number through all audits, [T] each."""

    id: str
    metric: str
    higher_is_better: bool | None
    family: str | None
    """Of one group less the others: the family of groups; None for a number of its own."""
    value: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    """Of the bounds: the least of all audits."""
    centre: FloatArray
    """What is charted, on the scale of the chart."""
    error: FloatArray


def by_key(findings: Sequence[Finding]) -> dict[Key, Finding]:
    """Return findings by what they speak of, gaps left out; several criteria on one number make one entry."""
    return {
        (f.run, f.condition, f.examination, f.metric, tuple(sorted(f.groups.items()))): f
        for f in findings
        if f.compared is None and not f.metric.endswith("_rank")
    }


def own_id(finding: Finding) -> str:
    """Return a finding's id without the criterion that it was held against."""
    return finding.id if finding.criterion is None else finding.id.removesuffix(f"#{finding.criterion.id}")


def standard_error(finding: Finding) -> float | None:
    """Return half the interval's width over the normal critical value of its level; None without an interval.

    Over few units intervals are wider than that of the normal law, and the error is overstated.
    """
    interval, value = finding.estimate.interval, finding.estimate.value
    if interval is None or value is None or interval.high <= interval.low:
        return None
    return (interval.high - interval.low) / 2 / normal_critical(interval.level)


def centred(low: FloatArray, high: FloatArray, levels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return middles and standard errors [T] of intervals on the one scale that suits all of them.

    >>> middle, error = centred(np.array([0.25]), np.array([0.75]), np.array([0.95]))
    >>> (middle / np.pi).round(3).tolist(), error.round(3).tolist()
    ([0.25], [0.134])
    """
    if low.min() >= 0 and high.max() <= 1:
        low, high = np.arcsin(np.sqrt(low)), np.arcsin(np.sqrt(high))
    elif low.min() >= 0:
        low, high = np.sqrt(low), np.sqrt(high)
    critical = np.array([normal_critical(level) for level in levels])
    return (low + high) / 2, (high - low) / 2 / critical


def charted(findings: Sequence[Finding]) -> Charted:
    """Return one finding of every audit, each with an interval, as a course."""
    value, low, high, levels = _ends(findings)
    centre, error = centred(low, high, levels)
    last = findings[-1]
    return Charted(
        id=own_id(last),
        metric=last.metric,
        higher_is_better=last.higher_is_better,
        family=None,
        value=value,
        low=low,
        high=high,
        level=float(levels.min()),
        centre=centre,
        error=error,
    )


def _ends(findings: Sequence[Finding]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    rows = [(f.estimate.value, i.low, i.high, i.level) for f in findings if (i := f.estimate.interval) is not None]
    if len(rows) < len(findings):
        raise ValueError(f"{findings[-1].id} has no interval")
    value, low, high, level = np.array(rows, dtype=np.float64).T
    return value, low, high, level


def contrasts(reports: Sequence[AuditReport], keys: Sequence[Key]) -> list[Charted]:
    """Return each group less the mean of the others, of every family and metric that the reports have a gap of.

    Only of those: what is a share of all rows, or a distance from everybody, has groups whose errors hang together. Of
    two groups one course says all. Errors of groups add up in squares where no unit is in two groups (features of the
    unit), else at most in full. `keys` are findings that every report gives an interval for.
    """
    found = [by_key(report.findings) for report in reports]
    gaps = set.intersection(*(_gaps(report.findings) for report in reports))
    families: dict[tuple[str, str, str, str, tuple[str, ...]], list[Key]] = defaultdict(list)
    for key in keys:
        *place, metric, groups = key
        family = tuple(feature for feature, _ in groups)
        if (*place, f"{metric}_difference", frozenset(family)) in gaps:
            run, condition, examination = place
            families[run, condition, examination, metric, family].append(key)
    courses = []
    for (*_, features), members in families.items():
        apart = all(report.plan.feature(feature).level == "unit" for report in reports for feature in features)
        chosen = members if len(members) > 2 else members[:1] if len(members) == 2 else []
        courses += [_contrast(found, key, [other for other in members if other != key], apart=apart) for key in chosen]
    return courses


def _gaps(findings: Sequence[Finding]) -> set[tuple[object, ...]]:
    return {(f.run, f.condition, f.examination, f.metric, frozenset(f.compared)) for f in findings if f.compared}


def _contrast(found: Sequence[Mapping[Key, Finding]], key: Key, others: Sequence[Key], *, apart: bool) -> Charted:
    value, low, high, levels = _ends([each[key] for each in found])
    rest = [_ends([each[other] for each in found]) for other in others]
    critical = np.array([normal_critical(level) for level in levels])
    error = (high - low) / 2 / critical
    errors = np.array([(r[2] - r[1]) / 2 / critical for r in rest]) / len(others)
    total = np.sqrt(error**2 + (errors**2).sum(axis=0)) if apart else error + errors.sum(axis=0)
    difference = value - np.mean([r[0] for r in rest], axis=0)
    last = found[-1][key]
    return Charted(
        id=f"{own_id(last)} less the others",
        metric=last.metric,
        higher_is_better=last.higher_is_better,
        family=" x ".join(feature for feature, _ in key[-1]),
        value=difference,
        low=difference - critical * total,
        high=difference + critical * total,
        level=float(levels.min()),
        # middles of intervals: where a rate came out at 0 or 1 they do not, and the tails hold
        centre=(low + high) / 2 - np.mean([(r[1] + r[2]) / 2 for r in rest], axis=0),
        error=total,
    )
