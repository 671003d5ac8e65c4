"""Differences from a chosen group, where the report holds them; none is made here of two numbers on screen.

A difference has an interval of its own, which two intervals do not give. So a reference group is answered from what was
examined: from everybody, by the exhibit `deviations`; from another group, by the gaps that have it at one end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from dashboards.choosing.choice import Choice
from reports.sections.tabulated import Row, attached, records
from reports.wording import EVERYBODY, count_text, figures, interval_text, metric_label, plain, quantity, scale_of

DEVIATIONS: Final = "deviations"
LESS_EVERYBODY: Final = " less everybody's"
NONE_HELD: Final = (
    "The report holds no difference from {whom} in {what}. Two numbers on screen do not make one: a difference has an "
    "interval of its own. To have it, ask `deviation` (from everybody) or a gap of this metric in the plan, and audit "
    "again."
)


def differences_from(report: AuditReport, choice: Choice) -> tuple[Mapping[str, str], ...]:
    """Return what the report holds of differences from the chosen reference group, as lines of a table, in words."""
    if choice.reference == EVERYBODY:
        return tuple(_from_everybody(report, choice))
    feature, _, level = choice.reference.partition(": ")
    return tuple(_line(finding, level) for finding in _gaps_at(report, choice, feature, level))


def none_held(choice: Choice) -> str:
    """Return why there is no difference, and what would bring it."""
    whom = "everybody" if choice.reference == EVERYBODY else plain(choice.reference)
    return NONE_HELD.format(whom=whom, what=metric_label(choice.metric).lower())


def _from_everybody(report: AuditReport, choice: Choice) -> Iterator[Mapping[str, str]]:
    place = choice.run, choice.condition
    for row in records(attached(report, DEVIATIONS)):
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
    scale = scale_of(finding.metric)
    below = level == finding.lowest
    other = finding.highest if below else finding.lowest
    return {
        "Group": plain(other or ""),
        "Lies": "above" if below else "below",
        "Reference": plain(level),
        "By": quantity(finding.estimate.value, scale),
        "Interval": interval_text(finding.estimate.interval, scale) or plain(finding.estimate.why_no_interval or ""),
        "Rows": count_text(finding.estimate.n),
        "Units": count_text(finding.estimate.n_clusters),
    }
