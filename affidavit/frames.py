"""Findings as a frame, one row each, for people who go on working with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from affidavit.records import Finding
    from affidavit.report import AuditReport


def findings_frame(report: AuditReport) -> pd.DataFrame:
    """Return the findings: place, value, interval, n, verdict; one column per feature of the plan."""
    return pd.DataFrame([_row(finding, report.plan.by) for finding in report.findings])


def _row(finding: Finding, by: tuple[str, ...]) -> dict[str, object]:
    estimate, interval, test = finding.estimate, finding.estimate.interval, finding.test
    return {
        "run": finding.run,
        "examination": finding.examination,
        "metric": finding.metric,
        "condition": finding.condition,
        **{feature: finding.groups.get(feature) for feature in by},
        "compared": " x ".join(finding.compared or ()) or None,
        "value": estimate.value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": None if interval is None else interval.level,
        "method": None if interval is None else interval.method,
        "why_no_interval": estimate.why_no_interval,
        "n": estimate.n,
        "n_clusters": estimate.n_clusters,
        "expected_by_chance": None if finding.null_expectation is None else finding.null_expectation.value,
        "p_value": None if test is None else test.p_value,
        "p_adjusted": None if test is None else test.p_adjusted,
        "verdict": str(finding.verdict),
        "id": finding.id,
    }
