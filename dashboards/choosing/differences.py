"""Differences from a chosen group; none is made here of two numbers on screen.

A difference has an interval of its own, which two intervals do not give. Where the counts of the table are at hand it
is examined (`dashboards.cohorts.against`); else it is answered from what the report holds: from everybody, by the
exhibit `deviations`; from another group, by the gaps that have it at one end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from dashboards.choosing.choice import Choice
from dashboards.choosing.group_numbers import rows_where
from dashboards.cohorts.against import Against
from reports.sections.tabulated import Row, attached
from reports.wording import (
    EVERYBODY,
    NOTHING,
    chance_limit_text,
    count_text,
    figures,
    interval_text,
    metric_label,
    p_text,
    plain,
    quantity,
    scale_of,
)

DEVIATION: Final = "deviation"
"""The examination of every group less everybody."""
DEVIATIONS: Final = "deviations"
LESS_EVERYBODY: Final = " less everybody's"
NONE_HELD: Final = (
    "The report holds no difference from {whom} in {what}. Two numbers on screen do not make one: a difference has an "
    "interval of its own. To have it, ask `deviation` (from everybody) or a gap of this metric in the plan, and audit "
    "again; where the audited table is at this desk, a difference from any group is examined here."
)
AS_FOUND: Final = (
    "As the report found them, each with an interval of its own; a group that is not here was not compared."
)
TOGETHER: Final = (
    "Each pair was examined anew. The intervals hold together at {whole:g} % (each at {each:.4g} %), and p is adjusted "
    "over them."
)


def deviations_of(report: AuditReport, choice: Choice) -> Sequence[Row]:
    """Return what the report holds of differences from everybody in a run under a condition."""
    return rows_where(attached(report, DEVIATIONS), {"run": choice.run, "condition": choice.condition})


def from_everybody(rows: Sequence[Row], choice: Choice) -> tuple[Mapping[str, str], ...]:
    """Return differences from everybody in the chosen metric as lines of a table, in words.

    Args:
        rows: of the exhibit `deviations`, the report's or a cohort's.
        choice: run, condition and metric.
    """
    return tuple(_deviations(rows, choice))


def from_group(report: AuditReport, choice: Choice) -> tuple[Mapping[str, str], ...]:
    """Return what the report holds of differences from the chosen group, as lines of a table, in words."""
    feature, level = reference_of(choice)
    return tuple(_line(finding, level) for finding in _gaps_at(report, choice, feature, level))


def reference_of(choice: Choice) -> tuple[str, str]:
    """Return the feature and the level of the chosen reference group."""
    feature, _, level = choice.reference.partition(": ")
    return feature, level


def examined_lines(found: Against, level: str) -> tuple[Mapping[str, str], ...]:
    """Return differences that were examined, as lines of a table, in words; one that could not be told says why."""
    return tuple(_examined(other, finding, level) for other, finding in found.findings.items())


def together(found: Against, whole: float) -> str:
    """Return at what level intervals hold: each, and all of them at once."""
    return TOGETHER.format(whole=100 * whole, each=100 * found.level)


def none_held(choice: Choice) -> str:
    """Return why there is no difference, and what would bring it."""
    whom = "everybody" if choice.reference == EVERYBODY else plain(choice.reference)
    return NONE_HELD.format(whom=whom, what=metric_label(choice.metric).lower())


def _deviations(rows: Sequence[Row], choice: Choice) -> Iterator[Mapping[str, str]]:
    place = choice.run, choice.condition
    for row in rows:
        rate, ending, _ = row["rate"].partition(LESS_EVERYBODY)
        if ending and rate == choice.metric and (row["run"], row["condition"]) == place:
            yield {
                "Group": plain(row["group"]),
                "Class": plain(row["class"] or ""),
                "Less everybody's": quantity(row["value"], scale_of(f"{rate}_difference")),
                "Interval": _ends(row, f"{rate}_difference"),
                "Rows": count_text(row["n"]),
                "Units": count_text(row["n_clusters"]),
            }


def _ends(row: Row, metric: str) -> str:
    scale = scale_of(metric)
    if row["low"] is None or row["high"] is None:
        return plain(row["method"] or "")
    return f"[{figures(row['low'], scale)}, {figures(row['high'], scale)}]"


def _gaps_at(report: AuditReport, choice: Choice, feature: str, level: str) -> Iterator[Finding]:
    for finding in report.findings:
        place = finding.run, finding.condition, finding.metric, finding.compared
        if place == (choice.run, choice.condition, f"{choice.metric}_difference", (feature,)) and level in (
            finding.highest,
            finding.lowest,
        ):
            yield finding


def _line(finding: Finding, level: str) -> Mapping[str, str]:
    below = level == finding.lowest
    other = finding.highest if below else finding.lowest
    return {"Group": plain(other or ""), "Lies": "above" if below else "below", **_numbers(finding, level)}


def _examined(other: str, finding: Finding, level: str) -> Mapping[str, str]:
    scale, null = scale_of(finding.metric), finding.null_expectation
    lies = {level: "above", other: "below"}.get(finding.lowest or "", "no higher, no lower")
    return {
        "Group": plain(other),
        "Lies": lies if finding.estimate.value is not None else NOTHING,
        **_numbers(finding, level),
        "Chance alone, 95 % of draws": NOTHING if null is None else chance_limit_text(null, scale),
        "p adjusted": p_text(finding.test.p_adjusted if finding.test else None),
    }


def _numbers(finding: Finding, level: str) -> dict[str, str]:
    scale, estimate = scale_of(finding.metric), finding.estimate
    return {
        "Reference": plain(level),
        "By": quantity(estimate.value, scale),
        "Interval": interval_text(estimate.interval, scale) or plain(estimate.why_no_interval or ""),
        "Rows": count_text(estimate.n),
        "Units": count_text(estimate.n_clusters),
    }
