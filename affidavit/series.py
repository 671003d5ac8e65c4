"""Audits in order: the course of every finding that all of them have, and whether any of it has drifted.

A series reads reports only. Its audits are taken to have met different people, so that their errors are independent;
where they met the same ones, common luck cancels and the chart alarms more rarely than it says, not more often. Every
number, and every group's distance from the others (how a gap drifts), is charted by one rule, declared before anything
is looked at, and the chance that an unchanged series raises any alarm at all is held down over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from affidavit.courses import Charted, by_key, charted, contrasts, own_id, standard_error
from affidavit.errors import PlanError
from affidavit.plan import Feature
from affidavit.records import Finding, Number, Record, Verdict
from affidavit.report import AuditReport
from affidavit.seeds import seed_of
from affidavit.statistics.control_charts import Chart, cusum_for, ewma_for, false_alarm_rate, recursive_residuals

SIMULATED_SERIES: Final = 100_000


class AlertRule(Record):
    """When a course alarms; declared before it is looked at."""

    chart: Literal["cusum", "ewma"] = "cusum"
    """Cumulative sums, or an exponentially weighted moving average."""
    allowance: Number = 0.5
    """Of cumulative sums: standard errors that nobody minds."""
    weight: Number = 0.2
    """Of the newest audit in the moving average."""
    false_alarms: Number = 0.05
    """The chance, at most, that a series in which nothing changes raises any alarm."""
    metrics: tuple[str, ...] = ()
    """Which metrics are charted; all of them where empty."""
    gaps: bool = True
    """Whether each group's distance from the others is charted too, of every metric that the reports have a gap of."""

    def chart_for(self, n_charts: int, n_steps: int) -> Chart:
        """Return the chart with the limit that so many charts of so many steps ask for."""
        alarms = self.false_alarms
        if self.chart == "cusum":
            return cusum_for(allowance=self.allowance, false_alarms=alarms, n_charts=n_charts, n_steps=n_steps)
        return ewma_for(weight=self.weight, false_alarms=alarms, n_charts=n_charts, n_steps=n_steps)


class Step(Record):
    """One number in one audit."""

    audit: str
    value: Number
    low: Number
    high: Number
    residual: Number | None = None
    """Against all audits before, in standard errors on the scale of the chart; none at the first."""
    charted: Number | None = None
    """What the limit speaks of: a cumulative sum, or the average of residuals in its standard deviations."""
    alarm: bool = False


class Course(Record):
    """One number through all audits."""

    id: str
    metric: str
    higher_is_better: bool | None
    family: str | None
    """Of a group less the others: the family of groups; null for a number of its own."""
    steps: tuple[Step, ...]

    @property
    def alarm(self) -> Step | None:
        """Return the first step that raised an alarm."""
        return next((step for step in self.steps if step.alarm), None)

    @property
    def direction(self) -> str:
        """Return where the first alarm points: worse, better, higher or lower."""
        step = self.alarm
        rising = step is not None and (step.charted or 0.0) > 0
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
    """What is charted alarms beyond it, upwards or downwards."""
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
    usable = [key for key in chosen if all(standard_error(each[key]) is not None for each in found)]
    if not usable:
        raise _impossible(
            "nothing can be charted: no finding with an interval is in every audit",
            found=f"{len(shared)} findings in all audits, {len(chosen)} of the metrics that were asked for",
            remedy="name runs, conditions and features alike in every audit, and metrics as the reports do",
        )
    courses = [charted([each[key] for each in found]) for key in usable]
    if rule.gaps:
        courses += contrasts([audit.report for audit in audits], usable)
    has_chart, n_steps = set(usable), len(audits) - 1
    chart = rule.chart_for(len(courses), n_steps)
    rng = np.random.default_rng(seed_of("drift", len(courses), n_steps))
    rate = false_alarm_rate(chart, n_steps, n_series=SIMULATED_SERIES, rng=rng)
    return Drift(
        audits=tuple(audit.name for audit in audits),
        claims_digests=tuple(audit.report.claims_digest for audit in audits),
        rule=rule,
        limit=chart.limit,
        false_alarm_rate=min(rate * len(courses), 1.0),
        run_length_unchanged=chart.average_run_length(),
        run_length_shifted=chart.average_run_length(1.0),
        courses=tuple(_course(audits, course, chart) for course in courses),
        uncharted=tuple(found[0][key].id for key in chosen if key not in has_chart),
        only_in_some=len(set().union(*found)) - len(shared),
        new_failures=new_failures(audits),
    )


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
    return {(own_id(f), f.criterion.id): f.verdict for f in report.findings if f.criterion}


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
    meanings: list[tuple[str, object, object]] = [("the schema of reports", major_of(one), major_of(other))]
    meanings += [(f"the method version of {name}", versions[name], others[name]) for name in versions if name in others]
    meanings += [
        (f"how the feature {name} is read", _said(one.plan.feature(name)), _said(other.plan.feature(name)))
        for name in one.plan.by
        if name in other.plan.by
    ]
    labels: list[Mapping[str, object]] = [{data.run: data.label_space for data in r.data} for r in (one, other)]
    meanings += [(f"the label space of {run}", labels[0][run], labels[1][run]) for run in labels[0] if run in labels[1]]
    return meanings


def major_of(report: AuditReport) -> str:
    """Return the major schema version of a report: minor ones differ in what may be absent, not in what is meant."""
    return report.schema_version.partition(".")[0]


def _said(feature: Feature) -> str:
    return ", ".join(f"{name} {value}" for name, value in feature.model_dump(exclude={"order"}).items() if value)


def _wanted(finding: Finding, rule: AlertRule) -> bool:
    return not rule.metrics or finding.metric in rule.metrics


def _course(audits: Sequence[NamedAudit], course: Charted, chart: Chart) -> Course:
    residuals = recursive_residuals(course.centre, course.error)
    sums = chart.course(residuals)
    steps = tuple(
        Step(
            audit=audit.name,
            value=float(course.value[t]),
            low=float(course.low[t]),
            high=float(course.high[t]),
            residual=float(residuals[t - 1]) if t else None,
            charted=float(sums[t - 1]) if t else None,
            alarm=bool(t and abs(sums[t - 1]) > chart.limit),
        )
        for t, audit in enumerate(audits)
    )
    return Course(
        id=course.id,
        metric=course.metric,
        higher_is_better=course.higher_is_better,
        family=course.family,
        steps=steps,
    )


def _impossible(what: str, *, found: str, remedy: str, where: str | None = None) -> PlanError:
    return PlanError(what, slug="plan-impossible", where=where, found=found, remedy=remedy)
