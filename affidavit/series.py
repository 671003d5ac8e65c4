"""Audits in order: the course of every finding that all of them have, and whether any of it has drifted.

A series reads reports only. Its audits are taken to have met different people, so that their errors are independent;
where they met the same ones, common luck cancels and the chart alarms more rarely than it says, not more often. Every
number is charted by one rule, declared before anything is looked at, and the chance that an unchanged series raises
any alarm at all is held down over all of them. Gaps are not charted: their intervals are no multiples of an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.errors import PlanError
from affidavit.plan import Feature
from affidavit.records import Finding, Number, Record, Verdict
from affidavit.report import AuditReport
from affidavit.seeds import seed_of
from affidavit.statistics.control_charts import Ewma, ewma_for, recursive_residuals
from affidavit.statistics.levels import normal_critical

SIMULATED_SERIES: Final = 100_000
Key = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
"""Run, condition, examination, metric and groups: what a finding speaks of, whichever criterion it was held against."""


class AlertRule(Record):
    """When a course alarms; declared before it is looked at."""

    weight: Number = 0.2
    """Of the newest audit in the moving average."""
    false_alarms: Number = 0.05
    """The chance, at most, that a series in which nothing changes raises any alarm."""
    metrics: tuple[str, ...] = ()
    """Which metrics are charted; all of them where empty."""


class Step(Record):
    """One finding in one audit."""

    audit: str
    value: Number
    low: Number
    high: Number
    residual: Number | None = None
    """Against all audits before, in standard errors; none at the first."""
    average: Number | None = None
    """The moving average of residuals in its standard deviations: what the limit speaks of."""
    alarm: bool = False


class Course(Record):
    """One finding through all audits."""

    id: str
    metric: str
    higher_is_better: bool | None
    steps: tuple[Step, ...]

    @property
    def alarm(self) -> Step | None:
        """Return the first step that raised an alarm."""
        return next((step for step in self.steps if step.alarm), None)

    @property
    def direction(self) -> str:
        """Return where the first alarm points: worse, better, higher or lower."""
        step = self.alarm
        rising = step is not None and (step.average or 0.0) > 0
        if self.higher_is_better is None:
            return "higher" if rising else "lower"
        return "better" if rising == self.higher_is_better else "worse"


class NewFailure(Record):
    """A criterion that was passed before and fails in the last audit."""

    id: str
    criterion: str
    passed_in: str
    """The last audit that passed it."""


class Drift(Record):
    """What a series of audits has to say."""

    audits: tuple[str, ...]
    claims_digests: tuple[str, ...]
    rule: AlertRule
    limit: Number
    """Standard deviations of the moving average at which it alarms."""
    false_alarm_rate: Number
    """Simulated share of unchanged series with an alarm in any of the charts, at most (the sum over charts)."""
    run_length_unchanged: Number
    """Audits until a false alarm in one chart, on average."""
    run_length_shifted: Number
    """Audits until an alarm in one chart after a change by one standard error, on average."""
    courses: tuple[Course, ...]
    uncharted: tuple[str, ...]
    """Ids of findings that every audit has and that no chart could be made of."""
    only_in_some: int
    """Findings that some audits have and others lack."""
    new_failures: tuple[NewFailure, ...]

    @property
    def alarms(self) -> tuple[Course, ...]:
        """Return the courses with an alarm."""
        return tuple(course for course in self.courses if course.alarm is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAudit:
    """A report and what it is called in a series, such as its folder."""

    name: str
    report: AuditReport


def drift(audits: Sequence[NamedAudit], rule: AlertRule) -> Drift:
    """Chart every finding that all audits have, in the order given.

    Raises:
        PlanError: there are fewer than two audits, two of one table, or audits whose numbers mean different things.
    """
    check_comparable(audits)
    found = [by_key(audit.report.findings) for audit in audits]
    shared = [key for key in found[0] if all(key in other for other in found)]
    chosen = [key for key in shared if _wanted(found[0][key], rule)]
    charted = [key for key in chosen if all(standard_error(each[key]) is not None for each in found)]
    if not charted:
        raise _impossible(
            "nothing can be charted: no finding with an interval is in every audit",
            found=f"{len(shared)} findings in all audits, {len(chosen)} of the metrics that were asked for",
            remedy="name runs, conditions and features alike in every audit, and metrics as the reports do",
        )
    n_steps = len(audits) - 1
    chart = ewma_for(weight=rule.weight, false_alarms=rule.false_alarms, n_charts=len(charted), n_steps=n_steps)
    rng = np.random.default_rng(seed_of("drift", len(charted), n_steps))
    rate = chart.false_alarm_rate(n_steps, n_series=SIMULATED_SERIES, rng=rng)
    return Drift(
        audits=tuple(audit.name for audit in audits),
        claims_digests=tuple(audit.report.claims_digest for audit in audits),
        rule=rule,
        limit=chart.limit,
        false_alarm_rate=min(rate * len(charted), 1.0),
        run_length_unchanged=chart.average_run_length(),
        run_length_shifted=chart.average_run_length(1.0),
        courses=tuple(_course(audits, [each[key] for each in found], chart) for key in charted),
        uncharted=tuple(found[0][key].id for key in chosen if key not in set(charted)),
        only_in_some=len(set().union(*found)) - len(shared),
        new_failures=new_failures(audits),
    )


def by_key(findings: Sequence[Finding]) -> dict[Key, Finding]:
    """Return findings by what they speak of, gaps left out; several criteria on one number make one entry."""
    return {
        (f.run, f.condition, f.examination, f.metric, tuple(sorted(f.groups.items()))): f
        for f in findings
        if f.compared is None and not f.metric.endswith("_rank")
    }


def standard_error(finding: Finding) -> float | None:
    """Return half the interval's width over the normal critical value of its level; None without an interval.

    Over few units intervals are wider than that of the normal law, and the error is overstated.
    """
    interval, value = finding.estimate.interval, finding.estimate.value
    if interval is None or value is None or interval.high <= interval.low:
        return None
    return (interval.high - interval.low) / 2 / normal_critical(interval.level)


def new_failures(audits: Sequence[NamedAudit]) -> tuple[NewFailure, ...]:
    """Return the criteria that the last audit fails and an earlier one passed, by finding."""
    verdicts = [_verdicts(audit.report) for audit in audits]
    failed = []
    for (finding, criterion), verdict in verdicts[-1].items():
        passed = [
            audit.name
            for audit, each in zip(audits[:-1], verdicts[:-1], strict=True)
            if each.get((finding, criterion)) is Verdict.PASS
        ]
        if verdict is Verdict.FAIL and passed:
            failed.append(NewFailure(id=finding, criterion=criterion, passed_in=passed[-1]))
    return tuple(failed)


def _verdicts(report: AuditReport) -> dict[tuple[str, str], Verdict]:
    return {
        (f.id.removesuffix(f"#{f.criterion.id}"), f.criterion.id): f.verdict for f in report.findings if f.criterion
    }


def check_comparable(audits: Sequence[NamedAudit]) -> None:
    """Refuse audits whose numbers do not mean the same, or of which two are of one table.

    Raises:
        PlanError: says which differ, and in what.
    """
    if len(audits) < 2:
        raise _impossible(
            "a series has at least two audits",
            found=", ".join(audit.name for audit in audits) or "none",
            remedy="give the folders of two or more audits, the oldest first",
        )
    _check_tables(audits)
    first = audits[0]
    for audit in audits[1:]:
        for what, one, other in _meanings(first.report, audit.report):
            if one != other:
                raise _impossible(
                    f"{what} is not the same in every audit, so their numbers do not mean the same",
                    where=audit.name,
                    found=f"{other} here, {one} in {first.name}",
                    remedy="audit the older tables again with today's version and plan, then compare those reports",
                )


def _check_tables(audits: Sequence[NamedAudit]) -> None:
    seen: dict[str, int] = {}
    for place, audit in enumerate(audits):
        for data in audit.report.data:
            if seen.setdefault(data.digest, place) != place:
                raise _impossible(
                    "two audits are of the very same table, which says nothing of change",
                    where=f"{audits[seen[data.digest]].name}, {audit.name}",
                    found=data.digest,
                    remedy="give each table's audit once",
                )


def _meanings(one: AuditReport, other: AuditReport) -> list[tuple[str, object, object]]:
    """Return what both reports define, with both definitions."""
    versions, others = ({f.examination: f.method_version for f in report.findings} for report in (one, other))
    meanings: list[tuple[str, object, object]] = [("the schema of reports", one.schema_version, other.schema_version)]
    meanings += [(f"the method version of {name}", versions[name], others[name]) for name in versions if name in others]
    meanings += [
        (f"how the feature {name} is read", _said(one.plan.feature(name)), _said(other.plan.feature(name)))
        for name in one.plan.by
        if name in other.plan.by
    ]
    labels: list[Mapping[str, object]] = [{data.run: data.label_space for data in r.data} for r in (one, other)]
    meanings += [(f"the label space of {run}", labels[0][run], labels[1][run]) for run in labels[0] if run in labels[1]]
    return meanings


def _said(feature: Feature) -> str:
    return ", ".join(f"{name} {value}" for name, value in feature.model_dump(exclude={"order"}).items() if value)


def _wanted(finding: Finding, rule: AlertRule) -> bool:
    return not rule.metrics or finding.metric in rule.metrics


def _course(audits: Sequence[NamedAudit], findings: Sequence[Finding], chart: Ewma) -> Course:
    values = np.array([finding.estimate.value for finding in findings], dtype=np.float64)
    errors = np.array([standard_error(finding) for finding in findings], dtype=np.float64)
    residuals = recursive_residuals(values, errors)
    averages = chart.course(residuals)
    steps = []
    for t, (audit, finding) in enumerate(zip(audits, findings, strict=True)):
        interval = finding.estimate.interval
        if interval is None:
            raise ValueError(f"{finding.id} has no interval")
        charted = t > 0
        steps.append(
            Step(
                audit=audit.name,
                value=float(values[t]),
                low=interval.low,
                high=interval.high,
                residual=float(residuals[t - 1]) if charted else None,
                average=float(averages[t - 1]) if charted else None,
                alarm=bool(charted and abs(averages[t - 1]) > chart.limit),
            )
        )
    last = findings[-1]
    name = last.id if last.criterion is None else last.id.removesuffix(f"#{last.criterion.id}")
    return Course(id=name, metric=last.metric, higher_is_better=last.higher_is_better, steps=tuple(steps))


def _impossible(what: str, *, found: str, remedy: str, where: str | None = None) -> PlanError:
    return PlanError(what, slug="plan-impossible", where=where, found=found, remedy=remedy)
